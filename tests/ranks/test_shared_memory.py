"""Room for MPI in shared memory, and what killed ranks left there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from eprop_core.ranks import shared_memory

MB = 1_000_000


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Folders in the places of /dev/shm and /tmp."""
    names = shared, temporary = tmp_path / "shm", tmp_path / "tmp"
    for folder in names:
        folder.mkdir()
    monkeypatch.setattr(shared_memory, "_FOLDER", shared)
    monkeypatch.setattr(shared_memory, "_TEMPORARY", temporary)
    return names


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with the name of a launcher of MPICH."""
    program = tmp_path / "hydra_pmi_proxy"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, "1000"]) as process:
        yield process
        process.kill()


def test_only_files_of_ranks_that_have_ended_are_removed(folders: tuple[Path, Path]) -> None:
    shared, _ = folders
    for name in ("mpich_shm_open", "mpich_shm_mapped", "mpich_shm_left", "ucx_shm_posix_left", "other"):
        (shared / name).write_bytes(bytes(4096))
    program = (
        "import mmap, sys; folder = sys.argv[1]; held = open(folder + '/mpich_shm_open'); "
        "file = open(folder + '/mpich_shm_mapped', 'r+b'); memory = mmap.mmap(file.fileno(), 4096); file.close(); "
        "print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(shared)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as rank:
        assert rank.stdout is not None
        rank.stdout.readline()
        shared_memory.remove_leftovers()
        assert {file.name for file in shared.iterdir()} == {"mpich_shm_open", "mpich_shm_mapped", "other"}
        rank.communicate()
    shared_memory.remove_leftovers()
    assert {file.name for file in shared.iterdir()} == {"other"}


def test_a_file_of_a_launcher_that_may_still_run_stays(
    folders: tuple[Path, Path], launcher: "subprocess.Popen[bytes]"
) -> None:
    _, temporary = folders
    before, after = temporary / "hydra_hwloc_xmlfile_before", temporary / "hydra_hwloc_xmlfile_after"
    for file, age in ((before, 10**6), (after, 0)):
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    shared_memory.remove_leftovers()
    assert list(temporary.iterdir()) == [after]
    launcher.kill()
    launcher.wait()


def test_links_are_left_alone(folders: tuple[Path, Path]) -> None:
    shared, _ = folders
    (shared / "mpich_shm_link").symlink_to(__file__)
    shared_memory.remove_leftovers()
    assert [file.name for file in shared.iterdir()] == ["mpich_shm_link"]


@pytest.mark.parametrize(
    ("n_ranks", "size", "variables", "is_told"),
    [
        ("16", 24 * MB, {}, True),
        ("16", 24 * MB, {"UCX_POSIX_DIR": "/tmp"}, False),
        ("16", 16 * MB, {"UCX_POSIX_DIR": "/tmp"}, True),
        ("4", 24 * MB, {}, False),
        ("16", 0, {}, False),  # without a limit
        (None, 1 * MB, {}, False),  # another launcher
    ],
)
def test_a_small_shared_memory_is_told(
    monkeypatch: pytest.MonkeyPatch, n_ranks: str | None, size: int, variables: dict[str, str], is_told: bool
) -> None:
    for name in ("UCX_POSIX_DIR", "UCX_TLS", "MPI_LOCALNRANKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items() | ({("MPI_LOCALNRANKS", n_ranks)} if n_ranks else set()):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        os, "statvfs", lambda folder: SimpleNamespace(f_blocks=size // 1000, f_bavail=size // 1000, f_frsize=1000)
    )
    monkeypatch.setattr(shared_memory, "_bytes_held", lambda: 0)  # other programs of this user may use MPI
    line = shared_memory.shortage()
    assert (line is not None) == is_told
    if line is not None:
        assert f"/dev/shm has {size / 1e6:.3g} MB" in line
        assert "UCX_POSIX_DIR" in line


def test_what_running_ranks_hold_of_the_shared_memory_counts_as_free(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, _ = folders
    for name in ("UCX_POSIX_DIR", "UCX_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MPI_LOCALNRANKS", "2")
    monkeypatch.setattr(
        os, "statvfs", lambda folder: SimpleNamespace(f_blocks=12 * MB // 1000, f_bavail=8 * MB // 1000, f_frsize=1000)
    )
    segment = shared / "ucx_shm_posix_1"
    with segment.open("wb") as held:
        held.write(bytes(4 * MB))
        held.flush()
        segment.unlink()
        assert shared_memory.shortage() is None
    assert "8 MB free" in str(shared_memory.shortage())
