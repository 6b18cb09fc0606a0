"""Models of result files: one JSON document each, written whole or not at all.

Programs write these models, scripts read them, and tests build them. This module needs neither the simulator nor MPI.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError

from eprop_core.errors import one_line, printable
from eprop_core.files.text import read_json
from eprop_core.machine.whole_file import whole_file
from eprop_core.network.projections import projections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.records import Provenance, Record


class Counts(Record):
    """Sizes of a network, and the spikes and events of its simulation; projections of one role count together."""

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


def counts_by_role(network: Network, counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of a :class:`Simulation <eprop_core.simulation.Simulation>` by role instead of by projection.

    Between groups of neurons there are several projections of a role.
    """
    totals = {name: counts[name] for name in ("neurons", "spikes", "synapses", "synaptic_events")}
    for projection in projections(network):
        for kind in ("synapses", "synaptic_events"):
            name, of_role = f"{projection.name}_{kind}", f"{projection.role.value}_{kind}"
            if name in counts:  # feedback carries no spikes
                totals[of_role] = totals.get(of_role, 0) + counts[name]
    return totals


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
    """Base of the results of all experiments.

    Its file also holds a checksum of the content, so that a change by hand is noticed.
    """

    provenance: Provenance

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the result as JSON to ``path``, replacing the file only when everything is written."""
        content = json.loads(self.model_dump_json())
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            text = json.dumps({**content, "sha256": _checksum(content)}, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Return the result in a file.

        Raises
        ------
        ParameterError
            The file is no result of this kind, or was changed after it was written; the message names the file and a
            wrong key.
        """
        return _valid(cls, path)


def read_provenance(path: str | os.PathLike[str]) -> Provenance:
    """Return what made the result in a file, of whatever experiment."""
    return _valid(_AnyResult, path).provenance


class _AnyResult(BaseModel):
    """A result of which only the origin is read."""

    provenance: Provenance


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of values, whatever the order of keys and the white space of their file."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


Model = TypeVar("Model", bound=BaseModel)


def _valid(model: type[Model], path: str | os.PathLike[str]) -> Model:
    content = read_json(path)
    stated = content.pop("sha256", None) if isinstance(content, dict) else None
    try:
        result = model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "content"
        raise ParameterError(
            f"{printable(path)}: {key}: {one_line(first['msg'])}; expected a result of this suite"
        ) from None
    if stated != _checksum(content):
        raise ParameterError(
            f"{printable(path)}: does not have the checksum with which results of this suite are written; expected a "
            "file that nobody has changed (delete it, and the next call makes it again)"
        )
    return result
