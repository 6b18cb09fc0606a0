"""Captions and the report."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from browser import WIDTHS, Browser, needs_browser
from small_results import DENSITY, PROJECT
from workflow.lib import configuration_file
from workflow.scripts.report import page as report_page
from workflow.scripts.report import summary
from workflow.scripts.shared import style, write_table
from workflow.scripts.studies import parameter_curves
from workflow.scripts.studies import table as studies_table

pytestmark = pytest.mark.usefixtures("drawing")


def test_captions_state_seeds_and_repeats() -> None:
    captions = PROJECT / "workflow" / "report"
    facts: dict[str, Any] = {"tasks": ["digits"], "seeds": 7, "varied": ["input.delay"], "names": ["full"]}
    facts |= {"margin": 0.02}
    for kind in ("curves", "vary", "grid", "variants", "series"):
        assert "7 seeds" in report_page.caption(captions / "study.rst", facts | {"kind": kind})
    several = report_page.caption(captions / "study.rst", facts | {"kind": "grid", "tasks": ["digits", "some_cues"]})
    assert "tasks digits, some cues" in several
    assert "9 repeats" in report_page.caption(captions / "break_even.rst", {"repeats": 9, "seeds": 1})
    facts = {"kind": "weak", "neurons": 5, "inputs": 3, "model_time": 1.5, "repeats": 9, "seeds": 1, "dry": False}
    assert "median of 9 repeats" in report_page.caption(captions / "scaling.rst", facts)
    assert "dry run" not in report_page.caption(captions / "scaling.rst", facts)
    assert "dry run" in report_page.caption(captions / "scaling.rst", facts | {"dry": True})
    assert "Exchange" in report_page.caption(captions / "exchange.rst", {})


@pytest.fixture
def page_of_a_study(study: Any, tmp_path: Path) -> Path:
    """A report with a figure and a table."""
    runs, _ = study([{DENSITY: 0.5}])
    numbers = studies_table.numbers(runs)
    for directory in ("figures", "tables"):
        (tmp_path / directory).mkdir()
    plot_files = [str(tmp_path / "figures" / "mine.svg")]
    style.save(parameter_curves.draw(runs), plot_files)
    files = [str(tmp_path / "tables" / f"mine.{file_format}") for file_format in ("csv", "md", "tex")]
    write_table.write(numbers, studies_table.printed(numbers, runs), files, "A caption.", "name")
    section = {
        "name": "mine",
        "caption": "study.rst",
        "facts": {"kind": "vary", "tasks": ["digits"], "seeds": 3, "varied": ["density"], "names": []},
    }
    plan = {"title": "Title", "configuration": "my.yaml", "sections": [section], "results": list(runs["file"])}
    report_page.write(plan, tmp_path / "report.html")
    return tmp_path / "report.html"


def test_the_report_is_one_self_contained_page(page_of_a_study: Path, tmp_path: Path) -> None:
    page = page_of_a_study.read_text(encoding="utf-8")
    assert "data:image/svg+xml;base64," in page
    assert not re.search(r'(src|href)="https?:', page)
    for text in (
        "my.yaml",
        "3 seeds",
        "Input density 0.5",
        "0123456789ab",
        "some CPU",
        "tables/mine.tex",
        "test accuracy ",
    ):
        assert text in page
    links = re.findall(r'href="([^"]+)"', page)
    assert all(
        (tmp_path / link).exists() for link in links if link.endswith(("csv", "md", "tex")) and "figures" not in link
    )
    assert {link[1:] for link in links if link.startswith("#")} <= set(re.findall(r'id="([^"]+)"', page))
    assert str(tmp_path) not in page


def test_tables_of_the_report_know_columns_of_words_and_long_cells() -> None:
    columns = {"Variant": ["e-prop+", "a name"], "Score": ["\u22120.3 ± 0.1", ""], "Left out": ["\u2013a", "1.5"]}
    columns |= {"Test": ["3 words", "a test with as many words as a line of a table has no room for"], "n": [1, 2]}
    assert 'class="dataframe text-1 text-4 long-4"' in report_page.as_html(pd.DataFrame(columns))


@needs_browser
def test_the_report_is_readable_on_a_screen_and_on_a_phone(page_of_a_study: Path, browser: Browser) -> None:
    """Its figure opens large, and closes again."""
    assert browser.faults(page_of_a_study) == {}
    width = "document.querySelector('figure img').getBoundingClientRect().width"
    assert browser.run(f"return {width}") < WIDTHS[1]
    browser.run("document.querySelector('figure img').click()")
    assert browser.wait_for(f"{width} > 1000")
    assert browser.run("return getComputedStyle(document.querySelector('.large')).overflowX") == "auto"
    browser.run("document.querySelector('.close').click()")
    assert browser.wait_for(f"{width} < {WIDTHS[1]}")
    assert browser.complaints() == []


def table_of(directory: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (directory / "tables").mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(directory / f"tables/{name}.csv", index=False)


STUDY = {"task": "some_task", "seeds": 3, "test_accuracy": 0.912, "test_accuracy_high": 0.937}
SCALING = {"variant": "eprop_plus", "ranks": 2, "real_time_factor": 0.51, "speed_up": 1.81, "repeats": 5}


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([STUDY], ["some task: test accuracy 91.2 ± 2.5 % (3 seeds)"]),
        (
            [STUDY, STUDY | {"test_accuracy": 0.95}],
            ["some task: test accuracy 91.2 ± 2.5 % (3 seeds); 91.2 to 95.0 % over all 2 points"],
        ),
        (
            [STUDY | {"test_accuracy": None, "seeds": 1, "training_nmse": 0.05, "training_nmse_high": None}],
            ["some task: NMSE 0.050 (1 seed)"],
        ),
        ([STUDY, STUDY | {"test_accuracy": None}], ["some task: 2 points, not all of which have a score"]),
        (
            [SCALING | {"measured": "measured"}, SCALING | {"measured": "dry_run", "ranks": 64}],
            ["e-prop+: wall time 0.51 times model time on 2 ranks, speed-up 1.81, median of 5 repeats"],
        ),
        (
            [SCALING | {"measured": "dry_run", "ranks": 64}],
            ["e-prop+: wall time 0.51 times model time on 64 ranks (dry run), speed-up 1.81, median of 5 repeats"],
        ),
        (
            [{"series": "size", "time_driven_ratio": ratio} for ratio in (4.0, 2.5, None)],
            ["size: time-driven simulation takes 2.5 to 4 times as long"],
        ),
        (
            [{"series": "size", "time_driven_ratio": None}],
            ["size: the time-driven simulation was too short to be measured"],
        ),
        ([{"measure": "Loss", "before": 4.0, "after": 0.25}], ["Loss: 4 before training, 0.25 after"]),
        ([{"measure": "Samples", "train": 90, "validation": None, "test": 10}], ["Samples: 90 train, 10 test"]),
        ([{"verdict": "met"}, {"verdict": "missed"}, {"verdict": "met"}], ["3 tests: 2 met, 1 missed"]),
        ([{"passed": True}, {"passed": False}], ["1 of 2 comparisons are within their tolerances"]),
    ],
)
def test_the_summary_has_the_main_result_of_each_section(
    rows: list[dict[str, Any]], lines: list[str], tmp_path: Path
) -> None:
    table_of(tmp_path, "mine", rows)
    headline = summary.headline("mine", "Mine", tmp_path)
    assert (headline.lines, headline.file) == (lines, "tables/mine.csv")


def test_the_summary_warns_of_runs_that_learned_nothing_and_of_disturbed_times(study: Any, tmp_path: Path) -> None:
    scores = {
        "test_accuracy": [0.11, 0.9, None, None],
        "chance": [0.1, 0.1, None, None],
        "training_nmse": [None, None, 1.0, 0.4],
    }
    table_of(tmp_path, "mine", [STUDY])
    study([{}], seeds=(1, 2, 3, 4))[0].assign(**scores).to_csv(tmp_path / "tables" / "mine_runs.csv", index=False)
    table_of(tmp_path, "times", [{"other_work_processors": busy} for busy in (0.0, 0.5, None)])
    table_of(tmp_path, "checks", [{"passed": False}, {"passed": True}])
    first, second, third = summary.warnings(["mine", "times", "checks"], tmp_path, [])
    assert first.startswith("mine: 2 of 4 runs have learned nothing")
    assert second == "times: other programs were busy during 1 of 3 measurements."
    assert third == "checks: 1 of 2 differences exceed their tolerances."


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_tables_fit_a_page(tmp_path: Path) -> None:
    """Of A4 with margins of 25 mm, whatever the names of variants; a box may exceed it by less than a point."""
    long_name = "a variant with a name that is as long as names of variants in a configuration may be_ " * 2
    columns = {
        "Task": ["digits", "evidence accumulation"],
        "Variant": ["e-prop+", long_name[:100]],
        "Seeds": ["5", "10"],
        **{f"Synaptic operations per sample {n} (1000)": ["1234.56 ± 12.34", write_table.DASH] for n in range(3)},
        "Peak memory (MB)": ["234 ± 4", "1"],
    }
    printed = pd.DataFrame(columns)
    files = [tmp_path / f"table.{kind}" for kind in ("csv", "md", "tex")]
    write_table.write(printed, printed, files, "A caption, 100 %.", "name", not_in_latex=["Peak memory (MB)", "Absent"])
    assert "Peak memory (MB)" in files[1].read_text(encoding="utf-8")
    assert "Peak" not in files[2].read_text(encoding="utf-8")
    (tmp_path / "page.tex").write_text(
        "\\documentclass{article}\\usepackage[a4paper,margin=25mm]{geometry}\\usepackage[utf8]{inputenc}"
        "\\usepackage{booktabs}\\begin{document}\\input{table}\\end{document}",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    too_wide = [float(amount) for amount in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", run.stdout)]
    assert all(amount < 1.0 for amount in too_wide), too_wide


def test_a_configuration_is_named_without_the_folders_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = ["mine.yaml", tmp_path / "sub" / "other.yaml", PROJECT / "config" / "smoke.yaml", "/elsewhere/third.yaml"]
    assert configuration_file.shown(files, PROJECT) == "mine.yaml, sub/other.yaml, config/smoke.yaml, third.yaml"


def test_saving_a_figure_again_writes_the_same_file(study: Any, tmp_path: Path) -> None:
    """The layout stays, and there is no date in the file."""
    runs, _ = study([{DENSITY: 0.5}, {DENSITY: 0.1}])
    files = [tmp_path / f"figure.{file_format}" for file_format in ("pdf", "svg", "png")]
    figure = parameter_curves.draw(runs)
    written = []
    for _ in range(2):
        style.save(figure, files)
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
