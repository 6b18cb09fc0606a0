"""Summary of a page: what was run, on what, the main result of each section, and what to be wary of."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from eprop_core.errors import printable
from eprop_core.parsing import ParameterError
from eprop_core.records import Provenance
from workflow.scripts.reproduction.evidence import EVIDENCE
from workflow.scripts.scaling.numbers import variant_name
from workflow.scripts.shared import other_work
from workflow.scripts.shared.read_table import Number, read, read_columns
from workflow.scripts.shared.write_table import mean_with_interval
from workflow.scripts.studies.collect import RUNS
from workflow.scripts.verification.numbers import read_differences

_SCORES = (
    ("test accuracy", "test_accuracy", " %", 100.0, 1),
    ("NMSE", "training_nmse", "", 1.0, 3),
    ("test loss", "test_loss", "", 1.0, 3),
    ("training loss", "training_loss", "", 1.0, 3),
)
"""Scores, the first of which that all runs have is shown: name, column, unit, factor to it, digits."""


COLUMNS = {
    **{f"{score[1]}{end}": float | None for score in _SCORES for end in ("", "_high")},
    **dict.fromkeys(("share_of_differing_spikes", "weight_distance"), float | None),
    **dict.fromkeys(("real_time_factor", "speed_up", "time_driven_ratio", "ns_per_synaptic_event"), float | None),
    **dict.fromkeys(("before", "after", "train", "validation", "test", other_work.COLUMN), float | None),
    **dict.fromkeys(("seeds", "ranks", "repeats"), Number),
    **dict.fromkeys(("passed", "chosen"), bool),
}
"""Columns of numbers of which a summary has some, in whichever table they are."""


class Headline(NamedTuple):
    """The main result of a section."""

    name: str
    title: str
    lines: list[str]
    file: str
    """The table that has the numbers, relative to the page."""


def headline(name: str, title: str, results: Path) -> Headline:
    """Return the main result of a section, from its table of all digits."""
    file = f"tables/{name}.csv"
    table = _read(name, results)
    try:
        return Headline(name, title, list(_results(table)), file)
    except KeyError as error:
        raise ParameterError(
            f"{printable(results / file)}: lacks the column {error.args[0]}; expected a table of this suite (CSV)"
        ) from None


def _read(name: str, results: Path) -> pd.DataFrame:
    """Return the table of a section."""
    file = results / f"tables/{name}.csv"
    if name == "verification":
        return read_differences(file)
    return read(file, EVIDENCE) if name.startswith("reproduction_") else read_columns(file, COLUMNS)


def _results(table: pd.DataFrame) -> Iterator[str]:
    if table.empty and "verdict" not in table:
        yield _count(0, "measurement")
    elif "weight_distance" in table:
        for _, row in table.iterrows():
            spikes = f"{100 * row['share_of_differing_spikes']:.0f} % of the spikes differ after training"
            yield f"{row['task']}: {spikes}, by one input spike".replace("_", " ")
    elif "seeds" in table:
        for task, rows in table.groupby("task", sort=False):
            yield f"{task}: {_scores(rows)}".replace("_", " ")
    elif "speed_up" in table:
        for variant, rows in table.groupby("variant", sort=False):
            yield f"{variant_name(str(variant))}: {_speed_up(rows)}"
    elif "time_driven_ratio" in table:
        for series, rows in table.groupby("series", sort=False):
            yield f"{series}: {_ratios(rows['time_driven_ratio'].dropna())}"
    elif "ns_per_synaptic_event" in table:
        for network, rows in table.groupby("network", sort=False):
            yield f"{network}: {_simulators(rows)}"
    elif "passed" in table:
        passed = int(table["passed"].sum())
        yield f"{passed} of {len(table)} comparisons are within their tolerances"
    elif "verdict" in table:
        numbers = (f"{n} {verdict}" for verdict, n in table["verdict"].value_counts().items())
        yield f"{_count(len(table), 'test')}: {', '.join(numbers)}"
    elif "after" in table:
        first = table.iloc[0]
        yield f"{first['measure']}: {first['before']:.3g} before training, {first['after']:.3g} after"
    elif "chosen" in table:
        n_combinations, n_points = len(table["candidate"].unique()), len(table["point"].unique())
        yield f"{n_combinations} combinations of values at each of {n_points} points"
    elif "train" in table:
        number = table.iloc[0].drop("measure").dropna()
        yield f"{table['measure'].iloc[0]}: {', '.join(f'{n:.0f} {split}' for split, n in number.items())}"
    else:
        yield _count(len(table), "measurement")


def _scores(rows: pd.DataFrame) -> str:
    """Return the score of the first row, the unchanged one, and where there are others, their range."""
    scores = (score for score in _SCORES if score[1] in rows and rows[score[1]].notna().all())
    if (chosen := next(scores, None)) is None:
        return f"{len(rows)} points, not all of which have a score"
    name, column, unit, scale, digits = chosen
    first = rows.iloc[0]
    n = int(first["seeds"])
    score = mean_with_interval(first[column], first[f"{column}_high"], scale, digits)
    text = f"{name} {score}{unit} ({_count(n, 'seed')})"
    if len(rows) > 1:
        low, high = (scale * rows[column].agg(end) for end in ("min", "max"))
        text += f"; {low:.{digits}f} to {high:.{digits}f}{unit} over all {len(rows)} points"
    return text


def _count(n: int, name: str) -> str:
    return f"{n} {name}" if n == 1 else f"{n} {name}s"


def _speed_up(rows: pd.DataFrame) -> str:
    measured = rows[rows["measured"] == "measured"]
    last = (measured if len(measured) else rows).iloc[-1]
    how = "" if len(measured) else " (dry run)"
    time = f"wall time {last['real_time_factor']:.3g} times model time on {last['ranks']} ranks{how}"
    return f"{time}, speed-up {last['speed_up']:.2f}, median of {_count(last['repeats'], 'repeat')}"


def _ratios(ratios: "pd.Series[float]") -> str:
    if ratios.empty:
        return "the time-driven simulation was too short to be measured"
    low, high = f"{ratios.min():.3g}", f"{ratios.max():.3g}"
    return f"time-driven simulation takes {low if low == high else f'{low} to {high}'} times as long"


def _simulators(rows: pd.DataFrame) -> str:
    learning = rows[rows["variant"] != "static"]
    times = [f"{row.simulator} {row.ns_per_synaptic_event:.3g}" for row in learning.itertuples()]
    return f"ns per synaptic event: {', '.join(times)}"


def machines(results: Sequence[Provenance]) -> list[str]:
    """Return what the results were made on, a line for each kind of machine."""
    lines = {f"{made_by.cpu}, {min(made_by.processors):g} processors, {made_by.system}" for made_by in results}
    return sorted(lines)


def warnings(sections: Sequence[str], results: Path, made_by: Sequence[Provenance]) -> list[str]:
    """Return what a reader should know before the numbers are used; empty if there is nothing."""
    lines = []
    codes = {(one.code.commit, one.code.dirty) for one in made_by}
    if len(codes) > 1:
        lines.append(f"Results were made by {len(codes)} different states of the code.")
    if any(dirty for _, dirty in codes):
        lines.append("Some results were made by code with changes that are not committed.")
    if len(machines(made_by)) > 1:
        lines.append("Results were made on different machines; their times are not comparable.")
    for name in sections:
        table = _read(name, results)
        runs = results / f"tables/{name}_runs.csv"
        if "seeds" in table and "weight_distance" not in table and runs.is_file():
            lines += _unlearned(name, read(runs, RUNS))
        if "passed" in table and not table["passed"].all():
            n = int((~table["passed"]).sum())
            lines.append(f"{name}: {n} of {_count(len(table), 'difference')} exceed their tolerances.")
        if "other_work_processors" in table:
            disturbed = other_work.disturbed(table)
            if disturbed.any():
                lines.append(
                    f"{name}: other programs were busy during {int(disturbed.sum())} of "
                    f"{_count(len(table), 'measurement')}."
                )
    return lines


def _unlearned(name: str, runs: pd.DataFrame) -> Iterator[str]:
    by_chance = runs["test_accuracy"] <= 1.2 * runs["chance"]
    constant = runs["training_nmse"] >= 1.0
    n = int((by_chance | constant).sum())
    if n:
        why = "accuracy near chance, or a loss no better than that of a constant answer"
        yield f"{name}: {n} of {len(runs)} runs have learned nothing ({why})."
