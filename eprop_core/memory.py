"""Memory that this process may still take: what the machine has, within the limits of a container or a batch job."""

from pathlib import Path

import psutil

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available() -> int:
    """Return the available memory in bytes."""
    return min([int(psutil.virtual_memory().available), *_left_in_control_groups()])


def _left_in_control_groups() -> list[int]:
    """What the limits on this process's control group and those above it leave, in bytes; none where there are none."""
    left = []
    try:
        lines = _MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, limit, used = _GROUPS, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            root, limit, used = _GROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                left += _left_in(folder, limit, used)
    return left


def _left_in(folder: Path, limit: str, used: str) -> list[int]:
    try:
        most, taken = ((folder / file).read_text(encoding="ascii").strip() for file in (limit, used))
        statistics = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:  # the root has no limit, and a container may not show the groups it is in
        return []
    # Cached files count as used, and are given up when memory is needed.
    cached = next((int(line.split()[1]) for line in statistics if line.startswith("inactive_file ")), 0)
    return [] if most == "max" else [max(0, int(most) - int(taken) + cached)]
