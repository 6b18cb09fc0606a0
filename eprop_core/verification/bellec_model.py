"""e-prop of Bellec et al. (2020), literally: of each sample first what the neurons do, then the gradients.

All is dense and plain numpy, for small networks with unit delays, one connection per pair, random or symmetric
feedback. Every population counts the steps of a sample from its own start: step t of the recurrent neurons sees the
input spikes of step t and their own of step t - 1, and step t of the readouts the recurrent spikes of step t. Delays
shift these starts against each other, an input spike of step t being emitted ``input.delay`` earlier, and do nothing
else: no spike, error or trace passes from one sample to the next.

With ``i`` a source, ``j`` a recurrent neuron, ``k`` a readout, in the notation of Bellec et al., but without the
factors (1 - alpha) of the voltages and of the traces ``z_bar``, and (1 - kappa) of ``e_bar``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.projections import projections
from eprop_core.parameters import LEARNING_PROJECTIONS, Adam, Network, OptimizerParameters, Uniform
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven.neurons import per_neuron, surrogate_of_neurons
from eprop_core.time_driven.neurons import surrogate_gradient as surrogate_gradient_of
from eprop_core.verification.random_problem import neuron_values

Matrices = dict[str, np.ndarray]
"""By projection, (n_target, n_source)."""


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind; row t is step t of the samples one after another, whatever the delays."""

    spikes: np.ndarray
    """bool (n_steps, n_recurrent)."""
    readout: np.ndarray
    """float64 (n_steps, n_readout), mV."""
    error: np.ndarray
    """float64 (n_steps, n_readout)."""
    weights: dict[str, Connections]
    """By projection, sorted by (target, source)."""


class Sample(NamedTuple):
    """What happened in one sample, by step."""

    inputs: np.ndarray
    spikes: np.ndarray
    surrogate_gradient: np.ndarray
    readout: np.ndarray
    error: np.ndarray


def train(
    network: Network,
    connections: Mapping[str, Connections],
    stimulus: Stimulus,
    n_samples: int,
) -> Trained:
    """Show the ``n_samples`` samples of equal length that ``stimulus`` consists of."""
    rule = network.plasticity
    assert rule.update == rule.rate_average == "sample" and rule.reset_at_samples
    inputs = np.zeros((stimulus.n_steps, network.n_input))
    inputs[stimulus.input_steps, stimulus.input_channels] = 1.0
    weights, exists = _dense(network, connections)
    learning = {
        name: _Learning(network.optimizer(name), weights[name])
        for name in LEARNING_PROJECTIONS
        if getattr(network, name).plastic
    }
    samples = []
    parts = (np.split(rows, n_samples) for rows in (inputs, stimulus.target, stimulus.learning_window))
    for n, shown in enumerate(zip(*parts, strict=True), start=1):
        samples.append(_simulate(network, weights, *shown))
        gradients = _gradients(network, weights, samples[-1])
        for name, projection in learning.items():
            projection.gradient += exists[name] * gradients[name] / rule.batch_size
            if n % rule.batch_size == 0:
                weights[name] = np.where(exists[name], projection.updated(weights[name]), 0.0)
    return Trained(
        spikes=np.concatenate([sample.spikes for sample in samples]) > 0.0,
        readout=np.concatenate([sample.readout for sample in samples]),
        error=np.concatenate([sample.error for sample in samples]),
        weights={name: _listed(weights[name], exists[name]) for name in weights},
    )


def same_for_all(value: float | Uniform) -> float:
    """Return a parameter that does not differ between neurons."""
    assert not isinstance(value, Uniform)
    return value


def softmax(readout: np.ndarray) -> np.ndarray:
    """Share of each readout, by step."""
    return np.asarray(np.exp(readout) / np.exp(readout).sum(axis=1, keepdims=True))


def _simulate(
    network: Network, weights: Matrices, inputs: np.ndarray, target: np.ndarray, learning_window: np.ndarray
) -> Sample:
    neuron, dt = network.neuron, network.dt
    tau_m, V_th = same_for_all(neuron.tau_m), same_for_all(neuron.V_th)
    alpha, alpha_out = np.exp(-dt / tau_m), np.exp(-dt / network.readout.tau_m)
    beta, rho = adaptation_of(network)
    current = tau_m / per_neuron(network, "C_m", neuron_values(network)) * (1.0 - alpha) * neuron.I_e
    spikes, surrogate_gradient = np.zeros((2, len(inputs), network.n_recurrent))
    readout = np.zeros_like(target)
    v, a, z, y = (np.zeros(n) for n in (*(network.n_recurrent,) * 3, network.n_readout))
    refractory = np.zeros(network.n_recurrent, int)
    t_ref = per_neuron(network, "t_ref", neuron_values(network))
    surrogate = surrogate_of_neurons(network, neuron_values(network))
    for t, x in enumerate(inputs):
        # The spike of the last step resets the voltage after that has decayed: not as in e-prop+.
        v = alpha * v + weights["input"] @ x + weights["recurrent"] @ z + current - V_th * z
        v = np.maximum(v, -np.inf if neuron.V_min is None else neuron.V_min)
        a = rho * a + z
        distance = v - (V_th + beta * a)
        refractory = np.maximum(refractory - 1, 0)
        z = ((distance >= 0.0) & (refractory == 0)).astype(float)
        surrogate_gradient[t] = np.where(refractory == 0, surrogate_gradient_of(surrogate, distance), 0.0)
        refractory = np.where(z > 0.0, np.rint(t_ref / dt).astype(int), refractory)
        y = alpha_out * y + weights["output"] @ z
        spikes[t], readout[t] = z, y + network.readout.E_L
    answer = softmax(readout) if network.readout.loss == "cross_entropy" else readout
    return Sample(inputs, spikes, surrogate_gradient, readout, learning_window[:, np.newaxis] * (answer - target))


def _gradients(network: Network, weights: Matrices, sample: Sample) -> Matrices:
    rule, n_steps = network.plasticity, len(sample.spikes)
    beta, rho = adaptation_of(network)
    time_constants = same_for_all(network.neuron.tau_m), network.readout.tau_m
    alpha, alpha_out = (np.exp(-network.dt / tau_m) for tau_m in time_constants)
    symmetric = network.feedback.kind == "symmetric"
    learning_signal = sample.error @ (weights["output"] if symmetric else weights["feedback"].T)
    c_reg, f_target = (per_neuron(network, name, neuron_values(network)) for name in ("c_reg", "f_target"))
    rate_error = sample.spikes.mean(axis=0) - f_target * network.dt / 1000.0  # spikes per step
    silence = np.zeros((1, network.n_recurrent))
    gradients = {"output": sample.error.T @ _filtered(sample.spikes, alpha_out)}
    for name, spikes in (("input", sample.inputs), ("recurrent", np.vstack([silence, sample.spikes[:-1]]))):
        gradient, e_bar, epsilon_a = np.zeros((3, network.n_recurrent, spikes.shape[1]))
        for t, z_bar in enumerate(_filtered(spikes, alpha)):
            psi = sample.surrogate_gradient[t][:, np.newaxis]
            e = psi * (z_bar - beta[:, np.newaxis] * epsilon_a)
            epsilon_a = rho * epsilon_a + e
            e_bar = rule.kappa * e_bar + e
            gradient += learning_signal[t][:, np.newaxis] * e_bar
            gradient += c_reg[:, np.newaxis] * rate_error[:, np.newaxis] * e / n_steps
        gradients[name] = gradient
    return gradients


def adaptation_of(network: Network) -> tuple[np.ndarray, float]:
    """Rise of each neuron's threshold after a spike, mV, and its decay per step."""
    beta, given = np.zeros(network.n_recurrent), network.neuron.adaptation
    if given is None:
        return beta, 0.0
    adapting = slice(network.n_recurrent - round(given.share * network.n_recurrent), None)
    beta[adapting] = per_neuron(network, "beta", neuron_values(network))[adapting]
    return beta, np.exp(-network.dt / given.tau)


def _filtered(spikes: np.ndarray, decay: float) -> np.ndarray:
    filtered = spikes.copy()
    for t in range(1, len(filtered)):
        filtered[t] += decay * filtered[t - 1]
    return filtered


class _Learning:
    """Mean gradient of the batch so far, and the optimizer of one projection."""

    def __init__(self, optimizer: OptimizerParameters, weights: np.ndarray) -> None:
        self.optimizer = optimizer
        self.gradient, self._m, self._v = np.zeros((3, *weights.shape))
        self._n_updates = 0

    def updated(self, weights: np.ndarray) -> np.ndarray:
        """Return the weights after one update, and begin a new batch."""
        given, gradient = self.optimizer, self.gradient
        if isinstance(given, Adam):
            self._n_updates += 1
            self._m = given.beta_1 * self._m + (1.0 - given.beta_1) * gradient
            self._v = given.beta_2 * self._v + (1.0 - given.beta_2) * gradient**2
            bias = np.sqrt(1.0 - given.beta_2**self._n_updates) / (1.0 - given.beta_1**self._n_updates)
            gradient = bias * self._m / (np.sqrt(self._v) + given.epsilon)
        self.gradient = np.zeros_like(weights)
        return np.asarray(np.clip(weights - given.learning_rate * gradient, given.weight_min, given.weight_max))


def _dense(network: Network, connections: Mapping[str, Connections]) -> tuple[Matrices, Matrices]:
    """Weights, and where there are connections."""
    shapes = {spec.name: (spec.target.size, spec.source.size) for spec in projections(network)}
    weights = {name: np.zeros(shape) for name, shape in shapes.items()}
    exists = {name: np.zeros(shape, bool) for name, shape in shapes.items()}
    for name, (source, target, weight) in connections.items():
        weights[name][target, source], exists[name][target, source] = weight, True
    return weights, exists


def _listed(weights: np.ndarray, exists: np.ndarray) -> Connections:
    target, source = np.nonzero(exists)
    return Connections(source, target, weights[exists])
