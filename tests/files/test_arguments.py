"""A command never writes to a file that it reads, and its errors are one line each."""

from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from eprop_core.__main__ import main
from eprop_core.commands import evaluate, export
from eprop_core.experiments.studies import measure as studies
from eprop_core.files.arguments import Parser
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError, Parameters, parse
from workflow.scripts.baselines import collect
from workflow.scripts.race import figure, table
from workflow.scripts.report import page
from workflow.scripts.shared import style


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


@pytest.mark.parametrize("arguments", [["a", "\nx"], ["a", "--out\nput", "b"]])
def test_an_argument_with_a_line_break_is_told_in_one_line(
    arguments: list[str], parser: Parser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser.parse_args(arguments)
    lines = capsys.readouterr().err.splitlines()
    assert "error: " in lines[-1]
    assert "\\n" in lines[-1]


def test_a_command_with_a_line_break_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["eprop-core", "\nx"])
    with pytest.raises(SystemExit):
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(r"error: \nx: no such command")


@pytest.mark.parametrize("text", ["no JSON", '{"a": 1}'])
def test_a_file_with_a_line_break_in_its_name_is_told_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "a\nb.json"
    file.write_text(text)
    with pytest.raises(ParameterError, match=r"a\\nb\.json: [^\n]*$"):
        parse(Parameters, read_json(file), f"{file}: ")


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


@pytest.mark.parametrize(
    ("program", "number", "message"),
    [
        (
            table,
            2,
            "--output: expected 3 files, table with all digits (CSV), and as printed (Markdown, LaTeX); given: 2",
        ),
        (collect, 3, "--output: expected 2 files, tables of processes and of memory (CSV); given: 3"),
        (figure, 5, "--output: expected 2 to 4 files, pictures (PDF, SVG, PNG) and a table of"),
        (page, 3, "--output: expected 1 to 2 files, "),
    ],
)
def test_another_number_of_outputs_is_refused(
    program: object, number: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["program", "input", "--output", *map(str, range(number))])
    with pytest.raises(SystemExit) as caught:
        program.main()  # type: ignore[attr-defined]
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_picture_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"figure\.jpg: no picture; its name must end with \.pdf, \.svg, \.png"):
        style.save(plt.figure(), [tmp_path / "figure.jpg"])
    plt.close("all")
