"""Write the page with a verdict for each claim of the paper, from tables of evidence alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workflow.scripts.reproduction import claims, evidence, verdict
from workflow.scripts.reproduction.claims import Claim, Question
from workflow.scripts.reproduction.verdict import Verdict
from workflow.scripts.shared import program
from workflow.scripts.shared.read_table import read
from workflow.scripts.shared.write_table import escape_markdown, two_digits

HEAD = """# Reproduction: what the results say about the claims of the paper

The paper is Korcsak-Gorzo et al. (2025), [arXiv:2511.21674](https://arxiv.org/abs/2511.21674). This page is generated
from tables of results: nobody writes a number or a verdict into it.
[`workflow/report/claims.yaml`](../workflow/report/claims.yaml) has the claims and the tests. Each has a bound, whose
history is that of the file. Earlier results of this project, and runs with other seeds to choose parameters, were known
when the bounds were written. Evidence that was collected for a different bound is ignored. Claims are paraphrased.
Except for the comparison with NEST, all tests run the simulator of this suite, so verdicts on efficiency and
scalability concern it, not the authors' implementation.

A test asks whether a mean over seeds is at least (≥) or at most (≤) a bound. **Reproduced**: a one-sided t-test at
the 5 % level shows that the bound is met. **Not reproduced**: such a test shows that it is missed. **Undecided**:
neither test is significant. As tests are one-sided, a verdict can be decided although the printed two-sided interval
contains the bound. A single value, or an extreme over all rows, is compared with the bound directly, without a test; a
difference of one pair of runs is undecided. A claim is reproduced if all its tests are, **reproduced in part** if some
are; otherwise it is not reproduced if one test says so, undecided if one is, and **not yet run** if no test was run.

Differences are paired over seeds. Intervals are 95 % confidence intervals of the mean (Student's t). In
cross-validation, n counts runs; runs of one fold share their test samples, so that intervals are too narrow. "Points"
are percentage points of accuracy on test samples. Core-hours are wall time times ranks, with pauses and other load of
the machine. Runs that two tables share count in both; those of a search are not included.
"""
TAIL = """
## How this page is made

`snakemake --cores all --configfile config/NAME.yaml` writes `results/tables/reproduction_NAME.csv`, the evidence of one
configuration. Copied to `docs/reproduction/`, it counts here: `python -m workflow.lib.documentation` writes this page.
"""


def page(of_claims: dict[str, Claim], answers: pd.DataFrame) -> str:
    """Return the page in Markdown.

    ``answers`` holds the rows of evidence (:func:`workflow.scripts.reproduction.evidence.rows`) of all configurations.
    """
    found = {(row["claim"], row["test"]): row for _, row in answers.iterrows()}
    summary, sections = ["| claim | verdict | tests reproduced |", "|---|---|---|"], []
    for name, claim in of_claims.items():
        tested = [(test, _counting(found.get((name, key)), test)) for key, test in claim.tests.items()]
        says = [Verdict.NOT_RUN if row is None else Verdict(row["verdict"]) for _, row in tested]
        overall = verdict.of_claim(says) if says else Verdict.UNTESTABLE
        share = f"{says.count(Verdict.REPRODUCED)} of {len(says)}" if says else ""
        summary.append(f"| [{escape_markdown(claim.claim)}](#{name.replace('_', '-')}) | **{overall}** | {share} |")
        sections.append(_section(name, claim, overall, tested))
    return "\n".join([HEAD, *summary, "", *sections, TAIL.lstrip("\n")])


def _counting(row: "pd.Series[Any] | None", test: Question) -> "pd.Series[Any] | None":
    """Return a row of evidence unless it was collected for another rule."""
    return None if row is None or row["rule"] != test.rule else row


def _section(
    name: str, claim: Claim, overall: Verdict, tested: Sequence[tuple[Question, "pd.Series[Any] | None"]]
) -> str:
    title = name.capitalize().replace("_", " ").replace("mnist", "MNIST")
    said = f"{escape_markdown(claim.claim)} ({escape_markdown(claim.source)}) **{overall.capitalize()}**."
    lines = [f"## {title}", "", said, ""]
    if claim.untestable:
        return "\n".join([*lines, escape_markdown(claim.untestable), ""])
    lines += ["| test | number | n | verdict | figure |", "|---|---|---|---|---|"]
    made: dict[str, None] = {}
    for test, row in tested:
        cells = [escape_markdown(test.rule), "", "", Verdict.NOT_RUN.value, f"`{test.figure}`" if test.figure else ""]
        origin = "not yet run"
        if row is not None:
            cells[1:4] = [evidence.number(row, test), str(row["n"]), str(row["verdict"])]
            hours = "" if pd.isna(row["core_hours"]) else f", {two_digits(row['core_hours'])} core-hours"
            origin = f"commit {row['commit']}, {row['machine']}{hours}, {row['date']}"
        lines.append(f"| {' | '.join(cells)} |")
        made[f"- `{test.command}`: {escape_markdown(origin)}"] = None
    return "\n".join([*lines, "", *made, ""])


def collected(tables: Sequence[Path]) -> pd.DataFrame:
    """Return the evidence in all tables; an empty table where there are none."""
    parts = [read(file, evidence.EVIDENCE) for file in tables]
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(evidence.EVIDENCE.columns))


def main() -> None:
    """Write the page."""
    options = program.parser("workflow.scripts.reproduction.page", __doc__, "the page (Markdown)")
    options.add_argument("evidence", type=Path, nargs="+", help="tables of evidence, one per configuration (CSV)")
    given = options.parse_args()
    given.output[0].write_text(page(claims.read(), collected(given.evidence)), encoding="utf-8")


if __name__ == "__main__":
    program.run(main)
