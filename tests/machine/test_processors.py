"""Processors within the affinity of a process and the quotas of its control groups."""

from collections.abc import Callable

import pytest

from eprop_core.machine import processors

Groups = Callable[..., None]


@pytest.fixture(autouse=True)
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "affinity", lambda: {0, 1, 2, 3})


def test_the_smallest_quota_applies(groups: Groups) -> None:
    groups("", cgroup="0::/batch/job\n")
    groups("batch", cpu__max="150000 100000\n")
    groups("batch/job", cpu__max="max 100000\n")
    assert processors.available() == 1.5


@pytest.mark.parametrize(("quota", "available"), [("50000", 0.5), ("-1", 4.0), ("800000", 4.0)])
def test_control_groups_of_version_1_are_read(groups: Groups, quota: str, available: float) -> None:
    groups("", cgroup="4:memory:/\n3:cpu,cpuacct:/job\n")
    groups("cpu/job", cpu__cfs_quota_us=f"{quota}\n", cpu__cfs_period_us="100000\n")
    assert processors.available() == available


def test_a_container_may_show_its_own_group_as_the_root(groups: Groups) -> None:
    groups("", cgroup="3:cpu,cpuacct:/docker/abc\n")
    groups("cpu", cpu__cfs_quota_us="200000\n", cpu__cfs_period_us="100000\n")
    assert processors.available() == 2.0


@pytest.mark.usefixtures("groups")
def test_without_quotas_the_affinity_applies() -> None:
    assert processors.quotas() == {}
    assert processors.available() == 4.0


def test_a_group_is_the_same_under_any_name(groups: Groups) -> None:
    groups("", cgroup="3:cpu:/job\n")
    groups("cpu/job", cpu__cfs_quota_us="100000\n", cpu__cfs_period_us="100000\n")
    by_name = processors.quotas()
    groups("", cgroup="3:cpu:/job/../job\n")
    assert processors.quotas() == by_name
    assert list(by_name.values()) == [1.0]
