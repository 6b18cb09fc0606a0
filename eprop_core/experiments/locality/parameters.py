"""Parameters of the experiment on the cost of locality."""

import json
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from eprop_core.experiments import points
from eprop_core.experiments.studies.parameters import CONTROL, TaskParameters, without_effect
from eprop_core.experiments.values import Name, Seeds
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, FixedInDegree, Network, differs
from eprop_core.parsing import ParameterError, Parameters, Whole, different
from eprop_core.tasks.parameters import Generated

Method = Literal["event_counts", "bptt", "symmetric", "adaptive", "random"]
"""A linear readout of event counts, backpropagation through time, and e-prop+ by its kind of feedback."""
METHODS: dict[Method, str] = {
    "event_counts": "linear readout of event counts",
    "bptt": "backpropagation through time",
    "symmetric": "e-prop+, symmetric feedback",
    "adaptive": "e-prop+, adaptive feedback",
    "random": "e-prop+, random feedback",
}
"""Names in print."""
Feedback = Literal["symmetric", "random"]
"""Kinds of feedback with which e-prop's gradient is measured."""


class LearningRates(NamedTuple):
    """Learning rates, relative to those of a task."""

    factor: float
    """That of all projections; for the linear readout, the inverse strength of regularization."""
    output_factor: float
    """A further factor of that of the output weights."""

    def of(self, network: Network) -> Network:
        """Return a network with these learning rates; raises a ParameterError where one is not allowed."""
        scaled = network.with_scaled_learning_rates(self.factor)
        of_output = scaled.optimizer("output").learning_rate * self.output_factor
        return scaled.with_learning_rate(of_output, "output")


_COMPUTED = {
    "neuron.I_e": 0.0,
    "neuron.V_min": None,
    "neuron.V_reset": None,
    "neuron.delayed_reset": False,
    "neuron.adaptation": None,
    "neuron.t_ref": 0.0,
    "neuron.excitatory": None,
    "neuron.ignore_and_fire": None,
    "neuron.surrogate_gradient.function": "piecewise_linear",
    "groups": None,
    "readout.loss": "mean_squared_error",
    "plasticity.c_reg": 0.0,
    "plasticity.update": "spike",
    "plasticity.reset_at_samples": False,
    "plasticity.optimizer.algorithm": "gradient_descent",
    "plasticity.optimizer.fixed_signs": False,
    "input.excitatory": None,
    "input.stdp": None,
    "recurrent.stdp": None,
    **{
        f"{name}.{key}": value
        for name in LEARNING_PROJECTIONS
        for key, value in (("plastic", True), ("fixed_signs", None), ("optimizer", None))
    },
    "feedback.kind": "random",
}
"""The only values, by parameter path, that the program of backpropagation through time supports."""


_Factors = Annotated[list[Annotated[float, Field(gt=0)]], AfterValidator(different), Field(min_length=1)]


class LearningRateSearch(Parameters):
    """Search for the learning rates of each method: short training runs, evaluated on validation samples."""

    validation_samples: Whole = Field(
        ge=1, description="number of validation samples, held out from the training samples"
    )
    epochs: Whole = Field(ge=1, description="passes over the remaining training samples")
    factors: _Factors = Field(
        description="learning rates to try, as multiples of those of the task; for the linear readout, values of C, "
        "the inverse strength of regularization",
    )
    output_factors: _Factors = Field(
        [1.0],
        description="learning rates of the output weights to try with each of them, as further multiples",
    )

    def learning_rates(self, method: Method) -> list[LearningRates]:
        """Return the learning rates that a method tries."""
        output_factors = [1.0] if method == "event_counts" else self.output_factors
        return [LearningRates(factor, of_output) for factor in self.factors for of_output in output_factors]


BatchSize = Annotated[
    Whole,
    Field(
        ge=1, description="samples per weight update of backpropagation through time, which uses their summed gradient"
    ),
]


class AccuracyParameters(Parameters):
    """A task, and the search for the learning rate of each method."""

    task: TaskParameters
    search: LearningRateSearch
    batch_size: BatchSize = 1


class GradientPoint(TaskParameters):
    """A task and the samples whose gradient is compared."""

    samples: Whole = Field(ge=1, description="number of training samples whose summed gradient is compared")
    trained_samples: Whole = Field(
        0,
        ge=0,
        description="number of samples on which e-prop+ trains the network beforehand",
        json_schema_extra={"label": "samples learned before"},
    )


class GradientSeries(Parameters):
    """Points at which the gradients of e-prop and of backpropagation through time are compared."""

    samples: Whole = Field(50, ge=1, description="number of training samples whose summed gradient is compared")
    series: dict[points.Label, points.Series] = Field(
        min_length=1,
        description="numbers or null by parameter path within the task, or of trained_samples, the number of "
        "samples on which e-prop+ trains the network beforehand; by name; the parameters of a series change together",
    )

    @model_validator(mode="after")
    def _series_have_axes(self) -> Self:
        points.check_series(self.series, may_lack=True)
        return self

    def all_points(self) -> list[points.Point]:
        """Return the changes of each point."""
        return [point for name, of_series in self.series.items() for point in points.together(of_series, name)]

    def at(self, task: TaskParameters, point: points.Point) -> GradientPoint:
        """Return what is measured at a point of a task; a :class:`ParameterError` if its changes are not allowed."""
        values: dict[str, Any] = task.model_dump(mode="json") | {"samples": self.samples, "trained_samples": 0}
        return points.parse_changed(GradientPoint, values, point.changes)


class Locality(Parameters):
    """The cost of locality: e-prop+ compared with backpropagation through time, in accuracy and in gradients."""

    task: Name = Field(description="name of a task with a data set, whose samples have classes")
    seeds: Seeds = Field([1, 2, 3], description="seeds of connections, initial weights and sample order")
    search: LearningRateSearch
    batch_size: BatchSize = 1
    gradients: GradientSeries


def check_comparable(network: Network) -> None:
    """Raise a ParameterError for a network that the program of backpropagation through time does not support."""
    for path, value in _COMPUTED.items():
        if (given := attrgetter(path)(network)) != value:
            shown = given if isinstance(given, str | float | int | bool) else "..."
            raise ParameterError(
                f"network.{path} = {json.dumps(shown)}: must be {json.dumps(value)} to be compared with "
                "backpropagation through time"
            )
    for name in PROJECTIONS:
        connectivity = getattr(network, name).connectivity
        if isinstance(connectivity, FixedInDegree) and connectivity.allow_multapses:
            raise ParameterError(
                f"network.{name}.connectivity.allow_multapses: must be false to be compared with backpropagation "
                "through time"
            )
    for name, spec in PER_NEURON.items():
        if differs(network, name):
            raise ParameterError(
                f"network.{spec.path}: must be one value for all neurons to be compared with backpropagation through "
                "time"
            )


def check_task(task: TaskParameters, search: LearningRateSearch) -> None:
    """Raise a ParameterError for a task that not all methods can learn."""
    if isinstance(task.dataset, Generated) or not task.has_accuracy:
        raise ParameterError(f"{task.dataset.name}: is no data set whose samples have classes")
    there = task.dataset.n_training_samples
    if there is not None and search.validation_samples >= there:
        raise ParameterError(
            f"search.validation_samples = {search.validation_samples}: must be below its {there} training samples"
        )
    if unused := without_effect(task.training, CONTROL):
        raise ParameterError(f"{unused[0]}: all methods are trained in the same plain way")
    network = check_network_of(task)
    for rates in search.learning_rates("bptt"):
        try:
            rates.of(network)
        except ParameterError as error:
            factors = " and ".join(f"{factor:g}" for factor in rates)
            raise ParameterError(f"search: learning rates multiplied by {factors}: {error}") from None


def check_network_of(task: TaskParameters) -> Network:
    """Return the network of a task; raise a ParameterError if it is not comparable."""
    network = task.network_before_data()
    check_comparable(network)
    return network


def check_point(point: GradientPoint, changes: points.Changes) -> None:
    """Raise a ParameterError for a point of which no gradient can be measured."""
    check_network_of(point)
    if idle := [path for path in changes if path.startswith("training.") and path != "training.learning_window"]:
        raise ParameterError(f"{idle[0]}: does not change a gradient")
    there = point.dataset.n_training_samples
    for key in ("samples", "trained_samples"):
        if there is not None and (given := getattr(point, key)) > there:
            raise ParameterError(f"{key} = {given}: must be at most {there}, the training samples")
