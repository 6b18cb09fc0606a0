"""Command lines of all scripts."""

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eprop_core.errors import OneLineError
from eprop_core.experiments.figure_style import FigureStyle
from eprop_core.files.arguments import Parser, output_file
from eprop_core.files.text import read_json
from eprop_core.machine.driver import end_with_driver
from eprop_core.parsing import ParameterError, parse

PICTURES = "pictures (PDF, SVG, PNG) and a table of the numbers in them (CSV)"
TABLE = "table with all digits (CSV), and as printed (Markdown, LaTeX)"
"""Output files of the programs that draw a figure and that print a table."""


class _Outputs(argparse.Action):
    """Stores the files of an option, which must be as many as one of its ``const``."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        """Store ``values``."""
        if len(values) not in self.const:
            least, most = min(self.const), max(self.const)
            number = f"{least}" if least == most else f"{least} to {most}"
            files = "file" if most == 1 else "files"
            parser.error(f"{option}: expected {number} {files}, {self.help}; given: {len(values)}")
        setattr(namespace, self.dest, values)


def parser(module: str, description: str | None, outputs: str, number: int | range = 1) -> argparse.ArgumentParser:
    """Return a parser with the option ``--output``.

    Parameters
    ----------
    module
        The program.
    description
        What it does.
    outputs
        Which files the option names.
    number
        How many these are, or may be.
    """
    options = Parser(prog=f"python -m {module}", description=description)
    options.add_argument(
        "--output",
        type=output_file,
        nargs="+",
        action=_Outputs,
        const=range(number, number + 1) if isinstance(number, int) else number,
        required=True,
        metavar="FILE",
        help=outputs,
    )
    return options


def table_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option ``--output`` of a program that prints a table."""
    return parser(module, description, TABLE, 3)


def figure_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options ``--output`` and ``--style`` of a program that draws a figure."""
    options = parser(module, description, PICTURES, range(2, 5))
    options.add_argument(
        "--style", type=_style, default=FigureStyle(), metavar="FILE", help="JSON file: look of the figure"
    )
    return options


def _style(file: str) -> FigureStyle:
    return parse(FigureStyle, read_json(Path(file)), f"{file}: ")


def run(main: Callable[[], None]) -> None:
    """Call ``main``, and end with the call of Snakemake that started it, if one did.

    A wrong file ends it with one line.
    """
    end_with_driver()
    warnings.simplefilter("default")
    try:
        main()
    except (ParameterError, OneLineError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyError as error:
        sys.exit(f"error: the tables and plans given have no {error}; expected those that this suite writes")
