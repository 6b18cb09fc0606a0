"""The model in pure Python, a second reference for the time-driven one, small networks only.

Where the time-driven model advances all traces together in every step, here each synapse, whenever a spike passes
through it, walks the whole history since the last one by itself, as the definition of the rule does.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import Adam, Network
from eprop_core.stimulus import Stimulus

SURROGATE_GRADIENTS = {
    "piecewise_linear": lambda u: max(0.0, 1.0 - u),
    "exponential": lambda u: math.exp(-u),
    "fast_sigmoid_derivative": lambda u: (1.0 + u) ** -2,
    "arctan": lambda u: 1.0 / (1.0 + u * u),
}


@dataclass
class Synapse:
    """One connection with its traces, which stand before history index ``next_index``."""

    source: int
    target: int
    weight: float
    feedback: float = 0.0
    next_index: int | None = None  # None: no spike has passed yet
    trace: float = 0.0
    threshold_trace: float = 0.0
    filtered: float = 0.0
    filtered_reg: float = 0.0
    gradient: float = 0.0
    first_moment: float = 0.0
    second_moment: float = 0.0
    optimizer_steps: int = 0


@dataclass
class Neuron:
    """A recurrent neuron; those that do not adapt have a threshold that never rises."""

    tau_m: float
    V_th: float
    rise: float
    voltage: float = 0.0
    refractory: int = 0
    adaptation: float = 0.0
    has_just_spiked: bool = False
    rate: float = 0.0


class LiteralModel:
    """The network; ``run`` simulates from rest."""

    def __init__(
        self, network: Network, connections: Mapping[str, Connections], values: Mapping[str, np.ndarray]
    ) -> None:
        self.network = network
        self.synapses = {
            name: [Synapse(int(i), int(j), float(w)) for i, j, w in zip(*listed, strict=True)]
            for name, listed in connections.items()
        }
        if network.feedback.kind == "adaptive":
            weights = {(b.target, b.source): b.weight for b in self.synapses.pop("feedback")}
            for synapse in self.synapses["output"]:
                synapse.feedback = weights[synapse.source, synapse.target]
        n, adaptation = network.n_recurrent, network.neuron.adaptation
        n_constant = n - round(adaptation.share * n) if adaptation else n
        self.neurons = [
            Neuron(
                float(values["tau_m"][j] if "tau_m" in values else network.neuron.tau_m),  # type: ignore[arg-type]
                float(values["V_th"][j] if "V_th" in values else network.neuron.V_th),  # type: ignore[arg-type]
                adaptation.beta if adaptation and j >= n_constant else 0.0,
            )
            for j in range(n)
        ]
        self.adaptation_decay = math.exp(-network.dt / adaptation.tau) if adaptation else 0.0
        self.neuron_spikes: list[list[int]] = [[] for _ in range(network.n_recurrent)]  # steps, by neuron
        self.surrogate_gradient: list[list[float]] = []
        self.rate_regularization: list[list[float]] = []
        self.error: list[list[float]] = []
        self.learning_signal: list[list[float]] = []  # by history index and neuron

    def run(self, stimulus: Stimulus) -> None:
        network, rule = self.network, self.network.plasticity
        input_spikes: list[list[int]] = [[] for _ in range(network.n_input)]
        for step, channel in zip(stimulus.input_steps.tolist(), stimulus.input_channels.tolist(), strict=True):
            input_spikes[channel].append(step)
        decay_readout = math.exp(-network.dt / network.readout.tau_m)
        readout = [0.0] * network.n_readout
        for step in range(stimulus.n_steps):
            readout_input = [0.0] * network.n_readout
            self._deliver("output", self.neuron_spikes, step, readout_input)
            self._receive_error(step)
            arriving = [0.0] * network.n_recurrent
            self._deliver("input", input_spikes, step, arriving)
            self._deliver("recurrent", self.neuron_spikes, step, arriving)
            self.surrogate_gradient.append([0.0] * network.n_recurrent)
            self.rate_regularization.append([0.0] * network.n_recurrent)
            for j, neuron in enumerate(self.neurons):
                self.surrogate_gradient[step][j] = self._update(neuron, arriving[j])
                if neuron.has_just_spiked:
                    self.neuron_spikes[j].append(step)
                spikes_per_ms = neuron.has_just_spiked / network.dt
                neuron.rate = rule.kappa_reg * neuron.rate + (1.0 - rule.kappa_reg) * spikes_per_ms
                self.rate_regularization[step][j] = rule.c_reg * (neuron.rate - rule.f_target / 1000.0)
            readout = [decay_readout * v + current for v, current in zip(readout, readout_input, strict=True)]
            signal = [v + network.readout.E_L for v in readout]
            self.error.append([0.0] * network.n_readout)
            if stimulus.learning_window[step]:
                if network.readout.loss == "cross_entropy":
                    total = math.fsum(math.exp(y) for y in signal)
                    signal = [math.exp(y) / total for y in signal]
                self.error[step] = [y - float(t) for y, t in zip(signal, stimulus.target[step], strict=True)]

    def _deliver(self, name: str, spikes: list[list[int]], step: int, received: list[float]) -> None:
        for synapse in self.synapses[name]:
            if step - getattr(self.network, name).delay in spikes[synapse.source]:
                self._pass_spike(name, synapse, spikes[synapse.source], step)
                received[synapse.target] += synapse.weight

    def _update(self, neuron: Neuron, arriving: float) -> float:
        """Update a neuron; return its surrogate gradient."""
        parameters, surrogate = self.network.neuron, self.network.neuron.surrogate_gradient
        clamped = parameters.V_reset is not None and neuron.refractory > 0
        neuron.refractory = max(neuron.refractory - 1, 0)
        if not clamped:
            decay = math.exp(-self.network.dt / neuron.tau_m)
            constant = neuron.tau_m / parameters.C_m * (1.0 - decay) * parameters.I_e
            neuron.voltage = decay * neuron.voltage + arriving + constant
            if parameters.V_min is not None:
                neuron.voltage = max(neuron.voltage, parameters.V_min)
            neuron.adaptation = self.adaptation_decay * neuron.adaptation + neuron.has_just_spiked
        threshold = neuron.V_th + neuron.rise * neuron.adaptation
        neuron.has_just_spiked = False
        if neuron.refractory > 0:
            return 0.0
        u = abs(neuron.voltage - threshold) / surrogate.width
        if neuron.voltage >= threshold and not clamped:
            neuron.has_just_spiked = True
            neuron.refractory = self.network.refractory_steps
            neuron.voltage = neuron.voltage - neuron.V_th if parameters.V_reset is None else parameters.V_reset
        return surrogate.height * SURROGATE_GRADIENTS[surrogate.function](u)

    def _receive_error(self, step: int) -> None:
        """Let the error that arrives in ``step`` become the learning signal of its history index."""
        network = self.network
        sent = step - network.feedback.delay
        if sent < network.output.delay:  # no spike of the recurrent neurons can have caused it
            return
        signal = [0.0] * network.n_recurrent
        if network.feedback.kind == "random":
            for synapse in self.synapses["feedback"]:
                signal[synapse.target] += synapse.weight * self.error[sent][synapse.source]
        else:
            for synapse in self.synapses["output"]:
                weight = synapse.weight if network.feedback.kind == "symmetric" else synapse.feedback
                signal[synapse.source] += weight * self.error[sent][synapse.target]
        assert len(self.learning_signal) == sent - network.output.delay
        self.learning_signal.append(signal)

    def _pass_spike(self, name: str, synapse: Synapse, spikes: list[int], step: int) -> None:
        """Update the weight of ``synapse`` as the spike that arrives in ``step`` passes through."""
        network, rule = self.network, self.network.plasticity
        projection = getattr(network, name)
        if not projection.plastic:
            return
        spike = step - projection.delay
        if synapse.next_index is None:
            synapse.next_index = spike
            return
        if name == "output":
            synapse.weight *= 1.0 - network.feedback.weight_decay
            synapse.feedback *= 1.0 - network.feedback.weight_decay
        # The newest history indices have no learning signal yet where it takes longer to arrive than the spike.
        lag = max(0, network.output.delay + network.feedback.delay - 1 - projection.delay) if name != "output" else 0
        each_step = isinstance(rule.optimizer, Adam) and rule.optimizer.optimize_each_step
        for index in range(synapse.next_index, spike - lag):
            last_emission = spikes[bisect_right(spikes, index) - 1]
            active = rule.cutoff is None or index < last_emission + rule.cutoff
            self._advance(name, synapse, index, index - projection.delay in spikes, active)
            if each_step and active:
                self._optimize(synapse, index + 1)
        synapse.next_index = max(synapse.next_index, spike - lag)
        if not each_step:
            self._optimize(synapse, spike - lag)

    def _advance(self, name: str, synapse: Synapse, index: int, arrival: bool, active: bool) -> None:
        network, rule, j = self.network, self.network.plasticity, synapse.target
        tau_m = network.readout.tau_m if name == "output" else self.neurons[j].tau_m
        synapse.trace = math.exp(-network.dt / tau_m) * synapse.trace + arrival
        if name == "output":
            if active:
                synapse.gradient += self.error[index][j] * synapse.trace
            return
        eligibility = 0.0
        if active:
            driven = synapse.trace - self.neurons[j].rise * synapse.threshold_trace
            eligibility = self.surrogate_gradient[index][j] * driven
        synapse.threshold_trace = self.adaptation_decay * synapse.threshold_trace + eligibility
        synapse.filtered = rule.kappa * synapse.filtered + eligibility
        synapse.filtered_reg = rule.kappa_reg * synapse.filtered_reg + (1.0 - rule.kappa_reg) * eligibility
        if active:
            regularization = self.rate_regularization[index][j] * synapse.filtered_reg
            synapse.gradient += self.learning_signal[index][j] * synapse.filtered + regularization

    def _optimize(self, synapse: Synapse, n_steps: int) -> None:
        optimizer = self.network.plasticity.optimizer
        if isinstance(optimizer, Adam):
            change = self._adam(synapse, optimizer, n_steps)
        else:
            change = -optimizer.learning_rate * synapse.gradient
        synapse.gradient = 0.0
        synapse.feedback += change
        weight = min(max(synapse.weight + change, optimizer.weight_min), optimizer.weight_max)
        if optimizer.fixed_signs and math.copysign(1.0, weight) != math.copysign(1.0, synapse.weight):
            weight = math.copysign(0.0, synapse.weight)
        synapse.weight = weight

    @staticmethod
    def _adam(synapse: Synapse, adam: Adam, n_steps: int) -> float:
        change, gradient = 0.0, synapse.gradient
        while synapse.optimizer_steps < n_steps:
            synapse.optimizer_steps += 1
            synapse.first_moment += (1.0 - adam.beta_1) * (gradient - synapse.first_moment)
            synapse.second_moment += (1.0 - adam.beta_2) * (gradient * gradient - synapse.second_moment)
            gradient = 0.0
            correction = math.sqrt(1.0 - adam.beta_2**synapse.optimizer_steps)
            correction /= 1.0 - adam.beta_1**synapse.optimizer_steps
            direction = synapse.first_moment / (math.sqrt(synapse.second_moment) + adam.epsilon)
            change -= adam.learning_rate * correction * direction
        return change
