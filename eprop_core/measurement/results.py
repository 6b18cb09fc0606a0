"""Models of result files: one JSON document each, written whole or not at all.

Programs write these models, scripts read them, and tests build them. This module needs neither the simulator nor MPI.
"""

import json
import os
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError

from eprop_core.machine.whole_file import whole_file
from eprop_core.records import Provenance, Record


class Counts(Record):
    """Sizes of a network, and the spikes and events of its simulation."""

    neurons: int = Field(json_schema_extra={"label": "neurons"})
    spikes: int = Field(description="spikes of the recurrent neurons")
    input_synapses: int
    recurrent_synapses: int
    output_synapses: int
    feedback_synapses: int = Field(description="zero where feedback runs along the output connections")
    input_synaptic_events: int
    recurrent_synaptic_events: int
    output_synaptic_events: int
    synapses: int = Field(description="without those of the feedback", json_schema_extra={"label": "synapses"})
    synaptic_events: int = Field(description="spikes times the synapses that they reach, without the feedback")


class Phases(Record):
    """Wall time of a simulation by phase, s."""

    build: float = Field(
        description="drawing and sorting the connections", json_schema_extra={"label": "building", "unit": "s"}
    )
    update: float = Field(description="neurons, readouts, and the neurons' learning signals and running sums")
    deliver: float = Field(description="spikes at the synapses onto neurons and readouts")
    plasticity: float = Field(
        description="part of deliver that plastic projections take, with all that is done at cutoffs and at the ends "
        "of blocks and samples, and with the readouts' sums and the feedback along the output where that is plastic"
    )
    collocate: float = Field(description="filling send buffers")
    communicate: float = Field(description="exchange between ranks")
    wait: float = Field(description="waiting for slower ranks before an exchange")


class Result(Record):
    """Base of the results of all experiments."""

    provenance: Provenance

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the result as JSON to ``path``, replacing the file only when everything is written."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Return the result in a file.

        Raises
        ------
            ValueError: the file is no result of this kind; the message names the file and each wrong key.
        """
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except ValidationError as error:
            raise ValueError(f"{path}: {error}") from None


def read_provenance(path: str | os.PathLike[str]) -> Provenance:
    """Return what made the result in a file, of whatever experiment."""
    return Provenance.model_validate(json.loads(Path(path).read_bytes())["provenance"])
