"""Captions and the report."""

import re
from pathlib import Path
from typing import Any

import pytest

from small_results import DENSITY, PROJECT
from workflow.scripts.report import page as report_page
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


def test_the_report_is_one_self_contained_page(study: Any, tmp_path: Path) -> None:
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
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "data:image/svg+xml;base64," in page
    assert not re.search(r'(src|href)="https?:', page)
    for text in ("my.yaml", "3 seeds", "Input density 0.5", "0123456789ab", "some CPU", "tables/mine.tex"):
        assert text in page


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
