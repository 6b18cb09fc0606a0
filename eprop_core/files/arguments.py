"""Command lines whose outputs are files that can be written, and none that they read; errors of one line each."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from eprop_core.errors import printable
from eprop_core.parsing import visible


class Parser(argparse.ArgumentParser):
    """A parser that refuses an ``output`` which is also an input: a file that another argument names."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, in which an argument is a part of the line, and exit."""
        super().error(printable(message))

    def parse_args(self, *arguments: Any, **options: Any) -> Any:
        """Parse the command line."""
        parsed = super().parse_args(*arguments, **options)
        values = vars(parsed)
        read = _files([value for name, value in values.items() if name != "output"])
        for file in _files(values.get("output")):
            if any(file.samefile(one) for one in read):
                self.error(f"{file}: is read by this command, too; choose another file to write")
        return parsed


def output_file(text: str) -> Path:
    """Return the path of an output: it has a name, which is not that of a directory. For ``type`` of an argument."""
    path = Path(text)
    if not path.name or path.is_dir():
        raise argparse.ArgumentTypeError(f"expected the name of a file, not {visible(text)!r}")
    return path


def _files(value: Any) -> list[Path]:
    """Return the existing files among the values of options."""
    if isinstance(value, list | tuple):
        return [path for one in value for path in _files(one)]
    return [value] if isinstance(value, Path) and value.is_file() else []
