"""The key `style` of a configuration."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from matplotlib import pyplot as plt

from eprop_core import configuration
from eprop_core.experiments.figure_style import FigureStyle
from eprop_core.parsing import ParameterError, parse
from small_results import PROJECT
from workflow.lib import labels
from workflow.lib.plan import Plan
from workflow.scripts.shared import fonts, program, style

PAGE = (PROJECT / "docs" / "how_to" / "figures.md").read_text(encoding="utf-8")
EXAMPLE = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])  # type: ignore[index]


@pytest.fixture(autouse=True)
def usual_style(drawing: Any) -> Any:
    """The usual style, before and after."""
    yield
    style.use()


def drawn(directory: Path) -> str:
    """Return the SVG of a figure with a line, labels and named ticks, without its metadata."""
    figure, panel = plt.subplots(figsize=(style.one_column(), 1))
    colour, marker = style.look(1)
    panel.plot([0, 1], [0, 1], color=colour, marker=marker, label="chance")
    panel.set_xlabel("Training\nsamples seen")
    panel.set_xticks([0, 1], ["before", "after"])
    panel.legend()
    style.label_panels([panel])
    style.save(figure, [directory / "figure.svg"])
    return re.sub("<metadata>.*</metadata>", "", (directory / "figure.svg").read_text("utf-8"), flags=re.DOTALL)


def test_without_the_key_figures_have_the_usual_style(tmp_path: Path) -> None:
    svg = drawn(tmp_path)
    assert f'width="{85 / 25.4 * 72:.2f}'[:-1] in svg
    assert "#d55e00" in svg
    assert ">chance<" in svg and "font-size: 7px; font-family: 'DejaVu Sans'" in svg


def test_the_example_sets_colours_font_sizes_and_labels(tmp_path: Path) -> None:
    style.use(configuration.load(EXAMPLE, "style.yaml").style)
    svg = drawn(tmp_path)
    assert f'width="{90 / 25.4 * 72:.2f}'[:-1] in svg
    assert "#ee6677" in svg and "#d55e00" not in svg
    assert "font-size: 8px; font-family: 'DejaVu Serif'" in svg and "DejaVu Sans" not in svg
    assert ">guessing<" in svg and "chance" not in svg
    assert ">Samples<" in svg and "Training" not in svg
    assert "stroke-width: 1.5;" in svg


def test_labels_replace_named_ticks_and_are_text(tmp_path: Path) -> None:
    style.use(FigureStyle(labels={"before": "<script>$x$", "after": "then"}))
    svg = drawn(tmp_path)
    assert "&lt;script&gt;$x$" in svg and "<script>" not in svg
    assert ">then<" in svg and ">after<" not in svg


def test_an_unused_label_gives_a_warning_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Axis labels, wrapped texts, ticks and legends count, and so do the texts of other figures."""
    text = "style:\n  labels:\n    Training samples sen: a\n    before: b\n    zzz: c\n    Training samples seen: d\n"
    monkeypatch.chdir(tmp_path)
    Path("style.yaml").write_text(text, encoding="utf-8")
    values = yaml.safe_load(text)
    assert list(labels.unused(values, ["style.yaml"])) == []  # nothing is drawn
    labels.FIGURES.mkdir(parents=True)
    style.use()
    drawn(labels.FIGURES)
    assert list(labels.unused(values, ["style.yaml"])) == []  # nothing is drawn with labels
    style.use(configuration.load(values, "style.yaml").style)
    drawn(labels.FIGURES)
    nowhere = "no figure in results/figures has this text"
    assert list(labels.unused(values, ["style.yaml"])) == [
        f"style.yaml: style.labels.Training samples sen: {nowhere}; close to it: Training samples seen (line 3)",
        f"style.yaml: style.labels.zzz: {nowhere}; write a text as a figure has it, in one line (line 5)",
    ]
    figure, panel = plt.subplots()
    panel.set_title("zzz")
    style.save(figure, [labels.FIGURES / "another.svg"])
    assert len(list(labels.unused(values, ["style.yaml"]))) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colours": ["#000000"]}, r"style.colours"),
        ({"colours": ["red", *FigureStyle().colours[1:]]}, r"style.colours.0 = 'red': must be a colour as #RRGGBB"),
        (
            {"font": "/usr/share/fonts/some.ttf"},
            r"style.font = '/usr/share/fonts/some.ttf': must be the name",
        ),
        ({"font_size": 40}, r"style.font_size = 40: "),
        ({"labels": {"a": "two\nlines"}}, r"style.labels.a = "),
        ({"color": []}, r"style.color"),
    ],
)
def test_a_wrong_style_ends_with_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"^style.yaml: {message}") as error:
        configuration.load({"style": values}, "style.yaml")
    assert len(str(error.value).splitlines()) == 1


def test_a_font_that_is_not_installed_is_told_in_one_line() -> None:
    with pytest.raises(ParameterError, match=r"^my.yaml: style.font = No Such Font: is not installed"):
        fonts.check(FigureStyle(font="No Such Font"), "my.yaml: ")
    with pytest.raises(ParameterError, match=r"^style.font = No Such Font: is not installed"):
        style.use(FigureStyle(font="No Such Font"))


def test_the_style_is_a_file_of_figures_alone(tmp_path: Path) -> None:
    """A change of the style changes the text of one parameter file, which only rules of figures read."""
    usual, changed = (Plan(configuration.load(values, ""), "") for values in ({}, EXAMPLE))
    differing = {
        (kind, name)
        for kind, of_kind in usual.parameters.items()
        for name in of_kind
        if usual.text(kind, name) != changed.text(kind, name)
    }
    assert differing == {("style", "figures")}
    for rules in (PROJECT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"^(?=use rule |rule )", rules.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            draws = re.search(r'program="[\w.]*figure"', rule) is not None
            assert draws == ("style=STYLE," in rule) == ("STYLE_OPTION" in rule), rule
    file = tmp_path / "style.json"
    file.write_text(changed.text("style", "figures"))
    given = program.figure_parser("a", None).parse_args(["--style", str(file), "--output", "a.svg", "a.csv"])
    assert given.style == parse(FigureStyle, EXAMPLE["style"]) == parse(FigureStyle, json.loads(file.read_text()))


def test_a_figure_grows_where_texts_leave_its_panels_no_room(tmp_path: Path) -> None:
    figure, panels = plt.subplots(1, 4, figsize=(2, 1), layout="constrained")
    for panel in panels:
        panel.set_ylabel("the label of an axis", fontsize=20)
    style.save(figure, [tmp_path / "figure.svg"])
    width, height = figure.get_size_inches()
    assert width > 2 and height == pytest.approx(width / 2)
    assert all(panel.get_position().width > 0.01 and panel.get_position().height > 0.01 for panel in panels)
    plt.close(figure)


def test_the_last_digits_of_a_layout_are_not_drawn(tmp_path: Path) -> None:
    """The solver of the layout leaves rounding errors, which differ between processes."""
    figures = []
    for name, error in (("one", 0.0), ("other", 1e-14)):
        figure, panels = plt.subplots(1, 3, figsize=(style.two_columns(), 1), layout="none")
        for k, panel in enumerate(panels):
            panel.plot([0, 1], [0, 1])
            panel.set_position([0.1 + 0.3 * k + error, 0.2, 0.2 - error, 0.7])
        style.save(figure, [tmp_path / f"{name}.svg"])
        figures.append((tmp_path / f"{name}.svg").read_bytes())
    assert figures[0] == figures[1]
