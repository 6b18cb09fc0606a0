"""The rules write no file, and no table, that docs/reference/results.md leaves out."""

import re
from itertools import chain

import pytest

from results_contract import OF_ANY_STUDY, RULES, section_of, undescribed, undescribed_columns
from workflow.lib import plan

NAMES = {"data": "data_digits", "dynamics": "dynamics_digits", "evidence": "reproduction_config", "file": "train.npz"}
"""Examples of what stands for wildcards; others are names of a configuration with the hash of the parameters."""
HASH = "0123456789"


def files_of_rules() -> set[str]:
    """The files below ``results/`` in all rules."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in RULES)
    literal = re.findall(r'(?<!f)"(results/[^"]+)"', text)
    made = [chain(*map(getattr(plan, kind), re.findall(rf'{kind}\("([^"]+)"\)', text))) for kind in ("table", "figure")]
    return {file.removeprefix("results/") for file in chain(literal, *made)}


def example(file: str) -> str:
    examples = {
        "point": HASH,
        "locality": HASH,
        "gradient": HASH,
        "choice": f"NAME-{HASH}-{HASH}",
        "seed": "1",
        "ranks": "2",
        **NAMES,
    }
    in_folder = f"NAME-{HASH}" if not file.startswith(("tables/", "figures/")) else "NAME"
    return re.sub(r"{+(\w+)}+", lambda wildcard: examples.get(wildcard[1], in_folder), file)


def test_all_files_of_rules_are_described() -> None:
    files = {example(file) for file in files_of_rules()}
    assert len(files) > 90 and f"studies/NAME-{HASH}/seed-1.json" in files
    assert undescribed(sorted(files)) == []


def test_all_tables_of_rules_have_a_section() -> None:
    tables = {file for file in files_of_rules() if file.endswith(".csv") and "/" in file}
    assert {"tables/race.csv", "tables/{evidence}.csv", "figures/race.csv"} <= tables
    of_any_study = {file for file in tables if section_of(example(file))[0] == OF_ANY_STUDY}
    assert of_any_study == {"tables/{study}.csv", "figures/{study}.csv"}


@pytest.mark.parametrize(
    ("table", "column"), [("tables/scaling.csv", "propagation_s"), ("tables/learning.csv", "test_loss")]
)
def test_a_column_of_another_section_is_not_described(table: str, column: str) -> None:
    assert undescribed_columns(table, [column, "network.neuron.tau_m"]) == []
    assert undescribed_columns("tables/race.csv", [column]) == [column]
