"""Command lines of all scripts."""

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eprop_core.machine.driver import end_with_driver

FIGURE = "pictures (PDF, SVG, PNG) and a table of the numbers in them (CSV)"
TABLE = "table with all digits (CSV), and as printed (Markdown, LaTeX)"
"""Output files of the programs that draw a figure and that print a table."""


def parser(module: str, description: str | None, outputs: str) -> argparse.ArgumentParser:
    """Return a parser with the option ``--output``; ``outputs`` says which files it names."""
    options = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    options.add_argument("--output", type=Path, nargs="+", required=True, metavar="FILE", help=outputs)
    return options


def run(main: Callable[[], None]) -> None:
    """Call ``main``, and end with the call of Snakemake that started it, if one did."""
    end_with_driver()
    warnings.simplefilter("default")
    main()


def read_json(file: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(file.read_text(encoding="utf-8"))
