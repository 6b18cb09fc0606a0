"""Keep what a script says in the log file of its rule."""

import contextlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run(main: Callable[[Any], None], snakemake: Any) -> None:
    """Call ``main(snakemake)``; warnings go to the log, an error to the log and on to the terminal."""
    with Path(snakemake.log[0]).open("w", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        try:
            main(snakemake)
        except Exception:
            traceback.print_exc()
            raise
