"""Results are those that the configuration asks for: a file that was copied over another one would be believed."""

from collections.abc import Mapping
from typing import Any

from eprop_core.errors import printable
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError, shown
from workflow.scripts.shared.values import first_difference


def check(plan: Mapping[str, Any]) -> None:
    """Check that result files hold the runs that a plan asks for.

    Parameters
    ----------
    plan
        Its key ``asked`` has groups of runs: their ``parameters``; ``chosen``, the paths of those that a search
        chooses; and ``runs``, by result file, what else a result states, such as the seed and the number of ranks.

    Raises
    ------
    ParameterError
        A file holds another run.
    """
    for group in plan["asked"]:
        free = {f"parameters.{path}" for path in group["chosen"]}
        for file, run in group["runs"].items():
            expected = {**run, "parameters": group["parameters"]}
            result = read_json(file)
            found = {key: result.get(key) for key in expected} if isinstance(result, dict) else {}
            if difference := first_difference(found, expected, free):
                path, here, there = difference
                raise ParameterError(
                    f"{printable(file)}: {path} = {shown(here)}: must be {shown(there)}; expected the result of the "
                    "run after which the file is named (delete it, and the next call makes it again)"
                )
