"""The checkpoints in a directory: the latest, and the one before it, which is used if the latest is damaged."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from eprop_core.machine import temporary_place
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import Communicator

_NAME = re.compile(r"checkpoint-(\d{6,})\.h5")


def checkpoints(directory: str | os.PathLike[str]) -> list[Path]:
    """Return the checkpoints in a directory, the latest first; none if there is no such directory."""
    directory = Path(directory)
    found = [path for path in directory.iterdir() if _NAME.fullmatch(path.name)] if directory.is_dir() else []
    return sorted(found, key=_number, reverse=True)


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else 0


def write_next(
    directory: str | os.PathLike[str],
    previous: Path | None,
    communicator: Communicator,
    write: Callable[[Path], None],
) -> Path:
    """Write the next checkpoint in a directory, and remove all but this one and the one before it. Collective.

    Parameters
    ----------
    directory
        The directory, which is created where it is missing.
    previous
        The checkpoint that this simulation wrote or came from last; None takes the latest that is there.
    communicator
        Communicator of the ranks.
    write
        Writes a checkpoint, whole or not at all; collective.

    Raises
    ------
    OSError
        The checkpoint cannot be written.
    """
    directory = Path(directory)

    def prepare() -> list[Path]:
        if communicator.rank:
            return []
        directory.mkdir(parents=True, exist_ok=True)
        for rest in directory.glob(f"checkpoint-*.h5{temporary_place.ENDING}"):  # of a program that was killed
            temporary_place.remove(rest)
        return checkpoints(directory)

    former = communicator.allgather(raising_on_all_ranks(communicator, prepare))[0]
    path = directory / f"checkpoint-{_number(former[0]) + 1 if former else 1:06}.h5"
    write(path)

    def remove() -> None:
        if communicator.rank == 0:
            kept = previous if previous in former else next(iter(former), None)
            for old in former:
                if old != kept:
                    old.unlink(missing_ok=True)

    raising_on_all_ranks(communicator, remove)
    return path
