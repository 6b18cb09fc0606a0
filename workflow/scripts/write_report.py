"""Write a single HTML page, readable anywhere, with all figures, tables, captions and what made the results."""

import base64
import json
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pandas as pd
from docutils.core import publish_parts

import script_log

FORMATS = ("pdf", "svg", "png", "csv")


def caption(template: Path, facts: dict[str, Any]) -> str:
    """Return the caption as HTML; the templates are those of Snakemake's own report."""
    snakemake = SimpleNamespace(params=SimpleNamespace(facts=facts))
    text = jinja2.Template(template.read_text(encoding="utf-8")).render(snakemake=snakemake)
    return str(publish_parts(text, writer="html")["body"])


def section(
    name: str, template: Path, facts: dict[str, Any], results: Path, details: str | None = None
) -> dict[str, Any]:
    """Return what the page shows of one study or experiment; ``details`` names a further table, shown unless empty."""
    files = [f"figures/{name}.{file_format}" for file_format in FORMATS]
    files += [f"tables/{name}.{file_format}" for file_format in ("csv", "md", "tex")]
    further = pd.DataFrame()
    if details is not None:
        files.append(f"tables/{details}.csv")
        further = pd.read_csv(results / f"tables/{details}.csv")
    return {
        "name": name,
        "title": name[:1].upper() + name[1:].replace("_", " "),
        "picture": base64.b64encode((results / f"figures/{name}.svg").read_bytes()).decode(),
        "caption": caption(template, facts),
        "files": files,
        "table": _markdown_table(results / f"tables/{name}.md"),
        "details": "" if further.empty else further.to_html(index=False, border=0),
    }


def provenance(results: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per distinct origin of results, with the number of results that share it."""
    rows = []
    for result in results:
        made_by = result["provenance"]
        code = made_by["code"]
        rows.append(
            {
                "Commit": (code["commit"] or "unknown")[:12] + (" (changed)" if code["dirty"] else ""),
                "Python": made_by["python"],
                **{name: made_by["packages"].get(name, "") for name in ("numpy", "numba", "mpi4py")},
                "MPI": made_by["mpi"] or "none",
                "Hosts": ", ".join(sorted(set(made_by["hosts"]))),
                "CPU": made_by["cpu"],
                "Processors": f"{min(made_by['processors']):g}",
                "System": made_by["system"],
            }
        )
    table = pd.DataFrame(rows)
    return table.value_counts(sort=False).rename("Results").reset_index()


def _markdown_table(file: Path) -> str:
    """Return a table of our own making, whose cells hold no ``|``, as HTML, with the note below it."""
    table, _, note = file.read_text(encoding="utf-8").partition("\n\n")
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    return pd.DataFrame(rows, columns=header).to_html(index=False, border=0) + (
        f"<p>{escape(note)}</p>" if note else ""
    )


def main(snakemake: Any) -> None:
    """Write the page."""
    page = Path(snakemake.output[0])
    results = [json.loads(Path(file).read_text(encoding="utf-8")) for file in snakemake.input.results]
    dates = sorted(result["provenance"]["date"] for result in results)
    template = jinja2.Template(Path(snakemake.input.template).read_text(encoding="utf-8"), autoescape=True)
    html = template.render(
        title=snakemake.params.title,
        configuration=snakemake.params.configuration,
        n_results=len(results),
        dates=dates[0] if dates[0] == dates[-1] else f"from {dates[0]} to {dates[-1]}",
        sections=[
            section(entry["name"], Path(entry["caption"]), entry["facts"], page.parent, entry.get("details"))
            for entry in snakemake.params.sections
        ],
        provenance=provenance(results).to_html(index=False, border=0),
    )
    page.write_text(html, encoding="utf-8")


if __name__ == "__main__":
    script_log.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
