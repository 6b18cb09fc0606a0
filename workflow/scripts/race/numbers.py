"""Numbers in figure and table of the race: a row per point."""

import math
from collections.abc import Sequence

import pandas as pd

from workflow.scripts.race.points import NETWORKS, Point
from workflow.scripts.shared.write_table import number


def rows(points: Sequence[Point]) -> pd.DataFrame:
    """Return the points, network after network and the fastest first; those that were not measured come last."""
    table = pd.DataFrame([_row(point) for point in points])
    order = {network: position for position, network in enumerate(NETWORKS)}
    table["place"] = table["network"].map(order)
    return table.sort_values(["place", "ns_per_event"], kind="stable").drop(columns="place").reset_index(drop=True)


def three_digits(value: float) -> str:
    """Return a number as it is printed: with three digits, and all those before the point; nothing if missing."""
    if math.isnan(value):
        return ""
    return number(value, ".3g") if value < 1000 else number(value, ".0f")


def _row(point: Point) -> dict[str, object]:
    measured, hardware = point.measured, point.hardware
    training = measured.training if measured else None
    nan = float("nan")
    return {
        "network": point.network,
        "simulator": point.simulator,
        "version": point.version or "",
        "computes": point.computes,
        "processor": hardware.processor if hardware else "",
        "cores": hardware.cores if hardware else nan,
        "gpu": (hardware.gpu or "") if hardware else "",
        "ns_per_event": measured.ns_per_event.median if measured else nan,
        "ns_per_event_low": measured.ns_per_event.low if measured else nan,
        "ns_per_event_high": measured.ns_per_event.high if measured else nan,
        "clock": measured.clock if measured else "",
        "bytes_per_synapse": (measured.bytes_per_synapse or nan) if measured else nan,
        "repeats": measured.repeats if measured else nan,
        "training_samples": training.samples if training else nan,
        "training_s": training.seconds if training else nan,
        "accuracy": training.accuracy if training else nan,
        "test_samples": training.test_samples if training else nan,
        "learning_rate": training.learning_rate if training else nan,
        "not_measured": point.not_measured or "",
        "commit": point.commit or "",
        "by": point.by or "",
        "date": point.date or "",
    }
