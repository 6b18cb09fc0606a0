import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from eprop_core.machine.whole_directory import whole_directory

HOLD = """
import sys
from pathlib import Path
from eprop_core.machine.whole_directory import whole_directory
with whole_directory(Path(sys.argv[1])) as directory:
    (directory / "half").mkdir()
    (directory / "half" / "file").write_text("half")
    print(flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> "subprocess.Popen[str]":
    """Return a process that writes the directory until its input ends."""
    command = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_directory_is_replaced_when_everything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "results" / "data"
    for number in (1, 2):
        with whole_directory(path) as directory:
            (directory / f"file-{number}").write_text("whole")
            assert not (path / f"file-{number}").exists()
        assert [entry.name for entry in path.iterdir()] == [f"file-{number}"]
        assert [entry.name for entry in path.parent.iterdir()] == ["data"]


def test_a_failure_leaves_the_directory_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir()
    (path / "file").write_text("before")
    with pytest.raises(RuntimeError, match="stop"), whole_directory(path) as directory:
        (directory / "file").write_text("half")
        raise RuntimeError("stop")
    assert (path / "file").read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_temporary_files_lie_beside_the_directory(tmp_path: Path) -> None:
    elsewhere = tempfile.gettempdir()
    with whole_directory(tmp_path / "data") as directory:
        assert tempfile.gettempdir() == str(tmp_path / "data.new.part")
        Path(tempfile.mkdtemp(), "file").touch()
        assert list(directory.iterdir()) == []
    assert tempfile.gettempdir() == elsewhere
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with holder(tmp_path / "data") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.new.part"]
    with whole_directory(tmp_path / "data") as directory:
        assert list(directory.iterdir()) == []
        (directory / "file").write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_two_processes_do_not_write_a_directory_at_the_same_time(tmp_path: Path) -> None:
    with holder(tmp_path / "data") as process:
        with (
            pytest.raises(OSError, match="data: another process is writing it; wait for its end"),
            whole_directory(tmp_path / "data"),
        ):
            pass
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    assert (tmp_path / "data" / "half" / "file").read_text() == "half"
