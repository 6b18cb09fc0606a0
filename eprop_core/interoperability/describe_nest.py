"""Write the version of NEST of a Python: python -m eprop_core.interoperability.describe_nest INTERPRETER FILE."""

import json
import sys
from pathlib import Path

from eprop_core.interoperability import nest_programs


def main() -> None:
    """Run the program."""
    python, file = sys.argv[1], Path(sys.argv[2])
    nest_programs.call(python, "describe", file)
    described = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(described | {"python": python}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
