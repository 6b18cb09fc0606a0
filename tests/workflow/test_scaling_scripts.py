"""Tables and figures of scaling, made from small results: their numbers, and that the figures can be read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy import stats

from eprop_core.parsing import ParameterError
from small_results import INTERCONNECT, changed, check, interconnect_result, scaling_result, scaling_rows, written
from workflow.scripts.scaling import collect as scaling_collect
from workflow.scripts.scaling import exchange_figure as scaling_exchange_figure
from workflow.scripts.scaling import exchange_table as scaling_exchange_table
from workflow.scripts.scaling import figure as scaling_figure
from workflow.scripts.scaling import numbers as scaling_numbers
from workflow.scripts.scaling import table as scaling_table
from workflow.scripts.shared import other_work, style, write_table

pytestmark = pytest.mark.usefixtures("drawing")


def test_scaling_takes_the_slowest_rank_and_the_median_repeat() -> None:
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


def test_the_efficiency_of_weak_scaling_is_a_ratio_of_times() -> None:
    table = scaling_numbers.summary(scaling_rows("weak"))
    assert list(table["efficiency"]) == pytest.approx([1.0, 1.6])
    assert list(table["speed_up"]) == pytest.approx([1.0, 3.2])


def test_phases_add_up_to_the_propagation() -> None:
    table = scaling_numbers.by_repeat(scaling_rows())
    phases = [f"{phase}_s" for phase in scaling_numbers.PHASES]
    np.testing.assert_allclose(table[phases].sum(axis=1), table["propagation_s"], rtol=1e-12)  # a few roundings


def test_a_dry_run_adds_the_modelled_time_of_its_messages() -> None:
    (row,) = scaling_collect.rows(scaling_result("strong", 4, dry_run=True, repeats=1), "mine", INTERCONNECT)[:1]
    to_all = 1000 * 2e-6 + 10**6 / 5e9
    assert row["modelled_to_all_s"] == pytest.approx(to_all, rel=1e-12)
    assert row["modelled_to_targets_s"] == pytest.approx(3 * 10**7 / 5e9, rel=1e-12)
    assert row["communicate_s"] == pytest.approx(0.05 + to_all, rel=1e-12)
    assert row["propagation_s"] == pytest.approx(1.15 + to_all - 0.01 * (4 - 1 - 2), rel=1e-12)
    assert (row["experiment"], row["measured"], row["ranks"], row["rank"]) == ("mine", "dry_run", 4, 2)


def test_a_dry_run_needs_an_interconnect() -> None:
    with pytest.raises(ValueError, match="latency"):
        scaling_collect.rows(scaling_result("strong", 4, dry_run=True), "mine", None)


def test_the_emulated_rank_of_a_dry_run_stands_for_all() -> None:
    table = scaling_numbers.summary(scaling_rows(ranks=(1, 2), dry_ranks=(2, 4)))
    assert list(table["measured"]) == ["measured", "measured", "dry_run", "dry_run"]
    assert list(table["neurons"]) == [100] * 4
    assert list(table["synapses"]) == [1000] * 4
    assert list(table["rate_hz"]) == pytest.approx([10.0] * 4)


def test_ranks_that_were_emulated_together_stand_for_all(tmp_path: Path) -> None:
    """The slowest one is shown; the table says how many there were."""
    result = scaling_result("strong", 8, dry_run=True, together=2)
    rows = pd.DataFrame(scaling_collect.rows(result, "strong", INTERCONNECT))
    assert list(rows["emulated_together"].unique()) == [2]
    numbers = scaling_numbers.summary(rows)
    assert list(numbers["synapses"]) == [1000, 1000]
    alone = scaling_numbers.summary(scaling_rows(ranks=(), dry_ranks=(8,), variants=2))
    assert list(numbers["propagation_s"]) == pytest.approx(list(alone["propagation_s"] + 0.01))
    assert list(numbers["bytes_per_event"]) == [72.0, 72.0]
    assert scaling_table.note_of_dry_runs(numbers) == (
        "* dry run: 2 ranks emulated at the same time, communication modelled. "
    )
    assert scaling_table.note_of_dry_runs(alone) == "* dry run: one rank emulated, communication modelled. "
    _, markdown, _ = written(numbers, scaling_table.printed(numbers), tmp_path)
    assert "Bytes touched per synaptic event" in markdown


@pytest.mark.parametrize(("kind", "label"), [("strong", "Speed-up"), ("weak", "Efficiency (%)")])
@pytest.mark.parametrize(
    ("ranks", "dry_ranks"),
    [((1,), ()), ((1, 2), ()), ((1, 2), (2, 8)), ((), (2, 8))],
    ids=["one rank", "two", "dry", "only dry"],
)
def test_the_figure_of_scaling_has_its_labels(
    tmp_path: Path, kind: str, label: str, ranks: tuple[int, ...], dry_ranks: tuple[int, ...]
) -> None:
    labels = ["Propagating (s)", "Real-time factor", "Ranks", "Peak memory per rank (MB)", "communicate", label, "slow"]
    labels += ["single repeats"] + ["measured"] * bool(ranks) + ["emulated"] * bool(dry_ranks)
    check(lambda: scaling_figure.draw(scaling_rows(kind, ranks, dry_ranks, variants=2)), tmp_path, *labels)


def test_measurements_of_another_machine_are_shown_beside_the_prediction(tmp_path: Path) -> None:
    """Its dry runs are not; each of its lines is relative to its own smallest number of ranks."""
    file, own = tmp_path / "weak_scaling_runs.csv", scaling_rows("weak", (1, 2), (4, 8), 2)
    scaling_rows("weak", (4, 8), (16,), 2).assign(experiment="weak").to_csv(file, index=False)
    others = scaling_collect.measured_elsewhere(file, "big_cluster", own)
    assert set(others["ranks"]) == {4, 8}
    assert set(others["variant"]) == {f"{variant} on big_cluster" for variant in own["variant"]}
    rows = pd.concat([own, others])
    table = scaling_numbers.summary(rows)
    of_other = table[table["variant"].str.endswith("big_cluster")]
    assert list(of_other.groupby("variant")["efficiency"].first()) == [1.0, 1.0]
    assert list(table.loc[table["measured"] == "dry_run", "ranks"].unique()) == [4, 8]
    check(lambda: scaling_figure.draw(rows), tmp_path, "slow on big cluster", "emulated")


def test_threads_and_ranks_of_nest_have_lines_of_their_own(tmp_path: Path) -> None:
    own = scaling_rows("strong", (1, 2), (), 1)
    rows = pd.concat([own, *(own.assign(variant=f"nest_{by}_eprop_plus") for by in ("threads", "ranks"))])
    labels = ["NEST threads, e-prop+", "NEST ranks, e-prop+", "Ranks or threads"]
    check(lambda: scaling_figure.draw(rows), tmp_path, *labels)
    printed = scaling_table.printed(scaling_numbers.summary(rows))
    assert [name for name in printed["Variant"].unique() if name.startswith("NEST")] == labels[:2]


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    file, own = tmp_path / "runs.csv", scaling_rows("weak", (1, 2), (), 1)
    file.write_text("a,b\n1,2\n")
    with pytest.raises(ParameterError, match=r"runs\.csv: lacks the column experiment; expected a table"):
        scaling_collect.measured_elsewhere(file, "other", own)
    for changes in ({"variant": "unknown"}, {"kind": "strong"}, {"measured": "dry_run"}):
        own.assign(**changes).to_csv(file, index=False)
        with pytest.raises(ParameterError, match=r"runs\.csv: has no measured run of weak scaling"):
            scaling_collect.measured_elsewhere(file, "other", own)


def test_a_table_with_formulas_is_refused(tmp_path: Path) -> None:
    file, own = tmp_path / "runs.csv", scaling_rows("weak", (1, 2), (), 1)
    for column, problem in {"host": "spreadsheets would compute it", "ranks": "Input should be a valid int"}.items():
        own.assign(**{column: "=HYPERLINK(1)"}).to_csv(file, index=False)
        with pytest.raises(ParameterError, match=rf"runs\.csv: .*{column} = '=HYPERLINK\(1\)': {problem}"):
            scaling_collect.measured_elsewhere(file, "other", own)


@pytest.mark.parametrize("measured", [True, False])
def test_the_figure_of_the_exchange_has_its_labels(tmp_path: Path, measured: bool) -> None:
    interconnect = interconnect_result() if measured else None
    rows = pd.concat([scaling_rows("strong", (1, 2), (4, 8), 2), scaling_rows("weak", (1, 2), (), 1)])
    table = scaling_exchange_figure.numbers(rows)
    assert set(table["ranks"]) == {2, 4, 8}
    assert list(table["exchanges_per_s"]) == pytest.approx([1000.0] * len(table))
    assert list(table["received_bytes"]) == pytest.approx([1000.0] * len(table))
    labels = [
        "Smallest delay (ms)",
        "strong, to all ranks",
        "strong, to ranks with targets",
        "strong, 4 ranks (emulated)",
    ]
    labels += ["ping-pong, one way", "2 µs + size / (5 GB/s)"] if measured else []
    check(lambda: scaling_exchange_figure.draw(table, interconnect), tmp_path, *labels)


@pytest.mark.parametrize(
    ("ranks", "dry_ranks", "variants", "measured", "shown"),
    [
        ((1, 2), (4, 8), 2, True, ["Messages", "Communicating", "Time of an", "Time between"]),
        ((1,), (4, 8), 1, True, ["Time of an", "Time between"]),
        ((1, 2), (), 1, False, ["Messages"]),
        ((1,), (4,), 1, False, ["Time of an"]),
    ],
    ids=["all", "one rank measured", "one interval", "one dry run"],
)
def test_no_panel_of_the_exchange_is_empty(
    tmp_path: Path,
    ranks: tuple[int, ...],
    dry_ranks: tuple[int, ...],
    variants: int,
    measured: bool,
    shown: list[str],
) -> None:
    interconnect = interconnect_result(n_sizes=1) if measured else None
    table = scaling_exchange_figure.numbers(scaling_rows("strong", ranks, dry_ranks, variants))
    check(lambda: scaling_exchange_figure.draw(table, interconnect), tmp_path, *shown)
    panels = [panel for panel in scaling_exchange_figure.draw(table, interconnect).axes if panel.axison]
    assert len(panels) == len(shown)
    assert all(panel.lines for panel in panels)


@pytest.mark.parametrize("factor", [1.02, 1.9, 4, 7, 900, 1e5])
@pytest.mark.parametrize("lowest", [0.0079, 2.3])
def test_a_logarithmic_axis_has_numbers(lowest: float, factor: float) -> None:
    figure, panel = plt.subplots()
    panel.plot([1, 2], [lowest, lowest * factor])
    style.scale_by_decades(panel)
    figure.canvas.draw()
    low, high = panel.get_ylim()
    numbers = [tick for tick in panel.yaxis.majorTicks if low <= tick.get_loc() <= high and tick.label1.get_text()]
    assert 2 <= len(numbers) <= 10


def test_the_table_of_scaling_has_medians_and_ranges(tmp_path: Path) -> None:
    numbers = scaling_numbers.summary(scaling_rows())
    _, markdown, latex = written(numbers, scaling_table.printed(numbers), tmp_path)
    for text in (markdown, latex):
        assert "1.250 (1.150-1.350)" in text and "1.60" in text


def test_the_table_of_scaling_marks_dry_runs(tmp_path: Path) -> None:
    numbers = scaling_numbers.summary(scaling_rows(dry_ranks=(4,), variants=2))
    _, markdown, latex = written(numbers, scaling_table.printed(numbers), tmp_path)
    for text, ranks in ((markdown, r"4\*"), (latex, "4*")):
        assert ranks in text and "e-prop+" in text and "slow" in text


def test_the_table_of_the_exchange_marks_dry_runs(tmp_path: Path) -> None:
    numbers = scaling_exchange_figure.numbers(scaling_rows(dry_ranks=(4,)))
    _, markdown, latex = written(numbers, scaling_exchange_table.printed(numbers), tmp_path)
    assert r"4\*" in markdown and "6000.0" not in markdown and "12.0" in markdown
    assert "4*" in latex


def test_a_disturbed_measurement_is_marked_in_the_table(tmp_path: Path) -> None:
    numbers = scaling_numbers.summary(scaling_rows(dry_ranks=(4, 8), disturbed=(2, 8)))
    assert list(numbers["other_work_processors"]) == [0.02, 0.5, 0.02, 0.5]  # in the repeat with most of it
    assert list(scaling_table.printed(numbers)["Ranks"]) == ["1", "2†", "4*", "8*†"]
    exchange = scaling_exchange_figure.numbers(scaling_rows(dry_ranks=(4, 8), disturbed=(2, 8)))
    assert list(scaling_exchange_table.printed(exchange)["Ranks"]) == ["2†", "4*", "8*†"]
    assert other_work.note(numbers) == "† other work took more than 0.1 of a processor during the measurement."


def test_the_note_says_where_other_work_is_unknown() -> None:
    numbers = scaling_numbers.summary(scaling_rows())
    assert other_work.note(numbers) == ""
    numbers["other_work_processors"] = [np.nan, 0.5]
    assert other_work.note(numbers).endswith(
        "measurement. Whether other work disturbed the measurement is unknown for 1 of 2 rows."
    )
    numbers["other_work_processors"] = np.nan
    assert other_work.note(numbers) == "Whether other work disturbed the measurement is unknown."
    assert list(other_work.marks(numbers)) == ["", ""]


def test_a_note_stands_below_the_table_and_in_its_caption(tmp_path: Path) -> None:
    files = [str(tmp_path / f"table.{file_format}") for file_format in ("csv", "md", "tex")]
    numbers = scaling_numbers.summary(scaling_rows(disturbed=(2,)))
    write_table.write(numbers, scaling_table.printed(numbers), files, "A caption.", "name", other_work.note(numbers))
    markdown, latex = (Path(file).read_text(encoding="utf-8") for file in files[1:])
    assert markdown.endswith(f"|\n\n{other_work.MEANING}.\n")
    assert f"\\caption{{A caption. {other_work.MEANING}.}}" in latex
    assert write_table.read_markdown(markdown)[1] == f"{other_work.MEANING}."


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for panel in figure.axes for text in panel.findobj(Text)]


@pytest.mark.parametrize("disturbed", [(), (2,), (4,)], ids=["none", "measured", "dry"])
def test_a_disturbed_measurement_is_marked_in_figures(tmp_path: Path, disturbed: tuple[int, ...]) -> None:
    rows = scaling_rows("strong", (1, 2), (4,), 2, disturbed)
    figure = scaling_figure.draw(rows)
    assert texts(figure).count(other_work.MARK) == 2 * 5 * len(disturbed)  # of two variants, in panels that show times
    assert [legend.get_title().get_text() for legend in figure.legends] == [f"{other_work.MEANING}."] * len(disturbed)
    if disturbed == (2,):
        check(lambda: scaling_figure.draw(rows), tmp_path, other_work.MEANING)


def test_notes_of_a_figure_stand_one_below_the_other() -> None:
    figure, panel = plt.subplots()
    panel.annotate(other_work.MARK, (0, 0))
    style.note_below(figure, "Left out.")
    other_work.explain(figure)
    assert [legend.get_title().get_text() for legend in figure.legends] == [f"Left out.\n{other_work.MEANING}."]


@pytest.mark.parametrize("other", ["exchange", "interconnect", None])
def test_a_disturbed_exchange_is_marked(tmp_path: Path, other: str | None) -> None:
    interconnect = interconnect_result(other_work=0.3 if other == "interconnect" else 0.0)
    table = scaling_exchange_figure.numbers(
        scaling_rows("strong", (1, 2), (4, 8), 2, (2,) if other == "exchange" else ())
    )
    figure = scaling_exchange_figure.draw(table, interconnect)
    marked = [text for text in texts(figure) if text.endswith(other_work.MARK)]
    patterns = [f"{label}{other_work.MARK}" for label in scaling_exchange_figure.PATTERNS.values()]
    assert marked == {"exchange": [other_work.MARK] * 3, "interconnect": patterns, None: []}[other]
    assert bool(figure.legends) == (other is not None)
    if other is not None:
        check(lambda: scaling_exchange_figure.draw(table, interconnect), tmp_path, other_work.MEANING)


def paired(kind: str) -> pd.DataFrame:
    """Rows of runs on one and two ranks; rank 0 alone took 1.8, 1.7 and 1.9 times as long as both."""
    results = [scaling_result(kind, n_ranks) for n_ranks in (1, 2)]
    (name, variant), *_ = results[1].variants.items()
    times = [max(rank.propagation_s for rank in repeat) for repeat in variant.repeats]
    alone = [ratio * together for ratio, together in zip((1.8, 1.7, 1.9), times, strict=True)]
    results[1] = changed(results[1], variants={name: changed(variant, alone_s=alone).model_dump()})
    return pd.DataFrame([row for result in results for row in scaling_collect.rows(result, kind, None)])


@pytest.mark.parametrize(("kind", "speed_up"), [("strong", (1.8, 1.7, 1.9)), ("weak", (3.6, 3.4, 3.8))])
def test_a_speed_up_is_the_median_of_paired_ratios(kind: str, speed_up: tuple[float, ...], tmp_path: Path) -> None:
    rows = paired(kind)
    table = scaling_numbers.summary(rows)
    one, two = (table[table["ranks"] == n].iloc[0] for n in (1, 2))
    assert (one["speed_up"], one["efficiency"]) == (1.0, 1.0)
    assert np.isnan(one["speed_up_low"])
    found = tuple(two[name] for name in ("speed_up", "speed_up_low", "speed_up_high"))
    assert found == pytest.approx(speed_up)
    assert (two["efficiency"], two["efficiency_low"]) == pytest.approx((speed_up[0] / 2, speed_up[1] / 2))
    note = scaling_table.note_of_pairs(table)
    assert "median of the ratios of pairs" in note
    assert not scaling_table.note_of_pairs(scaling_numbers.summary(scaling_rows(kind)))
    _, markdown, _ = written(table, scaling_table.printed(table), tmp_path)
    assert f"{speed_up[0]:.2f} ({speed_up[1]:.2f}-{speed_up[2]:.2f})" in markdown
    check(lambda: scaling_figure.draw(rows), tmp_path, "Ranks")


def test_the_interval_of_a_median_counts_the_values_below_and_above() -> None:
    """Of n values, the k outer ones on each side are left out if at least 95 % of medians lie between the others."""
    for n, left_out in ((1, 0), (3, 0), (5, 0), (6, 0), (8, 0), (9, 1), (12, 2), (20, 5)):
        low, high = scaling_numbers.interval_of_median(pd.Series(np.arange(n, dtype=float)[::-1]))
        assert (low, high) == (left_out, n - 1 - left_out), n
        if n >= 6:
            below = stats.binom.cdf(left_out, n, 0.5)
            assert 2 * below <= 0.05 < 2 * stats.binom.cdf(left_out + 1, n, 0.5)
    assert np.isnan(scaling_numbers.interval_of_median(pd.Series(dtype=float))[0])
