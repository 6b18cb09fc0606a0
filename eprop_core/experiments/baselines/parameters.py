"""Entries of `baselines` in the configuration: networks on which this simulator and others are compared."""

from operator import attrgetter
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from eprop_core.experiments.values import Name
from eprop_core.network.initial_weights import check_initial_weights
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.parameters import PROJECTIONS, FixedInDegree, Network, check_rate, differs
from eprop_core.parsing import Parameters, Whole, different
from eprop_core.time_driven.supported import COMPUTED, check_optimizer


class _Baseline(Parameters):
    """Parameters of every comparison of simulators."""

    seed: int = Field(1, ge=0, lt=2**63, description="seed of connections, weights and input")
    simulators: Annotated[list[Name], AfterValidator(different)] = Field(
        ["nest"],
        description="other simulators: names of folders in `simulators/`; see docs/how_to/simulators.md",
    )
    repeats: Whole = Field(5, ge=1, description="processes per simulator; the simulators alternate")
    time_driven_steps: Whole = Field(
        20, ge=1, description="number of timed steps of the time-driven model, whose cost per step is constant"
    )


MEMORY_PARTS = 20
"""Parts of a run after which memory is measured."""


class PoissonBaseline(_Baseline):
    """A random network with Poisson input; targets are zero, and errors count in all steps."""

    network: Network = Field(description="delays must be 1, as in NEST")
    input_rate: float = Field(
        ge=0, description="firing rate of each input channel", json_schema_extra={"unit": "spikes/s"}
    )
    n_steps: Whole = Field(ge=1, description="number of timed steps")
    n_steps_warm_up: Whole = Field(ge=1, description="number of warm-up steps, which are not timed")
    memory_steps: Whole | None = Field(
        None,
        ge=MEMORY_PARTS,
        description="number of steps of a further run, in which memory is measured over time: half of the input "
        "channels are silent in its first half, the others in its second half; null: no such run",
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_rate("input_rate", self.input_rate, self.network.dt)
        check_comparable(self.network)
        check_initial_weights(self.network)
        return self


class AccuracyParameters(Parameters):
    """Training with each simulator on the same samples, with a learning rate tuned for each."""

    samples: Whole = Field(ge=1, description="number of training samples, each shown once")
    tuning_samples: Whole = Field(
        ge=1, description="number of these, the first ones, on which learning rates are tuned; at most `samples`"
    )
    validation_samples: Whole = Field(
        ge=1,
        description="number of validation samples, other training samples whose accuracy determines the learning rate",
    )
    learning_rate_factors: Annotated[list[Annotated[float, Field(gt=0)]], AfterValidator(different)] = Field(
        [0.1, 0.3, 1.0, 3.0, 10.0],
        min_length=1,
        description="learning rates to try, as multiples of those of the task",
    )

    @model_validator(mode="after")
    def _tunes_on_what_is_shown(self) -> Self:
        if self.tuning_samples > self.samples:
            raise ValueError(f"tuning_samples = {self.tuning_samples}: must be at most samples = {self.samples}")
        return self


class SampleBaseline(_Baseline):
    """A task: time per synaptic event on its training samples, and time of a training run from its initial weights."""

    tasks: Annotated[list[Name], AfterValidator(different)] = Field(
        min_length=1,
        description="names of tasks: the first one whose data are on this machine is used, otherwise the last one",
    )
    changes: dict[str, Any] = Field(
        {},
        description="values by parameter path within the task, for the time per event, not for the training run",
    )
    samples: Whole = Field(ge=1, description="number of timed training samples")
    samples_warm_up: Whole = Field(ge=1, description="number of warm-up samples, which are not timed")
    training_samples: Whole = Field(ge=1, description="number of samples of the training run")
    accuracy: AccuracyParameters | None = Field(
        None, description="comparison of test accuracies after training on the same samples; null: none"
    )


def _kind(baseline: Any) -> str:
    has_tasks = "tasks" in baseline if isinstance(baseline, dict) else isinstance(baseline, SampleBaseline)
    return "samples" if has_tasks else "poisson"


BaselineParameters = Annotated[
    Annotated[PoissonBaseline, Tag("poisson")] | Annotated[SampleBaseline, Tag("samples")], Discriminator(_kind)
]


def check_comparable(network: Network) -> None:
    """Raise a ValueError for a network that not all simulators can simulate."""
    check_optimizer(network)
    allowed = {
        **COMPUTED,
        **{f"{name}.delay": 1 for name in ("input", "recurrent", "output", "feedback")},
        "groups": None,
        "feedback.kind": "random",
        "readout.loss": "mean_squared_error",
    }
    for path, value in allowed.items():
        given = attrgetter(path)(network)
        if given != value:
            raise ValueError(f"network.{path} = {given}: must be {value} to be compared with NEST")
    if network.neuron.surrogate_gradient.implementation is not None:
        raise ValueError("network.neuron.surrogate_gradient.function: must not be a plug-in to be compared with NEST")
    for name in PROJECTIONS:
        connectivity = getattr(network, name).connectivity
        if isinstance(connectivity, FixedInDegree) and connectivity.allow_multapses:
            raise ValueError(f"network.{name}.connectivity.allow_multapses: must be false for the time-driven model")
    for name, spec in PER_NEURON.items():
        if differs(network, name):
            raise ValueError(f"network.{spec.path}: must be one value for all neurons to be compared with NEST")
