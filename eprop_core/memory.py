"""Memory that this process may still take: what the machine has, within the limits of a container or a batch job."""

from pathlib import Path

import psutil

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available() -> int:
    """Return the available memory in bytes."""
    machine = psutil.virtual_memory()
    return min([int(machine.available), *_left_in_control_groups(int(machine.total))])


def _left_in_control_groups(total: int) -> list[int]:
    """What limits below ``total`` on this process's control group and those above it leave, in bytes."""
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
                left += _left_in(folder, limit, used, total)
    return left


def _left_in(folder: Path, limit: str, used: str, total: int) -> list[int]:
    try:
        most = (folder / limit).read_text(encoding="ascii").strip()
        if most == "max" or int(most) >= total:
            return []
        taken = int((folder / used).read_text(encoding="ascii"))
        statistics = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:  # the root has no limit, and a container may not show the groups it is in
        return []
    # Cached files count as used, and are given up when memory is needed.
    cached = next((int(line.split()[1]) for line in statistics if line.startswith("inactive_file ")), 0)
    return [max(0, int(most) - taken + cached)]
