"""The model computed the plain way: dense matrices, every trace of every synapse advanced in every step.

It is the reference that the event-driven core is tested against, and the time-driven baseline of the benchmarks. Its
result is that of ``eprop_core.simulation`` up to rounding; its cost grows with synapses times steps.

The rule is e-prop with one weight update per presynaptic spike (Bellec et al. 2020; Korcsak-Gorzo et al., "e-prop+").
A synapse cannot learn from a step before that step's learning signal has reached it, so traces and gradients are
advanced through *history indices* that lag behind the simulated step; see :class:`_Synapses`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eprop_core.connectivity import Connections
from eprop_core.parameters import GradientDescent, Network, ParameterError, SurrogateGradient
from eprop_core.stimulus import Stimulus

_NEVER = np.iinfo(np.int64).min // 2


@dataclass(frozen=True)
class TimeDrivenResult:
    """What a run leaves behind; steps are relative to its start.

    Attributes:
        spike_steps: int64 (n_spikes,), ascending.
        spike_neurons: int64 (n_spikes,), ascending within a step.
        readout: float64 (n_steps, n_readout), mV.
        error: float64 (n_steps, n_readout), mV: window * (readout - target).
        weights: by projection, sorted by (target, source), as of the last spike delivered through each synapse.
        voltage: float64 (n_steps, n_recurrent), mV, after the reset, relative to E_L.
        surrogate_gradient: float64 (n_steps, n_recurrent).
        learning_signal: float64 (n_steps, n_recurrent), by the history index it belongs to: row t is the feedback of
            ``error[t + output.delay]``, zero where that lies beyond the run.
    """

    spike_steps: np.ndarray
    spike_neurons: np.ndarray
    readout: np.ndarray
    error: np.ndarray
    weights: dict[str, Connections]
    voltage: np.ndarray
    surrogate_gradient: np.ndarray
    learning_signal: np.ndarray


class _History:
    """What the neurons did in each step, in arrays of shape (n_steps, n_neurons)."""

    def __init__(self, network: Network, n_steps: int, feedback: np.ndarray) -> None:
        recurrent, readout = (n_steps, network.n_recurrent), (n_steps, network.n_readout)
        self.spiked = np.zeros(recurrent, bool)
        self.voltage = np.zeros(recurrent)
        self.surrogate_gradient = np.zeros(recurrent)
        self.rate_regularization = np.zeros(recurrent)
        self.readout = np.zeros(readout)
        self.error = np.zeros(readout)
        self._feedback = feedback
        self._output_delay = network.output.delay

    def learning_signal(self, index: int) -> np.ndarray:
        """Learning signals of history index ``index``, whose spikes reach the readouts ``output.delay`` later."""
        step = index + self._output_delay
        error = self.error[step] if step < len(self.error) else np.zeros(self.error.shape[1])
        return self._feedback @ error


class _Synapses:
    """One projection: a weight per pair of neurons, the spikes on their way, and what the plastic synapses remember.

    All matrices have shape (n_target, n_source). In step T the traces stand before history index T - behind, with
    ``behind`` large enough for the spike and for the learning signal of every earlier index to have arrived.
    """

    def __init__(
        self,
        name: str,
        connections: Connections,
        emitted: np.ndarray,
        n_target: int,
        *,
        delay: int,
        behind: int,
        decay: float,
        cutoff: int | None,
        optimizer: GradientDescent | None,
    ) -> None:
        n_source = emitted.shape[1]
        self.exists, self.weight = _dense(name, connections, n_target, n_source)
        self._emitted = emitted  # bool (n_steps, n_source): spikes by the step of their emission
        self._delay = delay
        self._behind = behind
        self._decay = decay
        self._cutoff = len(emitted) if cutoff is None else cutoff
        self._optimizer = optimizer  # None: static
        self._trace = np.zeros(n_source)  # low-pass filtered arrivals, one per source as all its targets share it
        self._gradient = np.zeros((n_target, n_source))
        self._last_emission = np.full(n_source, _NEVER)  # at or before the history index
        self._has_arrived = np.zeros(n_source, bool)

    def deliver(self, step: int, history: _History) -> np.ndarray:
        """Input to the targets, (n_target,), from the spikes that arrive in ``step``, through updated weights."""
        if self._optimizer is not None and step > self._behind:
            self._advance(step - self._behind - 1, history)
        if step < self._delay:
            return np.zeros(len(self.weight))
        arriving = self._emitted[step - self._delay]
        if self._optimizer is not None:
            self._update_weights(self._optimizer, arriving & self._has_arrived)
            self._has_arrived |= arriving
        current: np.ndarray = self.weight[:, arriving].sum(axis=1)
        return current

    def _advance(self, index: int, history: _History) -> None:
        """Advance traces and gradients by the history index ``index``."""
        self._last_emission[self._emitted[index]] = index
        self._trace *= self._decay
        if index >= self._delay:
            self._trace += self._emitted[index - self._delay]
        active = index < self._last_emission + self._cutoff
        self._gather_gradient(index, history, self._trace * active, active)

    def _gather_gradient(self, index: int, history: _History, trace: np.ndarray, active: np.ndarray) -> None:
        raise NotImplementedError

    def _update_weights(self, optimizer: GradientDescent, sources: np.ndarray) -> None:
        updated = self.weight[:, sources] - optimizer.learning_rate * self._gradient[:, sources]
        clipped = np.clip(updated, optimizer.weight_min, optimizer.weight_max)
        self.weight[:, sources] = np.where(self.exists[:, sources], clipped, 0.0)
        self._gradient[:, sources] = 0.0


class _SynapsesOntoNeurons(_Synapses):
    """Synapses onto recurrent neurons: eligibility traces, filtered for the error and for the rate regularization."""

    def __init__(self, *arguments: object, kappa: float, kappa_reg: float, **keywords: object) -> None:
        super().__init__(*arguments, **keywords)  # type: ignore[arg-type]
        self._kappa = kappa
        self._kappa_reg = kappa_reg
        self._filtered = np.zeros(self.weight.shape)
        self._filtered_reg = np.zeros(self.weight.shape)

    def _gather_gradient(self, index: int, history: _History, trace: np.ndarray, active: np.ndarray) -> None:
        eligibility = np.outer(history.surrogate_gradient[index], trace)
        self._filtered = self._kappa * self._filtered + eligibility
        self._filtered_reg = self._kappa_reg * self._filtered_reg + (1.0 - self._kappa_reg) * eligibility
        learning_signal = history.learning_signal(index)[:, np.newaxis]
        rate_regularization = history.rate_regularization[index][:, np.newaxis]
        self._gradient += active * (learning_signal * self._filtered + rate_regularization * self._filtered_reg)


class _SynapsesOntoReadouts(_Synapses):
    """Synapses onto readouts: the filtered arrivals, times the error."""

    def _gather_gradient(self, index: int, history: _History, trace: np.ndarray, active: np.ndarray) -> None:
        self._gradient += np.outer(history.error[index], trace)


def simulate(
    network: Network, connections: Mapping[str, Connections], stimulus: Stimulus, *, plastic: bool = True
) -> TimeDrivenResult:
    """Run ``network`` from rest on ``stimulus``, one step after the other.

    Args:
        network: parameters; connectivity and initial weights in it are not used.
        connections: explicit connections of "input", "recurrent", "output" and "feedback", no pair twice.
        stimulus: input spikes, targets and learning window.
        plastic: False keeps all weights as they are.

    Raises:
        ParameterError: if a projection is missing, an id is out of range, a pair comes twice, or neurons ignore their
            input and fire: their phases are not among the arguments.
        StimulusError: if the stimulus does not fit the network.
    """
    missing = {"input", "recurrent", "output", "feedback"} - set(connections)
    if missing:
        raise ParameterError(f"connections: {', '.join(sorted(missing))} missing, all four projections must be given")
    if network.firing_period:
        raise ParameterError(
            "neuron.ignore_and_fire: the time-driven model fires by the voltage alone, it must be null"
        )
    stimulus.check_fits(network)
    neuron, rule, n_steps = network.neuron, network.plasticity, stimulus.n_steps
    has_feedback, feedback = _dense("feedback", connections["feedback"], network.n_recurrent, network.n_readout)
    history = _History(network, n_steps, feedback)
    input_spikes = np.zeros((n_steps, network.n_input), bool)
    input_spikes[stimulus.input_steps, stimulus.input_channels] = True

    decay, decay_readout = np.exp(-network.dt / neuron.tau_m), np.exp(-network.dt / network.readout.tau_m)
    synapses: dict[str, _Synapses] = {}
    for name, emitted in (("input", input_spikes), ("recurrent", history.spiked)):
        projection = getattr(network, name)
        synapses[name] = _SynapsesOntoNeurons(
            name,
            connections[name],
            emitted,
            network.n_recurrent,
            delay=projection.delay,
            behind=max(projection.delay, network.output.delay + network.feedback.delay - 1),
            decay=decay,
            cutoff=rule.cutoff,
            optimizer=rule.optimizer if plastic and projection.plastic else None,
            kappa=rule.kappa,
            kappa_reg=rule.kappa_reg,
        )
    synapses["output"] = _SynapsesOntoReadouts(
        "output",
        connections["output"],
        history.spiked,
        network.n_readout,
        delay=network.output.delay,
        behind=network.output.delay,
        decay=decay_readout,
        cutoff=rule.cutoff,
        optimizer=rule.optimizer if plastic and network.output.plastic else None,
    )

    constant_input = neuron.tau_m / neuron.C_m * -np.expm1(-network.dt / neuron.tau_m) * neuron.I_e
    voltage = np.zeros(network.n_recurrent)
    refractory = np.zeros(network.n_recurrent, np.int64)
    rate = np.zeros(network.n_recurrent)  # spikes per ms
    readout_voltage = np.zeros(network.n_readout)
    for step in range(n_steps):
        arriving = synapses["input"].deliver(step, history) + synapses["recurrent"].deliver(step, history)
        readout_input = synapses["output"].deliver(step, history)

        refractory = np.maximum(refractory - 1, 0)
        voltage = decay * voltage + arriving + constant_input
        if neuron.V_min is not None:
            voltage = np.maximum(voltage, neuron.V_min)
        gradient = _surrogate_gradient(neuron.surrogate_gradient, voltage - neuron.V_th)
        history.surrogate_gradient[step] = np.where(refractory == 0, gradient, 0.0)
        spiked = (voltage >= neuron.V_th) & (refractory == 0)
        voltage = np.where(spiked, voltage - neuron.V_th, voltage)
        refractory = np.where(spiked, network.refractory_steps, refractory)
        rate = rule.kappa_reg * rate + (1.0 - rule.kappa_reg) * spiked / network.dt
        # As in NEST: the target is in spikes per step, though the rate is in spikes per ms.
        history.rate_regularization[step] = rule.c_reg * (rate - rule.f_target / 1000.0 * network.dt)
        history.spiked[step] = spiked
        history.voltage[step] = voltage

        readout_voltage = decay_readout * readout_voltage + readout_input
        history.readout[step] = readout_voltage + network.readout.E_L
        if stimulus.learning_window[step]:
            history.error[step] = history.readout[step] - stimulus.target[step]

    spike_steps, spike_neurons = np.nonzero(history.spiked)
    return TimeDrivenResult(
        spike_steps=spike_steps,
        spike_neurons=spike_neurons,
        readout=history.readout,
        error=history.error,
        weights={name: _listed(projection.exists, projection.weight) for name, projection in synapses.items()}
        | {"feedback": _listed(has_feedback, feedback)},
        voltage=history.voltage,
        surrogate_gradient=history.surrogate_gradient,
        learning_signal=np.array([history.learning_signal(index) for index in range(n_steps)]),
    )


def _surrogate_gradient(surrogate: SurrogateGradient, distance: np.ndarray) -> np.ndarray:
    """Surrogate gradient at the given distances to the threshold (mV)."""
    u = np.abs(distance) / surrogate.width
    linear = surrogate.function == "piecewise_linear"
    gradient: np.ndarray = surrogate.height * (np.maximum(0.0, 1.0 - u) if linear else np.exp(-u))
    return gradient


def _dense(name: str, connections: Connections, n_target: int, n_source: int) -> tuple[np.ndarray, np.ndarray]:
    """Connections as matrices of shape (n_target, n_source): which exist, and their weights (0 where none is)."""
    source, target, weights = connections
    for what, ids, size in (("source", source, n_source), ("target", target, n_target)):
        if len(ids) != len(weights):
            raise ParameterError(f"connections[{name!r}].{what} has {len(ids)} entries: must have one per weight")
        if len(ids) and not 0 <= np.min(ids) <= np.max(ids) < size:
            raise ParameterError(f"connections[{name!r}].{what}: must be in 0..{size - 1}")
    exists = np.zeros((n_target, n_source), bool)
    exists[target, source] = True
    if np.count_nonzero(exists) < len(weights):
        raise ParameterError(f"connections[{name!r}]: a pair comes twice, the time-driven model allows it once")
    weight = np.zeros((n_target, n_source))
    weight[target, source] = weights
    return exists, weight


def _listed(exists: np.ndarray, weight: np.ndarray) -> Connections:
    """The inverse of :func:`_dense`, sorted by (target, source)."""
    target, source = np.nonzero(exists)
    return Connections(source, target, weight[exists])
