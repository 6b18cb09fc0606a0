"""Optimizers: how much gradients change weights.

An optimizer serves the synapses of one projection, whose weights form a matrix (n_target, n_source). It counts steps
of the simulation, for each source on its own: sources are visited when they spike, and then catch up.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from eprop_core.parameters import Adam, GradientDescent, OptimizerParameters


class Optimizer(Protocol):
    """The optimizer of one projection."""

    def changes(self, gradient: np.ndarray, sources: np.ndarray, n_steps: int) -> np.ndarray:
        """Changes of the weights of ``sources``, (n_target, n), whose first ``n_steps`` steps have elapsed.

        ``gradient`` (n_target, n) is what they have gathered since they were last asked for, ``sources`` bool
        (n_source,).
        """
        ...


class DescendingGradients:
    """Gradient descent."""

    def __init__(self, parameters: GradientDescent, shape: tuple[int, int]) -> None:
        self._learning_rate = parameters.learning_rate

    def changes(self, gradient: np.ndarray, sources: np.ndarray, n_steps: int) -> np.ndarray:
        """See :class:`Optimizer`."""
        return -self._learning_rate * gradient


class AdaptingMoments:
    """Adam, with the moments' decay at each step that has elapsed.

    As in NEST, the gradient belongs to the first of the steps that a source has missed; in the others it is zero. The
    moments' bias is corrected by the number of steps since the start of the simulation.
    """

    def __init__(self, parameters: Adam, shape: tuple[int, int]) -> None:
        self._parameters = parameters
        self._first = np.zeros(shape)
        self._second = np.zeros(shape)
        self._n_steps = np.zeros(shape[1], np.int64)

    def changes(self, gradient: np.ndarray, sources: np.ndarray, n_steps: int) -> np.ndarray:
        """See :class:`Optimizer`."""
        adam = self._parameters
        first, second, begin = self._first[:, sources], self._second[:, sources], self._n_steps[sources]
        changes = np.zeros(gradient.shape)
        for step in range(begin.min(initial=n_steps), n_steps):
            elapses = begin <= step
            present = np.where(begin == step, gradient, 0.0)[:, elapses]
            first[:, elapses] = adam.beta_1 * first[:, elapses] + (1.0 - adam.beta_1) * present
            second[:, elapses] = adam.beta_2 * second[:, elapses] + (1.0 - adam.beta_2) * present**2
            unbiased_rate = (
                adam.learning_rate * np.sqrt(1.0 - adam.beta_2 ** (step + 1)) / (1.0 - adam.beta_1 ** (step + 1))
            )
            changes[:, elapses] -= unbiased_rate * first[:, elapses] / (np.sqrt(second[:, elapses]) + adam.epsilon)
        self._first[:, sources], self._second[:, sources] = first, second
        self._n_steps[sources] = np.maximum(begin, n_steps)
        return changes


OPTIMIZERS: dict[type[OptimizerParameters], Callable[[Any, tuple[int, int]], Optimizer]] = {
    GradientDescent: DescendingGradients,
    Adam: AdaptingMoments,
}
"""By class of its parameters, what makes an optimizer from its parameters and the shape of the weights."""


def within_bounds(weight: np.ndarray, changed: np.ndarray, parameters: OptimizerParameters) -> np.ndarray:
    """``changed`` within the bounds of ``parameters``, and where signs are fixed on the side of zero of ``weight``.

    A weight of zero has a side, too: that of its sign bit.
    """
    bounded: np.ndarray = np.clip(changed, parameters.weight_min, parameters.weight_max)
    if parameters.fixed_signs:
        bounded = np.where(np.signbit(bounded) == np.signbit(weight), bounded, np.copysign(0.0, weight))
    return bounded
