"""Parameters of the break-even experiment: a network, how long it is timed, and what varies."""

from typing import Self

from pydantic import Field, model_validator

from eprop_core.experiments import points
from eprop_core.experiments.values import Seeds
from eprop_core.network.initial_weights import check_initial_weights
from eprop_core.parameters import Network, check_rate
from eprop_core.parsing import Parameters, Whole
from eprop_core.time_driven.supported import check_network


class BreakEvenPoint(Parameters):
    """A random network with Poisson input, whose event-driven and time-driven simulations are timed."""

    network: Network
    input_rate: float = Field(
        ge=0,
        description="firing rate of each input channel",
        json_schema_extra={"label": "input rate", "unit": "spikes/s"},
    )
    n_steps: Whole = Field(ge=1, description="number of timed steps of the event-driven model")
    n_steps_warm_up: Whole = Field(ge=1, description="number of warm-up steps, which are not timed")
    n_steps_time_driven: Whole = Field(ge=1, description="number of timed steps of the time-driven model")
    repeats: Whole = Field(3, ge=1, description="measurements of each model within a job, alternating between models")

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_rate("input_rate", self.input_rate, self.network.dt)
        check_network(self.network)
        check_initial_weights(self.network)
        return self


class BreakEven(BreakEvenPoint):
    """Break-even of event-driven and time-driven simulation: timing runs over rates, densities and sizes."""

    series: dict[points.Label, points.Series] = Field(
        min_length=1, description="values by parameter path, by name; the parameters of a series change together"
    )
    seeds: Seeds = Field([1], description="one job per seed and point")

    @model_validator(mode="after")
    def _series_have_axes(self) -> Self:
        points.check_series(self.series)
        return self

    def all_points(self) -> list[points.Point]:
        """Return the changes of each point."""
        return [point for name, of_series in self.series.items() for point in points.together(of_series, name)]

    def at(self, point: points.Point) -> BreakEvenPoint:
        """Return what is measured at a point; raise a :class:`ParameterError` if its changes are not allowed."""
        values = self.model_dump(mode="json", exclude={"series", "seeds"})
        return points.parse_changed(BreakEvenPoint, values, point.changes)

    def points(self) -> list[tuple[points.Point, BreakEvenPoint]]:
        """Return all points, and what is measured at each."""
        return [(point, self.at(point)) for point in self.all_points()]
