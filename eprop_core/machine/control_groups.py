"""The control groups that this process is in: what a container or a batch job may take of a machine."""

from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def folders(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folder of each group that limits this process by ``controller``, and the version of its files, 1 or 2.

    The innermost group comes first. None where there are no control groups; some may not exist, for a container need
    not show the groups it is in.
    """
    try:
        lines = _MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, version = _GROUPS, 2
        elif controller in controllers.split(","):
            root, version = _GROUPS / controller, 1
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield folder, version
