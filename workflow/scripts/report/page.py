"""Write a single HTML page, readable anywhere, with all figures, tables, captions and what made the results."""

import base64
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pandas as pd
from docutils.core import publish_parts

from eprop_core.files.text import read_json
from eprop_core.measurement.results import read_provenance
from eprop_core.records import Provenance
from workflow.scripts.report import summary
from workflow.scripts.shared import program
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import DASH, read_markdown

REPORT = Path(__file__).parents[2] / "report"
"""Templates of the page and of captions."""
FORMATS = ("pdf", "svg", "png", "csv")
LONG = 32
"""Letters of a cell that may take several lines."""
_NUMBER = re.compile(rf"[-+\u2212{DASH}]?\d|{DASH}")
"""How a cell with a number begins."""
SAFE = {"file_insertion_enabled": False, "raw_enabled": False, "_disable_config": True}
"""Settings of docutils."""


def caption(template: Path, facts: dict[str, Any]) -> str:
    """Return the caption as HTML; the templates are those of Snakemake's own report.

    Whatever the facts hold, no file and no HTML of theirs gets into it.
    """
    snakemake = SimpleNamespace(params=SimpleNamespace(facts=facts))
    text = jinja2.Template(template.read_text(encoding="utf-8")).render(snakemake=snakemake)
    return str(publish_parts(text, writer="html", settings_overrides=SAFE)["body"])


def section(
    name: str, template: Path, facts: dict[str, Any], results: Path, details: str | None = None, *, figure: bool = True
) -> dict[str, Any]:
    """Return what the page shows of one study or experiment.

    ``details`` names a further table, shown unless empty; ``figure`` says whether there is one.
    """
    files = [f"figures/{name}.{file_format}" for file_format in FORMATS] if figure else []
    files += [f"tables/{name}.{file_format}" for file_format in ("csv", "md", "tex")]
    further = pd.DataFrame()
    if details is not None:
        files.append(f"tables/{details}.csv")
        further = read(results / f"tables/{details}.csv")
    if (results / f"tables/{name}_runs.csv").is_file():
        files.append(f"tables/{name}_runs.csv")
    title = name[:1].upper() + name[1:].replace("_", " ")
    table, notes = read_markdown((results / f"tables/{name}.md").read_text(encoding="utf-8"))
    return {
        "name": name,
        "title": title,
        "picture": base64.b64encode((results / f"figures/{name}.svg").read_bytes()).decode() if figure else "",
        "caption": caption(template, facts),
        "files": files,
        "numbers": [file for file in files if file.endswith(".csv") and file.startswith("tables/")],
        "headline": summary.headline(name, title, results),
        "table": as_html(table),
        "notes": notes,
        "details": "" if further.empty else as_html(further),
    }


def as_html(table: pd.DataFrame) -> str:
    """Return a table as HTML that shows whole what its cells hold, and a dash where a number is missing.

    Its classes ``text-N`` and ``long-N`` say which columns hold words, and which have cells of several lines.
    """
    classes = []
    for n, (_, column) in enumerate(table.items(), start=1):
        cells = [str(cell) for cell in column.dropna() if str(cell)]
        classes += [f"text-{n}"] if not all(map(_NUMBER.match, cells)) else []
        classes += [f"long-{n}"] if max(map(len, cells), default=0) > LONG else []
    with pd.option_context("display.max_colwidth", None):
        return table.to_html(index=False, border=0, na_rep=DASH, escape=True, classes=classes)


def provenance(results: list[Provenance]) -> pd.DataFrame:
    """Return a row per distinct origin of results, with the number of results that share it."""
    rows = []
    for made_by in results:
        code = made_by.code
        rows.append(
            {
                "Commit": (code.commit or "unknown")[:12] + (" (changed)" if code.dirty else ""),
                "Python": made_by.python,
                **{name: made_by.packages.get(name, "") for name in ("numpy", "numba", "mpi4py")},
                "MPI": made_by.mpi or "none",
                "Hosts": ", ".join(sorted(set(made_by.hosts))),
                "CPU": made_by.cpu,
                "Processors": f"{min(made_by.processors):g}",
                "System": made_by.system,
            }
        )
    table = pd.DataFrame(rows)
    return table.value_counts(sort=False).rename("Results").reset_index()


def write(plan: dict[str, Any], page: Path) -> None:
    """Write a page below the folder of the figures and tables that it shows.

    ``plan`` holds its title, the name of the configuration, sections (name, template of the caption, facts, and the
    name of further details) and the result files whose provenance it shows.
    """
    results = [read_provenance(file) for file in plan["results"]]
    dates = sorted(f"{datetime.fromisoformat(made_by.date).astimezone(UTC):%Y-%m-%d %H:%M} UTC" for made_by in results)
    template = jinja2.Template((REPORT / "report.html.jinja").read_text(encoding="utf-8"), autoescape=True)
    html = template.render(
        title=plan["title"],
        configuration=plan["configuration"],
        n_results=len(results),
        dates=dates[0] if dates[0] == dates[-1] else f"from {dates[0]} to {dates[-1]}",
        sections=[
            section(
                entry["name"],
                REPORT / entry["caption"],
                entry["facts"],
                page.parent,
                entry.get("details"),
                figure=entry.get("figure", True),
            )
            for entry in plan["sections"]
        ],
        machines=summary.machines(results),
        commits=sorted({(made_by.code.commit or "unknown")[:12] for made_by in results}),
        warnings=summary.warnings([entry["name"] for entry in plan["sections"]], page.parent, results),
        folders=plan.get("folders", []),
        provenance=as_html(provenance(results)),
    )
    page.write_text(html, encoding="utf-8")


def main() -> None:
    """Write the page."""
    outputs = "the page (HTML), and for a page with folders, their index (CSV)"
    options = program.parser("workflow.scripts.report.page", __doc__, outputs, range(1, 3))
    options.add_argument("plan", type=Path, help="JSON file: title, sections and result files of the page")
    given = options.parse_args()
    plan = read_json(given.plan)
    write(plan, given.output[0])
    for index in given.output[1:]:
        pd.DataFrame(plan["folders"]).to_csv(index, index=False)


if __name__ == "__main__":
    program.run(main)
