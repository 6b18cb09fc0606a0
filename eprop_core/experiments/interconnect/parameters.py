"""The parameters of the interconnect."""

from pydantic import Field

from eprop_core.parsing import Parameters


class Interconnect(Parameters):
    """Model of the interconnect: a message between two ranks takes latency + size / bandwidth."""

    latency: float = Field(ge=0, description="latency of a message between two ranks", json_schema_extra={"unit": "µs"})
    bandwidth: float = Field(gt=0, description="bandwidth between two ranks", json_schema_extra={"unit": "GB/s"})
