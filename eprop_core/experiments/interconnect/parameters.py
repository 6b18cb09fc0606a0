"""The parameters of the interconnect."""

from pydantic import Field

from eprop_core.parsing import Parameters


class Interconnect(Parameters):
    """Connection between ranks: the time to send a message is latency + size / bandwidth."""

    latency: float = Field(
        ge=0, description="time of an empty message between two ranks", json_schema_extra={"unit": "µs"}
    )
    bandwidth: float = Field(gt=0, description="between two ranks", json_schema_extra={"unit": "GB/s"})
