"""Meaningless numbers are left out: tables show a dash and the reason, figures neither the number nor its axis."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import small_results
from eprop_core.experiments.baselines.parameters import PoissonBaseline
from eprop_core.experiments.baselines.result import BaselineResult, Compared, Process
from eprop_core.experiments.saccades.measure import Sums, compare
from eprop_core.experiments.saccades.parameters import SaccadesComparison
from eprop_core.experiments.saccades.result import SaccadesResult
from eprop_core.experiments.verification.parameters import Verification
from eprop_core.experiments.verification.result import VerificationResult
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.verification.findings import Activity, Amplification, Difference, Divergence
from results_contract import undescribed_columns
from small_results import DELAY, DENSITY, INTERCONNECT, PROVENANCE, break_even_runs, scaling_result, timings
from workflow.scripts.baselines import collect as baselines_collect
from workflow.scripts.baselines import figure as baselines_figure
from workflow.scripts.baselines import numbers as baselines_numbers
from workflow.scripts.baselines import table as baselines_table
from workflow.scripts.break_even import figure as break_even_figure
from workflow.scripts.break_even import numbers as break_even_numbers
from workflow.scripts.break_even import table as break_even_table
from workflow.scripts.saccades import figure as saccades_figure
from workflow.scripts.saccades import table as saccades_table
from workflow.scripts.scaling import collect as scaling_collect
from workflow.scripts.scaling import exchange_figure as scaling_exchange_figure
from workflow.scripts.scaling import exchange_table as scaling_exchange_table
from workflow.scripts.scaling import figure as scaling_figure
from workflow.scripts.scaling import numbers as scaling_numbers
from workflow.scripts.scaling import table as scaling_table
from workflow.scripts.shared import left_out, read_table, style, write_table
from workflow.scripts.shared.left_out import Reason
from workflow.scripts.studies import learning_curves, parameter_curves, thinning_curves, variant_differences
from workflow.scripts.studies import table as studies_table
from workflow.scripts.verification import figure as verification_figure
from workflow.scripts.verification import table as verification_table

pytestmark = pytest.mark.usefixtures("drawing")

MEANINGLESS = re.compile(r"\b(inf|nan)\b|(?<![\w.])-0(\.0*)?(?![\d.])", re.IGNORECASE)
NEGATIVE = re.compile(r"^-\d|[ (]-\d")


def reread(table: pd.DataFrame, directory: Path) -> pd.DataFrame:
    """The table as scripts read it."""
    table.to_csv(directory / "reread.csv", index=False)
    return read_table.read(directory / "reread.csv")


def check_table(printed: pd.DataFrame, *reasons: Reason, signed: tuple[str, ...] = ()) -> str:
    """No cell is meaningless, only ``signed`` columns have negative ones, and all reasons stand below; return these."""
    for column in printed:
        for cell in printed[column]:
            assert not MEANINGLESS.search(cell), (column, cell)
            assert column in signed or not NEGATIVE.search(cell), (column, cell)
    _, notes = write_table.with_footnotes(printed)
    assert notes.count(" where ") == len(reasons)
    for reason in reasons:
        assert reason.value in notes
    return notes


def check_figure(figure: Figure, directory: Path, *reasons: Reason, downwards: tuple[int, ...] = ()) -> None:
    """Axes are finite, only ``downwards`` ones point down, no text is meaningless, and all reasons are stated."""
    file = directory / "figure.svg"
    style.save(figure, [str(file)])
    for position, panel in enumerate(figure.axes):
        check_limits(panel.get_xlim(), panel.get_xscale())
        bottom, top = panel.get_ylim()
        check_limits((top, bottom) if position in downwards else (bottom, top), panel.get_yscale())
    texts = ["".join(text.itertext()) for text in ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}text")]
    assert not [text for text in texts if MEANINGLESS.search(text)]
    shown = " ".join(texts)
    for reason in Reason:
        assert (reason.value in shown) == (reason in reasons), reason


def check_limits(limits: tuple[float, float], scale: str) -> None:
    low, high = limits
    assert np.isfinite(limits).all() and low < high
    if scale == "log":
        assert low > 0 and high < 1e15 * low


# Break-even


BREAK_EVEN: dict[str, tuple[list[dict[str, Any]], set[Reason], set[Reason]]] = {
    "one rate is zero": ([timings(0.0), timings(10.0), timings(90.0)], {Reason.NO_EVENTS}, set()),
    "all rates are zero": ([timings(0.0), timings(0.0)], {Reason.NO_EVENTS}, set()),
    "no synapses": (
        [timings(0.0, 0), timings(10.0)],
        {Reason.NO_EVENTS, Reason.NO_SYNAPSES},
        {Reason.NO_SYNAPSES},
    ),
    "no synapses anywhere": ([timings(0.0, 0)], {Reason.NO_EVENTS, Reason.NO_SYNAPSES}, {Reason.NO_SYNAPSES}),
    "equal times": ([timings(time_driven=[1e-4] * 3, bound=[1e-4] * 3)] * 2, set(), set()),
    "a shorter run took longer": (
        [timings(time_driven=[-1e-3, 1e-9, 1e-3]), timings(90.0)],
        {Reason.NOT_LONGER},
        {Reason.NOT_LONGER},
    ),
    "every shorter run took longer": (
        [timings(time_driven=[-1e-3] * 3)] * 2,
        {Reason.NOT_LONGER},
        {Reason.NOT_LONGER},
    ),
    "one of three was disturbed": ([timings(time_driven=[-1e-5, 1e-3, 2e-3]), timings(90.0)], set(), set()),
}


@pytest.mark.parametrize("case", BREAK_EVEN)
def test_break_even_leaves_out_meaningless_numbers(case: str, tmp_path: Path) -> None:
    points, in_table, in_figure = BREAK_EVEN[case]
    runs = reread(break_even_runs(points), tmp_path)
    table = break_even_numbers.summary(runs)
    assert not np.isinf(table.select_dtypes("number")).any(axis=None)
    assert not (table.select_dtypes("number") < 0).any(axis=None)
    check_table(break_even_table.printed(table), *in_table)
    check_figure(break_even_figure.draw(runs), tmp_path, *in_figure)


def test_a_time_is_left_out_only_where_it_is_not_clearly_above_zero() -> None:
    disturbed = break_even_numbers.summary(break_even_runs(BREAK_EVEN["one of three was disturbed"][0]))
    assert list(disturbed["time_driven_s_median"]) == [1e-3, 1e-3]
    assert list(disturbed["time_driven_s_min"]) == [0.0, 1e-3]  # no time is negative
    assert list(disturbed["time_driven_ratio"]) == pytest.approx([10, 10])
    longer = break_even_numbers.summary(break_even_runs(BREAK_EVEN["a shorter run took longer"][0]))
    assert longer["time_driven_s_median"].isna().tolist() == [True, False]
    assert longer["time_driven_ratio"].isna().tolist() == [True, False]
    assert longer["bound_ratio"].notna().all()


def test_break_even_uses_only_points_with_a_logarithm() -> None:
    x, ratio = pd.Series([90.0, 0.0, 10.0, 30.0]), pd.Series([1 / 3, 9.0, 3.0, np.nan])
    assert break_even_numbers.break_even(x, ratio) == pytest.approx(30)
    assert break_even_numbers.break_even(x, -ratio) is None
    assert break_even_numbers.break_even(x * 0, ratio) is None


def test_a_range_needs_two_values() -> None:
    runs = break_even_runs([timings()])
    once = break_even_table.printed(break_even_numbers.summary(runs[runs["repeat"] == 0]))
    assert once["Event-driven (ms per step)"].iloc[0] == "0.1"
    often = break_even_table.printed(break_even_numbers.summary(runs))
    assert often["Event-driven (ms per step)"].iloc[0] == "0.1 (0.1-0.1)"


# Baselines


def baseline(repeats: int = 3, *, only: str | None = None, **changed: Any) -> BaselineResult:
    """A comparison of all simulators; values of the variant ``only``, or of all, can be ``changed``."""
    processes = []
    for repeat in range(1, repeats + 1):
        for simulator, variant in (
            ("eprop_core", "plastic"),
            ("NEST", "plastic"),
            ("eprop_core", "static"),
            ("NEST", "static"),
            ("eprop_core", "time_driven"),
            ("eprop_core", "training"),
            ("NEST", "training"),
        ):
            values: dict[str, Any] = {
                "simulator": simulator,
                "variant": variant,
                "repeat": repeat,
                "neurons": 100,
                "synapses": 5000,
                "n_steps": 500,
                "spikes": 400,
                "synaptic_events": 10**6,
                "seconds": 0.01 * repeat,
                "processor_s": 0.01 * repeat,
                "memory_bytes": 140_000,
                "threads": 1,
                "other_work_processors": 0.0,
            }
            if variant != "time_driven":
                values |= {"build_s": 0.001, "memory_built_bytes": 100_000}
            if simulator == "eprop_core" and variant in ("plastic", "static"):
                speeds = {"read_bytes_per_s": 1.2e10, "update_bytes_per_s": 1.3e10, "add_s": 1e-9, "gather_s": 2e-9}
                values |= {"bytes_moved_per_event": 52.0, "machine": speeds}
            if only in (None, variant):
                values |= {
                    name: value[repeat - 1] if isinstance(value, list) else value for name, value in changed.items()
                }
            if not values["synaptic_events"] and "bytes_moved_per_event" in values:
                values["bytes_moved_per_event"] = None
            processes.append(Process(**values))
    network = {"n_input": 10, "n_recurrent": 100, "n_readout": 2}
    parameters = {"network": network, "input_rate": 10.0, "n_steps": 500, "n_steps_warm_up": 100}
    return BaselineResult(
        parameters=parse(PoissonBaseline, parameters),
        network=parse(Network, network),
        provenance=PROVENANCE,
        simulators={name: Compared(version="1", computes="e-prop+", agreement=None) for name in ("eprop_core", "NEST")},
        processes=processes,
        left_out={},
        learned={},
    )


SILENT = {"spikes": 0, "synaptic_events": 0}
BASELINES: dict[str, tuple[list[BaselineResult], set[Reason], set[Reason]]] = {
    "nothing spikes": ([baseline(**SILENT)], {Reason.NO_EVENTS}, {Reason.NO_EVENTS}),
    "nothing spikes in one": ([baseline(), baseline(**SILENT)], {Reason.NO_EVENTS}, {Reason.NO_EVENTS}),
    "no synapses": (
        [baseline(synapses=0, **SILENT)],
        {Reason.NO_EVENTS, Reason.NO_SYNAPSES},
        {Reason.NO_EVENTS, Reason.NO_SYNAPSES},
    ),
    "memory shrinks": (
        [baseline(memory_bytes=[-4096, 0, 4096], memory_built_bytes=8192)],
        {Reason.NOT_LARGER, Reason.GIVEN_BACK},
        {Reason.NOT_LARGER},
    ),
    "a shorter run took longer": (
        [baseline(only="time_driven", seconds=[-1e-3, 1e-9, 2e-3], memory_bytes=0)],
        {Reason.NOT_LONGER, Reason.NOT_LARGER},
        {Reason.NOT_LONGER},
    ),
    "equal times": ([baseline(seconds=0.5)], set(), set()),
    "one process": ([baseline(1)], set(), set()),
}


def baseline_runs(results: list[BaselineResult]) -> pd.DataFrame:
    names = ("first", "second")
    return pd.DataFrame(
        [row for name, one in zip(names, results, strict=False) for row in baselines_collect.rows(name, one)]
    )


@pytest.mark.parametrize("case", BASELINES)
def test_baselines_leave_out_meaningless_numbers(case: str, tmp_path: Path) -> None:
    results, in_table, in_figure = BASELINES[case]
    runs = reread(baseline_runs(results), tmp_path)
    table = baselines_numbers.summary(runs)
    assert not np.isinf(table.select_dtypes("number")).any(axis=None)
    shown = table[list(baselines_numbers.COLUMNS)]
    assert not (shown.select_dtypes("number") < 0).any(axis=None)
    assert not (table["ratio_to_nest"] < 0).any()
    check_table(baselines_table.printed(table), *in_table)
    check_figure(baselines_figure.draw(runs), tmp_path, *in_figure)


def test_a_spread_needs_two_processes(tmp_path: Path) -> None:
    for repeats, time in ((1, "0.010"), (3, "0.020 (0.010)")):
        table = baselines_numbers.summary(reread(baseline_runs([baseline(repeats)]), tmp_path))
        assert set(baselines_table.printed(table)["Time (s)"]) == {time}


# Scaling


def scaling_runs(kind: str, ranks: tuple[int, ...], repeats: int = 3, **changed: Any) -> pd.DataFrame:
    """Runs in which the measurements of each rank are ``changed``."""
    rows = []
    for n_ranks in ranks:
        result = scaling_result(kind, n_ranks, repeats=repeats)
        variants = {}
        for name, variant in result.variants.items():
            of_repeats = [[small_results.changed(rank, **changed) for rank in ranks] for ranks in variant.repeats]
            variants[name] = small_results.changed(variant, repeats=of_repeats)
        rows += scaling_collect.rows(small_results.changed(result, variants=variants), kind, INTERCONNECT)
    return pd.DataFrame(rows)


SCALING: dict[str, tuple[pd.DataFrame, set[Reason], set[Reason]]] = {
    "nothing spikes": (
        scaling_runs("weak", (1, 2), counts={"spikes": 0, "synaptic_events": 0}),
        {Reason.NO_EVENTS},
        set(),
    ),
    "no synapses": (
        scaling_runs("strong", (1, 2), counts={"synapses": 0, "spikes": 0, "synaptic_events": 0}),
        {Reason.NO_EVENTS, Reason.NO_SYNAPSES},
        {Reason.NO_SYNAPSES},
    ),
    "memory shrinks": (
        scaling_runs("strong", (1, 2), peak_memory_bytes=5 * 10**7),
        {Reason.NOT_LARGER},
        {Reason.NOT_LARGER},
    ),
    "equal times": (scaling_runs("strong", (1, 2), propagation_s=1.0), set(), set()),
    "one rank, one repeat": (scaling_runs("weak", (1,), repeats=1), set(), set()),
    "phases that are longer than the whole": (scaling_runs("weak", (1, 2), propagation_s=0.01), set(), set()),
}


@pytest.mark.parametrize("case", SCALING)
def test_scaling_leaves_out_meaningless_numbers(case: str, tmp_path: Path) -> None:
    runs, in_table, in_figure = SCALING[case]
    runs = reread(runs, tmp_path)
    table = scaling_numbers.summary(runs)
    assert not np.isinf(table.select_dtypes("number")).any(axis=None)
    assert (table["memory_per_synapse_bytes"].dropna() > 0).all()
    assert (table["other_s"] >= 0).all() and (table["deliver_s"] >= 0).all()
    check_table(scaling_table.printed(table), *in_table)
    check_figure(scaling_figure.draw(runs), tmp_path, *in_figure)


def test_an_exchange_without_time_is_not_drawn(tmp_path: Path) -> None:
    runs = scaling_runs("strong", (1, 2), times_s={"communicate": 0.0, "wait": 0.0})
    table = scaling_exchange_figure.numbers(reread(runs, tmp_path))
    assert table["communicate_s"].isna().all()
    check_table(scaling_exchange_table.printed(table))
    check_figure(scaling_exchange_figure.draw(table, None), tmp_path)


# Studies


NO_ANSWERS = pd.DataFrame(columns=["task", "seed", "readout", "step", "target", "answer"])
NOTHING = {"rate_hz": 0.0, "operations_per_sample": 0.0, "synaptic_events_per_sample": 0.0}
VARIANTS = [{"variant": name} for name in ("full model", "late input")]


def test_learning_curves_may_be_of_silent_networks(study: Any, tmp_path: Path) -> None:
    for seeds in ((1,), (1, 2)):
        runs, curves = study([{}], seeds)
        runs, curves = runs.assign(**NOTHING), curves.assign(rate_hz=0.0)
        check_figure(learning_curves.draw(runs, curves, NO_ANSWERS), tmp_path)
        check_table(studies_table.printed(studies_table.numbers(runs), runs))


def test_parameter_curves_may_be_of_silent_networks(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{DENSITY: 0.0}, {DENSITY: 0.1}, {DENSITY: 1.0}], (1,))
    runs = runs.assign(**NOTHING)
    check_figure(parameter_curves.draw(runs), tmp_path)
    check_table(studies_table.printed(studies_table.numbers(runs), runs), Reason.NO_EVENTS)


def test_a_cost_of_zero_is_no_reference(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{}, {DELAY: 5}], names=VARIANTS)
    silent = runs["variant"] == "full model"
    runs.loc[silent, "operations_per_sample"] = 0.0
    drawn = variant_differences.numbers(runs)
    assert drawn["operations_per_sample"].isna().all()
    assert drawn["training_time_per_sample_s"].notna().all()
    check_figure(variant_differences.draw(runs), tmp_path, Reason.NO_REFERENCE, downwards=(0, 1, 2))
    runs["operations_per_sample"] = np.where(silent, 100.0, 0.0)
    assert list(variant_differences.numbers(runs)["operations_per_sample"]) == [0.0, -100.0]


def test_a_single_seed_has_no_p_value(study: Any, tmp_path: Path) -> None:
    runs, _ = study([{}, {DELAY: 5}], (1,), VARIANTS)
    printed = studies_table.printed(studies_table.numbers(runs), runs)
    check_table(printed, Reason.ONE_SEED, signed=("Difference",))
    assert list(printed["p (adjusted)"]) == ["", write_table.DASH + Reason.ONE_SEED.mark]
    assert list(printed["Difference"]) == ["0.0", "0.0"]
    check_figure(variant_differences.draw(runs), tmp_path, downwards=(0, 1, 2))


def test_differences_without_spread_are_not_tested(study: Any) -> None:
    runs, _ = study([{}, {DENSITY: 0.05}], names=VARIANTS)  # all seeds lose 0.5 per cent
    numbers = studies_table.numbers(runs)
    assert numbers["p_value"].isna().all()
    assert numbers["difference_low"].iloc[1] == pytest.approx(-0.005)
    printed = studies_table.printed(numbers, runs)
    check_table(printed, Reason.NO_SPREAD, signed=("Difference",))
    runs.loc[0, "test_accuracy"] += 0.001
    assert studies_table.numbers(runs)["p_value"].iloc[1] == pytest.approx(0.0039, rel=0.5)


def test_a_goal_that_no_run_reaches_has_no_time(study: Any) -> None:
    runs, _ = study([{}], goals={"digits": 1.0})
    runs["time_to_goal_s"] = runs["time_to_goal_s"].astype(float)
    reached, _ = study([{}], goals={"digits": 0.5})
    both = pd.concat([runs, reached.assign(task="easy", point=1)], ignore_index=True)
    printed = studies_table.printed(studies_table.numbers(both), both)
    check_table(printed, Reason.NOT_REACHED)
    assert printed["Training time to goal (s)"].iloc[0] == write_table.DASH + Reason.NOT_REACHED.mark


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_costs_of_zero_have_no_ratio(study: Any, tmp_path: Path, seeds: tuple[int, ...]) -> None:
    names = [{"series": "input"}] * 3
    runs, _ = study([{DENSITY: 1.0}, {DENSITY: 0.9}, {DENSITY: 0.0}], seeds, names)
    silent = runs.assign(operations_per_sample=0.0)
    drawn = thinning_curves.numbers(silent).set_index("measure")
    assert drawn.loc["operations_per_sample", "ratio"].isna().all()
    check_figure(thinning_curves.draw(silent), tmp_path, Reason.NO_LOGARITHM)
    everything = dict.fromkeys(thinning_curves.COSTS, 0.0)
    check_figure(thinning_curves.draw(runs.assign(**everything)), tmp_path, Reason.NO_LOGARITHM)


@pytest.mark.parametrize(("value", "text"), [(-0.04, "0.0"), (-0.06, "-0.1"), (0.0, "0.0"), (1e9, "1000000000.0")])
def test_a_zero_has_no_sign(value: float, text: str) -> None:
    assert write_table.number(value, ".1f") == text
    assert write_table.mean_with_interval(value, np.nan, 1, 1) == text


# Saccades and verification


def test_recordings_without_events_have_no_ratios(tmp_path: Path) -> None:
    nothing = np.zeros(0), np.zeros(0, np.int64)
    sums = Sums()
    sums.add(nothing)
    silent = sums.statistics()
    comparison = SaccadesResult(
        parameters=SaccadesComparison(nmnist="nmnist", mnist="mnist"),
        provenance=PROVENANCE,
        agreement=compare(silent, silent),
        real=silent,
        simulated=silent,
    )
    table = reread(saccades_figure.numbers(comparison), tmp_path)
    check_table(saccades_table.printed(table), Reason.NOTHING_SEEN, Reason.NO_REFERENCE, Reason.CONSTANT)
    check_figure(saccades_figure.draw(comparison), tmp_path, Reason.CONSTANT, downwards=(0, 1, 2, 3))


def test_an_infinite_difference_is_left_out(tmp_path: Path) -> None:
    def difference(quantity: str, value: float) -> Difference:
        return Difference(quantity=quantity, max_difference=value, tolerance=0.0)

    result = VerificationResult(
        provenance=PROVENANCE,
        check="ranks",
        seed=1,
        ranks=2,
        parameters=Verification(),
        differences={
            "small": [difference("weights", 0.0)],
            "large": [difference("weights", np.inf), difference("spikes", 0.0)],
        },
        divergences={"small": Divergence(step=3, neuron=2, distance=np.inf)},
        amplifications={"large": Amplification(step=4, amplification=2.0)},
        activities={"large": Activity(spikes=0, weight_change=0.0)},
    )
    result.write(tmp_path / "result.json")
    results = [VerificationResult.read(tmp_path / "result.json")]
    table = reread(verification_table.differences(results), tmp_path)
    assert list(table["variant"]) == ["small, 2 ranks", "large, 2 ranks", "large, 2 ranks"]
    assert list(table["passed"]) == [True, False, True]
    printed = verification_table.printed(table, verification_table.activities(results))
    check_table(printed, Reason.NOT_FINITE)
    assert list(printed["Largest difference"]) == [write_table.DASH + Reason.NOT_FINITE.mark, "0"]
    assert list(printed["Passed"]) == ["1", "1"]
    divergences = reread(verification_table.divergences(results), tmp_path)
    assert divergences["distance"].isna().all()
    assert divergences["amplification"].fillna(-1).tolist() == [-1, 2.0]
    activities = verification_table.activities(results)
    for name, written in (("", table), ("_divergence", divergences), ("_activity", activities)):
        assert undescribed_columns(f"tables/verification{name}.csv", list(written)) == []
    dots = verification_figure.differences(table)
    assert undescribed_columns("figures/verification.csv", list(dots)) == []
    assert not np.isinf(dots["max_difference"]).any()
    check_figure(verification_figure.draw(dots), tmp_path, downwards=(0,))


# What all of them share


def test_logarithmic_limits_hold_all_values_and_at_most_a_decade_of_a_bar() -> None:
    panel: Axes = Figure().subplots()
    panel.set_yscale("log")
    values, low, high = pd.Series([1.0, 10.0, np.nan]), pd.Series([0.0, 9.0, -5.0]), pd.Series([2.0, 20.0, 1e9])
    style.limit_decades(panel, values, low, high, below=2, above=2)
    assert panel.get_ylim() == (0.05, 40.0)
    before = panel.get_ylim()
    style.limit_decades(panel, values * np.nan, low, high)
    assert panel.get_ylim() == before


@pytest.mark.parametrize(("values", "top"), [([1.0, 2.0], 2.2), ([-1.0, -2.0], 1), ([np.nan], 1), ([0.0], 1)])
def test_an_axis_from_zero_always_points_upwards(values: list[float], top: float) -> None:
    panel: Axes = Figure().subplots()
    style.start_at_zero(panel, pd.Series(values))
    assert panel.get_ylim() == (0, pytest.approx(top))


def test_notes_below_a_figure_stand_below_one_another() -> None:
    figure = Figure(figsize=(style.one_column(), 2))
    style.note_below(figure, "One.")
    style.note_below(figure, 20 * "another ")
    (legend,) = figure.legends
    line = " ".join(9 * ["another"])
    assert legend.get_title().get_text().split("\n") == ["One.", line, line, "another another"]


def test_a_cell_has_the_first_reason_that_applies() -> None:
    values = pd.Series([1.0, np.nan, np.nan])
    reasons = {
        Reason.NO_SYNAPSES: pd.Series([True, True, False]),
        Reason.NOT_LARGER: pd.Series([True, True, False]),
    }
    assert left_out.reasons_of(values, reasons) == [Reason.NO_SYNAPSES]
    assert write_table.cells(values, ".1f", reasons) == ["1.0", write_table.DASH + Reason.NO_SYNAPSES.mark, ""]


def test_footnotes_are_lettered_from_a_on(tmp_path: Path) -> None:
    printed = pd.DataFrame(
        {
            "A": ["1", write_table.DASH + Reason.CONSTANT.mark + "*"],
            "B": [write_table.DASH + Reason.NO_SPREAD.mark, "x"],
        }
    )
    files = [str(tmp_path / name) for name in ("table.csv", "table.md", "table.tex")]
    write_table.write(printed, printed, files, "A caption.", "name", "* a note.")
    markdown, latex = ((tmp_path / name).read_text(encoding="utf-8") for name in ("table.md", "table.tex"))
    table, notes = write_table.read_markdown(markdown)
    assert list(table["A"]) == ["1", write_table.DASH + "ᵇ*"] and list(table["B"]) == [write_table.DASH + "ᵃ", "x"]
    assert notes == f"* a note. Left out: ᵃ where {Reason.NO_SPREAD.value}; ᵇ where {Reason.CONSTANT.value}."
    assert r"--\textsuperscript{b}*" in latex and r"\textsuperscript{a} where all seeds" in latex


@pytest.mark.parametrize(
    ("value", "text"), [(99.7, "100"), (320.4, "320"), (1234567.0, "1200000"), (9.81, "9.8"), (0.0234, "0.023")]
)
def test_two_digits_have_no_power_of_ten(value: float, text: str) -> None:
    assert write_table.two_digits(value) == text
