"""Available memory within the limits of control groups, as files tell them."""

from pathlib import Path

import psutil
import pytest

from eprop_core import memory


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="ascii")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "_MEMBERSHIP", tmp_path / "cgroup")
    return tmp_path


def test_the_tightest_group_counts(groups: Path) -> None:
    write(groups, cgroup="0::/batch/job\n")
    write(groups / "batch", memory__max="1000\n", memory__current="900\n", memory__stat="anon 1\ninactive_file 50\n")
    write(groups / "batch" / "job", memory__max="max\n", memory__current="10\n", memory__stat="")
    assert memory.available() == 1000 - 900 + 50


def test_groups_of_the_first_version(groups: Path) -> None:
    write(groups, cgroup="3:cpu:/\n2:memory:/job\n")
    files = {"memory__limit_in_bytes": "500", "memory__usage_in_bytes": "600", "memory__stat": "cache 3\n"}
    write(groups / "memory" / "job", **files)
    assert memory.available() == 0


def test_without_limits_it_is_what_the_machine_has(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert memory.available() == machine.available
