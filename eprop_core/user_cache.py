"""The folder of the user's cache."""

import os
from pathlib import Path

NOWHERE = Path(os.devnull)
"""A path below which nothing can be."""


def user_cache(name: str) -> Path:
    """Return the folder ``name`` in the user's cache; below :data:`NOWHERE` for a user without a home."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(caches).expanduser() / name
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return NOWHERE / "no home directory" / name
