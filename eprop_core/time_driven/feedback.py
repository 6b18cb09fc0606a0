"""Adaptive feedback: each output weight has a feedback weight that receives the same updates."""

from typing import Any

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parsing import ParameterError
from eprop_core.time_driven.synapses import SynapsesOntoReadouts, dense


class SynapsesWithFeedback(SynapsesOntoReadouts):
    """Synapses onto readouts with adaptive feedback weights.

    At each update both weights shrink by the factor 1 - ``weight_decay`` and then change by the same amount. The bounds
    apply to the output weight only.

    Parameters
    ----------
    arguments
        Those of :class:`~.synapses.Synapses`.
    feedback
        Feedback weights for the reversed pairs of the output connections.
    weight_decay
        Fraction by which weights shrink at each update.

    Attributes
    ----------
    feedback
        float64 (n_recurrent, n_readout), pA, changed in place.

    Raises
    ------
    ParameterError
        If the pairs of the feedback are not the reversed pairs of the output.
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
