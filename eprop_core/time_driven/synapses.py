"""Synapses of a projection as dense matrices (n_target, n_source)."""

from typing import Any, NamedTuple

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import OptimizerParameters
from eprop_core.parsing import ParameterError
from eprop_core.time_driven import optimizers

_NEVER = np.iinfo(np.int64).min // 2


class History:
    """Spikes and signals of all neurons in each step, arrays (n_steps, n_neurons)."""

    def __init__(self, n_steps: int, n_recurrent: int, n_readout: int) -> None:
        recurrent, readout = (n_steps, n_recurrent), (n_steps, n_readout)
        self.spiked = np.zeros(recurrent, bool)
        self.voltage = np.zeros(recurrent)
        self.surrogate_gradient = np.zeros(recurrent)
        self.rate_regularization = np.zeros(recurrent)
        self.readout = np.zeros(readout)
        self.error = np.zeros(readout)
        self.learning_signal = np.zeros(recurrent)
        """By history index: the learning signal for the spikes of that step, once the error has arrived."""


class Timing(NamedTuple):
    """Delays of a projection, and the lag of its history index.

    Attributes
    ----------
    delay
        Steps from the emission of a spike to its arrival.
    behind
        Lag: in step T, traces include the history indices below T - behind. It is large enough that spikes and learning
        signals of these indices have arrived.
    cutoff
        Steps after a presynaptic spike in which a synapse accumulates gradient.
    """

    delay: int
    behind: int
    cutoff: int


class Synapses:
    """The synapses of one projection: weights, traces and gradients for each pair of neurons.

    Parameters
    ----------
    name
        Name of the projection, for messages.
    connections
        Each pair at most once.
    emitted
        bool (n_steps, n_source), spikes by the step of their emission; filled during the simulation.
    n_target
        Number of targets.
    timing
        Delay, lag and cutoff.
    trace_decay
        float64 (n_target,), decay per step of the presynaptic trace, which is that of the target's membrane voltage.
    optimizer
        None keeps the weights constant.

    Attributes
    ----------
    exists
        bool (n_target, n_source), whether a pair is connected.
    weight
        float64 (n_target, n_source), pA, 0 where no synapse exists; changed in place.

    Raises
    ------
    ParameterError
        If an id is out of range or a pair occurs twice.
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
        self._next_weight = self.weight.copy()  # used by the next spike

    def deliver(self, step: int, history: History) -> np.ndarray:
        """Process the spikes that arrive in ``step``: update weights; return the input, pA, float64 (n_target,)."""
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
        """Add the history index ``index`` to traces and gradients."""
        self._last_emission[self._emitted[index]] = index
        self._trace *= self._trace_decay
        if index >= self._timing.delay:
            self._trace += self._emitted[index - self._timing.delay]
        active = index < self._last_emission + self._timing.cutoff
        self._gradient += self._gradient_at(index, history, self._trace * active, active) * self.exists
        if self._each_step:
            self._optimize(active, index + 1)

    def _gradient_at(self, index: int, history: History, trace: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Return the gradient of the history index ``index``, float64 (n_target, n_source).

        ``active``, bool (n_source,), marks the sources within the cutoff; ``trace`` is 0 for the others.
        """
        raise NotImplementedError

    def _optimize(self, sources: np.ndarray, n_steps: int) -> None:
        """Apply the gradient that ``sources`` accumulated before the history index ``n_steps``."""
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
        """Update the weights of ``sources``, whose spikes arrive now."""
        if not self._each_step:
            self._optimize(sources, n_steps)
        self.weight[:, sources] = self._next_weight[:, sources]


class SynapsesOntoNeurons(Synapses):
    """Synapses onto recurrent neurons, with eligibility traces filtered for learning signal and rate regularization.

    The eligibility vector has a component for the voltage, ``_trace``, and one for the threshold, ``_threshold_trace``.

    Parameters
    ----------
    arguments
        Those of :class:`Synapses`.
    kappa, kappa_reg
        Decays of the two filters per step.
    threshold_rise
        float64 (n_target,), mV, beta, the increase of a target's threshold after its spike.
    adaptation_decay
        rho, the decay of the adaptation per step.
    """

    def __init__(
        self,
        *arguments: Any,
        kappa: float,
        kappa_reg: float,
        threshold_rise: np.ndarray,
        adaptation_decay: float,
    ) -> None:
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
    """Synapses onto readouts, whose gradient is the error times the presynaptic trace."""

    def _gradient_at(self, index: int, history: History, trace: np.ndarray, active: np.ndarray) -> np.ndarray:
        gradient: np.ndarray = history.error[index][:, np.newaxis] * trace
        return gradient


def dense(name: str, connections: Connections, n_target: int, n_source: int) -> tuple[np.ndarray, np.ndarray]:
    """Return connections as dense matrices.

    Parameters
    ----------
    name
        Name of the projection, for messages.
    connections
        Each pair at most once.
    n_target, n_source
        Numbers of neurons.

    Returns
    -------
    exists
        bool (n_target, n_source), whether a pair is connected.
    weight
        float64 (n_target, n_source), pA, 0 where no synapse exists.

    Raises
    ------
    ParameterError
        If an id is out of range or a pair occurs twice.
    """
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
    """Return dense matrices as connections, sorted by (target, source); the inverse of :func:`dense`."""
    target, source = np.nonzero(exists)
    return Connections(source, target, weight[exists])
