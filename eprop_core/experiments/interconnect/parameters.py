"""The parameters of the interconnect."""

from pydantic import Field

from eprop_core.parsing import Parameters


class Interconnect(Parameters):
    """What connects the ranks: the time to send a message is latency + size / bandwidth."""

    latency: float = Field(ge=0, description="µs, time of an empty message between two ranks")
    bandwidth: float = Field(gt=0, description="GB/s, between two ranks")
