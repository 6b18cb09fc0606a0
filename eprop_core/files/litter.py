"""Files that desktops and file systems put beside those of the user."""

import os

_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "__macosx"}


def is_litter(path: str | os.PathLike[str]) -> bool:
    """Return whether a part of a relative path is hidden, or made by a desktop."""
    return any(
        (part.startswith(".") and part.strip(".")) or part.lower() in _NAMES for part in os.fspath(path).split("/")
    )
