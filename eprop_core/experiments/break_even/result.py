"""Result of a break-even point."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.measurement.results import Result
from eprop_core.records import Record


class SecondsPerStep(Record):
    """Wall time per step by repeat, s."""

    event_driven: list[float]
    time_driven: list[float] = Field(description="difference of two runs; may be below zero on a busy machine")
    bound: list[float] = Field(description="one pass over all pairs, which no time-driven simulator can avoid")


class BreakEvenResult(Result):
    """Times of the event-driven and the time-driven model of one network."""

    experiment: Literal["break_even"] = "break_even"
    seed: int
    parameters: BreakEvenPoint
    seconds_per_step: SecondsPerStep
    other_work_processors: list[float | None] = Field(
        description="processors that other programs kept busy, by repeat; null: unknown"
    )
    synapses: int = Field(json_schema_extra={"label": "synapses"})
    pairs: int = Field(description="pairs of neurons that could be connected")
    synaptic_events_per_step: float
    rate_hz: float | None = Field(
        description="mean over synapses of the rate of their sources; null: there are no synapses",
        json_schema_extra={"label": "presynaptic rate", "unit": "spikes/s"},
    )
