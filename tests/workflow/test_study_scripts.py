"""Tables and figures of studies, made from small results: their numbers, and that the figures can be read."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from small_results import DELAY, DENSITY, changed, check, training_result, written
from workflow.scripts.shared import spread, write_table
from workflow.scripts.studies import collect as studies_collect
from workflow.scripts.studies import (
    differences,
    equally_good,
    learning_curves,
    measures,
    parameter_curves,
    parameter_paths,
    thinning_curves,
    variant_differences,
)
from workflow.scripts.studies import figure as studies_figure
from workflow.scripts.studies import table as studies_table

pytestmark = pytest.mark.usefixtures("drawing")


NO_ANSWERS = pd.DataFrame(columns=["task", "seed", "readout", "step", "target", "answer"])


def test_intervals_follow_students_t_distribution() -> None:
    table = pd.DataFrame({"group": ["a"] * 4 + ["b"], "value": [1.0, 2.0, 4.0, np.nan, 7.0]})
    several, single = spread.summarize(table, ["group"], "value").to_dict("records")
    low, high = stats.t.interval(0.95, df=2, loc=7 / 3, scale=stats.sem([1, 2, 4]))
    assert (several["n"], several["mean"]) == (3, pytest.approx(7 / 3))
    assert (several["low"], several["high"]) == (pytest.approx(low), pytest.approx(high))
    assert (single["n"], single["mean"]) == (1, 7.0)
    assert np.isnan(single["low"]) and np.isnan(single["high"])


def test_runs_and_curves_are_tidy(study: Any) -> None:
    runs, curves = study([{DENSITY: 0.1}, {DENSITY: 1.0}, {DELAY: 5}])
    assert len(runs) == 3 * 3
    assert len(curves) == 3 * 3 * 4
    assert list(runs["varied"].unique()) == [DENSITY, DELAY]
    assert list(runs[DENSITY]) == [0.1] * 3 + [1.0] * 3 + [0.1] * 3
    assert list(runs[DELAY]) == [1] * 6 + [5] * 3
    assert list(runs["default"]) == [True] * 3 + [False] * 6
    assert list(runs["synaptic_events_per_sample"]) == [100.0] * 3 + [1000.0] * 3 + [100.0] * 3


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_learning_curves_are_means_over_seeds(study: Any, tmp_path: Path, seeds: tuple[int, ...]) -> None:
    runs, curves = study([{}], seeds)
    drawn = learning_curves.numbers(runs, curves)
    test = drawn[drawn["set"] == "test"]
    assert list(test["samples"]) == [400]
    assert test["mean"].iloc[0] == pytest.approx(runs["test_accuracy"].mean())
    assert list(drawn.loc[drawn["set"] == "validation", "samples"]) == [200, 400]
    labels = ["Training samples seen", "Accuracy (%)", "Rate (spikes/s)", "chance", "validation", f"{len(seeds)} seed"]
    check(lambda: learning_curves.draw(runs, curves, NO_ANSWERS), tmp_path, *labels)


def test_an_interval_that_is_higher_than_the_panel_leaves_room_for_it(study: Any, tmp_path: Path) -> None:
    """matplotlib would warn that the panels have no room; warnings are errors."""
    runs, curves = study([{}], (1, 2))
    runs = runs.assign(test_accuracy=[0.0, 0.9])
    check(lambda: learning_curves.draw(runs, curves, NO_ANSWERS), tmp_path, "test: 45.0 ± 571.8 %")


def test_a_run_that_stops_early_counts_with_its_last_values(study: Any) -> None:
    runs, curves = study([{}])
    stopped = runs["seed"] == 1
    runs.loc[stopped, "training_samples_shown"] = 200
    curves = curves[(curves["seed"] != 1) | (curves["samples"] <= 200)]
    drawn = learning_curves.numbers(runs, curves)
    assert set(drawn.loc[drawn["set"] != "test", "n"]) == {3}
    losses = {seed: list(of_seed["training_loss"]) for seed, of_seed in curves.groupby("seed")}
    last = np.mean([losses[1][-1], losses[2][-1], losses[3][-1]])
    assert drawn.loc[(drawn["set"] == "training") & (drawn["measure"] == "loss"), "mean"].iloc[-1] == last
    assert list(drawn.loc[drawn["set"] == "test", "samples"]) == [pytest.approx((200 + 2 * 400) / 3)]


def test_learning_curves_may_lack_validation(study: Any, tmp_path: Path) -> None:
    runs, curves = study([{}])
    curves["validation_accuracy"] = np.nan
    assert "validation" not in set(learning_curves.numbers(runs, curves)["set"])
    check(lambda: learning_curves.draw(runs, curves, NO_ANSWERS), tmp_path, "training")


def test_the_time_to_a_goal_is_that_of_the_first_point_that_reaches_it(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 1.0}], goals={"digits": 0.94})
    assert list(runs["time_to_goal_s"].fillna(-1)) == [-1, 0.2, 0.2]  # validated at 0.92, 0.94 and 0.96 from epoch 2 on
    for goal, label in ((0.9, "goal 90 %: 0.20 ± 0.00 s"), (0.94, "goal 94 %: 2 of 3 seeds"), (1.0, "0 of 3 seeds")):
        runs, curves = study([{DENSITY: 1.0}], goals={"digits": goal})
        check(lambda runs=runs, curves=curves: learning_curves.draw(runs, curves, NO_ANSWERS), tmp_path, label)
    point = training_result(1).curve[0]
    curve = [changed(point, training_accuracy=None, training_loss=loss, training_time_s=1 / loss) for loss in (4, 2, 1)]
    assert studies_collect.time_to(2.5, curve) == 0.5
    assert studies_collect.time_to(0.5, curve) is None


def answers(n_readouts: int) -> pd.DataFrame:
    steps = np.arange(50)
    tables = [
        pd.DataFrame({"step": steps, "target": np.sin(steps / 8 * (1 + readout)), "answer": np.sin(steps / 9)})
        for readout in range(n_readouts)
    ]
    return pd.concat([table.assign(task="digits", seed=1, readout=k) for k, table in enumerate(tables)])


def test_answers_are_those_of_the_first_run(study: Any, tmp_path: Path) -> None:
    last_answer = {"target": [[0.0, 1.0], [0.5, 1.5]], "readout": [[2, 3], [4, 5]]}
    changed(training_result(1), last_answer=last_answer).write(tmp_path / "answer.json")
    point = {"task": "pattern", "results": [str(tmp_path / "answer.json")]}
    table = studies_collect.answers([point, {"task": "pattern", "results": []}])
    assert list(table["answer"]) == [2, 4, 3, 5]
    assert list(table["target"]) == [0.0, 0.5, 1.0, 1.5]
    assert list(table["readout"]) == [0, 0, 1, 1]


def unanswerable(runs: pd.DataFrame, curves: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same for a regression, which has no accuracy; the mean of the target has a loss of 4 mV²."""
    none = {"test_accuracy": np.nan, "test_loss": np.nan, "chance": np.nan}
    curves = curves.assign(training_accuracy=np.nan, validation_accuracy=np.nan, validation_loss=np.nan)
    curves, runs = (table.assign(training_nmse=table["training_loss"] / 4) for table in (curves, runs))
    return runs.assign(**none), curves


def test_regressions_have_a_normalized_error(tmp_path: Path) -> None:
    def collected(**values: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
        changed(training_result(1), **values).write(tmp_path / "result.json")
        point: dict[str, Any] = dict.fromkeys(("task", "variant", "series", "panel"), "")
        point |= {"changes": {}, "default": True, "results": [str(tmp_path / "result.json")]}
        return studies_collect.collect([point], {}, margin=0.02)

    runs, curves = collected(chance=None)
    assert list(curves["training_nmse"]) == [loss / 4 for loss in curves["training_loss"]]
    assert list(runs["training_nmse"]) == [pytest.approx(curves["training_nmse"].mean())]  # no more than 10 points
    for without in ({}, {"chance": None, "loss_of_best_constant": 0.0}):
        runs, curves = collected(**without)
        assert runs["training_nmse"].isna().all() and curves["training_nmse"].isna().all()


def test_regressions_are_reported_by_their_loss(study: Any, tmp_path: Path) -> None:
    runs, _ = unanswerable(*study([{DENSITY: 0.1}, {DENSITY: 1.0}]))
    check(lambda: parameter_curves.draw(runs), tmp_path, "Training loss (mV²)", "Input density")
    numbers = studies_table.numbers(runs)
    printed = studies_table.printed(numbers, runs)
    assert "Training loss (mV²)" in printed
    assert list(printed["NMSE"]) == ["0.130 ± 0.000"] * 2  # losses of 1, 1/2, 1/3 and 1/4 for all seeds
    classified, _ = study([{}])
    assert "NMSE" not in studies_table.printed(studies_table.numbers(classified), classified)
    labels = ["digits", "Loss (mV²)", "Rate (spikes/s)", "seed 1", "target", "NMSE 0.130 ± 0.000", "mean of the target"]
    check(lambda: learning_curves.draw(*unanswerable(*study([{}])), answers(1)), tmp_path, *labels, "Step of the last")
    check(lambda: learning_curves.draw(*unanswerable(*study([{}])), answers(2)), tmp_path, *labels, "Readout 2 (mV)")


def test_regressions_with_test_samples_are_reported_by_their_loss_on_them(study: Any, tmp_path: Path) -> None:
    runs, curves = unanswerable(*study([{}]))
    runs = runs.assign(test_loss=[1.0, 2.0, 3.0])
    curves = curves.assign(validation_loss=curves["samples"] / 100)
    drawn = learning_curves.numbers(runs, curves).set_index(["measure", "set"])
    assert drawn.loc[("loss", "test"), "mean"] == 2.0
    assert drawn.loc[("loss", "validation"), "mean"].tolist() == [1.0, 2.0, 3.0, 4.0]
    labels = ["validation", "test: 2.00 ± 2.48 mV²", "Step of the last"]
    check(lambda: learning_curves.draw(runs, curves, answers(3)), tmp_path, *labels)
    assert "Test loss (mV²)" in studies_table.printed(studies_table.numbers(runs), runs)
    classified = learning_curves.numbers(*study([{}]))
    assert set(classified.loc[classified["measure"] == "loss", "set"]) == {"training"}


def test_differences_are_paired_over_seeds() -> None:
    accuracy = {0: [0.8, 0.9, 0.7], 1: [0.81, 0.93, 0.72], 2: [0.8, 0.9, 0.7], 3: [0.6, 0.4, 0.6]}
    rows = [
        {"task": "digits", "panel": np.nan, "point": point, "seed": seed, "accuracy": value}
        for point, values in accuracy.items()
        for seed, value in enumerate(values)
    ]
    table = differences.differences(pd.DataFrame(rows), "accuracy").set_index("point")
    assert list(table["difference"]) == pytest.approx([0, 0.02, 0, -0.8 / 3])
    expected = stats.ttest_rel(accuracy[1], accuracy[0])
    interval = expected.confidence_interval(0.95)
    assert table.loc[1, "p_value"] == pytest.approx(expected.pvalue)
    assert (table.loc[1, "difference_low"], table.loc[1, "difference_high"]) == pytest.approx(tuple(interval))
    assert np.isnan(table.loc[0, "p_value"])
    assert table.loc[2, "p_value"] == 1.0
    adjusted = stats.false_discovery_control(table["p_value"].dropna())
    assert list(table["adjusted_p_value"].dropna()) == pytest.approx(list(adjusted))


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_variants_are_compared_with_the_first(study: Any, tmp_path: Path, seeds: tuple[int, ...]) -> None:
    names = [{"variant": name} for name in ("full model", "sparse input", "late input")]
    runs, _ = study([{}, {DENSITY: 0.05}, {DELAY: 5}], seeds, names)
    runs["training_time_per_sample_s"] *= 1 + 0.01 * np.arange(len(runs))  # times scatter
    drawn = variant_differences.numbers(runs).set_index("variant")
    assert list(drawn["difference"]) == pytest.approx([0, -0.5, 0])
    assert list(drawn["operations_per_sample"]) == pytest.approx([0, -50, 0])
    check(
        lambda: variant_differences.draw(runs),
        tmp_path,
        "full model",
        "late input",
        "Test accuracy: difference (percentage points)",
        "operations (%)",
        "not significant",
        "mean and 95 % CI, 3 seeds" if len(seeds) > 1 else "1 seed, without an interval",
    )
    numbers = studies_table.numbers(runs)
    printed = studies_table.printed(numbers, runs)
    assert list(printed["Variant"]) == ["full model", "sparse input", "late input"]
    assert printed["p (adjusted)"].iloc[0] == ""
    _, markdown, latex = written(numbers, printed, tmp_path)
    assert "p (adjusted)" in markdown and "p (adjusted)" in latex


def test_a_variant_is_as_good_worse_or_undecided(study: Any, tmp_path: Path) -> None:
    """By the margin of 2 points, given four seeds with these differences; the bound is that of a one-sided t-test."""
    points = {"a": [0.0] * 4, "b": [-0.5, 0.5, -1.0, 1.0], "c": [-5.0, -6.0, -5.5, -6.5], "d": [-9.0, 8.0, 1.0, -4.0]}
    runs, _ = study([{DELAY: 1 + k} for k in range(4)], (1, 2, 3, 4), [{"variant": name} for name in points])
    runs["test_accuracy"] = 0.9 + 0.01 * np.concatenate(list(points.values()))
    drawn = variant_differences.numbers(runs).set_index("variant")
    power_of_d = drawn["power"]["d"]
    undecided = f"undecided (power {100 * power_of_d:.0f} %)"
    assert list(drawn["verdict"].fillna("")) == ["", "as good", "worse", undecided]
    for name in "bcd":
        bound = stats.ttest_1samp(points[name], 0.0, alternative="greater").confidence_interval(0.95).low
        assert drawn["better_by_at_least"][name] == pytest.approx(bound)
    random = np.random.default_rng(1).normal(0.0, np.std(points["d"], ddof=1), (20_000, 4))
    errors = random.std(axis=1, ddof=1) / 2
    shown = random.mean(axis=1) - stats.t.ppf(0.95, 3) * errors >= -2.0
    assert power_of_d == pytest.approx(shown.mean(), abs=0.01)
    check(lambda: variant_differences.draw(runs), tmp_path, "as good", "worse", undecided, "margin: 2 points")


def test_chosen_values_stand_in_the_table(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 0.1}, {DENSITY: 1.0}])
    path = "network.plasticity.optimizer.learning_rate"
    runs = runs.assign(**{path: [1e-5, 2e-5, 1e-5, 2e-5, 2e-5, 2e-5], "tuned": path})
    printed = studies_table.printed(studies_table.numbers(runs), runs)
    assert list(printed["Learning rate, chosen (runs)"]) == ["1e-05 (2), 2e-05 (1)", "2e-05 (3)"]


def test_a_series_marks_its_last_point_that_is_as_good(study: Any, tmp_path: Path) -> None:
    densities = [1.0, 0.9, 0.5, 0.1]  # accuracies fall by 0.1 per unit of density, for all seeds alike
    changes = [{DENSITY: density} for density in densities]
    changes += [{DENSITY: 0.9, DELAY: 5}, {DENSITY: 0.4, DELAY: 5}, {DELAY: 1, DENSITY: 0.1}, {DELAY: 5, DENSITY: 0.1}]
    names = [{"series": "input"}] * 4 + [{"series": "input, later", "panel": "input"}] * 2 + [{"series": "delay"}] * 2
    runs, _ = study(changes, names=names)
    drawn = thinning_curves.numbers(runs)
    marked = drawn[drawn["last_as_good"]].set_index(["series", "measure"])["value"]
    assert marked[:, "test_accuracy"].to_dict() == {"input": 0.9, "input, later": 0.9, "delay": 5}
    ratios = drawn[drawn["measure"] == "operations_per_sample"]["ratio"]
    assert list(ratios) == pytest.approx([*densities, 0.9, 0.4, 1, 1])
    check(
        lambda: thinning_curves.draw(runs),
        tmp_path,
        "0.9: synapses ÷ 1.1",
        "input, later",
        "Input density",
        "Input delay (steps)",
        "Cost (first = 1)",
        "margin: 2 points",
        "3 seeds",
    )
    table = studies_table.numbers(runs)
    assert table.loc[4, "difference"] == pytest.approx(-0.01)  # to the first point of the panel
    printed = studies_table.printed(table, runs)
    assert printed["Varied"].iloc[1] == "input: Input density 0.9"
    worse = runs.assign(test_accuracy=runs["test_accuracy"].where(runs["series"] != "input, later", 0.1))
    assert thinning_curves.pairs_of(worse, measures.ACCURACY)[0].last == {"input": 1, "input, later": None}
    check(lambda: thinning_curves.draw(worse), tmp_path, "none shown to be as good")
    of_one_seed = runs[runs["seed"] == runs["seed"].iloc[0]]
    check(lambda: thinning_curves.draw(of_one_seed), tmp_path, "1 seed", "no test with one seed")


def test_paths_of_pairs_of_groups_have_spaces(study: Any, tmp_path: Path) -> None:
    pair = "network.recurrent.pairs.a -> b.delay"
    cell = parameter_paths.joined([DELAY, pair])
    assert parameter_paths.split(cell) == [DELAY, pair]
    assert parameter_paths.split(parameter_paths.joined([])) == []
    runs, _ = study([{DELAY: 1}, {DELAY: 3}])
    of_pair = runs.rename(columns={DELAY: pair}).assign(varied=pair)
    table = studies_table.numbers(of_pair)
    assert table[pair].tolist() == [1, 3]
    studies_table.printed(table, of_pair)
    for draw in (parameter_curves.draw, thinning_curves.draw):
        check(functools.partial(draw, of_pair.assign(series="delay", panel="delay")), tmp_path)


def test_a_label_names_all_projections_that_vary_in_the_same_way(study: Any, tmp_path: Path) -> None:
    recurrent = "network.recurrent.connectivity.probability"
    runs, _ = study([{DENSITY: density, recurrent: density} for density in (1.0, 0.5)], names=[{"series": "both"}] * 2)
    alike = runs.assign(**{recurrent: runs[DENSITY]})
    check(lambda: thinning_curves.draw(alike), tmp_path, "Input and recurrent")
    check(lambda: thinning_curves.draw(runs.assign(**{recurrent: 0.5})), tmp_path, "Input density")


def test_ratios_of_costs_are_averaged_by_their_logarithms() -> None:
    costs = [[1.0, 2.0, 4.0], [0.5, 2.0, 1.0], [0.0, 0.0, 0.0]]
    rows = [
        {"series": "input", "point": point, "x": point, "seed": seed, "cost": cost}
        for point, of_seeds in enumerate(costs)
        for seed, cost in enumerate(of_seeds)
    ]
    first, second = thinning_curves.ratios(pd.DataFrame(rows), "cost").to_dict("records")  # nothing has no logarithm
    low, high = stats.t.interval(0.95, df=2, loc=-1, scale=stats.sem([-1, 0, -2]))
    assert (first["mean"], first["low"], first["high"]) == (1, 1, 1)
    assert (second["mean"], second["low"], second["high"]) == pytest.approx((0.5, 2**low, 2**high))


def series(accuracies: list[list[float]], margin: float = 0.02) -> pd.DataFrame:
    """Runs of a series, a list of accuracies by seed for each point."""
    rows = [
        {"series": "input", "point": point, "seed": seed, "test_accuracy": accuracy, "margin": margin}
        for point, of_seeds in enumerate(accuracies)
        for seed, accuracy in enumerate(of_seeds)
    ]
    return pd.DataFrame(rows)


def test_the_bound_is_that_of_a_paired_test() -> None:
    first, second = [0.9, 0.95, 0.92, 0.91], [0.91, 0.94, 0.93, 0.90]
    bound = equally_good.lowest(series([first, second]), measures.ACCURACY)
    # At the bound, the test of non-inferiority is just significant.
    test = stats.ttest_rel(np.array(second) - bound[1], first, alternative="greater")
    assert test.pvalue == pytest.approx(0.05, rel=1e-6)
    assert bound[0] == 0.0


@pytest.mark.parametrize(
    ("accuracies", "last"),
    [
        ([[0.90, 0.92, 0.91]], None),
        ([[0.90, 0.92, 0.91], [0.89, 0.91, 0.90], [0.87, 0.89, 0.88]], 1),
        ([[0.90, 0.92, 0.91], [0.89, 0.95, 0.90]], None),  # better in the mean, but who knows
        ([[0.90, 0.92, 0.91], [0.80, 0.82, 0.81], [0.95, 0.95, 0.95]], None),  # nothing counts after a failure
        ([[0.90], [0.90]], None),  # one seed proves nothing
    ],
)
def test_a_point_is_as_good_if_it_is_shown_to_be_within_the_margin(
    accuracies: list[list[float]], last: int | None
) -> None:
    assert equally_good.last_equally_good(series(accuracies), "input", measures.ACCURACY) == last


def test_power_is_the_share_of_equal_points_that_are_called_as_good() -> None:
    first, second = [0.90, 0.93, 0.91, 0.92], [0.92, 0.92, 0.88, 0.93]
    power = equally_good.power(series([first, second, first]), measures.ACCURACY)
    spread = np.std(np.subtract(second, first), ddof=1)
    drawn = spread * np.random.default_rng(1).standard_normal((100_000, 4))  # differences without a mean
    test = stats.ttest_1samp(drawn, -0.02, axis=1, alternative="greater")
    assert power[1] == pytest.approx(np.mean(test.pvalue < 0.05), abs=0.01)  # 6 standard errors
    assert power[2] == 1.0  # no difference varies
    assert equally_good.power(series([[0.9], [0.9]]), measures.ACCURACY).isna().all()


def test_the_figure_says_what_a_test_could_have_shown(study: Any, tmp_path: Path) -> None:
    names = [{"series": "input"}] * 3
    runs, _ = study([{DENSITY: density} for density in (1.0, 0.9, 0.5)], names=names)
    noise = {0: [0.0, 0.0, 0.0], 1: [0.0, 0.0, 0.0], 2: [0.01, -0.02, 0.01]}
    runs["test_accuracy"] += [noise[point][seed - 1] for point, seed in zip(runs["point"], runs["seed"], strict=True)]
    power = 100 * equally_good.power(runs, measures.ACCURACY)[2]
    assert 5 < power < 95
    told = f"not shown to be as good: input 0.5, {power:.0f}"
    check(lambda: thinning_curves.draw(runs), tmp_path, "0.9: synapses ÷ 1.1", told)


def test_a_margin_of_loss_is_a_share_of_it() -> None:
    loss = measures.measure_of(
        pd.DataFrame({"test_accuracy": [None], "test_loss": [None], "loss": ["mean_squared_error"]})
    )
    runs = series([[1.0, 1.2], [0.5, 0.7], [1.04, 1.24], [1.06, 1.26]], margin=0.05)
    runs = runs.rename(columns={"test_accuracy": "training_loss"})
    assert equally_good.tolerance(runs, loss) == pytest.approx(0.055)
    assert equally_good.last_equally_good(runs, "input", loss) == 2


@pytest.mark.parametrize(("p", "text"), [(1e-9, "<0.001"), (0.0123, "0.012"), (0.456, "0.46"), (np.nan, "")])
def test_p_values_have_only_significant_digits(p: float, text: str) -> None:
    assert write_table.p_value(p) == text


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ([{DENSITY: 0.01}, {DENSITY: 0.1}, {DENSITY: 1.0}], ["Input density", "0.01"]),
        ([{DENSITY: 0.0}, {DENSITY: 0.1}, {DENSITY: 1.0}], ["Input density"]),
        ([{DENSITY: 0.1}, {DELAY: 1}, {DELAY: 5}], ["Input density", "Input delay (steps)"]),
        (
            [{DENSITY: density, DELAY: delay} for density in (0.1, 0.5) for delay in (1, 5)],
            ["Input density", "Input delay (steps)"],
        ),
    ],
    ids=["decades", "with zero", "two parameters", "grid"],
)
def test_parameter_curves_are_means_over_seeds(
    study: Any, tmp_path: Path, changes: list[dict[str, Any]], labels: list[str]
) -> None:
    runs, _ = study(changes)
    check(lambda: parameter_curves.draw(runs), tmp_path, "Test accuracy (%)", "chance", *labels)
    drawn = parameter_curves.numbers(runs)
    assert len(drawn) == 2 * len(changes)
    assert set(drawn["n"]) == {3}


def test_each_task_of_a_grid_has_its_own_axis(study: Any, tmp_path: Path) -> None:
    grid = [{DENSITY: density, DELAY: delay} for density in (0.1, 0.5) for delay in (1, 5)]
    runs, _ = unanswerable(*study(grid))
    nats = runs.assign(task="some_cues", loss="cross_entropy", training_loss=0.01 * runs["training_loss"])
    both = pd.concat([runs, nats])
    labels = ["Training loss (mV²)", "Training loss (nats)", "digits", "some cues"]
    check(lambda: parameter_curves.draw(both), tmp_path, *labels)
    above, beside, *_ = parameter_curves.draw(both).axes
    assert beside.get_ylim()[1] == pytest.approx(0.01 * above.get_ylim()[1])


def test_parameters_that_are_not_numbers_are_drawn(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 0.1}, {DENSITY: 1.0}])
    runs[DENSITY] = runs[DENSITY].map({0.1: "few", 1.0: "all"})
    check(lambda: parameter_curves.draw(runs), tmp_path, "few", "all")


def test_the_kind_of_a_study_selects_its_figure(study: Any) -> None:
    for kind, changes, drawn in (
        ("curves", [{}], {"loss", "accuracy", "rate"}),
        ("vary", [{DENSITY: 0.5}], {"test_accuracy", "synaptic_events_per_sample"}),
    ):
        runs, curves = study(changes)
        figure, numbers = studies_figure.draw(kind, runs, curves, NO_ANSWERS)
        assert figure.axes
        assert set(numbers["measure"]) == drawn


def test_the_table_of_a_study_has_means_and_intervals(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 0.5}, {DENSITY: 1.0}])
    numbers = studies_table.numbers(runs)
    table, markdown, latex = written(numbers, studies_table.printed(numbers, runs), tmp_path)
    assert list(table["seeds"]) == [3, 3]
    assert list(table["test_accuracy"]) == pytest.approx([0.89, 0.94])
    half_width = 100 * stats.t.ppf(0.975, 2) * 0.02 / np.sqrt(3)
    assert f"89.0 ± {half_width:.1f}" in markdown
    assert f"89.0 ± {half_width:.1f}" in latex
    assert "Input density 0.5" in markdown and "Input density 0.5" in latex
    assert all(
        part in latex for part in (r"\toprule", r"\bottomrule", r"\caption{A caption.}", r"Test \\ accuracy (\%)")
    )
