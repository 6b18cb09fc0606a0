"""Synapses of a projection as dense matrices of shape (n_target, n_source)."""

from typing import Any, NamedTuple

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import OptimizerParameters
from eprop_core.parsing import ParameterError
from eprop_core.time_driven import optimizers

_NEVER = np.iinfo(np.int64).min // 2


class History:
    """What the neurons did in each step, in arrays of shape (n_steps, n_neurons)."""

    def __init__(self, n_steps: int, n_recurrent: int, n_readout: int) -> None:
        recurrent, readout = (n_steps, n_recurrent), (n_steps, n_readout)
        self.spiked = np.zeros(recurrent, bool)
        self.voltage = np.zeros(recurrent)
        self.surrogate_gradient = np.zeros(recurrent)
        self.rate_regularization = np.zeros(recurrent)
        self.readout = np.zeros(readout)
        self.error = np.zeros(readout)
        self.learning_signal = np.zeros(recurrent)
        """By history index: the error that the spikes of that step led to, once it has arrived."""


class Timing(NamedTuple):
    """When spikes arrive, and when the synapses learn of what their targets did.

    Attributes:
        delay: steps from a spike's emission to its arrival.
        behind: in step T the traces stand before history index T - behind, large enough for the spike and for the
            learning signal of every earlier index to have arrived.
        cutoff: steps after a spike in which a synapse gathers gradient.
    """

    delay: int
    behind: int
    cutoff: int


class Synapses:
    """One projection: a weight per pair of neurons, the spikes on their way, and what the plastic synapses remember.

    Attributes:
        exists: bool (n_target, n_source), which pairs are connected.
        weight: float64 (n_target, n_source), pA, 0 where no synapse is; changed in place.
    """

    def __init__(
        self,
        name: str,
        connections: Connections,
        emitted: np.ndarray,
        n_target: int,
        timing: Timing,
        trace_decay: np.ndarray,
        optimizer: OptimizerParameters | None,
    ) -> None:
        """Take over connections.

        Args:
            name: of the projection, for messages.
            connections: no pair twice.
            emitted: bool (n_steps, n_source), spikes by the step of their emission; filled while time passes.
            n_target: number of targets.
            timing: see there.
            trace_decay: float64 (n_target,), of the filtered arrivals in a step: that of the target's membrane.
            optimizer: None keeps the weights as they are.
        """
        self.exists, self.weight = dense(name, connections, n_target, emitted.shape[1])
        self._emitted = emitted
        self._timing = timing
        self._trace_decay = trace_decay[:, np.newaxis]
        self._trace = np.zeros(self.weight.shape)
        self._last_emission = np.full(emitted.shape[1], _NEVER)  # at or before the history index
        self._has_arrived = np.zeros(emitted.shape[1], bool)
        self._parameters = optimizer
        if optimizer is not None:
            self._optimizer = optimizers.OPTIMIZERS[type(optimizer)](optimizer, self.weight.shape)
            self._each_step = optimizer.moves_in_each_step
        self._gradient = np.zeros(self.weight.shape)
        self._next_weight = self.weight.copy()  # what the next spike will find

    def deliver(self, step: int, history: History) -> np.ndarray:
        """Input to the targets, (n_target,), from the spikes that arrive in ``step``, through updated weights."""
        timing = self._timing
        if self._parameters is not None and step > timing.behind:
            self._advance(step - timing.behind - 1, history)
        if step < timing.delay:
            return np.zeros(len(self.weight))
        arriving = self._emitted[step - timing.delay]
        if self._parameters is not None:
            self._update_weights(arriving & self._has_arrived, step - timing.behind)
            self._has_arrived |= arriving
        current: np.ndarray = self.weight[:, arriving].sum(axis=1)
        return current

    def _advance(self, index: int, history: History) -> None:
        """Advance traces and gradients by the history index ``index``."""
        self._last_emission[self._emitted[index]] = index
        self._trace *= self._trace_decay
        if index >= self._timing.delay:
            self._trace += self._emitted[index - self._timing.delay]
        active = index < self._last_emission + self._timing.cutoff
        self._gradient += self._gradient_at(index, history, self._trace * active, active) * self.exists
        if self._each_step:
            self._optimize(active, index + 1)

    def _gradient_at(self, index: int, history: History, trace: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Gradient of history index ``index``, (n_target, n_source).

        ``active``, bool (n_source,), tells which sources are within the cutoff, and ``trace`` is 0 for the others.
        """
        raise NotImplementedError

    def _optimize(self, sources: np.ndarray, n_steps: int) -> None:
        """Let the gradient that ``sources`` have gathered, up to the history index before ``n_steps``, act."""
        assert self._parameters is not None
        changes = self._optimizer.changes(self._gradient[:, sources], sources, n_steps)
        self._gradient[:, sources] = 0.0
        self._change_weights(sources, changes)

    def _change_weights(self, sources: np.ndarray, changes: np.ndarray) -> None:
        assert self._parameters is not None
        before = self._next_weight[:, sources]
        after = optimizers.within_bounds(before, before + changes, self._parameters)
        self._next_weight[:, sources] = np.where(self.exists[:, sources], after, 0.0)

    def _update_weights(self, sources: np.ndarray, n_steps: int) -> None:
        """Let a spike of ``sources`` find the weights that they have learned."""
        if not self._each_step:
            self._optimize(sources, n_steps)
        self.weight[:, sources] = self._next_weight[:, sources]


class SynapsesOntoNeurons(Synapses):
    """Synapses onto recurrent neurons: eligibility traces, filtered for the error and for the rate regularization.

    The eligibility vector has one part for the voltage, ``_trace``, and one for the threshold, ``_threshold_trace``.
    """

    def __init__(
        self,
        *arguments: Any,
        kappa: float,
        kappa_reg: float,
        threshold_rise: np.ndarray,
        adaptation_decay: float,
    ) -> None:
        """Take over connections.

        Args:
            arguments: as of :class:`Synapses`.
            kappa, kappa_reg: decays of the two filters in a step.
            threshold_rise: float64 (n_target,), mV, of a target's threshold after its spike.
            adaptation_decay: of that rise in a step.
        """
        super().__init__(*arguments)
        self._kappa = kappa
        self._kappa_reg = kappa_reg
        self._threshold_rise = threshold_rise[:, np.newaxis]
        self._adaptation_decay = adaptation_decay
        self._threshold_trace = np.zeros(self.weight.shape)
        self._filtered = np.zeros(self.weight.shape)
        self._filtered_reg = np.zeros(self.weight.shape)

    def _gradient_at(self, index: int, history: History, trace: np.ndarray, active: np.ndarray) -> np.ndarray:
        eligibility = self._eligibility(history.surrogate_gradient[index][:, np.newaxis], trace, active)
        self._filtered = self._kappa * self._filtered + eligibility
        self._filtered_reg = self._kappa_reg * self._filtered_reg + (1.0 - self._kappa_reg) * eligibility
        learning_signal = history.learning_signal[index][:, np.newaxis]
        rate_regularization = history.rate_regularization[index][:, np.newaxis]
        gradient: np.ndarray = learning_signal * self._filtered + rate_regularization * self._filtered_reg
        gradient *= active
        return gradient

    def _eligibility(self, surrogate_gradient: np.ndarray, trace: np.ndarray, active: np.ndarray) -> np.ndarray:
        eligibility: np.ndarray = surrogate_gradient * (trace - self._threshold_rise * self._threshold_trace) * active
        self._threshold_trace = self._adaptation_decay * self._threshold_trace + eligibility
        return eligibility


class SynapsesOntoReadouts(Synapses):
    """Synapses onto readouts: the filtered arrivals, times the error."""

    def _gradient_at(self, index: int, history: History, trace: np.ndarray, active: np.ndarray) -> np.ndarray:
        gradient: np.ndarray = history.error[index][:, np.newaxis] * trace
        return gradient


def dense(name: str, connections: Connections, n_target: int, n_source: int) -> tuple[np.ndarray, np.ndarray]:
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


def listed(exists: np.ndarray, weight: np.ndarray) -> Connections:
    """The inverse of :func:`dense`, sorted by (target, source)."""
    target, source = np.nonzero(exists)
    return Connections(source, target, weight[exists])
