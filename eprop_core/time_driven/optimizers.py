"""Optimizers, which convert gradients into weight changes.

An optimizer belongs to one projection, whose weights form a matrix (n_target, n_source). The weights of a source are
updated when it spikes; the optimizer then makes up for the steps since the previous spike.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from eprop_core.parameters import Adam, GradientDescent, OptimizerParameters


class Optimizer(Protocol):
    """The optimizer of one projection."""

    def changes(self, gradient: np.ndarray, sources: np.ndarray, n_steps: int) -> np.ndarray:
        """Return the changes of the weights of ``sources``, pA, float64 (n_target, n).

        Parameters
        ----------
        gradient
            float64 (n_target, n), accumulated since the previous call for these sources.
        sources
            bool (n_source,), the n sources to update.
        n_steps
            Number of steps that have elapsed since the start of the simulation.
        """
        ...


class DescendingGradients:
    """Gradient descent."""

    def __init__(self, parameters: GradientDescent, shape: tuple[int, int]) -> None:
        self._learning_rate = parameters.learning_rate

    def changes(self, gradient: np.ndarray, sources: np.ndarray, n_steps: int) -> np.ndarray:
        """Return the changes of the weights; see :class:`Optimizer`."""
        return -self._learning_rate * gradient


class AdaptingMoments:
    """Adam; the moments decay in each elapsed step.

    As in NEST, the accumulated gradient is assigned to the first step since the previous update; in the other steps it
    is zero. The bias of the moments is corrected by the number of steps since the start of the simulation.
    """

    def __init__(self, parameters: Adam, shape: tuple[int, int]) -> None:
        self._parameters = parameters
        self._first = np.zeros(shape)
        self._second = np.zeros(shape)
        self._n_steps = np.zeros(shape[1], np.int64)

    def changes(self, gradient: np.ndarray, sources: np.ndarray, n_steps: int) -> np.ndarray:
        """Return the changes of the weights; see :class:`Optimizer`."""
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
    """Return the weights ``changed``, clipped to the bounds of ``parameters``.

    With fixed signs they are also clipped at zero if their sign differs from that of ``weight``; the sign bit gives the
    sign of a weight that is zero.
    """
    bounded: np.ndarray = np.clip(changed, parameters.weight_min, parameters.weight_max)
    if parameters.fixed_signs:
        bounded = np.where(np.signbit(bounded) == np.signbit(weight), bounded, np.copysign(0.0, weight))
    return bounded
