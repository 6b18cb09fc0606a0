"""JSON files of a bounded size."""

import json
from typing import Any

from eprop_core.errors import one_line, printable
from eprop_core.files.regular import PathLike, open_regular, read_at_most
from eprop_core.parsing import ParameterError

LARGEST = 2**28
"""Bytes of a text; a damaged or foreign file may have more than the memory holds."""


def read_text(path: PathLike) -> str:
    """Return the text of a file in UTF-8.

    Raises
    ------
    ParameterError
        It is no text, or larger than :data:`LARGEST`.
    OSError
        It is missing, no regular file, or cannot be read.
    """
    with open_regular(path) as file:
        data = read_at_most(file, LARGEST + 1)
    if len(data) > LARGEST:
        raise ParameterError(f"{printable(path)}: has more than {LARGEST} bytes; expected a shorter text")
    try:
        return data.decode("utf-8-sig")  # some editors begin a text with a mark of its byte order
    except UnicodeDecodeError as error:
        raise ParameterError(f"{printable(path)}: byte {error.start} is no text; expected UTF-8") from None


def read_json(path: PathLike) -> Any:
    """Return the content of a JSON file; raises the errors of :func:`read_text`, also if it is no JSON."""
    try:
        return json.loads(read_text(path))
    except ParameterError:
        raise
    except (ValueError, RecursionError) as error:  # deep nesting, or numbers of thousands of digits
        raise ParameterError(f"{printable(path)}: not a JSON file ({one_line(error)})") from None
