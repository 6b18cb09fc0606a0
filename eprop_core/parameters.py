"""Parameters of a network: names, units, ranges and defaults, in one place.

Each model is immutable and validates its values (:mod:`eprop_core.parsing`). Physical parameters have the names of
NEST and of the literature. Voltages are relative to the leak potential ``E_L`` unless stated otherwise. Times are in
ms; delays and windows are in steps of ``dt``.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from eprop_core import plug_ins
from eprop_core.parsing import (
    WHOLE_NUMBERS,
    ParameterError,
    Parameters,
    Pattern,
    Whole,
    different,
    parse,
    shown,
    visible,
)

PROJECTIONS = ("input", "recurrent", "output", "feedback")
"""Keys of a network's projections; :func:`eprop_core.network.projections.projections` says what they connect."""

LEARNING_PROJECTIONS = PROJECTIONS[:3]
"""The projections whose weights can be plastic."""

ARROW = " -> "
"""Stands between the source and the target in the name of a projection between groups."""

PARTS = {"input": "targets", "recurrent": "pairs"}
"""Key of the parts of a projection between groups, by projection that may have them."""


def whole_of(projection: str) -> str:
    """Return the one of :data:`PROJECTIONS` to which a projection between groups belongs; others are whole."""
    source, arrow, _ = projection.partition(ARROW)
    return "recurrent" if arrow and source != "input" else source


SURROGATE_GRADIENTS = {
    "piecewise_linear": "height * max(0, 1 - u)",
    "exponential": "height * exp(-u)",
    "fast_sigmoid_derivative": "height / (1 + u)^2",
    "arctan": "height / (1 + u^2)",
}
"""Formulas of the built-in surrogate gradients by name."""

PLUG_IN_SURROGATE_GRADIENTS, _UNUSABLE = plug_ins.found(plug_ins.SURROGATE_GRADIENTS, SURROGATE_GRADIENTS)
"""Entry points of the surrogate gradients of other distributions by name."""

if TYPE_CHECKING:
    SurrogateFunction = str
else:
    SurrogateFunction = Literal[(*SURROGATE_GRADIENTS, *PLUG_IN_SURROGATE_GRADIENTS, *_UNUSABLE)]


@functools.cache
def plug_in_surrogate_gradient(name: str) -> Callable[[float], float]:
    """Return the surrogate gradient of a plug-in as a Python function of u.

    Raises
    ------
    ParameterError
        It cannot be imported, is no function of one argument, or has values that are not numbers from 0 to 1.
    """
    entry = PLUG_IN_SURROGATE_GRADIENTS[name]
    where = plug_ins.place(entry)
    loaded = plug_ins.load(entry)
    function: Callable[[float], float] = getattr(loaded, "py_func", loaded)
    plug_ins.check_callable(function, plug_ins.Call(entry.attr, ("u",)), where)
    for u in (0.0, 1e-3, 0.1, 0.5, 1.0, 2.0, 10.0, 1e3):
        with plug_ins.blaming(f"{where}: at u = {u:g}: "):
            value = function(u)
        if not (isinstance(value, Real) and 0.0 <= value <= 1.0):
            raise ParameterError(f"{where}: is {shown(value)} at u = {u:g}, must be a number from 0 to 1")
    return function


class IgnoreAndFire(Parameters):
    """Neurons fire at a fixed rate with a random phase, regardless of their membrane voltage.

    In scaling runs, the load per neuron is then the same at every network size.
    """

    rate: float = Field(
        gt=0,
        description="firing rate of each neuron; the interspike interval is rounded to whole steps",
        json_schema_extra={"unit": "spikes/s"},
    )


class Uniform(Parameters):
    """A uniform distribution from which values are drawn."""

    low: float = Field(ge=0, description="smallest value")
    high: float = Field(ge=0, description="largest value")

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low must not exceed high = {self.high}")
        return self


class PositiveUniform(Uniform):
    """A uniform distribution of positive values."""

    low: float = Field(gt=0, description="smallest value")
    high: float = Field(gt=0, description="largest value")


_ONE_OR_DRAWN = Discriminator(lambda value: "uniform" if isinstance(value, dict | Uniform) else "value")

PositivePerNeuron = Annotated[
    Annotated[float, Field(gt=0), Tag("value")] | Annotated[PositiveUniform, Tag("uniform")], _ONE_OR_DRAWN
]
"""One value for all neurons, or a distribution from which each neuron draws its own."""

NonNegativePerNeuron = Annotated[
    Annotated[float, Field(ge=0), Tag("value")] | Annotated[Uniform, Tag("uniform")], _ONE_OR_DRAWN
]
"""The same for parameters that may be 0."""


class SurrogateGradient(Parameters):
    """Surrogate gradient of the spike function, psi = height f(u), with u = abs(v - A) / width.

    A is the threshold in that step: V_th, or V_th + beta * a with adaptation.
    """

    function: SurrogateFunction = Field(
        "piecewise_linear",
        description="; ".join(f"{name}: {formula}" for name, formula in SURROGATE_GRADIENTS.items()),
        json_schema_extra={"label": "surrogate gradient"},
    )
    height: NonNegativePerNeuron = Field(
        0.5, description="maximum, reached at the threshold; {low, high}: drawn uniformly for each neuron"
    )
    width: PositivePerNeuron = Field(
        0.5,
        description="distance from the threshold at which u = 1; {low, high}: drawn uniformly for each neuron",
        json_schema_extra={"unit": "mV"},
    )

    @field_validator("function")
    @classmethod
    def _plug_in_can_be_used(cls, function: str) -> str:
        if function in _UNUSABLE:
            raise ValueError(_UNUSABLE[function])
        if function in PLUG_IN_SURROGATE_GRADIENTS:
            plug_in_surrogate_gradient(function)
        return function

    @property
    def implementation(self) -> str | None:
        """Module of the plug-in that brings the function; None for a built-in one."""
        entry = PLUG_IN_SURROGATE_GRADIENTS.get(self.function)
        return None if entry is None else entry.module


class Adaptation(Parameters):
    """Adaptive threshold V_th + beta * a, where a decays with time constant tau and increases by 1 after each spike."""

    beta: PositivePerNeuron = Field(
        description="increase of the threshold at each spike; {low, high}: drawn uniformly for each neuron",
        json_schema_extra={"unit": "mV"},
    )
    tau: float = Field(gt=0, description="time constant of the adaptation", json_schema_extra={"unit": "ms"})
    share: float = Field(
        1.0, ge=0, le=1, description="fraction of neurons with an adaptive threshold: those with the highest ids"
    )


Excitatory = Annotated[
    Annotated[float, Field(ge=0, le=1), Tag("share")] | Annotated[list[Annotated[Whole, Field(ge=0)]], Tag("ids")],
    Discriminator(lambda value: "ids" if isinstance(value, list | tuple) else "share"),
]
"""A share of a population, those with the lowest ids, or a list of ids."""


class RecurrentNeuron(Parameters):
    """Leaky integrate-and-fire neuron.

    NEST: ``eprop_iaf``; with adaptation ``eprop_iaf_adapt``; with V_reset ``eprop_iaf_psc_delta``; with both
    ``eprop_iaf_psc_delta_adapt``.
    """

    tau_m: PositivePerNeuron = Field(
        20.0,
        description="membrane time constant; {low, high}: drawn uniformly for each neuron",
        json_schema_extra={"label": "membrane time constant", "unit": "ms"},
    )
    C_m: PositivePerNeuron = Field(
        1.0,
        description="membrane capacitance, which scales only the effect of I_e; {low, high}: drawn uniformly for "
        "each neuron",
        json_schema_extra={"unit": "pF"},
    )
    I_e: float = Field(0.0, description="constant input current", json_schema_extra={"unit": "pA"})
    V_th: PositivePerNeuron = Field(
        0.6,
        description="spike threshold relative to E_L; {low, high}: drawn uniformly for each neuron",
        json_schema_extra={"unit": "mV"},
    )
    V_min: float | None = Field(
        None,
        description="lower bound of the membrane voltage relative to E_L; null: none",
        json_schema_extra={"unit": "mV"},
    )
    V_reset: float | None = Field(
        None,
        description="reset voltage relative to E_L, at which the neuron is clamped for t_ref; input that arrives in "
        "this period is lost. null: V_th is subtracted at each spike; during t_ref the voltage evolves, but the neuron "
        "does not spike",
        json_schema_extra={"unit": "mV"},
    )
    delayed_reset: bool = Field(
        False, description="whether V_th is subtracted in the step after the spike, without decay (Bellec et al. 2020)"
    )
    adaptation: Adaptation | None = Field(
        None, description="adaptation of the threshold; null: the threshold is constant"
    )
    t_ref: NonNegativePerNeuron = Field(
        0.0,
        description="refractory period, a multiple of dt. The shortest interspike interval is t_ref, or dt if t_ref "
        "is 0; with V_reset, which clamps the voltage for the t_ref / dt steps after a spike, it is t_ref + dt. The "
        "surrogate gradient is 0 in all these steps except the last. {low, high}: drawn uniformly for each neuron and "
        "rounded to steps",
        json_schema_extra={"unit": "ms"},
    )
    excitatory: Excitatory | None = Field(
        None,
        description="excitatory neurons: a fraction (those with the lowest ids) or a list of ids; all others are "
        "inhibitory. All outgoing weights of a neuron then have its sign and keep it (Dale's law). null: a neuron has "
        "outgoing weights of both signs",
        json_schema_extra={"label": "excitatory neurons"},
    )
    surrogate_gradient: SurrogateGradient = Field(
        SurrogateGradient(), description="surrogate gradient psi of the spike function"
    )
    ignore_and_fire: IgnoreAndFire | None = Field(
        None,
        description="neurons fire at a fixed rate; voltages and plasticity are computed as usual. null: a neuron "
        "spikes when its voltage reaches the threshold",
    )


GroupName = Annotated[
    str, Pattern("^[A-Za-z][A-Za-z0-9_]*$", "begin with a letter and have letters, digits and underscores only")
]


class Group(Parameters):
    """Recurrent neurons with consecutive ids, following those of the previous group."""

    size: Whole = Field(ge=1, description="number of neurons; the sizes of all groups add up to n_recurrent")
    excitatory: bool | None = Field(
        None,
        description="true: excitatory neurons; false: inhibitory. Either given for all groups, instead of "
        "neuron.excitatory, or for none",
    )
    tau_m: PositivePerNeuron | None = Field(
        None, description="membrane time constant; null: as in neuron", json_schema_extra={"unit": "ms"}
    )
    C_m: PositivePerNeuron | None = Field(
        None, description="membrane capacitance; null: as in neuron", json_schema_extra={"unit": "pF"}
    )
    V_th: PositivePerNeuron | None = Field(
        None, description="spike threshold relative to E_L; null: as in neuron", json_schema_extra={"unit": "mV"}
    )
    t_ref: NonNegativePerNeuron | None = Field(
        None, description="refractory period; null: as in neuron", json_schema_extra={"unit": "ms"}
    )
    surrogate_height: NonNegativePerNeuron | None = Field(
        None, description="height of the surrogate gradient; null: as in neuron.surrogate_gradient"
    )
    surrogate_width: PositivePerNeuron | None = Field(
        None,
        description="width of the surrogate gradient; null: as in neuron.surrogate_gradient",
        json_schema_extra={"unit": "mV"},
    )
    beta: NonNegativePerNeuron | None = Field(
        None,
        description="increase of the threshold at each spike; null: as in neuron.adaptation, which must be given",
        json_schema_extra={"unit": "mV"},
    )
    c_reg: NonNegativePerNeuron | None = Field(
        None, description="strength of the firing-rate regularization; null: as in plasticity"
    )
    f_target: NonNegativePerNeuron | None = Field(
        None,
        description="target rate of the regularization; null: as in plasticity",
        json_schema_extra={"unit": "spikes/s"},
    )


Loss = Literal["mean_squared_error", "cross_entropy"]
"""Losses; to add one, see :mod:`eprop_core.tasks.losses`."""

LOSS_UNITS: dict[Loss, str] = {"mean_squared_error": "mV²", "cross_entropy": "nats"}


class ReadoutNeuron(Parameters):
    """Leaky integrator without spikes (NEST: ``eprop_readout``); its readout signal is y = v + E_L."""

    tau_m: float = Field(20.0, gt=0, description="membrane time constant", json_schema_extra={"unit": "ms"})
    E_L: float = Field(0.0, description="leak potential, the readout signal at rest", json_schema_extra={"unit": "mV"})
    loss: Loss = Field(
        "mean_squared_error",
        description="loss, averaged over samples; the error is its derivative with respect to the readout signal y. "
        "mean_squared_error: (y - target)² / 2, summed over readouts and the steps of "
        "the learning window, mV²; the error is y - target. cross_entropy: -log softmax(y) of "
        "the correct class, averaged over these steps, nats; the error is softmax(y) - target",
    )


class OptimizerParameters(Parameters):
    """Parameters of every optimizer: the step size, and the bounds of the weights."""

    moments: ClassVar[int] = 0
    """Values that the optimizer keeps per synapse, beside weight and gradient."""
    is_linear: ClassVar[bool] = True
    """Whether changes are proportional to gradients. If not, each synapse adds up the gradients of single steps:
    running sums leave a rounding error in a gradient that should be zero, which could cause a large change."""

    learning_rate: float = Field(
        1e-4, ge=0, description="step size of the weight update (eta)", json_schema_extra={"label": "learning rate"}
    )
    weight_min: float = Field(-100.0, description="smallest weight", json_schema_extra={"unit": "pA"})
    weight_max: float = Field(100.0, description="largest weight", json_schema_extra={"unit": "pA"})
    fixed_signs: bool = Field(
        False,
        description="whether each weight keeps its initial sign: an update that would cross zero sets the weight to "
        "0. The initial weights of one neuron have both signs; for Dale's law see neuron.excitatory",
    )

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        if self.weight_min > self.weight_max:
            raise ValueError(f"weight_min must not exceed weight_max = {self.weight_max}")
        return self

    @property
    def moves_in_each_step(self) -> bool:
        """Whether the gradient of each step moves the weight, instead of the sum since the last spike."""
        return False


class GradientDescent(OptimizerParameters):
    """w = clip(w - learning_rate * gradient, weight_min, weight_max)."""

    algorithm: Literal["gradient_descent"] = "gradient_descent"


class Adam(OptimizerParameters):
    """Adam (Kingma and Ba 2015); its moments are updated at each time step, or batch if ``update`` is ``sample``."""

    moments: ClassVar[int] = 2
    is_linear: ClassVar[bool] = False

    algorithm: Literal["adam"]
    beta_1: float = Field(0.9, ge=0, lt=1, description="decay rate of the first moment")
    beta_2: float = Field(0.999, ge=0, lt=1, description="decay rate of the second moment")
    epsilon: float = Field(1e-8, gt=0, description="added to the square root of the second moment")
    optimize_each_step: bool = Field(
        False,
        description="whether each step's gradient updates the weight separately, instead of their sum over the steps "
        "since the last spike; slow",
    )

    @property
    def moves_in_each_step(self) -> bool:
        """Whether the gradient of each step moves the weight, instead of the sum since the last spike."""
        return self.optimize_each_step


def _algorithm(optimizer: Any) -> Any:
    if isinstance(optimizer, dict):
        return optimizer.get("algorithm", "gradient_descent")
    return getattr(optimizer, "algorithm", None)


Optimizer = Annotated[
    Annotated[GradientDescent, Tag("gradient_descent")] | Annotated[Adam, Tag("adam")], Discriminator(_algorithm)
]


class Plasticity(Parameters):
    """The learning rule.

    The defaults are e-prop+: eligibility traces, firing-rate regularization with a moving average, one weight update
    per presynaptic spike. E-prop of Bellec et al. 2020 has ``update: sample``, ``rate_average: sample``,
    ``reset_at_samples: true``, ``cutoff: null`` and kappa = exp(-dt / readout.tau_m).
    """

    update: Literal["spike", "sample"] = Field(
        "spike",
        description="when weights are updated. spike: at each presynaptic spike; sample: after each batch of samples",
    )
    batch_size: Whole = Field(
        1,
        ge=1,
        description="samples per weight update, which uses the mean of their gradients; values above 1 need "
        "update: sample. An incomplete batch is applied before an evaluation, too",
    )
    rate_average: Literal["moving", "sample"] = Field(
        "moving",
        description="estimate of the firing rate for the regularization. moving: a moving average; sample: the mean "
        "over a sample, which needs update: sample",
    )
    reset_at_samples: bool = Field(
        False,
        description="whether voltages, refractoriness and traces are reset before each sample; as in NEST, "
        "spikes that arrive in its first step are then lost",
    )
    kappa: float = Field(
        0.97,
        ge=0,
        lt=1,
        description="decay per step of the low-pass filter of the eligibility trace",
        json_schema_extra={"label": "eligibility filter κ"},
    )
    kappa_reg: float = Field(
        0.97, ge=0, lt=1, description="decay per step of the low-pass filters of the firing-rate regularization"
    )
    c_reg: NonNegativePerNeuron = Field(
        0.0,
        description="strength of the firing-rate regularization: factor of (rate - f_target), in spikes/ms, or "
        "in spikes per step if rate_average is sample; {low, high}: drawn uniformly for each neuron",
        json_schema_extra={"label": "rate regularization"},
    )
    f_target: NonNegativePerNeuron = Field(
        10.0,
        description="target firing rate of the regularization; {low, high}: drawn uniformly for each neuron",
        json_schema_extra={"label": "target rate", "unit": "spikes/s"},
    )
    cutoff: Whole | None = Field(
        100,
        ge=2,
        description="time after a presynaptic spike during which a synapse accumulates its gradient; null: no limit",
        json_schema_extra={"label": "cutoff", "unit": "steps"},
    )
    optimizer: Optimizer = Field(GradientDescent(), description="converts gradients into weight updates")

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.update == "spike" and (self.batch_size > 1 or self.rate_average == "sample"):
            raise ValueError('batch_size > 1 and rate_average = "sample" need update = "sample"')
        if self.rate_average == "sample" and not self.reset_at_samples:
            raise ValueError('rate_average = "sample" needs reset_at_samples = true')
        if self.update == "sample" and self.optimizer.moves_in_each_step:
            raise ValueError('optimizer.optimize_each_step needs update = "spike"')
        return self

    @property
    def counts_samples(self) -> bool:
        """Whether weights are updated or states reset between samples."""
        return self.update == "sample" or self.reset_at_samples


class AllToAll(Parameters):
    """Every source is connected to every target."""

    rule: Literal["all_to_all"]


class FixedInDegree(Parameters):
    """Each target has the same number of randomly drawn sources."""

    rule: Literal["fixed_in_degree"]
    in_degree: Whole = Field(ge=0, description="sources per target")
    allow_multapses: bool = Field(False, description="whether a source may be drawn more than once for one target")


class PairwiseBernoulli(Parameters):
    """Each pair of neurons is connected independently, with the same probability."""

    rule: Literal["pairwise_bernoulli"]
    probability: float = Field(
        ge=0,
        le=1,
        description="connection probability, the density of the projection",
        json_schema_extra={"label": "density"},
    )


GroupNames = Annotated[list[str], AfterValidator(different)]
"""Names of different groups."""

Connectivity = Annotated[AllToAll | FixedInDegree | PairwiseBernoulli, Field(discriminator="rule")]


Distribution = Literal["normal", "uniform", "constant"]
Scale = Annotated[float, Field(ge=-1e15, le=1e15)]
Divisor = Literal["nothing", "sqrt_sources", "sqrt_in_degree", "sqrt_mean_fan"]


class InitialWeights(Parameters):
    """Initial weights: random numbers times ``scale``, divided by the square root that ``divide_by`` names."""

    distribution: Distribution = Field(
        "normal",
        description="normal: mean 0, standard deviation 1; uniform: in [-sqrt(3), sqrt(3)), standard deviation 1; "
        "constant: 1",
    )
    scale: Scale = Field(
        1.0,
        description="factor of the random numbers; with divide_by: nothing, their standard deviation",
        json_schema_extra={"unit": "pA"},
    )
    divide_by: Divisor = Field(
        "sqrt_sources",
        description="sqrt_sources: square root of the number of sources; sqrt_in_degree: of the mean "
        "in-degree; sqrt_mean_fan: of the mean of the numbers of sources and targets (Glorot)",
    )


class SpikingWeights(InitialWeights):
    """Initial weights of connections that transmit spikes."""

    inhibitory_factor: float = Field(
        1.0,
        gt=0,
        description="factor of the weights of inhibitory sources, to balance excitation and inhibition; needs sources "
        "that are excitatory or inhibitory",
    )


OVERRIDES = ("learning_rate", "fixed_signs", "weight_min", "weight_max", "epsilon")
"""Values of an optimizer that a projection may have beside it, instead of an optimizer of its own."""


LONGEST_TRACE = 10_000
"""Steps of ``dt`` that a time constant of spike-timing-dependent plasticity may have."""


class SpikeTimingParameters(Parameters):
    """Pair-based spike-timing-dependent plasticity with all-to-all pairing (NEST: ``stdp_synapse``).

    With x = abs(weight) / weight_max, a postsynaptic spike changes x by learning_rate (1 - x)^mu_plus K_plus, and a
    presynaptic spike by -alpha learning_rate x^mu_minus K_minus; x stays between 0 and 1, and the weight keeps its
    sign. K_plus and K_minus are exponentially decaying traces of earlier presynaptic and postsynaptic spikes. The
    whole delay is dendritic.
    """

    tau_plus: float = Field(
        20.0,
        gt=0,
        description="time constant of K_plus, the presynaptic trace (NEST: tau_plus)",
        json_schema_extra={"unit": "ms"},
    )
    tau_minus: float = Field(
        20.0,
        gt=0,
        description="time constant of K_minus, the postsynaptic trace (NEST: tau_minus, a parameter of the neuron)",
        json_schema_extra={"unit": "ms"},
    )
    learning_rate: float = Field(
        0.01, ge=0, description="step size relative to weight_max (NEST: lambda)", json_schema_extra={"label": "lambda"}
    )
    alpha: float = Field(1.0, ge=0, description="asymmetry: depression relative to potentiation (NEST: alpha)")
    mu_plus: float = Field(
        1.0,
        ge=0,
        description="exponent of the weight dependence of potentiation (NEST: mu_plus); 0: additive, 1: multiplicative",
    )
    mu_minus: float = Field(1.0, ge=0, description="exponent of the weight dependence of depression (NEST: mu_minus)")
    weight_max: float = Field(
        100.0,
        gt=0,
        description="largest absolute value of a weight (NEST: Wmax, with the sign of the weight)",
        json_schema_extra={"unit": "pA"},
    )


class ProjectionParameters(Parameters):
    """Connections from one population to another, with their delay and plasticity."""

    connectivity: Connectivity = Field(AllToAll(rule="all_to_all"), description="pairs of neurons that are connected")
    weights: SpikingWeights = Field(SpikingWeights(), description="initial weights")
    delay: Whole = Field(
        1,
        ge=1,
        description="time from the emission of a spike to its arrival. Targets and learning windows are not shifted by "
        "delays: in the first input.delay + output.delay steps of a sample, readouts still respond to the previous one",
        json_schema_extra={"label": "delay", "unit": "steps"},
    )
    plastic: bool = Field(True, description="whether the weights are plastic")
    learning_rate: float | None = Field(
        None, ge=0, description="step size of the weight updates of this projection; null: that of plasticity.optimizer"
    )
    fixed_signs: bool | None = Field(
        None,
        description="whether each weight of this projection keeps its initial sign; null: as in plasticity.optimizer",
    )
    weight_min: float | None = Field(
        None,
        description="smallest weight of this projection; null: that of plasticity.optimizer",
        json_schema_extra={"unit": "pA"},
    )
    weight_max: float | None = Field(
        None,
        description="largest weight of this projection; null: that of plasticity.optimizer",
        json_schema_extra={"unit": "pA"},
    )
    epsilon: float | None = Field(
        None, gt=0, description="epsilon of this projection's Adam; null: that of plasticity.optimizer"
    )
    optimizer: Optimizer | None = Field(
        None,
        description="optimizer of this projection, with all its values; null: plasticity.optimizer. The keys above "
        "override its values",
    )
    stdp: SpikeTimingParameters | None = Field(
        None,
        description="spike-timing-dependent plasticity instead of the network's learning rule, where plastic is true; "
        "only for connections onto recurrent neurons. null: the network's learning rule",
    )

    @property
    def learns_by_rule(self) -> bool:
        """Whether the network's rule, with its learning signals, changes the weights."""
        return self.plastic and self.stdp is None


class PairWeights(Parameters):
    """Initial weights between two groups; null: as in the projection."""

    distribution: Distribution | None = Field(None, description="distribution of the random numbers")
    scale: Scale | None = Field(None, description="factor of the random numbers", json_schema_extra={"unit": "pA"})
    divide_by: Divisor | None = Field(
        None, description="divisor of the scale; sources and targets are those of the two groups"
    )
    inhibitory_factor: float | None = Field(None, gt=0, description="factor of the weights of inhibitory sources")


class PairParameters(Parameters):
    """Connections between two groups; null: as in the projection (input or recurrent)."""

    connectivity: Connectivity | None = Field(
        None, description="pairs of neurons that are connected; sources and in-degrees are those within the two groups"
    )
    weights: PairWeights | None = Field(None, description="initial weights")
    delay: Whole | None = Field(
        None, ge=1, description="time from the emission of a spike to its arrival", json_schema_extra={"unit": "steps"}
    )
    plastic: bool | None = Field(None, description="whether the weights are plastic")
    learning_rate: float | None = Field(None, ge=0, description="step size of the weight updates")
    fixed_signs: bool | None = Field(None, description="whether each weight keeps its initial sign")
    weight_min: float | None = Field(None, description="smallest weight", json_schema_extra={"unit": "pA"})
    weight_max: float | None = Field(None, description="largest weight", json_schema_extra={"unit": "pA"})
    epsilon: float | None = Field(None, gt=0, description="epsilon of Adam")
    optimizer: Optimizer | None = Field(
        None, description="optimizer, with all its values, instead of that of the projection"
    )
    stdp: SpikeTimingParameters | None = Field(None, description="spike-timing-dependent plasticity")

    def within(self, projection: ProjectionParameters) -> ProjectionParameters:
        """Return all parameters of these connections, which are a part of a projection."""
        own = {key: value for key, value in self if value is not None}
        if self.weights is not None:
            own["weights"] = projection.weights.model_copy(update=self.weights.model_dump(exclude_none=True))
        common = {key: getattr(projection, key) for key in ProjectionParameters.model_fields}
        if self.optimizer is not None:
            common |= dict.fromkeys(OVERRIDES)
        return ProjectionParameters.model_construct(**common | own)


class InputParameters(ProjectionParameters):
    """Connections from the input channels to the recurrent neurons."""

    targets: dict[str, PairParameters] | None = Field(
        None,
        min_length=1,
        description="groups that receive input, with their own parameters: `{layer_1: {delay: 2}}`. Each is a "
        'projection, "input -> layer_1". null: one projection to all neurons',
    )

    excitatory: Excitatory | None = Field(
        None,
        description="excitatory input channels: a fraction (those with the lowest ids) or a list of ids; all others "
        "are inhibitory. The weights of a channel have its sign and keep it (Dale's law). null: weights of both signs",
        json_schema_extra={"label": "excitatory inputs"},
    )


class RecurrentProjectionParameters(ProjectionParameters):
    """Connections between recurrent neurons."""

    pairs: dict[str, PairParameters] | None = Field(
        None,
        min_length=1,
        description="pairs of connected groups, with their own parameters: "
        "`{layer_1 -> layer_2: {delay: 2}}`. Each is a projection; other groups are not connected. null: one "
        "projection from all neurons to all neurons",
    )


class OutputParameters(ProjectionParameters):
    """Connections from the recurrent neurons to the readouts."""

    sources: GroupNames | None = Field(
        None, min_length=1, description="groups that are connected to the readouts; null: all neurons"
    )


class FeedbackParameters(Parameters):
    """Feedback connections, with weights B, that carry learning signals from the readouts to the recurrent neurons."""

    kind: Literal["random", "symmetric", "adaptive"] = Field(
        "random",
        description="random: drawn once and constant; symmetric: the transposed output weights, also after their "
        "updates; adaptive: drawn for the transposed output connections, with the same updates as the output weights. "
        "The key connectivity applies to random feedback only",
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="weight decay: fraction by which output and adaptive feedback weights shrink at each update",
    )
    targets: GroupNames | None = Field(
        None,
        min_length=1,
        description="groups that receive random feedback; null: all neurons. Symmetric and adaptive feedback go to the "
        "neurons that are connected to the readouts, see output.sources",
    )
    connectivity: Connectivity = Field(AllToAll(rule="all_to_all"), description="pairs of neurons that are connected")
    weights: InitialWeights = InitialWeights(divide_by="nothing")
    delay: Whole = Field(
        1,
        ge=1,
        description="time from an error of a readout to its arrival at the recurrent neurons",
        json_schema_extra={"label": "delay", "unit": "steps"},
    )


def check_rate(key: str, rate: float, dt: float) -> None:
    """Raise a ValueError for a rate (spikes/s) above one spike per step of ``dt`` ms."""
    if rate * dt > 1000:
        raise ValueError(f"{key} = {rate}: must not exceed {1000 / dt:g} spikes/s, one spike per step of {dt} ms")


def _check_voltages(neuron: RecurrentNeuron, lowest_threshold: float) -> None:
    for name, voltage in (("V_reset", neuron.V_reset), ("V_min", neuron.V_min)):
        if voltage is not None and voltage >= lowest_threshold:
            raise ValueError(f"neuron.{name} = {voltage} must be below neuron.V_th")
    if neuron.V_reset is not None and neuron.V_min is not None and neuron.V_reset < neuron.V_min:
        raise ValueError(f"neuron.V_reset = {neuron.V_reset} must not be below neuron.V_min = {neuron.V_min}")


class Network(Parameters):
    """A recurrent network with its inputs, readouts and learning rule."""

    dt: float = Field(1.0, gt=0, description="time step of the simulation", json_schema_extra={"unit": "ms"})
    n_input: Whole = Field(ge=1, description="number of input channels")
    n_recurrent: Whole = Field(
        ge=1, description="number of recurrent neurons", json_schema_extra={"label": "recurrent neurons"}
    )
    n_readout: Whole = Field(ge=1, description="number of readout neurons")
    neuron: RecurrentNeuron = Field(RecurrentNeuron(), description="recurrent neurons")
    groups: dict[GroupName, Group] | None = Field(
        None,
        min_length=1,
        description="named groups of recurrent neurons, in the order of their ids: `{excitatory: {size: 80}, "
        "inhibitory: {size: 20}}`; null: none",
    )
    readout: ReadoutNeuron = Field(ReadoutNeuron(), description="readout neurons and loss")
    plasticity: Plasticity = Field(Plasticity(), description="learning rule")
    input: InputParameters = Field(
        InputParameters(), description="input channels to recurrent neurons", json_schema_extra={"label": "input"}
    )
    recurrent: RecurrentProjectionParameters = Field(
        RecurrentProjectionParameters(),
        description="recurrent neurons to one another, without autapses",
        json_schema_extra={"label": "recurrent"},
    )
    output: OutputParameters = Field(
        OutputParameters(), description="recurrent neurons to readouts", json_schema_extra={"label": "output"}
    )
    feedback: FeedbackParameters = Field(
        FeedbackParameters(), description="readouts to recurrent neurons", json_schema_extra={"label": "feedback"}
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.neuron.delayed_reset and self.neuron.V_reset is not None:
            raise ValueError("neuron.delayed_reset: has no meaning with neuron.V_reset, it must be false")
        self._check_groups()
        _check_voltages(self.neuron, self.extent("V_th")[0])
        if self.neuron.ignore_and_fire is not None:
            check_rate("neuron.ignore_and_fire.rate", self.neuron.ignore_and_fire.rate, self.dt)
        for name, value in self._times().items():
            if not value / self.dt < WHOLE_NUMBERS:
                raise ValueError(f"{name} = {value}: must be less than {WHOLE_NUMBERS} steps of dt = {self.dt} ms")
        if self.feedback.weight_decay and self.feedback.kind != "adaptive":
            raise ValueError('feedback.weight_decay needs feedback.kind = "adaptive"')
        for value in values_of_groups(self, "t_ref"):
            for t_ref in (value.low, value.high) if isinstance(value, Uniform) else (value,):
                if not is_multiple(t_ref, self.dt):
                    raise ValueError(f"neuron.t_ref = {t_ref} must be a multiple of dt = {self.dt}")
        if self.extent("t_ref")[1] > (longest := self.longest_refractory_period) * (1.0 + 1e-9):
            raise ValueError(
                f"neuron.t_ref = {self.extent('t_ref')[1]} must not exceed {longest:g} ms, so that "
                f"neuron.ignore_and_fire can fire every {self.firing_period * self.dt:g} ms"
            )
        for name, projection in self.learning_projections().items():
            cutoff = self.plasticity.cutoff
            if projection.learns_by_rule and cutoff is not None and cutoff <= projection.delay:
                raise ValueError(f"plasticity.cutoff = {cutoff} must exceed {name}.delay = {projection.delay}")
            if self.plasticity.counts_samples and name.startswith("input") and projection.delay != self.input.delay:
                raise ValueError(
                    f"{name}.delay = {projection.delay}: must be input.delay = {self.input.delay} where samples update "
                    "or reset, since they begin with their first input"
                )
            _check_in_degree(f"{name}.connectivity", projection.connectivity, self._n_sources(name))
            self._check_optimizer(name, projection)
            if projection.stdp is not None:
                self._check_spike_timing(name, projection, projection.stdp)
        _check_in_degree("feedback.connectivity", self.feedback.connectivity, self.n_readout)
        _check_ids("input.excitatory", self.input.excitatory, self.n_input)
        _check_ids("neuron.excitatory", self.neuron.excitatory, self.n_recurrent)
        return self

    def _check_groups(self) -> None:
        groups = self.groups or {}
        if groups and (total := sum(group.size for group in groups.values())) != self.n_recurrent:
            raise ValueError(f"groups: their sizes add up to {total}, and n_recurrent is {self.n_recurrent}")
        if reserved := {*PROJECTIONS, "readout"} & set(groups):
            raise ValueError(f"groups.{min(reserved)}: is the name of a projection or of another population")
        if any(group.excitatory is not None for group in groups.values()):
            for name, group in groups.items():
                if group.excitatory is None:
                    raise ValueError(f"groups.{name}.excitatory: must be given, as for other groups")
            if self.neuron.excitatory is not None:
                raise ValueError("neuron.excitatory: must be null where groups are excitatory or inhibitory")
        for name, group in groups.items():
            if group.beta is not None and self.neuron.adaptation is None:
                raise ValueError(f"groups.{name}.beta: needs neuron.adaptation")
        for key, names in self._named_groups():
            for name in names:
                if name not in groups:
                    known = f"there are {', '.join(groups)}" if groups else "groups must be given"
                    raise ValueError(f"{key}: there is no group {name!r}; {known}")
        if self.feedback.targets is not None and self.feedback.kind != "random":
            raise ValueError(
                f"feedback.targets: {self.feedback.kind} feedback goes to the neurons with connections to the "
                "readouts; name their groups in output.sources"
            )

    def _named_groups(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each key that names groups, and the groups."""
        yield "input.targets", list(self.input.targets or ())
        for pair in self.recurrent.pairs or ():
            names = pair.split(ARROW)
            if len(names) != 2:
                raise ValueError(f"recurrent.pairs: {visible(pair)!r} must be two groups, `source{ARROW}target`")
            yield "recurrent.pairs", names
        yield "output.sources", self.output.sources or []
        yield "feedback.targets", self.feedback.targets or []

    def learning_projections(self) -> dict[str, ProjectionParameters]:
        """Return all parameters of the projections that carry spikes, by name."""
        inputs: dict[str, ProjectionParameters] = {"input": self.input}
        if self.input.targets is not None:
            inputs = {f"input{ARROW}{name}": own.within(self.input) for name, own in self.input.targets.items()}
        recurrent: dict[str, ProjectionParameters] = {"recurrent": self.recurrent}
        if self.recurrent.pairs is not None:
            recurrent = {pair: own.within(self.recurrent) for pair, own in self.recurrent.pairs.items()}
        return inputs | recurrent | {"output": self.output}

    def ids(self, groups: Sequence[str] | None) -> tuple[range, ...]:
        """Return the ids of the neurons of some groups, ascending; None stands for all neurons."""
        if groups is None:
            return (range(self.n_recurrent),)
        last = 0
        by_name = {}
        for name, group in (self.groups or {}).items():
            by_name[name] = range(last, last + group.size)
            last += group.size
        return tuple(own for name, own in by_name.items() if name in groups)

    def _n_sources(self, name: str) -> int:
        """Return the number of neurons from which a target of a projection may receive connections."""
        source, _, target = name.partition(ARROW)
        if source in ("input", "output"):
            return self.n_input if source == "input" else sum(map(len, self.ids(self.output.sources)))
        return sum(map(len, self.ids([source] if target else None))) - (source == target or not target)

    def values_by_ids(self, name: str) -> list[tuple[range, Any]]:
        """Return :func:`values_of_groups` with the neurons that have each of them."""
        ids = self.ids(None if self.groups is None else list(self.groups))
        return list(zip(ids, values_of_groups(self, name), strict=True))

    def extent(self, name: str) -> tuple[float, float]:
        """Return the smallest and the largest value of a parameter that neurons may have."""
        return extent(self, name)

    def _check_optimizer(self, name: str, projection: ProjectionParameters) -> None:
        optimizer = self.optimizer(name)
        if optimizer.weight_min > optimizer.weight_max:
            raise ValueError(
                f"{name}: weight_min = {optimizer.weight_min} must not exceed weight_max = {optimizer.weight_max}"
            )
        if self.plasticity.update == "sample" and optimizer.moves_in_each_step:
            raise ValueError(f'{name}: optimizer.optimize_each_step needs plasticity.update = "spike"')
        if projection.epsilon is not None and not isinstance(optimizer, Adam):
            raise ValueError(f"{name}.epsilon: only the optimizer adam has an epsilon")
        if self.excitatory_sources(name) is not None:
            if projection.fixed_signs is False:
                raise ValueError(f"{name}.fixed_signs: must not be false where sources are excitatory or inhibitory")
        elif projection.weights.inhibitory_factor != 1.0:
            raise ValueError(f"{name}.weights.inhibitory_factor: needs sources that are excitatory or inhibitory")

    def _check_spike_timing(self, name: str, projection: ProjectionParameters, stdp: SpikeTimingParameters) -> None:
        if name == "output":
            raise ValueError("output.stdp: must be null; it changes weights of connections onto recurrent neurons only")
        for key in ("learning_rate", "weight_min", "weight_max", "epsilon"):
            if getattr(projection, key) is not None:
                raise ValueError(f"{name}.{key}: has no meaning with {name}.stdp, which has parameters of its own")
        if projection.fixed_signs is False:
            raise ValueError(f"{name}.fixed_signs: must not be false with {name}.stdp, which keeps the sign of weights")
        if self.plasticity.reset_at_samples:
            raise ValueError(f"{name}.stdp: needs plasticity.reset_at_samples = false, its traces have no reset")
        for key in ("tau_plus", "tau_minus"):
            if getattr(stdp, key) > LONGEST_TRACE * self.dt:
                raise ValueError(
                    f"{name}.stdp.{key}: must not exceed {LONGEST_TRACE} steps, {LONGEST_TRACE * self.dt:g} ms"
                )

    def excitatory_sources(self, projection: str) -> "float | list[int] | None":
        """Return the share or the ids of the excitatory sources of a projection; None if signs are not theirs."""
        if projection.partition(ARROW)[0] == "input":
            return self.input.excitatory
        groups = self.groups or {}
        if all(group.excitatory is None for group in groups.values()):
            return self.neuron.excitatory
        return [i for ids in self.ids([name for name in groups if groups[name].excitatory]) for i in ids]

    def _times(self) -> dict[str, float]:
        """Return the longest of each of the times, ms, that are counted in steps."""
        adaptation = self.neuron.adaptation
        return {
            "neuron.tau_m": self.extent("tau_m")[1],
            "neuron.t_ref": self.extent("t_ref")[1],
            "readout.tau_m": self.readout.tau_m,
            **({} if adaptation is None else {"neuron.adaptation.tau": adaptation.tau}),
        }

    def optimizer(self, projection: str) -> OptimizerParameters:
        """Return the optimizer of a projection, with the values that the projection overrides."""
        parameters = self.learning_projections()[projection]
        own = parameters.model_dump(include=set(OVERRIDES), exclude_none=True)
        if self.excitatory_sources(projection) is not None:
            own["fixed_signs"] = True
        return optimizer_of(self, parameters).model_copy(update=own)

    def with_learning_rate(self, learning_rate: float, projection: str | None = None) -> "Network":
        """Return the same network with another learning rate of one projection, or of all.

        Raises
        ------
        ParameterError
            A learning rate that is not allowed, or a name that is no projection with a learning rate.
        """
        names = list(self.learning_projections())
        if projection not in (None, *names):
            raise ParameterError(f"projection = {projection!r}: must be one of {', '.join(names)}")
        values = self.model_dump()
        by_name = _values_by_projection(values)
        if projection is None:
            for optimizer in _optimizer_values(values):
                optimizer["learning_rate"] = learning_rate
        for name in by_name if projection is None else (projection,):
            by_name[name]["learning_rate"] = None if projection is None else learning_rate
        return parse(Network, values)

    def with_scaled_learning_rates(self, factor: float) -> "Network":
        """Return the same network with all learning rates multiplied by ``factor``.

        Raises
        ------
        ParameterError
            A learning rate that is not allowed.
        """
        values = self.model_dump()
        for own in (*_optimizer_values(values), *_values_by_projection(values).values()):
            if own["learning_rate"] is not None:
                own["learning_rate"] *= factor
        return parse(Network, values)

    def __repr__(self) -> str:
        """Return the sizes, and the other keys that differ from their defaults."""
        sizes = f"n_input={self.n_input}, n_recurrent={self.n_recurrent}, n_readout={self.n_readout}"
        others = [key for key in self.model_dump(exclude_defaults=True) if not key.startswith("n_")]
        return f"Network({sizes}{', with its own ' if others else ''}{', '.join(others)})"

    __str__ = __repr__

    @property
    def firing_period(self) -> int:
        """Steps between two spikes under ``ignore_and_fire``; 0 if the voltage decides when a neuron spikes."""
        given = self.neuron.ignore_and_fire
        return 0 if given is None else max(1, round(1000.0 / (given.rate * self.dt)))

    @property
    def longest_refractory_period(self) -> float:
        """The longest refractory period, ms, that is possible: infinite, but for ``ignore_and_fire``."""
        if not self.firing_period:
            return math.inf
        # A clamped neuron does not fire in its last refractory step either.
        return (self.firing_period - (self.neuron.V_reset is not None)) * self.dt

    @property
    def refractory_steps(self) -> int:
        """The longest refractory period in steps."""
        return round(self.extent("t_ref")[1] / self.dt)


def _values_by_projection(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the part of a network's ``values`` that belongs to each projection, also between groups."""
    by_name = {name: values[name] for name in LEARNING_PROJECTIONS}
    by_name |= {f"input{ARROW}{name}": own for name, own in (values["input"]["targets"] or {}).items()}
    return by_name | (values["recurrent"]["pairs"] or {})


def _optimizer_values(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the part of a network's ``values`` that belongs to each optimizer: that of all, and projections' own."""
    of_projections = (own["optimizer"] for own in _values_by_projection(values).values())
    return [values["plasticity"]["optimizer"], *(own for own in of_projections if own is not None)]


def optimizer_of(network: Any, projection: ProjectionParameters) -> OptimizerParameters:
    """Return the optimizer of a projection, without the values that the projection overrides.

    ``network`` is a :class:`Network`, or one that lacks sizes.
    """
    optimizer: OptimizerParameters = projection.optimizer or network.plasticity.optimizer
    return optimizer


def values_of_groups(network: Any, name: str) -> list[Any]:
    """Return the values that the groups have of a parameter of the neurons or of their rate regularization.

    ``network`` is a :class:`Network`, or one that lacks sizes; without groups, there is one value.
    """
    sections = {"c_reg": network.plasticity, "f_target": network.plasticity, "beta": network.neuron.adaptation}
    sections |= {f"surrogate_{key}": network.neuron.surrogate_gradient for key in ("height", "width")}
    key = name.removeprefix("surrogate_")
    common = getattr(sections.get(name, network.neuron), key, 0.0)  # without adaptation, beta is 0
    own = [getattr(group, name) for group in (network.groups or {}).values()]
    return [common if value is None else value for value in own] or [common]


def extent(network: Any, name: str) -> tuple[float, float]:
    """Return the smallest and the largest value of a parameter that neurons may have, see :func:`values_of_groups`."""
    values = values_of_groups(network, name)
    lows = [value.low if isinstance(value, Uniform) else value for value in values]
    highs = [value.high if isinstance(value, Uniform) else value for value in values]
    return min(lows), max(highs)


def differs(network: Any, name: str) -> bool:
    """Return whether neurons may have different values of a parameter, see :func:`values_of_groups`."""
    values = values_of_groups(network, name)
    return any(isinstance(value, Uniform) or value != values[0] for value in values)


def is_multiple(time: float, dt: float) -> bool:
    """Return whether a time is a whole number of steps ``dt``, apart from rounding."""
    steps = time / dt
    return abs(steps - round(steps)) <= 1e-9 * max(1.0, steps)


def _check_ids(name: str, given: "float | list[int] | None", size: int) -> None:
    if isinstance(given, list) and (len(set(given)) < len(given) or max(given, default=0) >= size):
        raise ValueError(f"{name}: must be different ids from 0 to {size - 1}")


def _check_in_degree(name: str, connectivity: Connectivity, available: int) -> None:
    if not isinstance(connectivity, FixedInDegree) or connectivity.in_degree <= available:
        return
    if not connectivity.allow_multapses or available == 0:
        raise ValueError(f"{name}.in_degree = {connectivity.in_degree} exceeds the {available} sources there are")
