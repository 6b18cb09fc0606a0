"""Values of neurons in the step that has just been computed."""

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from eprop_core.model.rank import RankState
from eprop_core.network.features import signals_differ
from eprop_core.parameters import Network

_PER_MS = 1000.0
"""Spikes per second in a spike per ms."""


class NeuronValues:
    """Reads quantities of chosen neurons of one rank.

    Parameters
    ----------
    network, rank
        The network and its state, before the first step that is read.
    chosen
        int64 (n,), the neurons, numbered from the rank's first.
    """

    def __init__(self, network: Network, rank: RankState, chosen: np.ndarray) -> None:
        self._rank, self._chosen = rank, chosen
        per_sample = network.plasticity.rate_average == "sample"
        self._rate_unit = _PER_MS / network.dt if per_sample else _PER_MS
        self._signals_differ = signals_differ(network)
        self._sums = min((state.running_sums for state in rank.onto_neurons), key=lambda sums: sums.lag)
        self._lag = self._sums.lag + 1
        """Steps from a step to the arrival of its learning signal."""
        # The rank forgets the rate errors of a step when its learning signal is known.
        rate_error, present = rank.neurons.rate_error, self._sums.time_index[0] + self._sums.lag
        before = [rate_error[step % len(rate_error), chosen] for step in range(present - self._lag + 1, present + 1)]
        self._rate_errors = deque(before, maxlen=self._lag + 1)

    def readers(self) -> Mapping[str, tuple[int, Callable[[int], np.ndarray]]]:
        """Return, by quantity, how many steps ago its step is, and what reads it after a step, float64 (n,)."""
        readers: dict[str, tuple[int, Callable[[int], np.ndarray]]] = {
            "membrane_voltage": (0, self._membrane_voltage),
            "threshold": (0, self._threshold),
            "surrogate_gradient": (0, self._surrogate_gradient),
            "firing_rate": (0, self._firing_rate),
            "rate_regularization": (0, self._rate_regularization),
        }
        if self._rank.learns:
            readers["learning_signal"] = self._lag, self._learning_signal
        return readers

    def keep(self, step: int) -> None:
        """Keep what has to be known of a step later; called after each step."""
        self._rate_errors.append(self._rate_regularization(step))

    def _membrane_voltage(self, _: int) -> np.ndarray:
        return np.asarray(self._rank.neurons.v[self._chosen])

    def _threshold(self, _: int) -> np.ndarray:
        parameters, adaptation = self._rank.parameters, self._rank.neurons.adaptation
        return np.asarray(parameters.V_th[self._chosen] + parameters.beta[self._chosen] * adaptation[self._chosen])

    def _surrogate_gradient(self, step: int) -> np.ndarray:
        recent = self._rank.neurons.surrogate_gradient
        return np.asarray(recent[step % len(recent), self._chosen])

    def _firing_rate(self, _: int) -> np.ndarray:
        return np.asarray(self._rank.neurons.rate[self._chosen] * self._rate_unit)

    def _rate_regularization(self, step: int) -> np.ndarray:
        recent = self._rank.neurons.rate_error
        return np.asarray(recent[step % len(recent), self._chosen])

    def _learning_signal(self, _: int) -> np.ndarray:
        """Return L, without the rate regularization, which shares its place where one filter serves both."""
        signal = self._sums.signal[self._chosen]
        share = 0.0 if self._signals_differ else 1.0 - self._rank.parameters.kappa_reg
        return np.asarray(signal - share * self._rate_errors[0])
