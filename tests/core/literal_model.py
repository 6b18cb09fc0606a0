"""The model in pure Python, a second reference for the time-driven one, small networks only.

Where the time-driven model advances all traces together in every step, here each synapse, whenever a spike passes
through it, walks the whole history since the last one by itself, as the definition of the rule does.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from eprop_core.connectivity import Connections
from eprop_core.parameters import Network
from eprop_core.stimulus import Stimulus


@dataclass
class Synapse:
    """One connection with its traces, which stand before history index ``next_index``."""

    source: int
    target: int
    weight: float
    next_index: int | None = None  # None: no spike has passed yet
    trace: float = 0.0
    filtered: float = 0.0
    filtered_reg: float = 0.0
    gradient: float = 0.0


class LiteralModel:
    """The network; ``run`` simulates from rest."""

    def __init__(self, network: Network, connections: Mapping[str, Connections]) -> None:
        self.network = network
        self.synapses = {
            name: [Synapse(int(i), int(j), float(w)) for i, j, w in zip(*listed, strict=True)]
            for name, listed in connections.items()
        }
        self.neuron_spikes: list[list[int]] = [[] for _ in range(network.n_recurrent)]  # steps, by neuron
        self.surrogate_gradient: list[list[float]] = []
        self.rate_regularization: list[list[float]] = []
        self.error: list[list[float]] = []

    def run(self, stimulus: Stimulus) -> None:
        network, neuron, rule = self.network, self.network.neuron, self.network.plasticity
        input_spikes: list[list[int]] = [[] for _ in range(network.n_input)]
        for step, channel in zip(stimulus.input_steps.tolist(), stimulus.input_channels.tolist(), strict=True):
            input_spikes[channel].append(step)
        decay, decay_readout = math.exp(-network.dt / neuron.tau_m), math.exp(-network.dt / network.readout.tau_m)
        voltage = [0.0] * network.n_recurrent
        refractory = [0] * network.n_recurrent
        rate = [0.0] * network.n_recurrent
        readout = [0.0] * network.n_readout
        for step in range(stimulus.n_steps):
            arriving = [0.0] * network.n_recurrent
            readout_input = [0.0] * network.n_readout
            for name, spikes, received in (
                ("input", input_spikes, arriving),
                ("recurrent", self.neuron_spikes, arriving),
                ("output", self.neuron_spikes, readout_input),
            ):
                for synapse in self.synapses[name]:
                    if step - getattr(network, name).delay in spikes[synapse.source]:
                        self._pass_spike(name, synapse, spikes[synapse.source], step)
                        received[synapse.target] += synapse.weight
            self.surrogate_gradient.append([0.0] * network.n_recurrent)
            self.rate_regularization.append([0.0] * network.n_recurrent)
            for j in range(network.n_recurrent):
                refractory[j] = max(refractory[j] - 1, 0)
                voltage[j] = decay * voltage[j] + arriving[j] + neuron.tau_m / neuron.C_m * (1.0 - decay) * neuron.I_e
                if neuron.V_min is not None:
                    voltage[j] = max(voltage[j], neuron.V_min)
                spiked = False
                if refractory[j] == 0:
                    u = abs(voltage[j] - neuron.V_th) / neuron.surrogate_gradient.width
                    height = neuron.surrogate_gradient.height
                    linear = neuron.surrogate_gradient.function == "piecewise_linear"
                    self.surrogate_gradient[step][j] = height * (max(0.0, 1.0 - u) if linear else math.exp(-u))
                    spiked = voltage[j] >= neuron.V_th
                if spiked:
                    self.neuron_spikes[j].append(step)
                    voltage[j] -= neuron.V_th
                    refractory[j] = network.refractory_steps
                rate[j] = rule.kappa_reg * rate[j] + (1.0 - rule.kappa_reg) * spiked / network.dt
                target_rate = rule.f_target * network.dt / 1000.0
                self.rate_regularization[step][j] = rule.c_reg * (rate[j] - target_rate)
            self.error.append([0.0] * network.n_readout)
            for k in range(network.n_readout):
                readout[k] = decay_readout * readout[k] + readout_input[k]
                if stimulus.learning_window[step]:
                    self.error[step][k] = readout[k] + network.readout.E_L - float(stimulus.target[step, k])

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
        # The newest history indices have no learning signal yet where it takes longer to arrive than the spike.
        lag = max(0, network.output.delay + network.feedback.delay - 1 - projection.delay) if name != "output" else 0
        for index in range(synapse.next_index, spike - lag):
            last_emission = spikes[bisect_right(spikes, index) - 1]
            active = rule.cutoff is None or index < last_emission + rule.cutoff
            self._advance(name, synapse, index, index - projection.delay in spikes, active)
        synapse.next_index = max(synapse.next_index, spike - lag)
        weight = synapse.weight - rule.optimizer.learning_rate * synapse.gradient
        synapse.weight = min(max(weight, rule.optimizer.weight_min), rule.optimizer.weight_max)
        synapse.gradient = 0.0

    def _advance(self, name: str, synapse: Synapse, index: int, arrival: bool, active: bool) -> None:
        network, rule, j = self.network, self.network.plasticity, synapse.target
        tau_m = network.readout.tau_m if name == "output" else network.neuron.tau_m
        synapse.trace = math.exp(-network.dt / tau_m) * synapse.trace + arrival
        if name == "output":
            if active:
                synapse.gradient += self.error[index][j] * synapse.trace
            return
        eligibility = self.surrogate_gradient[index][j] * synapse.trace if active else 0.0
        synapse.filtered = rule.kappa * synapse.filtered + eligibility
        synapse.filtered_reg = rule.kappa_reg * synapse.filtered_reg + (1.0 - rule.kappa_reg) * eligibility
        if active:
            error = self.error[index + network.output.delay]
            learning_signal = sum(b.weight * error[b.source] for b in self.synapses["feedback"] if b.target == j)
            regularization = self.rate_regularization[index][j] * synapse.filtered_reg
            synapse.gradient += learning_signal * synapse.filtered + regularization
