"""Verdicts on the claims of the paper: from small tables, by the rules that the page states."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from eprop_core import configuration
from eprop_core.parsing import ParameterError
from results_contract import undescribed_columns
from small_results import training_result
from workflow.lib.plan import Plan
from workflow.scripts.report import page as report
from workflow.scripts.reproduction import claims, evidence, page, verdict
from workflow.scripts.reproduction.claims import Claim, Question
from workflow.scripts.reproduction.verdict import Verdict
from workflow.scripts.shared import write_table
from workflow.scripts.shared.read_table import read

CONFIGURATIONS = Path(__file__).parents[2] / "config"


def asked(**given: Any) -> Question:
    """Return a test of the accuracy of variant b."""
    values = {"configuration": "own.yaml", "table": "runs", "quantity": "accuracy of b", "column": "accuracy"}
    return Question.model_validate({**values, "where": {"variant": "b"}, **given})


def runs(**values: list[float]) -> pd.DataFrame:
    """Return a table with a row per seed and variant."""
    rows = [
        {"variant": variant, "seed": seed, "accuracy": accuracy, "density": 0.1 * seed}
        for variant, of_variant in values.items()
        for seed, accuracy in enumerate(of_variant, 1)
    ]
    return pd.DataFrame(rows)


def verdict_on(table: pd.DataFrame, test: Question) -> Verdict | None:
    answer = verdict.statistic(table, test)
    return None if answer is None else answer.verdict


def test_a_bound_is_met_or_missed_where_a_one_sided_t_test_shows_it() -> None:
    values = [0.90, 0.92, 0.94]
    table = runs(a=[0.1, 0.1, 0.1], b=values)
    error, mean = stats.sem(values), np.mean(values)
    reach = stats.t.ppf(0.95, 2) * error
    answer = verdict.statistic(table, asked(at_least=0.9))
    assert answer is not None
    low, high = stats.t.interval(0.95, df=2, loc=mean, scale=error)
    assert answer[:4] == (3, pytest.approx(mean), pytest.approx(low), pytest.approx(high))
    for bound, at_least, at_most in (
        (mean - 1.001 * reach, Verdict.REPRODUCED, Verdict.NOT_REPRODUCED),
        (mean - 0.999 * reach, Verdict.UNDECIDED, Verdict.UNDECIDED),
        (mean + 0.999 * reach, Verdict.UNDECIDED, Verdict.UNDECIDED),
        (mean + 1.001 * reach, Verdict.NOT_REPRODUCED, Verdict.REPRODUCED),
    ):
        assert verdict_on(table, asked(at_least=bound)) == at_least
        assert verdict_on(table, asked(at_most=bound)) == at_most


def test_differences_are_paired_over_seeds() -> None:
    table = runs(a=[0.5, 0.7, 0.9, 0.2], b=[0.51, 0.72, 0.93])  # seed 4 has no partner
    answer = verdict.statistic(table, asked(against={"variant": "a"}, at_least=-0.02))
    assert answer is not None
    assert (answer.n, answer.value, answer.verdict) == (3, pytest.approx(0.02), Verdict.REPRODUCED)
    assert verdict_on(table, asked(at_least=0.6)) == Verdict.UNDECIDED  # the same accuracies, by themselves
    of_one_pair = verdict.statistic(table[table["seed"] == 3], asked(against={"variant": "a"}, at_least=-0.02))
    assert of_one_pair is not None
    assert (of_one_pair.n, of_one_pair.value, of_one_pair.verdict) == (1, pytest.approx(0.03), Verdict.UNDECIDED)


def test_a_single_value_and_an_extreme_are_compared_themselves() -> None:
    table = runs(a=[0.4], b=[0.9, 0.8, 0.7])
    alone = verdict.statistic(table, asked(where={"variant": "a"}, at_least=0.4))
    assert alone is not None and alone.verdict == Verdict.REPRODUCED and np.isnan(alone.high)
    assert verdict_on(table, asked(where={"variant": "a"}, at_least=0.5)) == Verdict.NOT_REPRODUCED
    assert verdict_on(table, asked(statistic="minimum", at_least=0.7)) == Verdict.REPRODUCED
    assert verdict_on(table, asked(statistic="minimum", at_least=0.71)) == Verdict.NOT_REPRODUCED
    assert verdict_on(table, asked(statistic="maximum", at_most=0.8)) == Verdict.NOT_REPRODUCED


def test_rows_are_chosen_by_numbers_and_names() -> None:
    table = runs(a=[0.1, 0.2, 0.3], b=[0.4, 0.5, 0.6])
    answer = verdict.statistic(table, asked(where={"variant": "b", "density": 0.3}, at_least=0.6))  # 0.1 * 3 > 0.3
    assert answer is not None and (answer.n, answer.value) == (1, 0.6)


@pytest.mark.parametrize(
    "changes",
    [
        {"where": {"variant": "c"}},
        {"where": {"layer": "b"}},
        {"column": "loss"},
        {"where": {"variant": "b", "density": 0.15}},
        {"against": {"variant": "c"}},
        {"where": {}, "against": {"variant": "a"}},  # two rows per seed
    ],
)
def test_what_a_table_does_not_hold_has_no_answer(changes: dict[str, Any]) -> None:
    assert verdict.statistic(runs(a=[0.1, 0.2], b=[0.3, 0.4]), asked(at_least=0.1, **changes)) is None


@pytest.mark.parametrize(
    ("verdicts", "overall"),
    [
        ([Verdict.REPRODUCED, Verdict.REPRODUCED], Verdict.REPRODUCED),
        ([Verdict.REPRODUCED, Verdict.NOT_RUN], Verdict.IN_PART),
        ([Verdict.REPRODUCED, Verdict.NOT_REPRODUCED], Verdict.IN_PART),
        ([Verdict.UNDECIDED, Verdict.NOT_REPRODUCED, Verdict.NOT_RUN], Verdict.NOT_REPRODUCED),
        ([Verdict.NOT_RUN, Verdict.UNDECIDED], Verdict.UNDECIDED),
        ([Verdict.NOT_RUN], Verdict.NOT_RUN),
    ],
)
def test_the_verdict_on_a_claim_follows_from_its_tests(verdicts: list[Verdict], overall: Verdict) -> None:
    assert verdict.of_claim(verdicts) == overall


def claim(**tests: Question) -> dict[str, Claim]:
    return {"learning": Claim(claim="It learns.", source="abstract", tests=tests)}


def collected(tmp_path: Path, of_claims: dict[str, Claim]) -> pd.DataFrame:
    """Return the evidence of two runs, read back from its file."""
    files = []
    for seed in (1, 2, 3):
        files.append(str(tmp_path / f"{seed}.json"))
        training_result(seed).write(files[-1])
    table = runs(a=[0.8, 0.8, 0.8], b=[0.9, 0.92, 0.94]).assign(total_time_s=1200.0)
    table.to_csv(tmp_path / "runs.csv", index=False)
    tests = claims.tests_of(of_claims, "own.yaml", ["runs"])
    evidence.rows(tests, tmp_path, {"runs": files}).to_csv(tmp_path / "reproduction_own.csv", index=False)
    return read(tmp_path / "reproduction_own.csv")


def test_the_page_says_what_the_tables_say(tmp_path: Path) -> None:
    tested = asked(at_least=0.85, unit="%", figure="drawn")
    elsewhere = asked(at_least=0.85, configuration="other.yaml")
    of_claims = claim(here=tested, elsewhere=elsewhere)
    answers = collected(tmp_path, of_claims)
    assert undescribed_columns("tables/reproduction_own.csv", list(answers)) == []
    text = page.page(of_claims, answers)
    assert "| accuracy of b ≥ 85.0 % | 92.0 ± 5.0 % | 3 | reproduced | `drawn` |" in text
    assert "| accuracy of b ≥ 0.8 |  |  | not yet run |  |" in text
    assert "| [It learns.](#learning) | **reproduced in part** | 1 of 2 |" in text
    origin = "commit 0123456789ab, some CPU, 2 processors, 2 core-hours, 2026-01-01"
    assert f"- `snakemake --cores all --configfile config/own.yaml`: {origin}" in text
    assert "- `snakemake --cores all --configfile config/other.yaml`: not yet run" in text
    printed = evidence.printed(answers, of_claims)
    assert list(printed.iloc[0]) == ["It learns.", tested.rule, "92.0 ± 5.0 %", "3", "reproduced"]


def test_the_report_has_the_table_of_evidence_without_a_figure(tmp_path: Path) -> None:
    of_claims = claim(here=asked(at_least=0.85))
    answers = collected(tmp_path, of_claims)
    files = [tmp_path / f"tables/reproduction_own.{end}" for end in ("csv", "md", "tex")]
    files[0].parent.mkdir()
    write_table.write(answers, evidence.printed(answers, of_claims), files, "", "reproduction")
    section = report.section("reproduction_own", report.REPORT / "reproduction.rst", {}, tmp_path, figure=False)
    assert section["picture"] == "" and not any("figures" in file for file in section["files"])
    assert "It learns." in section["table"]


def test_tables_that_answer_no_test_give_a_table_without_rows(tmp_path: Path) -> None:
    empty = pd.DataFrame(columns=list(evidence.EVIDENCE.columns))
    files = [tmp_path / f"reproduction.{extension}" for extension in ("csv", "md", "tex")]
    write_table.write(empty, evidence.printed(empty, claims.read()), files, "", "reproduction")
    assert len(read(files[0])) == 0


def test_hours_of_all_ranks_count_and_those_of_one_that_is_emulated() -> None:
    times = pd.DataFrame({"build_s": [3600.0, 7200.0], "propagation_s": [1800.0, 1800.0]})
    assert evidence.core_hours(times) == 1.5 + 2.5
    assert evidence.core_hours(times.assign(ranks=[1, 2])) == 1.5 + 2 * 2.5
    emulated = times.assign(ranks=[2, 128], measured=["measured", "dry_run"])
    assert evidence.core_hours(emulated) == 2 * 1.5 + 2.5
    assert np.isnan(evidence.core_hours(pd.DataFrame({"ranks": [1]})))


def test_evidence_for_another_rule_does_not_count(tmp_path: Path) -> None:
    answers = collected(tmp_path, claim(here=asked(at_least=0.85)))
    stricter = page.page(claim(here=asked(at_least=0.95)), answers)
    assert "| [It learns.](#learning) | **not yet run** |" in stricter
    assert "0123456789ab" not in stricter


def test_a_claim_without_a_possible_test_says_why() -> None:
    of_claims = {"energy": Claim(claim="It saves energy.", source="abstract", untestable="There is no meter.")}
    text = page.page(of_claims, page.collected([]))
    assert "| [It saves energy.](#energy) | **cannot be tested here** |" in text
    assert "There is no meter." in text


@pytest.mark.parametrize("bounds", [{}, {"at_least": 1.0, "at_most": 2.0}])
def test_a_test_has_one_bound(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="either at_least or at_most"):
        asked(**bounds)


def test_wrong_claims_end_with_a_line_that_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").write_text("learning: {claim: It learns., source: abstract, test: {}}\n")
    with pytest.raises(ParameterError, match=r"claims\.yaml: claims\.learning\.test"):
        claims.read(tmp_path / "claims.yaml")


def questions() -> list[Any]:
    return [
        pytest.param(test, id=f"{of_claim}-{name}")
        for of_claim, claim in claims.read().items()
        for name, test in claim.tests.items()
    ]


@functools.cache
def plan_of(name: str) -> Plan:
    file = CONFIGURATIONS / name
    return Plan(configuration.load(yaml.safe_load(file.read_text(encoding="utf-8")), name), str(file))


@pytest.mark.parametrize("test", questions())
def test_configurations_make_what_the_claims_ask(test: Question) -> None:
    """A test whose rows no point of its study has would stay "not yet run" for ever."""
    plan = plan_of(test.configuration)
    asked_for = [table for content in plan.evidence.values() for table in content["results"]]
    assert test.table in asked_for
    study = test.table.removesuffix("_runs")
    if study not in plan.configuration.studies:
        return
    points = json.loads(plan.text("studies", study))["points"]
    for rows in filter(None, (test.where, test.against)):
        heads = [{key: point[key] for key in ("task", "variant", "series")} | point["changes"] for point in points]
        assert any(all(head.get(key) == value for key, value in rows.items()) for head in heads), rows
