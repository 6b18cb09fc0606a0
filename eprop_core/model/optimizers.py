"""Optimizers: functions of the gradient gathered since the last update that return the change of a weight.

To add one: write it here, give it a number in :data:`KINDS` and in :func:`change`, and put numbers of its own into
:class:`Optimizer`. Its parameters are in ``parameters.py``, its time-driven form in ``time_driven/optimizers.py``.
"""

import math
from typing import NamedTuple

import numpy as np

from eprop_core import parameters
from eprop_core.compiled.compilation import kernel

GRADIENT_DESCENT, ADAM = range(2)

KINDS: dict[type[parameters.OptimizerParameters], int] = {
    parameters.GradientDescent: GRADIENT_DESCENT,
    parameters.Adam: ADAM,
}


class Optimizer(NamedTuple):
    """Parameters of the weight update as numbers, for compiled code."""

    kind: int
    """A value of :data:`KINDS`."""
    learning_rate: float
    weight_min: float
    weight_max: float
    fixed_signs: bool
    """Whether a weight stays on its side of zero."""
    retained: float
    """Factor of a weight at each update, 1 - weight decay."""
    each_step: bool
    """Whether the gradient of each step updates the weight, instead of the sum since the last spike."""
    beta_1: float
    beta_2: float
    epsilon: float
    step_size: np.ndarray
    """float64, Adam's learning rate times the bias correction of both moments, by elapsed steps up to its limit."""


def optimizer_of(chosen: parameters.OptimizerParameters, weight_decay: float) -> Optimizer:
    """Return the parameters of an optimizer as numbers; ``weight_decay`` is the share that each update removes."""
    beta_1, beta_2, epsilon, step_size = 0.0, 0.0, 1.0, np.zeros(1)
    if isinstance(chosen, parameters.Adam):
        beta_1, beta_2, epsilon = chosen.beta_1, chosen.beta_2, chosen.epsilon
        step_size = adam_step_size(chosen.learning_rate, beta_1, beta_2)
    return Optimizer(
        KINDS[type(chosen)],
        chosen.learning_rate,
        chosen.weight_min,
        chosen.weight_max,
        chosen.fixed_signs,
        1.0 - weight_decay,
        chosen.moves_in_each_step,
        beta_1,
        beta_2,
        epsilon,
        step_size,
    )


def adam_step_size(learning_rate: float, beta_1: float, beta_2: float) -> np.ndarray:
    """Return Adam's step size in its steps 1, 2, ..., float64, until the powers of the decays vanish beside 1."""
    n = 1
    for beta in (beta_1, beta_2):
        if beta > 0.0:
            n = max(n, math.ceil(math.log(1e-17) / math.log(beta)))
    steps = np.arange(1, n + 1)
    return np.asarray(learning_rate * np.sqrt(1.0 - beta_2**steps) / (1.0 - beta_1**steps))


@kernel
def gradient_descent(gradient, optimizer):
    """Change of the weight (pA), - learning_rate * gradient."""
    return -(optimizer.learning_rate * gradient)


@kernel
def adam(values, k, column, gradient, optimizer, first_step, last_step):
    """Change of the weight (pA) over the elapsed steps ``first_step`` .. ``last_step - 1``, counted from 0.

    The first of these steps has the gradient, the others have a gradient of 0, in which the moments decay and go on
    changing the weight. The moments are ``values[k, column]`` and ``values[k, column + 1]``.
    """
    m = optimizer.beta_1 * values[k, column] + (1.0 - optimizer.beta_1) * gradient
    v = optimizer.beta_2 * values[k, column + 1] + (1.0 - optimizer.beta_2) * gradient * gradient
    limit = len(optimizer.step_size) - 1
    root, root_beta_2 = math.sqrt(v), math.sqrt(optimizer.beta_2)
    moved = optimizer.step_size[min(first_step, limit)] * m / (root + optimizer.epsilon)
    for step in range(first_step + 1, last_step):
        m *= optimizer.beta_1
        root *= root_beta_2
        moved += optimizer.step_size[min(step, limit)] * m / (root + optimizer.epsilon)
    values[k, column] = m
    values[k, column + 1] = v * optimizer.beta_2 ** (last_step - first_step - 1)
    return -moved


@kernel
def of_kind(optimizer, kind):
    """Return an optimizer whose kind is the constant ``kind``, so that the compiler leaves out all other kinds."""
    return Optimizer(
        kind=kind,
        learning_rate=optimizer.learning_rate,
        weight_min=optimizer.weight_min,
        weight_max=optimizer.weight_max,
        fixed_signs=optimizer.fixed_signs,
        retained=optimizer.retained,
        each_step=optimizer.each_step,
        beta_1=optimizer.beta_1,
        beta_2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        step_size=optimizer.step_size,
    )


@kernel
def change(values, k, column, gradient, optimizer, first_step, last_step):
    """Change of a weight (pA) by the optimizer of this kind; for the arguments see :func:`adam`."""
    if optimizer.kind == ADAM:
        return adam(values, k, column, gradient, optimizer, first_step, last_step)
    return gradient_descent(gradient, optimizer)


@kernel
def bounded(weight, before, optimizer):
    """``weight`` within the optimizer's bounds and, if signs are fixed, with the sign of ``before``.

    A weight that is stopped at zero keeps its sign as that of the zero.
    """
    weight = max(optimizer.weight_min, weight)
    weight = min(optimizer.weight_max, weight)
    if optimizer.fixed_signs and math.copysign(1.0, weight) != math.copysign(1.0, before):
        return math.copysign(0.0, before)
    return weight
