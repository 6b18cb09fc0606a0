"""Result of a timing run: the variants of a random network on a number of ranks."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.measurement.results import Counts, Phases, Result
from eprop_core.parameters import Network
from eprop_core.ranks.exchange_cost import Destinations
from eprop_core.records import Record


class MessageCost(Record):
    """Cost of one algorithm of an exchange: its time is messages * latency + bytes / bandwidth."""

    messages: float = Field(description="messages one after another, of the rank that sends most")
    bytes: float


class Traffic(Record):
    """Messages that a rank has sent."""

    exchanges: int = Field(description="messages to every rank")
    bytes_to_each_rank: int = Field(description="sum over exchanges")
    costs: list[MessageCost] = Field(description="cost of each algorithm that MPI chooses from")


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
    peak_memory_bytes: int = Field(json_schema_extra={"label": "peak memory per rank"})
    other_work_processors: float | None = Field(description="processors that other programs kept busy; null: unknown")


class VariantRecord(Record):
    """Measurements of one variant."""

    network: Network
    model_time_s: float = Field(description="model time that is timed")
    interval_steps: int = Field(description="steps between two exchanges")
    estimated_memory_bytes: int = Field(description="memory of a rank as estimated before the run")
    repeats: list[list[RankRecord]] = Field(description="records of all ranks, by repeat")


class ScalingResult(Result):
    """Times, memory and counts by variant, repeat and rank."""

    experiment: Literal["scaling"] = "scaling"
    seed: int
    parameters: Timing
    ranks: int
    dry_run: bool = Field(description="whether one of these ranks was emulated, without the others")
    memory_without_network_bytes: list[int] = Field(description="of each process, before the first network")
    variants: dict[str, VariantRecord]
