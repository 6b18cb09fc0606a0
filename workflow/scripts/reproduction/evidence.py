"""Ask the tables of one configuration what the claims of the paper ask; a row per test, with its verdict and origin."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from eprop_core.files.text import read_json
from eprop_core.measurement.results import read_provenance
from workflow.scripts.locality import collect_accuracy
from workflow.scripts.reproduction import claims, verdict
from workflow.scripts.reproduction.claims import Claim, Question
from workflow.scripts.sensitivity import collect as collect_sensitivity
from workflow.scripts.shared import program, write_table
from workflow.scripts.shared.read_table import Amount, Number, Table, read, read_columns
from workflow.scripts.studies import collect as collect_study
from workflow.scripts.verification.numbers import DIFFERENCES

TIMES = ("total_time_s", "build_s", "propagation_s")
"""Columns with wall times of a process, s, which add up."""
EVIDENCE = Table(
    {
        "claim": str,
        "test": str,
        "rule": str,
        "n": Number,
        "value": float,
        "low": float | None,
        "high": float | None,
        "verdict": Literal[tuple(map(str, verdict.Verdict))],
        "commit": str,
        "machine": str,
        "date": str,
        "core_hours": Amount | None,
    },
    key=("claim", "test"),
    may_be_empty=True,
)
CAPTION = (
    "Tests of the paper's claims: number, its 95 % confidence interval (Student's t), the bound that stands in "
    "workflow/report/claims.yaml, and the verdict. Reproduced (not reproduced): a one-sided t-test at the 5 % level "
    "shows that the bound is met (missed); undecided: neither. A single value is compared with the bound directly; a "
    "difference of one pair of runs is undecided."
)


def origin(files: list[str]) -> dict[str, str]:
    """Return what made result files: commit, processors of a run, last date."""
    made_by = [read_provenance(file) for file in files]
    commits = {(of.code.commit or "unknown")[:12] + (" (changed)" if of.code.dirty else "") for of in made_by}
    machines = {f"{of.cpu}, {min(of.processors):g} processors" for of in made_by}
    return {
        "commit": ", ".join(sorted(commits)),
        "machine": "; ".join(sorted(machines)),
        "date": max((of.date for of in made_by), default="")[:10],
    }


def core_hours(table: pd.DataFrame) -> float:
    """Return the hours that the runs of a table took, times their ranks; NaN if it has no times."""
    times = [column for column in TIMES if column in table]
    if not times:
        return np.nan
    processes = table["ranks"] if "ranks" in table else pd.Series(1, table.index)
    if "measured" in table:  # one of the ranks is emulated, by one process
        processes = processes.where(table["measured"] == "measured", 1)
    return float((table[times].sum(axis="columns") * processes).sum() / 3600)


def rows(of_tests: dict[tuple[str, str], Question], tables: Path, results: dict[str, list[str]]) -> pd.DataFrame:
    """Return a row per test that the tables answer: rule, number with its interval, verdict, and what made the table.

    Parameters
    ----------
    of_tests
        Tests by names of claim and test.
    tables
        Folder of the tables.
    results
        Result files that each table was made from.
    """
    read_tables = {
        name: _read(tables / f"{name}.csv", [test.column for test in of_tests.values() if test.table == name])
        for name in dict.fromkeys(test.table for test in of_tests.values())
    }
    origins = {name: origin(results[name]) for name in read_tables}
    found = []
    for (claim, name), test in of_tests.items():
        table = read_tables[test.table]
        if (answer := verdict.statistic(table, test)) is None:
            continue
        found.append(
            {
                "claim": claim,
                "test": name,
                "rule": test.rule,
                **answer._asdict(),
                **origins[test.table],
                "core_hours": core_hours(table),
            }
        )
    return pd.DataFrame(found, columns=list(EVIDENCE.columns))


_TABLES = {
    "locality_accuracy_runs": collect_accuracy.RUNS,
    "sensitivity_runs": collect_sensitivity.RUNS,
    "verification": DIFFERENCES,
}
"""What tables hold that are not those of studies, by name."""


def _read(file: Path, asked: Sequence[str]) -> pd.DataFrame:
    """Return a table of which some columns are asked."""
    if table := _TABLES.get(file.stem, collect_study.RUNS if file.stem.endswith("_runs") else None):
        return read(file, table)
    numbers = dict.fromkeys((*asked, *TIMES), float | None)
    return read_columns(file, {**numbers, "ranks": Number, "measured": str})


def printed(evidence: pd.DataFrame, of_claims: dict[str, Claim]) -> pd.DataFrame:
    """Return the table as it is printed."""
    tests = [of_claims[claim].tests[test] for claim, test in zip(evidence["claim"], evidence["test"], strict=True)]
    return pd.DataFrame(
        {
            "Claim": [of_claims[claim].claim for claim in evidence["claim"]],
            "Test": evidence["rule"],
            "Number": [number(row, test) for (_, row), test in zip(evidence.iterrows(), tests, strict=True)],
            "n": evidence["n"].astype(str),
            "Verdict": evidence["verdict"].astype(str),
        }
    )


def number(row: "pd.Series[Any]", test: Question) -> str:
    """Return the number of a row of the evidence, with its uncertainty and unit."""
    text = test.printed(row["value"])
    if not pd.isna(row["high"]):
        text += f" ± {test.printed(row['high'] - row['value'])}"
    return f"{text} {test.unit}".strip()


def main() -> None:
    """Write the table of one configuration."""
    options = program.table_parser("workflow.scripts.reproduction.evidence", __doc__)
    options.add_argument("plan", type=Path, help="JSON file: name of the configuration, and result files by table")
    options.add_argument("--tables", type=Path, required=True, help="folder of the tables")
    given = options.parse_args()
    plan, of_claims = read_json(given.plan), claims.read()
    of_tests = claims.tests_of(of_claims, plan["configuration"], plan["results"])
    evidence = rows(of_tests, given.tables, plan["results"])
    write_table.write(evidence, printed(evidence, of_claims), given.output, CAPTION, "reproduction")


if __name__ == "__main__":
    program.run(main)
