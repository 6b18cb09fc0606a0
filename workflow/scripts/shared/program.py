"""Command lines of all scripts."""

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from eprop_core.errors import OneLineError
from eprop_core.experiments.figure_style import FigureStyle
from eprop_core.files.arguments import Parser, output_file
from eprop_core.files.text import read_json
from eprop_core.machine.driver import end_with_driver
from eprop_core.parsing import ParameterError, parse

PICTURES = "pictures (PDF, SVG, PNG) and a table of the numbers in them (CSV)"
TABLE = "table with all digits (CSV), and as printed (Markdown, LaTeX)"
"""Output files of the programs that draw a figure and that print a table."""


def parser(module: str, description: str | None, outputs: str) -> argparse.ArgumentParser:
    """Return a parser with the option ``--output``; ``outputs`` says which files it names."""
    options = Parser(prog=f"python -m {module}", description=description)
    options.add_argument("--output", type=output_file, nargs="+", required=True, metavar="FILE", help=outputs)
    return options


def figure_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options ``--output`` and ``--style`` of a program that draws a figure."""
    options = parser(module, description, PICTURES)
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
