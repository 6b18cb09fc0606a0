"""Control groups that a test describes by files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eprop_core.machine import control_groups


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the program read control groups that a test writes.

    Return a function that writes files into the folder of a group, given by its path; a ``__`` in the name of a file
    stands for a dot.
    """
    monkeypatch.setattr(control_groups, "_GROUPS", tmp_path)
    monkeypatch.setattr(control_groups, "_MEMBERSHIP", tmp_path / "cgroup")

    def write(folder: str, **files: str) -> None:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (tmp_path / folder / name.replace("__", ".")).write_text(text, encoding="ascii")

    return write
