"""Result files: JSON documents, which appear complete or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write(path: str | os.PathLike[str], result: dict[str, Any]) -> None:
    """Write ``result`` as JSON to ``path``; an existing file is replaced only when the new one is complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(result, file, indent=1, allow_nan=False)
            file.write("\n")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
