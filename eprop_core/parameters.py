"""Parameters of a network: names, units, ranges and defaults, in one place.

Every model is immutable and checked when it is made (:mod:`eprop_core.parsing`).
Physical parameters bear the names that NEST and the literature give them. Voltages are relative to the
leak potential ``E_L`` unless said otherwise. Times are in ms, delays and windows in steps of ``dt``.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from eprop_core import plug_ins
from eprop_core.parsing import Parameters

PROJECTIONS = ("input", "recurrent", "output", "feedback")
"""Names of the projections of a network."""

LEARNING_PROJECTIONS = PROJECTIONS[:3]
"""Those whose weights the rule can learn."""


SURROGATE_GRADIENTS = {
    "piecewise_linear": "height * max(0, 1 - u)",
    "exponential": "height * exp(-u)",
    "fast_sigmoid_derivative": "height / (1 + u)^2",
    "arctan": "height / (1 + u^2)",
}
"""Formulas of the built-in surrogate gradients by name."""

PLUG_IN_SURROGATE_GRADIENTS = plug_ins.found(plug_ins.SURROGATE_GRADIENTS, SURROGATE_GRADIENTS)
"""Entry points of the surrogate gradients of other distributions by name."""

if TYPE_CHECKING:
    SurrogateFunction = str
else:
    SurrogateFunction = Literal[(*SURROGATE_GRADIENTS, *PLUG_IN_SURROGATE_GRADIENTS)]


class SurrogateGradient(Parameters):
    """Surrogate of the spike function's derivative, psi(v), with u = abs(v - V_th) / width."""

    function: SurrogateFunction = Field(
        "piecewise_linear",
        description="; ".join(f"{name}: {formula}" for name, formula in SURROGATE_GRADIENTS.items()),
    )
    height: float = Field(0.5, ge=0, description="largest value, at the threshold")
    width: float = Field(0.5, gt=0, description="mV, scale of the distance to the threshold")

    @property
    def implementation(self) -> str | None:
        """Module of the plug-in that brings the function; None for a built-in one."""
        entry = PLUG_IN_SURROGATE_GRADIENTS.get(self.function)
        return None if entry is None else entry.module


class IgnoreAndFire(Parameters):
    """Spikes at a fixed rate and a random phase, whatever the voltage: the load of a run stays at every size."""

    rate: float = Field(gt=0, description="spikes/s; the interval between two spikes is rounded to steps")


class Adaptation(Parameters):
    """Threshold that each spike raises: V_th + beta * a, where a decays with tau and grows by 1 after a spike."""

    beta: float = Field(gt=0, description="mV, rise of the threshold after a spike")
    tau: float = Field(gt=0, description="ms, time constant of the adaptation")
    share: float = Field(1.0, ge=0, le=1, description="share of the neurons that adapt: the last ones")


class Uniform(Parameters):
    """A value for each neuron, drawn uniformly."""

    low: float = Field(gt=0, description="smallest value")
    high: float = Field(gt=0, description="largest value")

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low must not exceed high = {self.high}")
        return self


PositivePerNeuron = Annotated[
    Annotated[float, Field(gt=0), Tag("value")] | Annotated[Uniform, Tag("uniform")],
    Discriminator(lambda value: "uniform" if isinstance(value, dict | Uniform) else "value"),
]
"""One value for all neurons, or one drawn for each."""


class RecurrentNeuron(Parameters):
    """Leaky integrate-and-fire neuron.

    NEST: ``eprop_iaf``; with adaptation ``eprop_iaf_adapt``; with V_reset ``eprop_iaf_psc_delta``; with both
    ``eprop_iaf_psc_delta_adapt``.
    """

    tau_m: PositivePerNeuron = Field(20.0, description="ms, membrane time constant; {low, high}: drawn for each neuron")
    C_m: float = Field(1.0, gt=0, description="pF, membrane capacitance; acts on I_e alone")
    I_e: float = Field(0.0, description="pA, constant current")
    V_th: PositivePerNeuron = Field(
        0.6, description="mV, spike threshold relative to E_L; {low, high}: drawn for each neuron"
    )
    V_min: float | None = Field(None, description="mV, lower bound of the membrane voltage relative to E_L; null: none")
    V_reset: float | None = Field(
        None,
        description="mV relative to E_L, voltage after a spike and in the t_ref that follow, in which input is lost; "
        "null: a spike subtracts V_th, and refractoriness only forbids to spike",
    )
    delayed_reset: bool = Field(
        False, description="whether V_th is subtracted one step after the spike, undecayed (Bellec et al. 2020)"
    )
    adaptation: Adaptation | None = Field(None, description="null: the threshold is constant")
    t_ref: float = Field(
        0.0,
        ge=0,
        description="ms, refractory period, a multiple of dt. A neuron that is always driven fires every t_ref, and "
        "every dt where t_ref is 0; with V_reset, which clamps it for all of t_ref, every t_ref + dt",
    )
    surrogate_gradient: SurrogateGradient = SurrogateGradient()
    ignore_and_fire: IgnoreAndFire | None = Field(
        None,
        description="null: a spike when the voltage reaches the threshold; else all is computed, but spikes are given",
    )


Loss = Literal["mean_squared_error", "cross_entropy"]
"""Losses; to add one, see :mod:`eprop_core.tasks.losses`."""

LOSS_UNITS: dict[Loss, str] = {"mean_squared_error": "mV²", "cross_entropy": "nats"}


class ReadoutNeuron(Parameters):
    """Leaky readout without spikes (NEST: ``eprop_readout``); its signal is y = v + E_L."""

    tau_m: float = Field(20.0, gt=0, description="ms, membrane time constant")
    E_L: float = Field(0.0, description="mV, leak potential, the readout signal at rest")
    loss: Loss = Field(
        "mean_squared_error",
        description="what the error is the gradient of; each is the mean over samples. mean_squared_error: half the "
        "squared y - target, summed over readouts and the steps of the learning window, mV²; error y - target. "
        "cross_entropy: -log softmax(y) of the class, mean over these steps, nats; error softmax(y) - target",
    )


class OptimizerParameters(Parameters):
    """What all optimizers share: a step size, and the bounds in which weights are kept."""

    moments: ClassVar[int] = 0
    """Values that it keeps per synapse, beside weight and gradient."""
    is_linear: ClassVar[bool] = True
    """Whether changes are proportional to gradients. If not, each synapse adds up the gradients of single steps: the
    rounding that running sums leave of a gradient that ought to be zero could make a large change."""

    learning_rate: float = Field(1e-4, ge=0, description="step size of the weight update (eta)")
    weight_min: float = Field(-100.0, description="pA, smallest weight")
    weight_max: float = Field(100.0, description="pA, largest weight")
    fixed_signs: bool = Field(
        False,
        description="whether each weight keeps its initial sign: an update that would cross zero ends there. No Dale's "
        "law: drawn weights of one neuron have both signs, and keep them",
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
    """Adaptive moments (Kingma and Ba 2015); the moments move once per elapsed step or sample."""

    moments: ClassVar[int] = 2
    is_linear: ClassVar[bool] = False

    algorithm: Literal["adam"]
    beta_1: float = Field(0.9, ge=0, lt=1, description="decay of the first moment")
    beta_2: float = Field(0.999, ge=0, lt=1, description="decay of the second moment")
    epsilon: float = Field(1e-8, gt=0, description="added to the square root of the second moment")
    optimize_each_step: bool = Field(
        False,
        description="whether each step's gradient moves the weight, instead of the sum since the last spike; slow",
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

    As it is, e-prop+: eligibility traces, rate regularization by moving average, one update per spike. With ``update``
    and ``rate_average`` set to "sample", ``reset_at_samples``, no cutoff and kappa = exp(-dt / readout.tau_m): e-prop
    as in Bellec et al. 2020.
    """

    update: Literal["spike", "sample"] = Field(
        "spike", description="when weights change: at each spike of their source, or after each batch of samples"
    )
    batch_size: int = Field(
        1,
        ge=1,
        description="samples whose mean gradient makes one update, where samples update; a network that is evaluated "
        "has learned from an incomplete batch, too",
    )
    rate_average: Literal["moving", "sample"] = Field(
        "moving",
        description="firing rate that is regularized: moving average, or mean over a sample (update per sample)",
    )
    reset_at_samples: bool = Field(
        False,
        description="whether voltages, refractoriness and traces return to rest before each sample; "
        "as in NEST, spikes that arrive in its first step are lost",
    )
    kappa: float = Field(0.97, ge=0, lt=1, description="decay per step of the low-pass filter of the eligibility trace")
    kappa_reg: float = Field(0.97, ge=0, lt=1, description="decay per step of the filters of the rate regularization")
    c_reg: float = Field(
        0.0,
        ge=0,
        description="strength of the firing-rate regularization: factor of the rate minus f_target in spikes/ms, or in "
        'spikes per step where rate_average is "sample"',
    )
    f_target: float = Field(10.0, ge=0, description="spikes/s at every dt, target rate of the regularization")
    cutoff: int | None = Field(
        100, ge=2, description="steps after a spike in which a synapse gathers gradient; null: no limit"
    )
    optimizer: Optimizer = GradientDescent()

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
        """Whether something happens between samples."""
        return self.update == "sample" or self.reset_at_samples


class AllToAll(Parameters):
    """Every source to every target."""

    rule: Literal["all_to_all"]


class FixedInDegree(Parameters):
    """The same number of randomly drawn sources for every target."""

    rule: Literal["fixed_in_degree"]
    in_degree: int = Field(ge=0, description="sources per target")
    allow_multapses: bool = Field(False, description="whether a source may be drawn twice for one target")


class PairwiseBernoulli(Parameters):
    """Every pair independently with the same probability."""

    rule: Literal["pairwise_bernoulli"]
    probability: float = Field(ge=0, le=1, description="probability of a pair, the density of the projection")


Connectivity = Annotated[AllToAll | FixedInDegree | PairwiseBernoulli, Field(discriminator="rule")]


class InitialWeights(Parameters):
    """Distribution of the initial weights: ``scale`` times a draw, divided as ``divide_by`` says."""

    distribution: Literal["normal", "uniform", "constant"] = Field(
        "normal", description="normal: mean 0, deviation 1; uniform: in [-sqrt(3), sqrt(3)), deviation 1; constant: 1"
    )
    scale: float = Field(1.0, description="pA, factor of the draws; standard deviation where nothing divides")
    divide_by: Literal["nothing", "sqrt_sources", "sqrt_in_degree", "sqrt_mean_fan"] = Field(
        "sqrt_sources",
        description="sqrt_sources: square root of the number of sources; sqrt_in_degree: of the mean in-degree; "
        "sqrt_mean_fan: of the mean of sources and targets (Glorot)",
    )


class Projection(Parameters):
    """Connections between two populations."""

    connectivity: Connectivity = AllToAll(rule="all_to_all")
    weights: InitialWeights = InitialWeights()
    delay: int = Field(
        1,
        ge=1,
        description="steps from a spike's emission to its arrival. Targets and learning windows do not shift with it: "
        "the first input.delay + output.delay steps of a sample still see the readouts answer the sample before",
    )
    plastic: bool = Field(True, description="whether its weights learn")
    learning_rate: float | None = Field(
        None, ge=0, description="step size of its weight updates; null: that of plasticity.optimizer"
    )
    fixed_signs: bool | None = Field(
        None, description="whether each of its weights keeps its initial sign; null: as plasticity.optimizer says"
    )


class Feedback(Parameters):
    """Feedback B from the readouts to the recurrent neurons, which carries the learning signals."""

    kind: Literal["random", "symmetric", "adaptive"] = Field(
        "random",
        description="random: drawn, never learns; symmetric: the transposed output weights as they are; "
        "adaptive: along the output connections, drawn, and learns with their updates. Only random feedback has the "
        "connectivity given here",
    )
    weight_decay: float = Field(
        0.0, ge=0, lt=1, description="share by which output and adaptive feedback weights shrink at each update"
    )
    connectivity: Connectivity = AllToAll(rule="all_to_all")
    weights: InitialWeights = InitialWeights(divide_by="nothing")
    delay: int = Field(1, ge=1, description="steps from a readout's error to its arrival at the recurrent neurons")


def _check_voltages(neuron: RecurrentNeuron) -> None:
    lowest_threshold = neuron.V_th.low if isinstance(neuron.V_th, Uniform) else neuron.V_th
    for name, voltage in (("V_reset", neuron.V_reset), ("V_min", neuron.V_min)):
        if voltage is not None and voltage >= lowest_threshold:
            raise ValueError(f"neuron.{name} = {voltage} must be below neuron.V_th")
    if neuron.V_reset is not None and neuron.V_min is not None and neuron.V_reset < neuron.V_min:
        raise ValueError(f"neuron.V_reset = {neuron.V_reset} must not be below neuron.V_min = {neuron.V_min}")


class Network(Parameters):
    """A recurrent network with its inputs, readouts and learning rule."""

    dt: float = Field(1.0, gt=0, description="ms, length of a step")
    n_input: int = Field(ge=1, description="input channels")
    n_recurrent: int = Field(ge=1, description="recurrent neurons")
    n_readout: int = Field(ge=1, description="readout neurons")
    neuron: RecurrentNeuron = RecurrentNeuron()
    readout: ReadoutNeuron = ReadoutNeuron()
    plasticity: Plasticity = Plasticity()
    input: Projection = Field(Projection(), description="input channels to recurrent neurons")
    recurrent: Projection = Field(Projection(), description="recurrent neurons to each other, never to themselves")
    output: Projection = Field(Projection(), description="recurrent neurons to readouts")
    feedback: Feedback = Field(Feedback(), description="readouts to recurrent neurons")

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.neuron.delayed_reset and self.neuron.V_reset is not None:
            raise ValueError("neuron.delayed_reset: has no meaning with neuron.V_reset, it must be false")
        _check_voltages(self.neuron)
        if self.feedback.weight_decay and self.feedback.kind != "adaptive":
            raise ValueError('feedback.weight_decay needs feedback.kind = "adaptive"')
        steps = self.neuron.t_ref / self.dt
        if abs(steps - round(steps)) > 1e-9 * max(1.0, steps):
            raise ValueError(f"neuron.t_ref = {self.neuron.t_ref} must be a multiple of dt = {self.dt}")
        # A clamped neuron does not fire in its last refractory step either.
        longest = self.firing_period if self.neuron.V_reset is None else self.firing_period - 1
        if self.firing_period and self.refractory_steps > longest:
            raise ValueError(
                f"neuron.t_ref = {self.neuron.t_ref} must not exceed {longest * self.dt:g} ms, so that "
                f"neuron.ignore_and_fire can fire every {self.firing_period * self.dt:g} ms"
            )
        sources = {"input": self.n_input, "recurrent": self.n_recurrent - 1, "output": self.n_recurrent}
        for name, available in sources.items():
            projection: Projection = getattr(self, name)
            cutoff = self.plasticity.cutoff
            if projection.plastic and cutoff is not None and cutoff <= projection.delay:
                raise ValueError(f"plasticity.cutoff = {cutoff} must exceed {name}.delay = {projection.delay}")
            _check_in_degree(f"{name}.connectivity", projection.connectivity, available)
        _check_in_degree("feedback.connectivity", self.feedback.connectivity, self.n_readout)
        return self

    def optimizer(self, projection: str) -> OptimizerParameters:
        """Return the optimizer of a projection's weights, with what the projection has of its own."""
        own = getattr(self, projection).model_dump(include={"learning_rate", "fixed_signs"}, exclude_none=True)
        return self.plasticity.optimizer.model_copy(update=own)

    @property
    def firing_period(self) -> int:
        """Steps between two spikes of a neuron that ignores its input and fires; 0 where the voltage decides."""
        given = self.neuron.ignore_and_fire
        return 0 if given is None else max(1, round(1000.0 / (given.rate * self.dt)))

    @property
    def refractory_steps(self) -> int:
        """Refractory period in steps."""
        return round(self.neuron.t_ref / self.dt)


def _check_in_degree(name: str, connectivity: Connectivity, available: int) -> None:
    if not isinstance(connectivity, FixedInDegree) or connectivity.in_degree <= available:
        return
    if not connectivity.allow_multapses or available == 0:
        raise ValueError(f"{name}.in_degree = {connectivity.in_degree} exceeds the {available} sources there are")
