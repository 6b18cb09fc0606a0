"""Configuration files are data: what YAML would execute, hide or guess is refused before Snakemake reads them.

Snakemake executes a configuration that contains ``__use_yte__``, lets the last of equal keys win and takes ``no`` for
false. ``profiles/default`` calls :func:`check_command_line` before that.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from eprop_core.files.arguments import Parser
from eprop_core.parsing import ParameterError
from workflow import yaml_file

DEFAULTS = (Path("config/config.yaml"), Path("config/baselines.yaml"))
"""What Snakemake reads if the command line names no configuration."""


def with_lines(message: str, where: str, files: Iterable[Path]) -> str:
    """Return a message of :func:`eprop_core.configuration.load`, with the line of the file behind each of its lines."""
    return yaml_file.with_lines(message, where, [(file, yaml_file.read(file)) for file in files])


def named_files(arguments: Iterable[str]) -> list[Path]:
    """Return the configurations that a command line of Snakemake names."""
    # Snakemake allows abbreviations; "--conf" is ambiguous to it, and "--config" another option.
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--config", "-C", nargs="*")
    parser.add_argument("--configfile", "--configfiles", nargs="+", type=Path, action="extend", default=[])
    try:
        files: list[Path] = parser.parse_known_args(list(arguments))[0].configfile
    except argparse.ArgumentError:  # Snakemake says what is wrong
        return []
    return files


def check(files: Iterable[Path]) -> None:
    """Exit with a message for each of these files that is refused."""
    messages = []
    for file in files:
        try:
            yaml_file.read(file)
        except ParameterError as error:
            messages.append(str(error))
    if messages:
        sys.exit("\n".join(messages))


def check_command_line() -> None:
    """Exit with a message if the command line of Snakemake names configurations that are refused."""
    check(named_files(sys.argv[1:]))


def shown(files: Sequence[str | Path], project: Path) -> str:
    """Return the names of configuration files for a page: relative to here or to the project, never absolute."""
    return ", ".join(_relative(Path(file), (Path.cwd(), project)) for file in files)


def _relative(file: Path, folders: Sequence[Path]) -> str:
    for folder in folders:
        if file.absolute().is_relative_to(folder):
            return file.absolute().relative_to(folder).as_posix()
    return file.name


def main() -> None:
    """Check the files that the command line names."""
    parser = Parser(prog="python -m workflow.lib.configuration_file", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="configurations (YAML or JSON)")
    check(parser.parse_args().files)


if __name__ == "__main__":
    main()
