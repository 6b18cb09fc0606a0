"""The control groups of this process, which limit the resources of a container or a batch job."""

from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def folders(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folder of each control group of this process, the innermost first, and the version of its files.

    Nothing is yielded on systems without control groups. Folders may not exist, because a container can hide the groups
    that it is in.

    Parameters
    ----------
    controller
        The resource that the groups limit: ``memory`` or ``cpu``.

    Yields
    ------
    folder
        Folder of the group.
    version
        1 or 2, the version of the interface of control groups.
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
