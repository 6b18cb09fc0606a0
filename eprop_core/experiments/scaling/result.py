"""Result of a timing run: the variants of a random network on a number of ranks."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.measurement.results import Counts, Phases, Result
from eprop_core.parameters import Network
from eprop_core.ranks.exchange_cost import Destinations
from eprop_core.records import Record

NEST_THREADS, NEST_RANKS = "nest_threads_", "nest_ranks_"
"""Prefixes of the names of variants that NEST simulated, on threads and on MPI ranks."""


class MessageCost(Record):
    """Cost of all exchanges: their time is messages * latency + bytes / bandwidth."""

    messages: float = Field(description="messages one after another, of the rank that sends most")
    bytes: float


class Traffic(Record):
    """Number and size of the exchanges of a rank in the timed steps."""

    exchanges: int = Field(description="one per communication interval")
    received_bytes: int = Field(description="messages of the other ranks, and sums over all ranks")


class RankRecord(Record):
    """Measurements of one rank in one repeat."""

    rank: int
    propagation_s: float = Field(json_schema_extra={"label": "propagating", "unit": "s"})
    times_s: Phases = Field(description="of the timed steps; build: of the whole network")
    counts: Counts = Field(description="sizes, and spikes and events of the timed steps")
    destinations: Destinations
    traffic: dict[Destinations, Traffic] = Field(
        description="by the ranks that spikes are sent to; an emulated rank has both ways"
    )
    modelled: dict[Destinations, MessageCost] = Field(
        description="cost of this traffic for an emulated rank, in which no messages are sent"
    )
    bytes_per_event: float | None = Field(
        description="of the cache lines that spikes touch when they arrive, per synaptic event; plastic synapses are "
        "touched again at the cutoff and at the ends of blocks. null: no events",
        json_schema_extra={"label": "bytes touched per synaptic event"},
    )
    peak_memory_bytes: int = Field(json_schema_extra={"label": "peak memory per rank"})
    other_work_processors: float | None = Field(description="processors that other programs kept busy; null: unknown")


class VariantRecord(Record):
    """Measurements of one variant."""

    network: Network
    model_time_s: float = Field(description="model time that is timed")
    interval_steps: int = Field(description="steps between two exchanges")
    estimated_memory_bytes: int = Field(description="memory of a rank as estimated before the run")
    repeats: list[list[RankRecord]] = Field(description="records of all ranks, by repeat")
    alone_s: list[float] = Field(
        default=[],
        description="time of the run of rank 0 alone before each repeat, s, where timings are paired",
        json_schema_extra={"unit": "s"},
    )


class ScalingResult(Result):
    """Times, memory and counts by variant, repeat and rank."""

    experiment: Literal["scaling"] = "scaling"
    seed: int
    parameters: Timing
    ranks: int
    dry_run: bool = Field(description="whether one of these ranks, or several, were emulated without the others")
    together: int | None = Field(
        description="ranks that a dry run emulated at the same time, each in its own process; null: no dry run"
    )
    memory_without_network_bytes: list[int] = Field(description="of each process, before the first network")
    variants: dict[str, VariantRecord]
