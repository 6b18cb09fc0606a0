"""Result of a measurement between two ranks."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.interconnect.parameters import Interconnect
from eprop_core.measurement.results import Result
from eprop_core.records import Record

Pattern = Literal["ping_pong", "allgather", "alltoall", "allreduce"]


class CallTime(Record):
    """Time of one call of MPI."""

    pattern: Pattern = Field(description="ping_pong: there and back")
    bytes: int = Field(json_schema_extra={"label": "message", "unit": "B"})
    seconds: float


class InterconnectResult(Result):
    """Times of messages between two ranks, and the latency and bandwidth fitted to them."""

    experiment: Literal["interconnect"] = "interconnect"
    other_work_processors: float | None = Field(description="processors that other programs kept busy; null: unknown")
    interconnect: Interconnect
    times: list[CallTime]
