"""Tables and figures from small results: the numbers in them, and that what is drawn can be read."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from scipy import stats

import baselines_numbers
import break_even_numbers
import collect_baselines
import collect_break_even
import collect_scaling
import collect_study
import differences
import equally_good
import learning_curves
import measures
import parameter_curves
import plot_baselines
import plot_break_even
import plot_exchange
import plot_saccades
import plot_scaling
import plot_study
import scaling_numbers
import spread
import style
import tabulate_baselines
import tabulate_break_even
import tabulate_exchange
import tabulate_saccades
import tabulate_scaling
import tabulate_study
import thinning_curves
import variant_differences
import write_report
import write_table

PROJECT = Path(__file__).parents[2]
DENSITY, DELAY = "network.input.connectivity.probability", "network.input.delay"
PROVENANCE = {
    "date": "2026-01-01T00:00:00+00:00",
    "code": {"commit": "0123456789abcdef", "dirty": False},
    "python": "3.12.0",
    "packages": {"numpy": "2.0.0", "numba": "0.61.0"},
    "ranks": 1,
    "hosts": ["node"],
    "system": "Linux",
    "cpu": "some CPU",
    "cores": {"physical": 2, "usable": 2},
    "mpi": None,
}


NO_ANSWERS = pd.DataFrame(columns=["task", "seed", "readout", "step", "target", "answer"])


@pytest.fixture(autouse=True)
def _style() -> Any:
    style.use()
    yield
    plt.close("all")


def training_result(seed: int, density: float = 0.1, delay: int = 1) -> dict[str, Any]:
    accuracy = 0.9 + 0.02 * seed - 0.1 * (1 - density)
    curve = [
        {
            "epoch": epoch,
            "samples": 100 * epoch,
            "training_time_s": 0.1 * epoch,
            "training_loss": 1.0 / epoch,
            "training_accuracy": accuracy - 0.1 / epoch,
            "rate_hz": 10.0,
            "validation_loss": None if epoch % 2 else 1.0,
            "validation_accuracy": None if epoch % 2 else accuracy,
        }
        for epoch in range(1, 5)
    ]
    return {
        "experiment": "training",
        "seed": seed,
        "parameters": {"network": {"input": {"connectivity": {"probability": density}, "delay": delay}}},
        "provenance": PROVENANCE,
        "chance": 0.1,
        "loss": "mean_squared_error",
        "curve": curve,
        "test": {"samples": 50, "correct": round(50 * accuracy), "accuracy": accuracy, "loss": 0.5},
        "samples": {"training": 90, "validation": 10, "test": 50, "shown": 400},
        "last_answer": None,
        "rate_hz": 10.0,
        "counts": {"neurons": 20, "synapses": int(1000 * density), "synaptic_events": int(400_000 * density)},
        "operations_per_sample": {"effective_accumulates": 900.0 * density, "dense": 5000},
        "times_s": {"training": 0.4, "test": 0.1},
        "training_time_per_sample_s": 0.001,
        "per_rank": [{"times_s": {}, "peak_memory_bytes": 100_000_000}],
    }


@pytest.fixture
def study(tmp_path: Path) -> Any:
    """Return a function that writes results for changes of the density and the delay and collects them."""

    def make(
        changes: list[dict[str, Any]],
        seeds: tuple[int, ...] = (1, 2, 3),
        names: list[dict[str, str]] | None = None,
        goals: dict[str, float] | None = None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        points = []
        for index, changed in enumerate(changes):
            files = [tmp_path / f"{index}-{seed}.json" for seed in seeds]
            for seed, file in zip(seeds, files, strict=True):
                result = training_result(seed, changed.get(DENSITY, 0.1), changed.get(DELAY, 1))
                file.write_text(json.dumps(result), encoding="utf-8")
            default = changed.get(DENSITY, 0.1) == 0.1 and changed.get(DELAY, 1) == 1
            point = {"task": "digits", "variant": "", "series": "", "changes": changed, "default": default}
            point |= names[index] if names else {}
            points.append({"panel": point["series"], **point, "results": [str(file) for file in files]})
        tables = collect_study.collect(points, goals or {}, margin=0.02)
        written = []
        for table in tables:  # as the scripts read them
            table.to_csv(tmp_path / "table.csv", index=False)
            written.append(pd.read_csv(tmp_path / "table.csv"))
        return written[0], written[1]

    return make


TIMES = {
    "build": 0.5,
    "update": 0.2,
    "deliver": 0.6,
    "plasticity": 0.5,
    "collocate": 0.1,
    "communicate": 0.05,
    "wait": 0.02,
}
INTERCONNECT = {"latency": 2.0, "bandwidth": 5.0}


def scaling_result(kind: str, n_ranks: int, *, dry_run: bool = False, repeats: int = 3) -> dict[str, Any]:
    """A run that takes 2 s on one rank and 1.25 s on two, in the median; the last rank is the slowest."""
    of_repeats = []
    for repeat in range(repeats):
        propagation = {1: 2.0, 2: 1.25}.get(n_ranks, 1.25) + 0.1 * (repeat - 1)
        sent = {"exchanges": 500, "bytes_to_each_rank": 500_000}
        ways = {
            "all": sent | {"costs": [{"messages": 1000, "bytes": 10**6}]},
            "targets": sent | {"costs": [{"messages": 10**6, "bytes": 0}, {"messages": 0, "bytes": 3 * 10**7}]},
        }
        of_ranks = [
            {
                "rank": rank,
                "propagation_s": propagation - 0.01 * (n_ranks - 1 - rank),
                "times_s": TIMES,
                "neurons": 100 // n_ranks,
                "synapses": {"input_synapses": 0, "synapses": 1000 // n_ranks},
                "counts": {"spikes": 500 // n_ranks, "synaptic_events": 10**6 // n_ranks},
                "destinations": "all",
                "traffic": ways if dry_run else {"all": ways["all"]} if n_ranks > 1 else {},
                "peak_memory_bytes": 10**8,
            }
            for rank in ([n_ranks // 2] if dry_run else range(n_ranks))
        ]
        of_repeats.append(of_ranks)
    processes = 1 if dry_run else n_ranks
    variant = {
        "network": {"n_recurrent": 100, "dt": 1.0},
        "model_time_s": 0.5,
        "interval_steps": 1,
        "estimated_memory_bytes": 12 * 10**7,
        "repeats": of_repeats,
    }
    return {
        "seed": 1,
        "ranks": n_ranks,
        "dry_run": dry_run,
        "parameters": {"kind": kind},
        "provenance": {**PROVENANCE, "ranks": processes, "hosts": ["node"] * processes},
        "memory_without_network_bytes": [6 * 10**7] * processes,
        "variants": {"eprop_plus": variant, "slow": variant | {"interval_steps": 5}},
    }


def scaling_rows(
    kind: str = "strong", ranks: tuple[int, ...] = (1, 2), dry_ranks: tuple[int, ...] = (), variants: int = 1
) -> pd.DataFrame:
    results = [scaling_result(kind, n_ranks) for n_ranks in ranks]
    results += [scaling_result(kind, n_ranks, dry_run=True) for n_ranks in dry_ranks]
    rows = pd.DataFrame([row for result in results for row in collect_scaling.rows(result, kind, INTERCONNECT)])
    return rows[rows["variant"].isin(rows["variant"].unique()[:variants])]


def contest_result(training: bool) -> dict[str, Any]:
    """Three repeats; this simulator takes 10, 20 and 30 ns per event, NEST a hundred times that."""
    contestants = [
        (simulator, variant) for variant in ("event_driven", "static") for simulator in ("eprop_core", "NEST")
    ]
    contestants += [("eprop_core", "training"), ("NEST", "training")] if training else []
    measured = []
    for repeat in (1, 2, 3):
        for simulator, variant in contestants:
            turn = {
                "simulator": simulator,
                "variant": variant,
                "repeat": repeat,
                "neurons": 100,
                "synapses": 5000,
                "n_steps": 500,
                "spikes": 400,
                "synaptic_events": 10**6,
                "seconds": 0.01 * repeat * (100 if simulator == "NEST" else 1),
                "build_s": 0.001,
                "memory_built_bytes": 100_000,
                "memory_bytes": 140_000,
            }
            if simulator == "eprop_core" and variant != "training":
                speeds = {"read_bytes_per_s": 1.2e10, "update_bytes_per_s": 1.3e10, "deliver_s": 1e-9, "gather_s": 2e-9}
                turn |= {"bytes_moved_per_event": 52.0 if variant == "event_driven" else 12.0, "machine": speeds}
            measured.append(turn)
    return {
        "network": {"dt": 1.0},
        "provenance": PROVENANCE | {"nest": "3.10.0"},
        "measured": measured,
        "left_out": {} if training else {"time_driven": "dense matrices would need 27 GB"},
    }


@pytest.fixture
def contests() -> pd.DataFrame:
    rows = [row for name in ("small", "large") for row in collect_baselines.rows(name, contest_result(name == "small"))]
    return pd.DataFrame(rows)


@pytest.fixture
def comparison() -> dict[str, Any]:
    random = np.random.default_rng(1)

    def statistics() -> dict[str, Any]:
        maps = random.random((2, 34, 34))
        return {
            "events_per_sample": random.integers(1000, 5000, 20).tolist(),
            "events_per_saccade": [1000.0, 900.0, 800.0],
            "event_map": maps.tolist(),
            "rate": random.random(336).tolist(),
        }

    agreement = {
        "mean_events_per_sample": {"real": 4000.0, "simulated": 4100.0},
        "deviation_of_events_per_sample": {"real": 1000.0, "simulated": 900.0},
        "share_of_on_events": {"real": 0.5, "simulated": 0.52},
        "correlation_of_events_per_sample": 0.99,
        "correlation_of_event_maps": 0.98,
        "correlation_of_rates_in_bins_of_4_ms": 0.97,
    }
    return {"agreement": agreement, "real": statistics(), "simulated": statistics()}


def check(draw: Callable[[], Figure], directory: Path, *labels: str) -> None:
    """The figure can be written in all formats, fits a page, and has these labels as text."""
    figure = draw()
    width, height = figure.get_size_inches() / style.MILLIMETRE
    assert width == pytest.approx(85) or width == pytest.approx(180)
    assert 40 < height < 240
    files = [directory / f"figure.{file_format}" for file_format in ("pdf", "svg", "png")]
    style.save(figure, [str(file) for file in files])
    written = [file.read_bytes() for file in files]
    style.save(figure, [str(file) for file in files])
    assert [file.read_bytes() for file in files] == written
    picture = plt.imread(files[2])
    assert picture.shape[1] == pytest.approx(width / 25.4 * 300, abs=2)
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 10
    text = re.sub(r"<[^>]+>", "", files[1].read_text(encoding="utf-8"))
    for label in labels:
        assert label in text


def test_intervals_are_those_of_student() -> None:
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
def test_learning_curves(study: Any, tmp_path: Path, seeds: tuple[int, ...]) -> None:
    runs, curves = study([{}], seeds)
    drawn = learning_curves.numbers(runs, curves)
    test = drawn[drawn["set"] == "test"]
    assert list(test["samples"]) == [400]
    assert test["mean"].iloc[0] == pytest.approx(runs["test_accuracy"].mean())
    assert list(drawn.loc[drawn["set"] == "validation", "samples"]) == [200, 400]
    labels = ["Training samples seen", "Accuracy (%)", "Rate (spikes/s)", "chance", "validation", f"{len(seeds)} seed"]
    check(lambda: learning_curves.draw(runs, curves, NO_ANSWERS), tmp_path, *labels)


def test_a_network_that_stops_learning_counts_as_it_is(study: Any) -> None:
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


def test_learning_curves_without_validation(study: Any, tmp_path: Path) -> None:
    runs, curves = study([{}])
    curves["validation_accuracy"] = np.nan
    assert "validation" not in set(learning_curves.numbers(runs, curves)["set"])
    check(lambda: learning_curves.draw(runs, curves, NO_ANSWERS), tmp_path, "training")


def test_the_time_to_a_goal_is_that_of_the_first_point_that_reaches_it(study: Any) -> None:
    runs, _ = study([{DENSITY: 1.0}], goals={"digits": 0.94})
    assert list(runs["time_to_goal_s"].fillna(-1)) == [-1, 0.2, 0.2]  # validated at 0.92, 0.94 and 0.96 from epoch 2 on
    curve = [{"training_accuracy": None, "training_loss": loss, "training_time_s": 1 / loss} for loss in (4, 2, 1)]
    assert collect_study.time_to(2.5, curve) == 0.5
    assert collect_study.time_to(0.5, curve) is None


def answers(n_readouts: int) -> pd.DataFrame:
    steps = np.arange(50)
    tables = [
        pd.DataFrame({"step": steps, "target": np.sin(steps / 8 * (1 + readout)), "answer": np.sin(steps / 9)})
        for readout in range(n_readouts)
    ]
    return pd.concat([table.assign(task="digits", seed=1, readout=k) for k, table in enumerate(tables)])


def test_answers_are_those_of_the_first_run(study: Any, tmp_path: Path) -> None:
    result = training_result(1) | {"last_answer": {"target": [[0.0, 1.0], [0.5, 1.5]], "readout": [[2, 3], [4, 5]]}}
    (tmp_path / "answer.json").write_text(json.dumps(result), encoding="utf-8")
    point = {"task": "pattern", "results": [str(tmp_path / "answer.json")]}
    table = collect_study.answers([point, {"task": "pattern", "results": []}])
    assert list(table["answer"]) == [2, 4, 3, 5]
    assert list(table["target"]) == [0.0, 0.5, 1.0, 1.5]
    assert list(table["readout"]) == [0, 0, 1, 1]


def unanswerable(runs: pd.DataFrame, curves: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same as of a task in which no answer is right or wrong."""
    none = {"test_accuracy": np.nan, "test_loss": np.nan, "chance": np.nan}
    curves = curves.assign(training_accuracy=np.nan, validation_accuracy=np.nan, validation_loss=np.nan)
    return runs.assign(**none), curves


def test_regressions_are_told_by_their_loss(study: Any, tmp_path: Path) -> None:
    runs, _ = unanswerable(*study([{DENSITY: 0.1}, {DENSITY: 1.0}]))
    check(lambda: parameter_curves.draw(runs), tmp_path, "Training loss (mV²)", "Input density")
    numbers = tabulate_study.numbers(runs)
    assert "Training loss (mV²)" in tabulate_study.printed(numbers, runs)
    labels = ["Digits: loss (mV²)", "Rate (spikes/s)", "seed 1", "target"]
    check(lambda: learning_curves.draw(*unanswerable(*study([{}])), answers(1)), tmp_path, *labels, "Step of the last")
    check(lambda: learning_curves.draw(*unanswerable(*study([{}])), answers(2)), tmp_path, *labels, "Readout 2 (mV)")


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
        "Synaptic operations (%)",
    )
    numbers = tabulate_study.numbers(runs)
    printed = tabulate_study.printed(numbers, runs)
    assert list(printed["Variant"]) == ["full model", "sparse input", "late input"]
    assert printed["p"].iloc[0] == ""


def test_series_tell_how_far_one_can_go(study: Any, tmp_path: Path) -> None:
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
    )
    table = tabulate_study.numbers(runs)
    assert table.loc[4, "difference"] == pytest.approx(-0.01)  # to the first point of the panel
    printed = tabulate_study.printed(table, runs)
    assert printed["Varied"].iloc[1] == "input: Input density 0.9"
    worse = runs.assign(test_accuracy=runs["test_accuracy"].where(runs["series"] != "input, later", 0.1))
    assert thinning_curves.pairs_of(worse, measures.ACCURACY)[0].last == {"input": 1, "input, later": None}
    check(lambda: thinning_curves.draw(worse), tmp_path, "none shown to be as good")


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
def test_as_good_is_what_is_shown_to_be_no_worse_than_the_margin(
    accuracies: list[list[float]], last: int | None
) -> None:
    assert equally_good.last_equally_good(series(accuracies), "input", measures.ACCURACY) == last


def test_a_margin_of_loss_is_a_share_of_it() -> None:
    loss = measures.measure_of(pd.DataFrame({"test_accuracy": [None], "loss": ["mean_squared_error"]}))
    runs = series([[1.0, 1.2], [0.5, 0.7], [1.04, 1.24], [1.06, 1.26]], margin=0.05)
    runs = runs.rename(columns={"test_accuracy": "training_loss"})
    assert equally_good.tolerance(runs, loss) == pytest.approx(0.055)
    assert equally_good.last_equally_good(runs, "input", loss) == 2


@pytest.mark.parametrize(("p", "text"), [(1e-9, "<0.001"), (0.0123, "0.012"), (0.456, "0.46"), (np.nan, "")])
def test_p_values_have_the_digits_that_mean_something(p: float, text: str) -> None:
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
def test_parameter_curves(study: Any, tmp_path: Path, changes: list[dict[str, Any]], labels: list[str]) -> None:
    runs, _ = study(changes)
    check(lambda: parameter_curves.draw(runs), tmp_path, "Test accuracy (%)", "chance", *labels)
    drawn = parameter_curves.numbers(runs)
    assert len(drawn) == 2 * len(changes)
    assert set(drawn["n"]) == {3}


def test_parameters_that_are_no_numbers_can_be_drawn(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 0.1}, {DENSITY: 1.0}])
    runs[DENSITY] = runs[DENSITY].map({0.1: "few", 1.0: "all"})
    check(lambda: parameter_curves.draw(runs), tmp_path, "few", "all")


def test_the_figure_of_a_study_follows_from_what_it_varies(study: Any, tmp_path: Path) -> None:
    for kind, changes, drawn in (
        ("curves", [{}], {"loss", "accuracy", "rate"}),
        ("vary", [{DENSITY: 0.5}], {"test_accuracy", "synaptic_events_per_sample"}),
    ):
        runs, curves = study(changes)
        runs.to_csv(tmp_path / "runs.csv", index=False)
        curves.to_csv(tmp_path / "curves.csv", index=False)
        outputs = [str(tmp_path / f"study.{file_format}") for file_format in ("pdf", "svg", "png", "csv")]
        NO_ANSWERS.to_csv(tmp_path / "answers.csv", index=False)
        inputs = {name: tmp_path / f"{name}.csv" for name in ("runs", "curves", "answers")}
        plot_study.main(SimpleNamespace(input=inputs, output=outputs, params=SimpleNamespace(facts={"kind": kind})))
        assert set(pd.read_csv(outputs[3])["measure"]) == drawn


def test_scaling_is_told_by_the_slowest_rank_and_the_median() -> None:
    table = scaling_numbers.summary(scaling_rows("strong"))
    assert list(table["propagation_s"]) == pytest.approx([2.0, 1.25])
    assert list(table["propagation_min_s"]) == pytest.approx([1.9, 1.15])
    assert list(table["propagation_max_s"]) == pytest.approx([2.1, 1.35])
    assert list(table["repeats"]) == [3, 3]
    assert list(table["speed_up"]) == pytest.approx([1.0, 1.6])
    assert list(table["efficiency"]) == pytest.approx([1.0, 0.8])
    assert list(table["real_time_factor"]) == pytest.approx([4.0, 2.5])
    assert list(table["rate_hz"]) == pytest.approx([10.0, 10.0])
    assert list(table["time_per_synaptic_event_ns"]) == pytest.approx([2000.0, 2500.0])
    assert list(table["memory_per_synapse_bytes"]) == pytest.approx([4e4, 8e4])


def test_weak_scaling_is_efficient_where_the_time_stays() -> None:
    table = scaling_numbers.summary(scaling_rows("weak"))
    assert list(table["efficiency"]) == pytest.approx([1.0, 1.6])
    assert list(table["speed_up"]) == pytest.approx([1.0, 3.2])


def test_phases_add_up_to_the_propagation() -> None:
    table = scaling_numbers.by_repeat(scaling_rows())
    phases = [f"{phase}_s" for phase in scaling_numbers.PHASES]
    np.testing.assert_allclose(table[phases].sum(axis=1), table["propagation_s"], rtol=1e-12)  # a few roundings


def test_a_dry_run_has_the_time_of_its_messages_added() -> None:
    (row,) = collect_scaling.rows(scaling_result("strong", 4, dry_run=True, repeats=1), "mine", INTERCONNECT)[:1]
    to_all = 1000 * 2e-6 + 10**6 / 5e9
    assert row["modelled_to_all_s"] == pytest.approx(to_all, rel=1e-12)
    assert row["modelled_to_targets_s"] == pytest.approx(3 * 10**7 / 5e9, rel=1e-12)  # the faster of two ways
    assert row["communicate_s"] == pytest.approx(0.05 + to_all, rel=1e-12)
    assert row["propagation_s"] == pytest.approx(1.15 + to_all - 0.01 * (4 - 1 - 2), rel=1e-12)
    assert (row["experiment"], row["measured"], row["ranks"], row["rank"]) == ("mine", "dry_run", 4, 2)


def test_a_dry_run_needs_an_interconnect() -> None:
    with pytest.raises(ValueError, match="latency"):
        collect_scaling.rows(scaling_result("strong", 4, dry_run=True), "mine", None)


def test_the_rank_that_a_dry_run_plays_stands_for_all() -> None:
    table = scaling_numbers.summary(scaling_rows(ranks=(1, 2), dry_ranks=(2, 4)))
    assert list(table["measured"]) == ["measured", "measured", "dry_run", "dry_run"]
    assert list(table["neurons"]) == [100] * 4
    assert list(table["synapses"]) == [1000] * 4
    assert list(table["rate_hz"]) == pytest.approx([10.0] * 4)


@pytest.mark.parametrize(("kind", "label"), [("strong", "Speed-up"), ("weak", "Efficiency (%)")])
@pytest.mark.parametrize(
    ("ranks", "dry_ranks"), [((1,), ()), ((1, 2), ()), ((1, 2), (2, 8))], ids=["one rank", "two", "dry"]
)
def test_scaling_figure(
    tmp_path: Path, kind: str, label: str, ranks: tuple[int, ...], dry_ranks: tuple[int, ...]
) -> None:
    labels = ["Propagating (s)", "Real-time factor", "Ranks", "Peak memory per rank (MB)", "communicate", label, "slow"]
    labels += ["dry run, modelled"] if dry_ranks else []
    check(lambda: plot_scaling.draw(scaling_rows(kind, ranks, dry_ranks, variants=2)), tmp_path, *labels)


@pytest.mark.parametrize("measured", [True, False])
def test_exchange_figure(tmp_path: Path, measured: bool) -> None:
    times = [{"pattern": p, "bytes": 8 * 4**n, "seconds": 1e-6} for p in plot_exchange.PATTERNS for n in range(3)]
    interconnect = {"interconnect": INTERCONNECT, "times": times} if measured else None
    rows = pd.concat([scaling_rows("strong", (1, 2), (4, 8), 2), scaling_rows("weak", (1, 2), (), 1)])
    table = plot_exchange.numbers(rows)
    assert set(table["ranks"]) == {2, 4, 8}
    assert list(table["exchanges_per_s"]) == pytest.approx([1000.0] * len(table))
    assert list(table["message_bytes"]) == pytest.approx([1000.0] * len(table))
    labels = [
        "Smallest delay (ms)",
        "strong, to all ranks",
        "strong, to ranks with targets",
        "strong, 4 ranks (dry run)",
    ]
    labels += ["ping-pong, one way", "2 µs + size / (5 GB/s)"] if measured else []
    check(lambda: plot_exchange.draw(table, interconnect), tmp_path, *labels)


def break_even_rows() -> pd.DataFrame:
    """Event-driven time grows with the rate, and passes the time-driven one at 30 spikes/s; with the size, nowhere."""
    path = {"firing rate": "input_rate", "size": "network.n_recurrent"}
    rows = []
    for series, value in [*(("firing rate", rate) for rate in (10.0, 90.0)), ("size", 100), ("size", 200)]:
        rate = value if series == "firing rate" else 10.0
        result = {
            "parameters": {"input_rate": value, "network": {"n_recurrent": value}},
            "provenance": PROVENANCE,
            "seed": 1,
            "rate_hz": rate,
            "synapses": 1000,
            "pairs": 4000,
            "synaptic_events_per_step": rate,
            "seconds_per_step": {
                "event_driven": [1e-4 * rate, 1.1e-4 * rate, 1.2e-4 * rate],
                "time_driven": [3.3e-3] * 3,
                "bound": [1e-3] * 3,
            },
        }
        rows += collect_break_even.rows({"series": series, "parameter": path[series]}, result)
    return pd.DataFrame(rows)


def test_break_even_is_where_the_ratio_passes_one(tmp_path: Path) -> None:
    table = break_even_numbers.summary(break_even_rows())
    rate, size = (table[table["series"] == series] for series in ("firing rate", "size"))
    assert list(rate["time_driven_ratio"]) == pytest.approx([3, 1 / 3])
    assert break_even_numbers.break_even(rate["x"], rate["time_driven_ratio"]) == pytest.approx(30)
    assert break_even_numbers.break_even(size["x"], size["time_driven_ratio"]) is None
    check(
        lambda: plot_break_even.draw(break_even_rows()),
        tmp_path,
        "Time per step (ms)",
        "Presynaptic rate (spikes/s)",
        "Recurrent neurons",
        "break-even",
        "bound of time-driven",
    )
    _, markdown, _ = written(table, tabulate_break_even.printed(table), tmp_path)
    assert "1.1 (1-1.2)" in markdown


def test_contests_are_told_by_medians(contests: pd.DataFrame) -> None:
    table = baselines_numbers.summary(contests).set_index(["network", "variant", "simulator"])
    own, nest = table.loc["large", "event_driven", "eprop_core"], table.loc["large", "event_driven", "NEST 3.10.0"]
    assert own["ns_per_synaptic_event"] == pytest.approx(20)
    assert own["seconds_iqr"] == pytest.approx(0.01)
    assert own["rate_hz"] == pytest.approx(8)
    assert own["bytes_per_synapse"] == pytest.approx(28)
    assert own["buffer_bytes_per_neuron"] == pytest.approx(400)
    assert own["synapses_built_per_second"] == pytest.approx(5e6)
    assert own["ratio_to_nest"] == pytest.approx(100)
    assert nest["ratio_to_nest"] == pytest.approx(1)
    assert own["limit_ns"] == pytest.approx(52 / 13 + 2)
    assert table.loc["large", "static", "eprop_core"]["limit_ns"] == pytest.approx(12 / 12 + 1)
    assert table.loc["small", "training", "eprop_core"]["ratio_to_nest"] == pytest.approx(100)


def test_baselines_figure(contests: pd.DataFrame, tmp_path: Path) -> None:
    labels = ("Time per synaptic event (ns)", "Memory per synapse (bytes)", "Training run (s)", "20 (1/100)")
    check(lambda: plot_baselines.draw(contests), tmp_path, *labels, "dense matrices would need 27 GB")


def test_saccades_figure(comparison: dict[str, Any], tmp_path: Path) -> None:
    check(
        lambda: plot_saccades.draw(comparison),
        tmp_path,
        "Events per ms and sample",
        "recorded",
        "simulated",
        "r = 0.990",
    )


def written(numbers: pd.DataFrame, printed: pd.DataFrame, directory: Path) -> tuple[pd.DataFrame, str, str]:
    files = [str(directory / f"table.{file_format}") for file_format in ("csv", "md", "tex")]
    write_table.write(numbers, printed, files, "A caption.", "name")
    texts = [Path(file).read_text(encoding="utf-8") for file in files]
    return pd.read_csv(files[0]), texts[1], texts[2]


def test_table_of_a_study(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 0.5}, {DENSITY: 1.0}])
    numbers = tabulate_study.numbers(runs)
    table, markdown, latex = written(numbers, tabulate_study.printed(numbers, runs), tmp_path)
    assert list(table["seeds"]) == [3, 3]
    assert list(table["test_accuracy"]) == pytest.approx([0.89, 0.94])
    half_width = 100 * stats.t.ppf(0.975, 2) * 0.02 / np.sqrt(3)
    assert f"89.0 ± {half_width:.1f}" in markdown
    assert f"89.0 ± {half_width:.1f}" in latex
    assert "Input density 0.5" in markdown and "Input density 0.5" in latex
    assert all(part in latex for part in (r"\toprule", r"\bottomrule", r"\caption{A caption.}", r"Test accuracy (\%)"))


def test_table_of_scaling(tmp_path: Path) -> None:
    numbers = scaling_numbers.summary(scaling_rows())
    _, markdown, latex = written(numbers, tabulate_scaling.printed(numbers), tmp_path)
    for text in (markdown, latex):
        assert "1.250 (1.150-1.350)" in text and "1.60" in text


def test_table_tells_dry_runs(tmp_path: Path) -> None:
    numbers = scaling_numbers.summary(scaling_rows(dry_ranks=(4,), variants=2))
    _, markdown, latex = written(numbers, tabulate_scaling.printed(numbers), tmp_path)
    for text in (markdown, latex):
        assert "4*" in text and "e-prop+" in text and "slow" in text


def test_table_of_the_exchange(tmp_path: Path) -> None:
    numbers = plot_exchange.numbers(scaling_rows(dry_ranks=(4,)))
    _, markdown, latex = written(numbers, tabulate_exchange.printed(numbers), tmp_path)
    assert "4*" in markdown and "6000.0" not in markdown and "12.0" in markdown
    assert "4*" in latex


def test_table_of_baselines(contests: pd.DataFrame, tmp_path: Path) -> None:
    numbers = baselines_numbers.summary(contests)
    read, markdown, _ = written(numbers[list(baselines_numbers.COLUMNS)], tabulate_baselines.printed(numbers), tmp_path)
    assert list(read.columns) == list(baselines_numbers.COLUMNS)
    assert "event-driven e-prop" in markdown


def test_table_of_saccades(comparison: dict[str, Any], tmp_path: Path) -> None:
    numbers = plot_saccades.numbers(comparison)
    _, markdown, _ = written(numbers, tabulate_saccades.printed(numbers), tmp_path)
    assert "1.025" in markdown and "0.99" in markdown


def test_captions_tell_seeds_and_repeats() -> None:
    captions = PROJECT / "workflow" / "report"
    facts: dict[str, Any] = {"tasks": ["digits"], "seeds": 7, "varied": ["input.delay"], "names": ["full"]}
    facts |= {"margin": 0.02}
    for kind in ("curves", "vary", "grid", "variants", "series"):
        assert "7 seeds" in write_report.caption(captions / "study.rst", facts | {"kind": kind})
    assert "9 repeats" in write_report.caption(captions / "break_even.rst", {"repeats": 9, "seeds": 1})
    facts = {"kind": "weak", "neurons": 5, "inputs": 3, "model_time": 1.5, "repeats": 9, "seeds": 1, "dry": False}
    assert "median of 9 repeats" in write_report.caption(captions / "scaling.rst", facts)
    assert "dry run" not in write_report.caption(captions / "scaling.rst", facts)
    assert "dry run" in write_report.caption(captions / "scaling.rst", facts | {"dry": True})
    assert "Exchange" in write_report.caption(captions / "exchange.rst", {})


def test_the_report_is_one_page_that_needs_nothing_else(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 0.5}])
    numbers = tabulate_study.numbers(runs)
    for directory in ("figures", "tables"):
        (tmp_path / directory).mkdir()
    plot_files = [str(tmp_path / "figures" / "mine.svg")]
    style.save(parameter_curves.draw(runs), plot_files)
    files = [str(tmp_path / "tables" / f"mine.{file_format}") for file_format in ("csv", "md", "tex")]
    write_table.write(numbers, tabulate_study.printed(numbers, runs), files, "A caption.", "name")
    template = PROJECT / "workflow" / "report"
    section = {
        "name": "mine",
        "caption": str(template / "study.rst"),
        "facts": {"kind": "vary", "tasks": ["digits"], "seeds": 3, "varied": ["density"], "names": []},
    }
    write_report.main(
        SimpleNamespace(
            input=SimpleNamespace(results=list(runs["file"]), template=template / "report.html.jinja"),
            output=[str(tmp_path / "report.html")],
            params=SimpleNamespace(sections=[section], title="Title", configuration="my.yaml"),
        )
    )
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "data:image/svg+xml;base64," in page
    assert not re.search(r'(src|href)="https?:', page)
    for told in ("my.yaml", "3 seeds", "Input density 0.5", "0123456789ab", "some CPU", "tables/mine.tex"):
        assert told in page
