"""Other simulators that ``baselines`` compares: folders, each with a file that describes it.

    python -m eprop_core.interoperability.simulators FOLDER PYTHON FILE

asks the simulator in FOLDER for its version, with a Python that has it, and writes an :class:`InstalledSimulator`.
``docs/how_to/simulators.md`` says how to add a simulator.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from eprop_core.errors import OneLineError, printable
from eprop_core.files.arguments import Parser
from eprop_core.files.text import read_json
from eprop_core.interoperability import nest_programs
from eprop_core.machine import child
from eprop_core.machine.whole_file import whole_file
from eprop_core.parsing import ParameterError, Parameters, different, parse
from eprop_core.records import Record

FILE = "simulator.json"
"""Name of the file that describes a simulator, in its folder."""

Variant = Literal["plastic", "static", "training", "memory"]
"""Kinds of measurements: part of a run with plastic or with static synapses, a complete training run, or memory over
time."""


class SimulatorError(OneLineError):
    """A simulator that failed; the message is one line, its own messages have gone to stderr."""


class Described(Parameters):
    """Description of a simulator in its folder; names of files are relative to the folder."""

    label: str = Field(min_length=1, max_length=40, description="name in figures and tables")
    computes: str = Field(min_length=1, max_length=100, description="learning rule, in one line")
    variants: Annotated[list[Variant], AfterValidator(different)] = Field(
        min_length=1, description="measurements that it supports"
    )
    script: str = Field("measure.py", description="program that is measured")
    requirements: str = Field("requirements.txt", description="its environment, with versions, for pip")


class InstalledSimulator(Record):
    """A simulator and the interpreter that runs it."""

    label: str
    computes: str
    variants: list[Variant]
    version: str
    python: str
    script: str

    @property
    def command(self) -> list[str]:
        """The command that measures it, without its arguments: problem, variant, result and, if wanted, outputs."""
        return [self.python, self.script]


def described(folder: Path) -> Described:
    """Return the description of the simulator in a folder.

    Raises
    ------
    ParameterError
        There is none, it is wrong, or it names a file that is missing.
    """
    if not (folder / FILE).is_file():
        raise ParameterError(
            f"{printable(folder)}: no simulator; expected a folder with {FILE} (docs/how_to/simulators.md)"
        )
    found = parse(Described, read_json(folder / FILE), f"{folder / FILE}: ")
    for key in ("script", "requirements"):
        if not (folder / getattr(found, key)).is_file():
            raise ParameterError(f"{folder / FILE}: {key} = {getattr(found, key)!r}: no such file in the folder")
    return found


def installed(folder: Path, python: str) -> InstalledSimulator:
    """Return the simulator in a folder with its version; ``python`` is an interpreter that has it.

    Raises
    ------
    SimulatorError
        There is no such interpreter, or the simulator fails to print its version.
    """
    found = described(folder)
    script, interpreter = str((folder / found.script).resolve()), _interpreter(folder, python)
    as_text: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "errors": "replace"}
    try:
        asked = child.run([python, script, "--version"], env=nest_programs.environment(), **as_text)
    except OSError as error:
        raise SimulatorError(f"{interpreter}: {error.strerror}; expected a Python that has {found.label}") from None
    if asked.returncode != 0:
        failed = f"{script} --version ended with exit code {asked.returncode}; expected a version"
        raise SimulatorError(f"{interpreter}: {failed}, from a Python that has {found.label}")
    printed = asked.stdout.split("\n")
    version = next((line.strip() for line in reversed(printed) if line.strip()), "")
    if not version:
        raise SimulatorError(f"{script} --version printed nothing to stdout; expected a version in its last line")
    chosen = found.model_dump(include={"label", "computes", "variants"})
    return InstalledSimulator(**chosen, version=version, python=python, script=script)


def _interpreter(folder: Path, python: str) -> str:
    """Return an interpreter as a message names it: with the environment variable that it comes from, if any."""
    variable = f"EPROP_BENCH_{folder.name.upper()}_PYTHON"
    is_named = os.path.expanduser(os.environ.get(variable, "")) == python
    return f"{variable} = {python}" if is_named else python


def main() -> None:
    """Run the program."""
    description = "Ask a simulator for its version, and write a file by which the comparison finds and starts it."
    parser = Parser(prog="python -m eprop_core.interoperability.simulators", description=description)
    parser.add_argument("folder", type=Path, help="folder of the simulator (docs/how_to/simulators.md)")
    parser.add_argument("python", help="interpreter of an environment that has it")
    parser.add_argument("output", help="file to write: the simulator with its version and interpreter")
    options = parser.parse_args()
    try:
        found = installed(options.folder, options.python)
    except (OneLineError, ParameterError, OSError) as error:
        sys.exit(f"error: {error}")
    with whole_file(options.output) as temporary:
        temporary.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
