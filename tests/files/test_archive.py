"""Entries of archives stay within them, are what they say, and are read up to a bound."""

import re
import stat
import zipfile
from pathlib import Path

import pytest

from eprop_core.errors import DatasetError
from eprop_core.files.archive import open_archive


def write(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in entries:
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_files_are_read_and_litter_is_left_out(tmp_path: Path, method: int) -> None:
    litter = [(name, b"") for name in ("__MACOSX/a/._b", "a/.DS_Store", "Thumbs.db", "a/._b")]
    path = write(tmp_path / "a.zip", ("a/b", b"content"), ("..a.", b""), *litter, method=method)
    with open_archive(path, "a.zip") as archive:
        assert list(archive.entries) == ["a/b"]
        assert archive.read("a/b", 7) == b"content"
        assert archive.begin("a/b", 3) == b"con"
        with archive.unpack("a/b") as file:
            assert file.read() == b"content"
        with pytest.raises(DatasetError, match="a/b has 7 bytes; expected at most 6"):
            archive.read("a/b", 6)


@pytest.mark.parametrize("name", ["../a", "/a", "a/../b", "a//b", "./a", "a\\b", "C:/a", ".."])
def test_an_entry_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.zip", ("b", b""), (name, b""))
    refused = pytest.raises(DatasetError, match=re.escape(f"a.zip: {name} leads out of the archive"))
    with refused, open_archive(path, "a.zip"):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_comes_twice_and_a_link_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for entries, message in ((("a", "a"), "a comes twice"), ((link,), "link is a link or no regular file")):
        path = write(tmp_path / "a.zip", *((entry, b"/etc/passwd") for entry in entries))
        with pytest.raises(DatasetError, match=message), open_archive(path, "a.zip"):
            pass


def test_an_entry_larger_than_stated_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", ("a", bytes(10**6)))
    data = bytearray(path.read_bytes())
    for place in (22, data.rfind(b"PK\1\2") + 24):
        data[place : place + 4] = (5).to_bytes(4, "little")
    path.write_bytes(data)
    with open_archive(path, "a.zip") as archive:
        with pytest.raises(DatasetError, match="a cannot be read"):
            archive.read("a", 100)
        with pytest.raises(DatasetError, match="a is damaged"):
            archive.unpack("a")
