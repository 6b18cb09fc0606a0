"""A file appears complete or not at all."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eprop_core.machine.temporary_place import temporary_place
from eprop_core.machine.whole_file import whole_file


def test_a_file_is_replaced_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), whole_file(path) as temporary:
        temporary.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No space left on device: .*/file'$"), whole_file(tmp_path / "file"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_temporary_files_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    (tmp_path / "new.new.part").symlink_to(other)
    with whole_file(tmp_path / "new") as temporary:
        temporary.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "other"]
    assert (other / "file").exists()


def test_a_process_can_wait_until_another_one_has_written(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        with temporary_place(tmp_path / "file"):
            second = threads.submit(_names_in_place, tmp_path / "file")
            with pytest.raises(BlockingIOError, match="another process is writing it"), whole_file(tmp_path / "file"):
                pass
            assert not second.done()
        assert second.result() == ["lock"]


def _names_in_place(path: Path) -> list[str]:
    with temporary_place(path, wait=True) as place:
        return [entry.name for entry in place.iterdir()]


def test_only_files_are_replaced(tmp_path: Path) -> None:
    """A device such as /dev/null would be gone."""
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path, "a directory"), (tmp_path / "pipe", "no regular file")):
        with pytest.raises(FileExistsError, match=f"is {kind}"), whole_file(path):
            raise AssertionError("nothing is to be written")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
