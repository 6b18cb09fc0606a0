"""Say which NEST an interpreter has: `python describe.py FILE` writes FILE (JSON) when NEST can be used, or fails."""

import json
import sys
from pathlib import Path

import nest

if __name__ == "__main__":
    if tuple(map(int, nest.__version__.split(".")[:2])) < (3, 10):
        sys.exit(f"{sys.executable}: has NEST {nest.__version__}, 3.10 or newer is needed")
    description = {"nest": nest.__version__, "python": sys.executable}
    Path(sys.argv[1]).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
