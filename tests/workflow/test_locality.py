"""Tables and figures of what locality costs."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eprop_core.experiments.locality.parameters import METHODS, AccuracyParameters, GradientPoint, Method
from eprop_core.experiments.locality.result import AccuracyResult, Alignment, GradientResult
from eprop_core.parsing import parse
from results_contract import undescribed_columns
from small_results import PROVENANCE, check, task, written
from workflow.scripts.locality import (
    accuracy_figure,
    accuracy_table,
    collect_accuracy,
    collect_gradients,
    gradients_figure,
    gradients_table,
    numbers,
)
from workflow.scripts.reproduction import claims, evidence
from workflow.scripts.shared.read_table import read

pytestmark = pytest.mark.usefixtures("drawing")

SEARCH = {"validation_samples": 10, "epochs": 1, "factors": [1.0, 10.0], "output_factors": [0.1, 1.0]}


def accuracy(method: Method, seed: int) -> AccuracyResult:
    return AccuracyResult(
        provenance=PROVENANCE,
        parameters=parse(AccuracyParameters, {"task": task(0.1, 1).model_dump(mode="json"), "search": SEARCH}),
        method=method,
        seed=seed,
        factor=10.0 if seed == 1 else 1.0,
        output_factor=1.0,
        tried=[(1.0, 0.1, 0.25), (1.0, 1.0, 0.5), (10.0, 0.1, 0.5), (10.0, 1.0, 0.75)],
        accuracy=0.5 + 0.1 * seed,
        test_samples=360,
    )


def gradient(cutoff: int | None, recurrent_cosine: float | None) -> GradientResult:
    values = task(0.1, 1).model_dump(mode="json") | {"samples": 5}
    values["network"]["plasticity"] = {"cutoff": cutoff}
    cosines = {"input_cosine": 0.8, "recurrent_cosine": recurrent_cosine, "output_cosine": 1.0, "all_cosine": 0.9}
    differences = {"output_difference": 1e-14, "readout_difference": 1e-14}
    return GradientResult(
        provenance=PROVENANCE,
        parameters=parse(GradientPoint, values),
        backpropagation="snnTorch 1.0",
        alignments=[
            Alignment(seed=seed, feedback=feedback, spikes=100 * seed, **cosines, **differences)
            for seed in (1, 2)
            for feedback in ("symmetric", "random")
        ],
    )


def reread(rows: list[dict[str, Any]], directory: Path) -> pd.DataFrame:
    pd.DataFrame(rows).to_csv(directory / "runs.csv", index=False)
    return read(directory / "runs.csv")


@pytest.fixture
def accuracies(tmp_path: Path) -> pd.DataFrame:
    rows = [row for method in METHODS for seed in (1, 2) for row in collect_accuracy.rows(accuracy(method, seed))]
    return reread(rows, tmp_path)


@pytest.fixture
def cosines(tmp_path: Path) -> pd.DataFrame:
    head = {"series": "cutoff", "parameter": "network.plasticity.cutoff"}
    results = gradient(None, None), gradient(20, 0.6)
    return reread([row for result in results for row in collect_gradients.rows(head, result)], tmp_path)


def test_accuracies_are_means_over_seeds(accuracies: pd.DataFrame, tmp_path: Path) -> None:
    assert len(accuracies) == 5 * 2 * 5
    table = numbers.accuracies(accuracies)
    of_test = table[table["samples"] == "test"]
    assert list(of_test["method"]) == list(METHODS.values())
    assert of_test["accuracy"].tolist() == pytest.approx([0.65] * 5)
    assert of_test["factor_median"].tolist() == [5.5] * 5
    searched = table[(table["samples"] == "search") & (table["factor"] == 10.0) & (table["output_factor"] == 1.0)]
    assert searched["accuracy"].tolist() == pytest.approx([0.75] * 5)
    _, markdown, latex = written(of_test, accuracy_table.printed(of_test), tmp_path)
    assert "| e-prop+, random feedback" in markdown
    assert "65.0 ± 63.5" in markdown
    assert "5.5 (1-10)" in latex


def test_the_figure_of_accuracies_has_its_labels(accuracies: pd.DataFrame, tmp_path: Path) -> None:
    labels = ("Test accuracy (%)", "linear readout of event counts", "adaptive feedback", "validation samples")
    check(lambda: accuracy_figure.draw(accuracies), tmp_path, *labels)


def test_claims_are_tested_with_the_accuracies(accuracies: pd.DataFrame, tmp_path: Path) -> None:
    accuracies.to_csv(tmp_path / "locality_accuracy_runs.csv", index=False)
    tests = claims.tests_of(claims.read(), "locality.yaml", ["locality_accuracy_runs"])
    found = evidence.rows(tests, tmp_path, {"locality_accuracy_runs": []})
    assert list(found["test"]) == [name for _, name in tests]
    assert len(found) == 2
    assert list(found["n"]) == [2, 2]
    assert found["value"].tolist() == [0.0, 0.0]  # all methods have the same accuracies here


def test_cosines_are_means_over_seeds(cosines: pd.DataFrame, tmp_path: Path) -> None:
    table = numbers.cosines(cosines)
    assert table["value"].tolist() == ["none", "none", "20", "20"]
    assert table["spikes"].tolist() == [150.0] * 4
    assert table["recurrent_cosine"].isna().tolist() == [True, True, False, False]
    _, markdown, _ = written(table, gradients_table.printed(table), tmp_path)
    assert "Left out: ᵃ where the reference is zero." in markdown
    assert "0.600 ± 0.000" in markdown


def test_values_that_differ_in_the_last_digit_are_points_of_their_own(cosines: pd.DataFrame) -> None:
    first = cosines.iloc[[0]]
    given = {"0.1": 0.1, "0.10000001": 0.10000001, "1000000": 10**6, "1000001": 10**6 + 1, "none": "none"}
    runs = pd.concat([first.assign(value=[value]) for value in given.values()])
    assert numbers.cosines(runs)["value"].tolist() == list(given)


def test_the_figure_of_cosines_has_its_labels(cosines: pd.DataFrame, tmp_path: Path) -> None:
    labels = ("symmetric feedback", "random feedback", "recurrent weights", "none", "the reference is zero")
    check(lambda: gradients_figure.draw(cosines), tmp_path, *labels)


def test_all_columns_are_described(accuracies: pd.DataFrame, cosines: pd.DataFrame) -> None:
    tables = {
        "tables/locality_accuracy_runs.csv": accuracies,
        "figures/locality_accuracy.csv": numbers.accuracies(accuracies),
        "tables/locality_gradients_runs.csv": cosines,
        "figures/locality_gradients.csv": numbers.cosines(cosines),
    }
    for name, table in tables.items():
        assert undescribed_columns(name, list(table.columns)) == []
