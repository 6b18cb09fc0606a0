"""A command never writes to a file that it reads."""

from pathlib import Path

import pytest

from eprop_core.commands import evaluate, export
from eprop_core.experiments.studies import measure as studies
from eprop_core.files.arguments import Parser
from workflow.scripts.race import table


@pytest.fixture
def parser() -> Parser:
    parser = Parser()
    parser.add_argument("read", type=Path)
    parser.add_argument("--more", type=Path, nargs="*")
    parser.add_argument("--output", type=Path, nargs="+")
    return parser


@pytest.mark.parametrize("same", ["a", "./a", "link"])
@pytest.mark.parametrize("how", ["{} --output new {}", "b --more b {} --output {}"])
def test_an_output_that_is_read_is_refused(
    same: str,
    how: str,
    parser: Parser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        Path(name).touch()
    Path("link").symlink_to("a")
    with pytest.raises(SystemExit):
        parser.parse_args(how.format("a", same).split())
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith(f"{Path(same)}: is read by this command, too; choose another file to write")
    )
    assert parser.parse_args(["a", "--output", "b"]).output == [Path("b")]  # an older result is replaced


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (evaluate, "{0} --data data --output {0}"),
        (export, "nir {0} {0}"),
        (studies, "{0} --output {0}"),
        (table, "{0} --output new {0} other"),
    ],
)
def test_programs_keep_what_they_read(
    program: object, arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("what was there")
    monkeypatch.setattr("sys.argv", ["program", *arguments.format(file).split()])
    with pytest.raises(SystemExit) as caught:
        program.main()  # type: ignore[attr-defined]
    assert caught.value.code == 2
    assert file.read_text() == "what was there"
