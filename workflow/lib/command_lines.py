"""The command lines in tables, from their parsers."""

import argparse
import importlib
from collections.abc import Callable, Iterator
from unittest import mock

from eprop_core.__main__ import COMMANDS

_INTRODUCTION = """# Command lines

Made by `python -m workflow.lib.documentation` from the parsers. `eprop-core COMMAND` and `python -m eprop_core COMMAND`
are the same, and each has `--help`. Errors in what was given are printed in one line each; [exit codes](exit_codes.md)
lists what a program returns. `make` and `snakemake` are described where they are used:
[studies](../how_to/studies.md), [cluster](../how_to/cluster.md).
"""


class _Parsed(Exception):
    """A program has come to the point where it parses its command line."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def page() -> str:
    """Return a page with a table of options for each command, in Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(name) for name in COMMANDS)])


def _section(command: str) -> str:
    module, purpose = COMMANDS[command]
    parser = parser_of(_program(module))
    parts = [f"## {command}\n\n{purpose[0].upper()}{purpose[1:]}.\n"]
    subcommands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if subcommands:
        for name, subparser in subcommands[0].choices.items():
            parts.append(_usage(f"{command} {name}", subparser))
    else:
        parts.append(_usage(command, parser))
    return "\n".join(parts)


def _program(module: str) -> Callable[[], object]:
    """Return the function that parses the command line of a module."""
    imported = importlib.import_module(module)
    if not hasattr(imported, "main"):  # of an experiment
        imported = importlib.import_module(f"{module}.measure")
    program: Callable[[], object] = imported.main
    return program


def parser_of(program: Callable[[], object]) -> argparse.ArgumentParser:
    """Return the parser with which a program reads its command line."""

    def stop(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _Parsed(parser)

    with mock.patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            program()
        except _Parsed as parsed:
            return parsed.parser
    raise ValueError(f"{program} parses no command line")


def _usage(command: str, parser: argparse.ArgumentParser) -> str:
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    call = " ".join(["eprop-core", command, *(_in_call(action) for action in actions if action.required)])
    optional = " ..." if any(not action.required for action in actions) else ""
    rows = list(_rows(actions))
    table = ["| argument | meaning |\n|---|---|", *rows, ""] if rows else []
    return "\n".join([f"    {call}{optional}\n", *table])


def _in_call(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return value
    return " ".join([action.option_strings[-1], *([value] if action.nargs != 0 else [])])


def _rows(actions: list[argparse.Action]) -> Iterator[str]:
    for action in actions:
        name = _in_call(action)
        choices = f" ({', '.join(map(str, action.choices))})" if action.choices else ""
        yield f"| `{name}` | {(action.help or '').replace('|', '&#124;')}{choices} |"
