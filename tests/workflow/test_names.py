"""Names of variants and series are text in every format, whatever punctuation they have."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import TypeAdapter, ValidationError

from eprop_core import configuration
from eprop_core.errors import printable
from eprop_core.experiments.points import Label
from eprop_core.experiments.scaling.parameters import Scaling
from eprop_core.experiments.studies.parameters import Study
from eprop_core.parsing import ParameterError, parse
from small_results import DENSITY, PROJECT, break_even_runs, timings
from workflow.lib import captions
from workflow.scripts.break_even import figure as break_even_figure
from workflow.scripts.report import page as report_page
from workflow.scripts.shared import read_table, style, write_table
from workflow.scripts.studies import table as studies_table
from workflow.scripts.studies import thinning_curves, variant_differences

pytestmark = pytest.mark.usefixtures("drawing")

NAMES = [
    "full model",
    "*a* **b** a_b_ _c_ __d__",
    "x|y || z",
    r"`code` ``more`` `e <javascript:alert(1)>`_",
    r"$\eta_$ and $",
    r"100 % & more # ~ ^ {x} \input{secret}",
    "<b>&amp;</b><script>alert(1)</script>",
    "[x](javascript:alert(1)) ![y](z) <https://example.org>",
    ".. raw:: html",
    ".. include:: /etc/passwd",
    r"|x| \ \\ \| a\|b",
    "a -- ''quoted'' ~~struck~~ {{ x }}",
    "κ größer Ёж ½ a\u00a0b",
    "_hidden",
    "a long name that goes on " + 3 * "and on, with x_y, ",
    "None",
    "nan",
    "1",
    "True",
]
NAMES = [name.strip() for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_have_any_punctuation(name: str) -> None:
    assert TypeAdapter(Label).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " a",
        "a ",
        "a\n",
        "a\nb",
        "a\r",
        "a\0b",
        "a\x1b[1m",
        "a\x7f",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "\u202eab",
        "=HYPERLINK(1)",
        "+1",
        "-1",
        "@SUM(1)",
        101 * "a",
    ],
)
def test_a_name_must_be_one_line_of_visible_characters(name: str) -> None:
    with pytest.raises(ValidationError, match="one line of visible characters"):
        TypeAdapter(Label).validate_python(name)


def test_values_that_are_formulas_stand_in_no_table() -> None:
    for file in ("=1+1", "@SUM(1)", "-rf", "\uff1d1"):
        for changed in (
            {"variants": {"full": {}, "other": {"dataset.train": file}}},
            {"series": {"size": {"network.n_recurrent": [1], "dataset.train": [file]}}},
        ):
            with pytest.raises(ParameterError, match=r"^dataset\.train = .*: begins as what spreadsheets compute"):
                parse(Study, {"tasks": ["digits"], "seeds": [1], **changed})
    parse(Study, {"tasks": ["digits"], "seeds": [1], "variants": {"full": {}, "other": {"dataset.train": "./=1"}}})


def test_a_wrong_name_is_reported_in_one_line() -> None:
    variants = {"full": {}, "a\u2028\x1b[1mb\n": {}}
    with pytest.raises(ParameterError) as error:
        parse(Study, {"tasks": ["digits"], "seeds": [1], "variants": variants}, "my.yaml: ")
    (line,) = str(error.value).splitlines()
    assert line.startswith(r"my.yaml: variants.a\u2028\x1b[1mb\n = ")
    assert "one line of visible characters" in line
    assert line.isprintable()


class Page(HTMLParser):
    """The texts and the elements of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: set[str] = set()
        self.links: list[str] = []
        self.policy = ""
        """Content-Security-Policy, which without a source for scripts allows none."""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if dict(attributes).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attributes)["content"] or ""
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def texts_of(picture: Path) -> set[str]:
    elements = ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")
    return {"".join(element.itertext()).strip() for element in elements}


def plain(latex: str) -> str:
    """What LaTeX prints."""
    commands = {
        r"\textbackslash{}": "\\",
        r"\textasciitilde{}": "~",
        r"\textasciicircum{}": "^",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\textbar{}": "|",
        r"\textasciigrave{}": "`",
        **{f"\\{character}": character for character in "&%$#_{}"},
        "{}": "",
    }
    pattern = "|".join(map(re.escape, commands))
    assert not re.search(r"[\\~^&%$#_{}<>|`]|--|''", re.sub(pattern, "x", latex)), latex
    return re.sub(pattern, lambda found: commands[found.group()], latex)


@pytest.fixture
def written(study: Any, tmp_path: Path) -> Path:
    """Tables, figure and report of a study with all of the names."""
    changes = [{DENSITY: 0.05 * (1 + number)} for number in range(len(NAMES))]
    runs, _ = study(changes, (1, 2), [{"variant": name} for name in NAMES])
    for directory in ("figures", "tables"):
        (tmp_path / directory).mkdir()
    numbers = studies_table.numbers(runs)
    tables = [str(tmp_path / "tables" / f"mine.{kind}") for kind in ("csv", "md", "tex")]
    write_table.write(numbers, studies_table.printed(numbers, runs), tables, "100 % of a_b.", "mine")
    figures = [str(tmp_path / "figures" / f"mine.{kind}") for kind in ("pdf", "svg", "png")]
    style.save(variant_differences.draw(runs), figures)
    facts = {"kind": "variants", "tasks": ["digits"], "seeds": 2, "margin": 0.02, "varied": []}
    section = {"name": "mine", "caption": "study.rst", "facts": facts}
    plan = {"title": "Title", "configuration": "<i>my</i>.yaml", "sections": [section], "results": list(runs["file"])}
    report_page.write(plan, tmp_path / "report.html")
    return tmp_path


def test_tables_figure_and_report_show_names_unchanged(written: Path) -> None:
    tables = written / "tables"
    assert list(read_table.read(tables / "mine.csv")["variant"]) == NAMES
    markdown, _ = write_table.read_markdown((tables / "mine.md").read_text(encoding="utf-8"))
    assert list(markdown["Variant"]) == NAMES
    latex = (tables / "mine.tex").read_text(encoding="utf-8")
    body = latex.partition("\\midrule\n")[2].partition("\\bottomrule")[0]
    assert [plain(re.split(r"(?<!\\)&", row)[1].strip()) for row in body.strip().split("\n")] == NAMES
    assert r"\caption{100 \% of a\_b. Left out: " in latex
    lines = {line for name in NAMES for line in style.wrapped(name).splitlines()}
    assert lines <= texts_of(written / "figures" / "mine.svg")
    page = Page((written / "report.html").read_text(encoding="utf-8"))
    assert "default-src 'none'" in page.policy and "script-src" not in page.policy
    assert set(NAMES) <= set(page.texts)
    assert "script" not in page.elements and "i" not in page.elements
    assert not [link for link in page.links if not link.startswith(("#", "data:image/svg+xml", "figures/", "tables/"))]


def test_names_are_escaped_in_markdown() -> None:
    for name in NAMES:
        escaped = write_table.escape_markdown(name)
        assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>&|~$]", escaped)


def test_other_figures_show_names_unchanged(study: Any, tmp_path: Path) -> None:
    picture = tmp_path / "figure.svg"
    for name in (r"_hidden $\eta_$", "<b>&amp;", "1"):
        names = [{"series": "first"}] * 2 + [{"series": name, "panel": "first"}] * 2 + [{"series": name + "2"}] * 2
        changes = [{DENSITY: density} for density in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)]
        runs, _ = study(changes, names=names)
        style.save(thinning_curves.draw(runs), [str(picture)])
        assert {"first", name, name + "2"} <= texts_of(picture)
        runs = break_even_runs([timings(), timings(90.0)]).assign(series=name)
        style.save(break_even_figure.draw(runs), [str(picture)])
        assert name in texts_of(picture)


def test_powers_of_ten_are_text(tmp_path: Path) -> None:
    runs = break_even_runs([timings(time_driven=[1.0] * 3), timings(bound=[1e-6] * 3)])
    style.save(break_even_figure.draw(runs), [str(tmp_path / "figure.svg")])
    texts = texts_of(tmp_path / "figure.svg")
    assert {"10⁻³", "10³", "10⁰"} <= texts
    assert not [text for text in texts if "$" in text or "{" in text]
    assert style.power_of_ten(-16) == "10⁻¹⁶"


INJECTIONS = [
    ".. raw:: html\n\n   <script>alert(1)</script>",
    ".. include:: {file}",
    ".. raw:: html\n   :file: {file}",
    ".. csv-table::\n   :file: {file}",
    ".. role:: html(raw)\n   :format: html\n\n:html:`<script>alert(1)</script>`",
]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("TOP SECRET", encoding="utf-8")
    return tmp_path / "secret"


@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_caption_cannot_include_html_or_a_file(injection: str, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secret.parent / "docutils.conf").write_text("[general]\nraw_enabled: yes\nfile_insertion_enabled: yes\n")
    monkeypatch.chdir(secret.parent)
    template = secret.parent / "caption.rst"
    template.write_text("{{ snakemake.params.facts.text }}", encoding="utf-8")
    html = report_page.caption(template, {"text": injection.format(file=secret)})
    assert "<script" not in html and "TOP SECRET" not in html


@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_caption_that_snakemake_renders_cannot_include_html_or_a_file(injection: str, secret: Path) -> None:
    program = "import sys, docutils.core as c; print(c.publish_parts(sys.argv[1], writer_name='html')['body'])"
    text = injection.format(file=secret)
    conf = str(PROJECT / "workflow" / "report" / "docutils.conf")
    environment = os.environ | {"DOCUTILSCONFIG": conf}
    command = [sys.executable, "-W", "ignore", "-c", program, text]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "<script" not in run.stdout and "TOP SECRET" not in run.stdout
    environment = os.environ | {"DOCUTILSCONFIG": os.devnull}  # which shows that the test can fail
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "<script" in run.stdout or "TOP SECRET" in run.stdout


def test_names_with_underscores_are_no_links() -> None:
    facts = {"networks": {"large_": "n_mnist_", "a_b": "Poisson input"}, "repeats": [5]}
    html = report_page.caption(PROJECT / "workflow" / "report" / "baselines.rst", facts)
    assert "large_: n_mnist_" in html and "a_b: Poisson input" in html
    assert "system-message" not in html


def test_the_name_of_a_file_has_no_wildcards() -> None:
    network = {"n_input": 2, "n_recurrent": 2, "n_readout": 1}
    scaling = {"kind": "strong", "ranks": [1], "input_rate": 1.0, "n_steps": 1, "n_steps_warm_up": 1}
    with pytest.raises(ParameterError, match=r"measured_elsewhere\.big: \{scaling\}\.csv: must not have braces"):
        parse(Scaling, scaling | {"network": network, "measured_elsewhere": {"big": "{scaling}.csv"}})


@pytest.mark.parametrize(
    "note", [*NAMES, "two\n\n.. figure:: x\n   :target: javascript:alert(1)", "<!-- </script> \x1b[1m"]
)
def test_the_note_of_a_caption_is_literal_text(note: str) -> None:
    network = {"n_input": 2, "n_recurrent": 2, "n_readout": 1}
    scaling = {"kind": "strong", "ranks": [1], "input_rate": 1.0, "n_steps": 1, "n_steps_warm_up": 1, "note": note}
    chosen = configuration.load({"scaling": {"mine": scaling | {"network": network}}}, "my.yaml")
    facts = captions.scaling(chosen, "mine")
    page = Page(report_page.caption(PROJECT / "workflow" / "report" / "scaling.rst", facts))
    assert printable(" ".join(note.split())) in " ".join(" ".join(page.texts).split())
    assert page.elements <= {"p", "strong"}
    # Snakemake's report has the facts in a script.
    assert not re.search("</|<!--", json.dumps(repr(facts)))


def test_names_that_look_like_numbers_are_aligned_as_text(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{}, {DENSITY: 0.5}], names=[{"variant": "1"}, {"variant": "2"}])
    numbers = studies_table.numbers(runs)
    files = [str(tmp_path / f"table.{kind}") for kind in ("csv", "md", "tex")]
    write_table.write(numbers, studies_table.printed(numbers, runs), files, "A caption.", "name")
    assert re.search(r"^\| digits +\| 2 +\| +3 \|", Path(files[1]).read_text(encoding="utf-8"), re.MULTILINE)
    assert r"\begin{tabular}{@{}llr" in Path(files[2]).read_text(encoding="utf-8")
