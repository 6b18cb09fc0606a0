"""Fail where a difference exceeds its tolerance, and list these differences."""

import sys
from pathlib import Path

from eprop_core.files.arguments import Parser
from workflow.scripts.shared import program
from workflow.scripts.verification.numbers import read_differences


def main() -> None:
    """Print the rows of a table of differences that did not pass; exit with code 1 if there are any."""
    options = Parser(prog="python -m workflow.scripts.verification.passed", description=__doc__)
    options.add_argument("table", type=Path, help="table of differences (CSV)")
    given = options.parse_args()
    table = read_differences(given.table)
    failed = table[~table["passed"]]
    if len(failed):
        print(f"beyond the tolerance, {given.table}:\n{failed.to_string(index=False)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    program.run(main)
