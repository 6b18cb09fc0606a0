"""Only regular files are opened, and nothing is waited for."""

import os
import socket
from pathlib import Path

import pytest

from eprop_core.files.regular import open_regular, read_at_most, user_path


def test_a_regular_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(100)))
    for most, n in ((10, 10), (100, 100), (2**40, 100)):
        with open_regular(tmp_path / "file") as file:
            assert read_at_most(file, most) == bytes(range(n))


def test_special_files_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")
        for name, kind in {"pipe": "named pipe", "folder": "directory", "zero": "device", "socket": "socket"}.items():
            with pytest.raises(OSError, match=f"^{name}: is a {kind}; expected a regular file$"):
                open_regular(name)


def test_a_name_that_no_file_can_have_is_no_file() -> None:
    for name in ("a\0b", "a\ud800"):
        with pytest.raises(OSError, match="no such file"):
            open_regular(name)


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert user_path("~/data") == Path("/somewhere/data")
    assert user_path("/data/~") == Path("/data/~")
