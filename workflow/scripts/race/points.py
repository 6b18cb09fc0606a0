"""Points of the race: what ``benchmarks/points.yaml`` may hold.

``docs/reference/race.md`` explains how to measure one.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from eprop_core.errors import printable
from eprop_core.experiments.points import Label
from eprop_core.parsing import ParameterError, Parameters, Pattern, Whole, parse
from workflow import yaml_file

NETWORKS = ("nmnist", "medium", "large", "scaling")
"""The fixed networks, in the order of figure and table."""
ON_GPU = " on a GPU"
"""Ending of the name of a simulator that computes on a GPU."""
NOBODY = "your name"
"""Stands in the stanzas that are made from results until the one who measured has written another name."""

Positive = Annotated[float, Field(gt=0)]


class Hardware(Parameters):
    """Hardware that computed."""

    processor: Label = Field(description="model of the processor; on a GPU, that of its host")
    cores: Whole = Field(ge=1, description="cores that computed, over all nodes")
    gpu: Label | None = Field(None, description="number and model of the GPUs that computed; null: none")


class Spread(Parameters):
    """A number over repeats."""

    median: Positive
    low: Positive = Field(description="lower quartile")
    high: Positive = Field(description="upper quartile")

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low <= self.median <= self.high:
            raise ValueError(f"must be low <= median <= high, not {self.low:g} <= {self.median:g} <= {self.high:g}")
        return self


class Training(Parameters):
    """A training on the same samples for all simulators, on `nmnist`."""

    samples: Whole = Field(ge=1, description="training samples, each shown once")
    seconds: Positive = Field(description="time of the training, by `clock`")
    accuracy: float = Field(ge=0, le=1, description="fraction of the test samples that were classified correctly")
    test_samples: Whole = Field(ge=1, description="number of test samples")
    learning_rate: Positive = Field(
        description="learning rate, as a multiple of that of the network; tuned on held-out training samples"
    )


class Measured(Parameters):
    """What was measured, by the recipe of ``docs/reference/race.md``."""

    ns_per_event: Spread = Field(description="time of a run over its plastic synaptic events; not divided by cores")
    clock: Literal["wall", "processor"] = Field(
        description="wall: on a machine without other work; processor: processor time of one core, beside other work"
    )
    bytes_per_synapse: Positive | None = Field(
        None, description="growth of all processes by building and running, over synapses; null: not measured"
    )
    repeats: Whole = Field(ge=3, description="processes, each of which built and ran once")
    events: Positive = Field(description="plastic synaptic events of a run, after the warm-up")
    training: Training | None = Field(None, description="accuracy after training, and its time; null: not measured")


class Point(Parameters):
    """A point: a simulator with plastic synapses on one of the fixed networks."""

    network: Literal["nmnist", "medium", "large", "scaling"]
    simulator: Label = Field(description=f"name, without version; ends in `{ON_GPU.strip()}` where a GPU computed")
    version: Label | None = Field(None, description="version of the simulator; null: not measured")
    computes: Label = Field(description="learning rule")
    hardware: Hardware | None = Field(None, description="null: not measured")
    measured: Measured | None = Field(None, description="null: not measured")
    not_measured: Label | None = Field(None, description="why there is no number; null: there is one")
    commit: Annotated[str, Pattern("^[0-9a-f]{7,40}$", "be 7 to 40 of the digits 0-9 and a-f")] | None = Field(
        None, description="commit of this repository whose configuration was run; null: not measured"
    )
    by: Label | None = Field(None, description="who measured; null: not measured")
    date: Annotated[str, Pattern(r"^\d{4}-\d\d-\d\d$", "be a day, YYYY-MM-DD")] | None = Field(
        None, description="day of the measurement, YYYY-MM-DD; null: not measured"
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.measured is None) == (self.not_measured is None):
            raise ValueError("must have either measured or not_measured")
        needed = ("version", "hardware", "commit", "by", "date")
        missing = [name for name in needed if getattr(self, name) is None]
        if self.measured is not None and missing:
            raise ValueError(f"{missing[0]}: is needed where something was measured")
        if self.hardware is not None and (self.hardware.gpu is not None) != self.simulator.endswith(ON_GPU):
            raise ValueError(
                f"simulator = {self.simulator!r}: must end in {ON_GPU.strip()!r} if and only if hardware.gpu is given"
            )
        if self.by == NOBODY:
            raise ValueError(f"by: must be who measured, not {NOBODY!r}")
        if self.date is not None:
            try:
                date.fromisoformat(self.date)
            except ValueError as error:
                raise ValueError(f"date = {self.date!r}: {error}") from None
        if self.measured is not None and self.measured.clock == "processor" and self._several_processors():
            raise ValueError("measured.clock: processor time is for one core alone; several need wall time")
        if self.measured is not None and self.measured.training is not None and self.network != "nmnist":
            raise ValueError(f"measured.training: is for nmnist alone, not {self.network}")
        return self

    @property
    def origin(self) -> str:
        """All but the numbers, as text: a point is listed once."""
        return self.model_dump_json(exclude={"measured", "not_measured"})

    @property
    def subject(self) -> tuple[str, str]:
        """Network and simulator; a stanza without numbers is obsolete once another stanza has measured them."""
        return self.network, self.simulator.casefold()

    def _several_processors(self) -> bool:
        return self.hardware is not None and (self.hardware.cores > 1 or self.hardware.gpu is not None)


class Points(RootModel[list[Point]]):
    """All points of the race."""


def read(file: Path) -> list[Point]:
    """Return the points in a file.

    Raises
    ------
    ParameterError
        The file is no list of points, a point is wrong, two describe the same measurement, or a stanza says
        "not measured" although another one has the numbers; a line for each error names stanza, key and line.
    """
    stanzas, places = yaml_file.read_list(file, "stanza")
    if not stanzas:
        raise ParameterError(f"{printable(file)}: has no stanza, `- network: ...`")
    points = []
    first: dict[str, int] = {}
    try:
        for number, stanza in enumerate(stanzas, start=1):
            where = f"{file}: stanza {number}: "
            points.append(parse(Point, stanza, where))
            other = first.setdefault(points[-1].origin, number)
            if other != number:
                same = "network, simulator, version, learning rule, hardware, commit, person and date"
                raise ParameterError(f"{printable(where)}has {same} of stanza {other}: a point is listed once")
        measured = {point.subject: number for number, point in enumerate(points, start=1) if point.measured}
        for number, point in enumerate(points, start=1):
            if point.not_measured and point.subject in measured:
                raise ParameterError(
                    f"{printable(file)}: stanza {number}: not_measured: stanza {measured[point.subject]} has measured "
                    f"{point.simulator} on {point.network}: delete this stanza"
                )
    except ParameterError as error:
        raise ParameterError(yaml_file.with_lines(str(error), str(file), [(file, places)])) from None
    return points
