"""Available memory within the limits of control groups, as files tell them."""

from collections.abc import Callable

import psutil
import pytest

from eprop_core.machine import memory

Groups = Callable[..., None]


def test_the_tightest_group_counts(groups: Groups) -> None:
    groups("", cgroup="0::/batch/job\n")
    groups("batch", memory__max="1000\n", memory__current="900\n", memory__stat="anon 1\ninactive_file 50\n")
    groups("batch/job", memory__max="max\n", memory__current="10\n", memory__stat="")
    assert memory.available() == 1000 - 900 + 50


def test_groups_of_the_first_version(groups: Groups) -> None:
    groups("", cgroup="3:cpu:/\n2:memory:/job\n")
    files = {"memory__limit_in_bytes": "500", "memory__usage_in_bytes": "600", "memory__stat": "cache 3\n"}
    groups("memory/job", **files)
    assert memory.available() == 0


@pytest.mark.usefixtures("groups")
def test_without_limits_it_is_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert memory.available() == machine.available
