"""The learning rule against derivatives of the loss, where it is an exact gradient.

**Readout weights.** While the recurrent part is static, the loss is a smooth function of the weights onto the readouts:
half the sum of squared errors, or the cross-entropy. It is simulated with each of these weights moved up and down, and
the differences are held against what the rule learns in one update after the sample.

**Input weights of a network without recurrent connections.** Spikes are no smooth function of any weight, so there the
rule is a gradient in the sense that defines surrogate gradients: small changes of a voltage change a spike by the
surrogate gradient's share of them, the reset being given (Bellec et al. 2020). With symmetric feedback and a filter of
the eligibility trace like that of the readouts, e-prop is then exact, through adaptive thresholds and with rate
regularization, too. :class:`Linearized` computes that loss as a function of the input weights on its own, and its
derivatives follow by complex steps: the imaginary part of loss(w + ih) / h, which has no rounding by cancellation.
"""

import math
from typing import Any

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven.neurons import surrogate_gradient as surrogate_gradient_of
from eprop_core.verification.bellec_model import adaptation_of, same_for_all
from eprop_core.verification.comparison import relative_difference
from eprop_core.verification.findings import Difference
from eprop_core.verification.random_problem import Problem, random_problem
from eprop_core.verification.simulators import dense
from eprop_core.verification.variants import SURROGATES, Variants

N_STEPS = 300
STEP = 1e-3
"""Relative to the weights' scale; the four-point formula's own error is of fourth order in it."""
READOUT_TOLERANCE = 1e-8
"""Of the largest derivative; a loss of double precision and the step above leave a rounding of some 1e-12."""
INPUT_TOLERANCE = 1e-10
"""Of the largest derivative: both are computed to some 1e-14."""

_SMALL = {"n_input": 10, "n_recurrent": 8, "n_readout": 2, "input_probability": 0.1, "cutoff": None, "dt": 1.0}
_LOSSES = ("mean_squared_error", "cross_entropy")
_NO_RECURRENCE = {"input": 1.0, "recurrent": 0.0, "output": 1.0, "feedback": 1.0}

READOUTS: Variants = {
    f"readout weights, {loss}{neuron}": _SMALL | {"loss": loss, "adaptation": adaptation}
    for loss in _LOSSES
    for neuron, adaptation in (("", None), (", adaptive", (0.3, 40.0, 0.5)))
}
INPUTS: Variants = {
    f"input weights, {loss}, {surrogate}{neuron}": _SMALL
    | {"loss": loss, "surrogate": surrogate, "adaptation": adaptation, "density": _NO_RECURRENCE, "V_min": None}
    for loss in _LOSSES
    for surrogate in SURROGATES
    for neuron, adaptation in (("", None), (", adaptive", (0.3, 40.0, 1.0)))
}
VARIANTS = READOUTS | INPUTS


def difference(name: str, seed: int) -> Difference:
    """Return how far what the rule learns is from the derivatives of the loss."""
    projection = "output" if name in READOUTS else "input"
    problem = one_sample(random_problem([seed, list(VARIANTS).index(name)], N_STEPS, **VARIANTS[name]), projection)
    derivative = readout_derivative if projection == "output" else input_derivative
    expected = derivative(problem)
    learnt = learnt_gradient(problem, projection, 1.0 / np.abs(expected).max())
    tolerance = READOUT_TOLERANCE if projection == "output" else INPUT_TOLERANCE
    largest = relative_difference(learnt, expected, expected)
    return Difference(quantity="gradient", max_difference=largest, tolerance=tolerance)


def one_sample(problem: Problem, projection: str) -> Problem:
    """Let ``projection`` alone learn, once, after a sample; a second one without input follows, in which it does so."""
    network, connections, shown = problem
    values = network.model_dump()
    for name in LEARNING_PROJECTIONS:
        values[name]["plastic"] = name == projection
    values["feedback"]["kind"] = "symmetric"
    values["plasticity"] |= {
        "update": "sample",
        "rate_average": "sample",
        "reset_at_samples": True,
        "kappa": math.exp(-network.dt / network.readout.tau_m),
        "c_reg": 1e4,  # as strong as the errors
        "cutoff": None,
    }
    own = {name: connections[name] for name in LEARNING_PROJECTIONS}
    # Samples begin one step later for the neurons, two for the readouts.
    inside = (shown.input_steps >= 2) & (shown.input_steps < N_STEPS - 5)
    window = np.zeros(2 * N_STEPS, np.bool_)
    window[20 : N_STEPS - 5] = True
    target = np.zeros((2 * N_STEPS, network.n_readout))
    target[:N_STEPS] = shown.target if network.readout.loss == "mean_squared_error" else np.eye(network.n_readout)[0]
    events = shown.input_steps[inside], shown.input_channels[inside]
    return Problem(parse(Network, values), own, Stimulus(2 * N_STEPS, *events, target, window, n_samples=2))


def learnt_gradient(problem: Problem, projection: str, learning_rate: float) -> np.ndarray:
    """Return by how much the weights of ``projection`` shrink, per learning rate."""
    values = problem.network.model_dump()
    values["plasticity"]["optimizer"] = {"learning_rate": learning_rate, "weight_min": -1e6, "weight_max": 1e6}
    simulation = Simulation(parse(Network, values), connections=problem.connections)
    simulation.run(problem.stimulus)
    return np.asarray((problem.connections[projection].weight - simulation.weights(projection).weight) / learning_rate)


def loss_of(problem: Problem, readout: Any) -> Any:
    """Return the loss of a readout signal (n_steps, n_readout) within the learning window."""
    target, window = problem.stimulus.target, problem.stimulus.learning_window
    readout, target = readout[window], target[window]
    if problem.network.readout.loss == "mean_squared_error":
        return 0.5 * np.sum((readout - target) ** 2)
    return np.sum(np.log(np.sum(np.exp(readout), axis=1))) - np.sum(target * readout)


def readout_derivative(problem: Problem) -> np.ndarray:
    """Return the derivatives by the weights onto the readouts, from simulations of the static network."""
    output = problem.connections["output"]
    step = STEP * np.abs(output.weight).max()
    static = problem.network.output.model_copy(update={"plastic": False})
    network = problem.network.model_copy(update={"output": static})

    def loss(number: int, steps: int) -> float:
        weight = output.weight.copy()
        weight[number] += steps * step
        connections = problem.connections | {"output": output._replace(weight=weight)}
        return float(loss_of(problem, Simulation(network, connections=connections).run(problem.stimulus).readout))

    return np.array(
        [
            (8.0 * (loss(n, 1) - loss(n, -1)) - (loss(n, 2) - loss(n, -2))) / (12.0 * step)
            for n in range(len(output.weight))
        ]
    )


def input_derivative(problem: Problem) -> np.ndarray:
    """Return the derivatives by the weights onto the recurrent neurons, from the linearized network."""
    source, target, weight = problem.connections["input"]
    linearized, step = Linearized(problem), 1e-30
    derivatives = np.empty(len(weight))
    for n in range(len(weight)):
        change = np.zeros(len(weight), complex)
        change[n] = 1j * step
        derivatives[n] = linearized.loss(Connections(source, target, change)).imag / step
    return derivatives


class Linearized:
    """A network without recurrent connections around its present spikes."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        network, stimulus = problem.network, problem.stimulus
        neuron = network.neuron
        self.tau_m, self.V_th = same_for_all(neuron.tau_m), same_for_all(neuron.V_th)
        self.alpha, self.alpha_out = (math.exp(-network.dt / tau) for tau in (self.tau_m, network.readout.tau_m))
        self.beta, self.rho = adaptation_of(network)
        self.inputs = np.zeros((N_STEPS + 1, network.n_input))  # all delays are one step: row 0 remains empty
        self.inputs[stimulus.input_steps + 1, stimulus.input_channels] = 1.0
        self.weights = dense(problem.connections["input"], network.n_input, network.n_recurrent)
        self.output = dense(problem.connections["output"], network.n_recurrent, network.n_readout)
        self.spikes, self.surrogate_gradient = self._simulate()

    def _simulate(self) -> tuple[np.ndarray, np.ndarray]:
        network, n = self.problem.network, self.problem.network.n_recurrent
        drive = self.tau_m / same_for_all(network.neuron.C_m) * (1.0 - self.alpha) * network.neuron.I_e
        spikes, surrogate_gradient = np.zeros((2, N_STEPS + 1, n))
        v, a, refractory = np.zeros(n), np.zeros(n), np.zeros(n, int)
        for t in range(1, N_STEPS + 1):
            v = self.alpha * v + self.inputs[t] @ self.weights + drive
            a = self.rho * a + spikes[t - 1]
            refractory = np.maximum(refractory - 1, 0)
            distance = v - (self.V_th + self.beta * a)
            ready = refractory == 0
            psi = surrogate_gradient_of(network.neuron.surrogate_gradient, distance)
            surrogate_gradient[t] = np.where(ready, psi, 0.0)
            spiked = ready & (distance >= 0.0)
            v, refractory = v - self.V_th * spiked, np.where(spiked, network.refractory_steps, refractory)
            spikes[t] = spiked
        return spikes, surrogate_gradient

    def loss(self, change: Connections) -> Any:
        """Return the loss with input weights that are changed, of the rates' regularization, too."""
        network = self.problem.network
        weights = np.zeros(self.weights.shape, complex)
        weights[change.source, change.target] = change.weight
        v, a, dz = np.zeros((3, network.n_recurrent), complex)
        y = np.zeros(network.n_readout, complex)
        readout = np.zeros((2 * N_STEPS, network.n_readout), complex)
        count = np.zeros(network.n_recurrent, complex)
        for t in range(1, N_STEPS + 1):
            y = self.alpha_out * y + (self.spikes[t - 1] + dz) @ self.output
            readout[t] = y + network.readout.E_L
            v = self.alpha * v + self.inputs[t] @ weights
            a = self.rho * a + dz
            dz = self.surrogate_gradient[t] * (v - self.beta * a)
            count += self.spikes[t] + dz
        c_reg, f_target = same_for_all(network.plasticity.c_reg), same_for_all(network.plasticity.f_target)
        rate_error = count / N_STEPS - f_target * network.dt / 1000.0
        return loss_of(self.problem, readout) + 0.5 * c_reg * np.sum(rate_error**2)
