"""Available memory within the limits of control groups."""

import resource
from collections.abc import Callable

import psutil
import pytest

from eprop_core.errors import InsufficientMemoryError
from eprop_core.machine import memory

Groups = Callable[..., None]


def test_the_smallest_limit_applies(groups: Groups) -> None:
    groups("", cgroup="0::/batch/job\n")
    groups("batch", memory__max="1000\n", memory__current="900\n", memory__stat="anon 1\ninactive_file 50\n")
    groups("batch/job", memory__max="max\n", memory__current="10\n", memory__stat="")
    assert memory.available() == 1000 - 900 + 50


def test_control_groups_of_version_1_are_read(groups: Groups) -> None:
    groups("", cgroup="3:cpu:/\n2:memory:/job\n")
    files = {"memory__limit_in_bytes": "500", "memory__usage_in_bytes": "600", "memory__stat": "cache 3\n"}
    groups("memory/job", **files)
    assert memory.available() == 0


@pytest.mark.usefixtures("groups")
def test_without_limits_the_memory_of_the_machine_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert memory.available() == machine.available


def test_memory_is_refused_only_where_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 3_000_000_000)
    memory.check(3_000_000_000, "the data", "use less")
    with pytest.raises(InsufficientMemoryError) as error:
        memory.check(3_100_000_000, "the data", "use less")
    assert str(error.value) == ("the data needs about 3.1 GB on this machine, of which 3.0 GB are available: use less")


@pytest.mark.usefixtures("groups")
def test_a_limit_of_the_address_space_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = psutil.Process().memory_info().vms
    monkeypatch.setattr(resource, "getrlimit", lambda limit: (taken + 10**8, resource.RLIM_INFINITY))
    assert 10**8 / 2 < memory.available() <= 10**8
