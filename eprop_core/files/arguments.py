"""Command lines that never write to a file that they read."""

import argparse
from pathlib import Path
from typing import Any


class Parser(argparse.ArgumentParser):
    """A parser that refuses an ``output`` which is also an input: a file that another argument names."""

    def parse_args(self, *arguments: Any, **options: Any) -> Any:
        """Parse the command line."""
        parsed = super().parse_args(*arguments, **options)
        values = vars(parsed)
        read = _files([value for name, value in values.items() if name != "output"])
        for file in _files(values.get("output")):
            if any(file.samefile(one) for one in read):
                self.error(f"{file}: is read by this command, too; choose another file to write")
        return parsed


def _files(value: Any) -> list[Path]:
    """Return the existing files among the values of options."""
    if isinstance(value, list | tuple):
        return [path for one in value for path in _files(one)]
    return [value] if isinstance(value, Path) and value.is_file() else []
