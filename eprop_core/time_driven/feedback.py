"""Adaptive feedback: a feedback weight beside each output weight, which changes with it."""

from typing import Any

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parsing import ParameterError
from eprop_core.time_driven.synapses import SynapsesOntoReadouts, dense


class SynapsesWithFeedback(SynapsesOntoReadouts):
    """Synapses onto readouts that carry feedback as well.

    At each update weight and feedback shrink by ``weight_decay``, then change by the same amount. The bounds hold for
    the weight alone.

    Attributes:
        feedback: float64 (n_recurrent, n_readout), pA, the feedback weights, changed in place.
    """

    def __init__(self, *arguments: Any, feedback: Connections, weight_decay: float) -> None:
        super().__init__(*arguments)
        n_readout, n_recurrent = self.weight.shape
        exists, self.feedback = dense("feedback", feedback, n_recurrent, n_readout)
        if not np.array_equal(exists, self.exists.T):
            raise ParameterError("connections['feedback']: must reverse the pairs of connections['output']")
        self._retained = 1.0 - weight_decay
        self._next_feedback = self.feedback.copy()
        self._shrink(np.ones(n_recurrent, bool))

    def _shrink(self, sources: np.ndarray) -> None:
        self._next_weight[:, sources] *= self._retained
        self._next_feedback[sources] *= self._retained

    def _change_weights(self, sources: np.ndarray, changes: np.ndarray) -> None:
        super()._change_weights(sources, changes)
        self._next_feedback[sources] += changes.T

    def _update_weights(self, sources: np.ndarray, n_steps: int) -> None:
        super()._update_weights(sources, n_steps)
        self.feedback[sources] = self._next_feedback[sources]
        self._shrink(sources)
