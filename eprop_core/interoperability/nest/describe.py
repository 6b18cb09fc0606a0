"""Write the version of NEST: `python describe.py FILE`. It fails if NEST is missing or too old."""

import json
import sys
from pathlib import Path

import nest

if __name__ == "__main__":
    if tuple(map(int, nest.__version__.split(".")[:2])) < (3, 10):
        sys.exit(f"{sys.executable}: has NEST {nest.__version__}, 3.10 or newer is needed")
    Path(sys.argv[1]).write_text(json.dumps({"nest": nest.__version__}) + "\n", encoding="utf-8")
