"""Result files: one JSON document each, whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write(path: str | os.PathLike[str], result: dict[str, Any]) -> None:
    """Write ``result`` as JSON to ``path``, replacing the file only when everything is written."""
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
