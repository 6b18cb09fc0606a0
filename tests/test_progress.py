import pytest

from eprop_core.progress import progress


@pytest.mark.parametrize(("n_items", "n_lines"), [(0, 0), (3, 3), (10, 10), (1000, 10)])
def test_a_line_is_printed_for_every_tenth(n_items: int, n_lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(n_items), "work")) == list(range(n_items))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == n_lines
    if lines:
        assert lines[-1] == f"work: {n_items} of {n_items}"


def test_an_iterable_without_length_takes_a_total(capsys: pytest.CaptureFixture[str]) -> None:
    assert sum(progress((item for item in range(4)), "work", 4)) == 6
    assert "work: 2 of 4" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert list(progress([1, 2, 3], "work")) == [1, 2, 3]
    assert "100%" in capsys.readouterr().err
