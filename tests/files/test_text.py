"""JSON files end in one line where they are none, whatever they hold."""

import re
from pathlib import Path

import pytest

from eprop_core.files import text
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError


def test_a_mark_of_the_byte_order_has_no_meaning(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "file.json") == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"1" * 10_000, "not a JSON file"),
        (b'"\xff"', "byte 1 is no text; expected UTF-8"),
        (b" " * 1001, "has more than 1000 bytes"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(text, "LARGEST", max(1000, len(content) if content[:1] != b" " else 0))
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ParameterError, match=re.escape(f"{path}: {message}")) as raised:
        read_json(path)
    assert "\n" not in str(raised.value)
