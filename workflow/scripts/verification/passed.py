"""Fail where a difference exceeds its tolerance, and list these differences."""

import sys
from pathlib import Path

from workflow.scripts.shared.read_table import read


def main() -> None:
    """Print the rows of a table of differences that did not pass; exit with code 1 if there are any."""
    table = read(Path(sys.argv[1]))
    failed = table[~table["passed"]]
    if len(failed):
        print(f"beyond the tolerance, {sys.argv[1]}:\n{failed.to_string(index=False)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
