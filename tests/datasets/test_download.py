import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from eprop_core.datasets import nmnist
from eprop_core.datasets.download import _check_redirect, fetch, main
from eprop_core.datasets.location import DOWNLOADS, cache_directory, local_files, needs_download
from eprop_core.datasets.parameters import Mnist, Nmnist, Shd
from eprop_core.errors import DatasetError
from official_formats import pack

CONTENT = bytes(range(256)) * 400


class Server(http.server.BaseHTTPRequestHandler):
    """Serves ``files``; the first ``broken_transfers`` answers break off half-way."""

    files: ClassVar[dict[str, bytes]] = {}
    broken_transfers: ClassVar[int] = 0
    requests: ClassVar[int] = 0

    def do_GET(self) -> None:
        Server.requests += 1
        if self.path not in self.files:
            self.send_error(404)
            return
        content = self.files[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if Server.broken_transfers > 0:
            Server.broken_transfers -= 1
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    """Address of a running server."""
    Server.files, Server.broken_transfers, Server.requests = {"/file": CONTENT}, 0, 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def checksum(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_file_is_downloaded_once_and_its_progress_printed(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        fetch({"file.bin": (f"{address}/file", checksum(CONTENT))}, tmp_path / "cache")
    assert (tmp_path / "cache/file.bin").read_bytes() == CONTENT
    assert Server.requests == 1
    assert f"download of file.bin: {len(CONTENT)} of {len(CONTENT)} bytes" in capsys.readouterr().err


def test_a_damaged_file_in_the_cache_is_replaced(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(CONTENT[:100])
    fetch({"file.bin": (f"{address}/file", checksum(CONTENT))}, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_wrong_checksum_is_reported_and_no_file_kept(address: str, tmp_path: Path) -> None:
    expected = checksum(b"something else")
    with pytest.raises(DatasetError, match=rf"{address}/file: .*{expected}; nothing kept") as raised:
        fetch({"file.bin": (f"{address}/file", expected)}, tmp_path, retries=0)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_transfer_is_repeated(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the pause before the next try
    Server.broken_transfers = 1
    fetch({"file.bin": (f"{address}/file", checksum(CONTENT))}, tmp_path, retries=1)
    assert Server.requests == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_broken_transfer_is_reported_and_the_next_call_succeeds(address: str, tmp_path: Path) -> None:
    Server.broken_transfers = 1
    files = {"file.bin": (f"{address}/file", checksum(CONTENT))}
    with pytest.raises(DatasetError, match="nothing kept"):
        fetch(files, tmp_path, retries=0)
    assert list(tmp_path.iterdir()) == []
    fetch(files, tmp_path, retries=0)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_what_a_killed_download_left_is_removed(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.bin.new.part").mkdir()
    (tmp_path / "file.bin.new.part" / "tmp123").write_bytes(CONTENT[:100])
    fetch({"file.bin": (f"{address}/file", checksum(CONTENT))}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


@pytest.mark.parametrize(("location", "is_refused"), [("http://a/b", True), ("//a/b", False), ("https://a/b", False)])
def test_an_address_with_tls_leads_to_none_without(location: str, is_refused: bool) -> None:
    answer = requests.Response()
    answer.url, answer.status_code, answer.headers["location"] = "https://data.org/file", 302, location
    with pytest.raises(requests.RequestException, match="http://a/b, which") if is_refused else nullcontext():
        _check_redirect(answer)


def test_all_published_addresses_have_tls() -> None:
    assert all(url.startswith("https://") for files in DOWNLOADS.values() for url, _ in files.values())


def test_a_place_for_downloads_that_cannot_be_made_is_told_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"file/cache: cannot be made .* set EPROP_BENCH_CACHE"):
        fetch({}, tmp_path / "file" / "cache")


def test_an_address_without_a_file_is_reported(address: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="404"):
        fetch({"file.bin": (f"{address}/nothing", checksum(CONTENT))}, tmp_path, retries=0)
    assert list(tmp_path.iterdir()) == []


def test_nmnist_is_downloaded_where_no_path_is_given(
    address: str, nmnist_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {}
    for split in ("Train", "Test"):
        content = pack(nmnist_directory, split, tmp_path / f"{split}.zip").read_bytes()
        Server.files = Server.files | {f"/{split}": content}
        files[f"{split}.zip"] = (f"{address}/{split}", f"md5:{hashlib.md5(content).hexdigest()}")
    monkeypatch.setitem(DOWNLOADS, "nmnist", files)
    monkeypatch.setenv("EPROP_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EPROP_BENCH_DATA", raising=False)
    assert Nmnist(name="nmnist").is_here() is False
    assert cache_directory("nmnist") == tmp_path / "cache/nmnist"
    downloaded = nmnist.read(Nmnist(name="nmnist"))
    assert Nmnist(name="nmnist").is_here()
    from_directory = nmnist.read(Nmnist(name="nmnist", path=str(nmnist_directory)))
    monkeypatch.setenv("EPROP_BENCH_DATA", str(nmnist_directory.parent))
    in_data_folder = nmnist.read(Nmnist(name="nmnist"))
    assert in_data_folder.checksums == from_directory.checksums
    assert downloaded.checksums == from_directory.checksums
    assert len(downloaded.train) == 20


@pytest.fixture
def one_file(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Parameters of N-MNIST, of which one file is published and served."""
    monkeypatch.setitem(DOWNLOADS, "nmnist", {"Train.zip": (f"{address}/file", checksum(CONTENT))})
    monkeypatch.setenv("EPROP_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EPROP_BENCH_DATA", raising=False)
    (tmp_path / "nmnist.json").write_text('{"name": "nmnist"}')
    return tmp_path / "nmnist.json"


def test_the_program_downloads_what_is_missing(one_file: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert main([str(one_file), str(tmp_path / "here.json")]) == 0
    assert (tmp_path / "cache/nmnist/Train.zip").read_bytes() == CONTENT
    assert json.loads((tmp_path / "here.json").read_text()) == ["Train.zip"]
    assert Server.requests == 1


def test_the_program_downloads_nothing_of_data_that_are_here(
    one_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/nmnist").mkdir(parents=True)
    monkeypatch.setenv("EPROP_BENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "digits.json").write_text('{"name": "digits"}')
    for parameters in (one_file, tmp_path / "digits.json"):
        assert main([str(parameters), str(tmp_path / f"{parameters.stem}-here.json")]) == 0
    assert Server.requests == 0


def test_a_variable_that_names_no_folder_starts_no_download(
    one_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    too_long = "x" * 300
    for name, shown in ((str(tmp_path / "dtaa"), None), (too_long, f"{too_long[:100]}...")):
        monkeypatch.setenv("EPROP_BENCH_DATA", name)
        assert main([str(one_file), str(tmp_path / "here.json")]) == 1
        expected = "no such folder, or one that cannot be read; expected the folder of the published data sets, or none"
        assert capsys.readouterr().err == f"error: EPROP_BENCH_DATA = {shown or name}: {expected}\n"
        assert Server.requests == 0
        assert not (tmp_path / "here.json").exists()


def test_a_path_that_cannot_be_looked_at_is_left_to_the_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan of a study asks for local files before any job runs."""
    too_long = "x" * 300
    monkeypatch.setenv("EPROP_BENCH_DATA", too_long)
    monkeypatch.setenv("EPROP_BENCH_CACHE", too_long)
    assert local_files("mnist", too_long) == ()
    assert not needs_download("mnist", too_long)
    assert needs_download("mnist", None)


def test_without_a_network_the_line_tells_where_files_may_be_put(
    one_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the pause before the next try
    monkeypatch.setitem(DOWNLOADS, "nmnist", {"Train.zip": ("http://127.0.0.1:9/file", checksum(CONTENT))})
    assert main([str(one_file), str(tmp_path / "here.json")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    remedy = f"put it into {tmp_path / 'cache/nmnist'}, or name its folder with the key path or EPROP_BENCH_DATA"
    assert f"nothing kept; without a network, {remedy} (" in line


def test_the_content_of_local_files_counts_packed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", "readme.txt"):
        (tmp_path / "mnist").mkdir(exist_ok=True)
        (tmp_path / "mnist" / name).write_bytes(b"")
    files = [str(tmp_path / "mnist" / name) for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte")]
    assert list(Mnist(name="mnist", path=str(tmp_path / "mnist")).source_files) == files
    monkeypatch.setenv("EPROP_BENCH_DATA", str(tmp_path))
    assert list(Mnist(name="mnist").source_files) == files
    assert Shd(name="shd").source_files == ()
    (tmp_path / "all.zip").write_bytes(b"")
    assert Nmnist(name="nmnist", path=str(tmp_path / "all.zip")).source_files == (str(tmp_path / "all.zip"),)
