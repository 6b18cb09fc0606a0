"""Optimizers: functions of the gradient gathered since the last update that return the change of a weight.

To add one: write it here, give it a number in :data:`KINDS` and in :func:`change`, and put numbers of its own into
:class:`Optimizer`. Its parameters are in ``parameters.py``, its time-driven form in ``time_driven/optimizers.py``.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eprop_core import parameters
from eprop_core.compiled.compilation import kernel

N_TERMS = 4
"""Terms of the series in powers of epsilon, from the 0th on, that gives Adam's changes in elapsed steps at once."""

ROUNDING = 2.0**-53
"""Largest relative error of a rounded number."""

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
    """float64 (n_optimizers, n_steps), Adam's learning rate times the bias correction of both moments, by elapsed
    steps up to its limit."""
    row: int
    """The row of ``step_size`` that is this optimizer's."""
    smallest_root: float
    """Smallest square root of Adam's second moment for which four terms in epsilon give all digits of a change."""
    n_counting: int
    """Steps after which the terms of such a change are below its rounding."""


_OWN = np.dtype(
    [
        ("learning_rate", "f8"),
        ("weight_min", "f8"),
        ("weight_max", "f8"),
        ("epsilon", "f8"),
        ("smallest_root", "f8"),
        ("n_counting", "i8"),
        ("fixed_signs", "i8"),
    ]
)
"""Values in which optimizers of one algorithm may differ."""


class Optimizers(NamedTuple):
    """Optimizers of one algorithm with the same decays, for the parts of a projection."""

    first: Optimizer
    """The first one; the others differ from it in their ``own`` values alone."""
    own: np.ndarray
    """_OWN (n,)"""


class Elapsed(NamedTuple):
    """The steps ``first`` .. ``last - 1``, counted from 0, that an optimizer processes now.

    The other values are Adam's; they are the same for all synapses of a source, and 0 for other optimizers or no steps.
    """

    first: int
    last: int
    remaining_1: float
    """Decay of the first moment in the steps after the first one, beta_1^(last - first - 1)."""
    remaining_2: float
    """The same for the second moment."""
    sum_0: float
    """Sum of the step sizes, each times the decay of the first moment and the growth of 1 / sqrt(second moment) until
    then."""
    sum_1: float
    """The same with the square of this growth; those that follow with its third and fourth power."""
    sum_2: float
    sum_3: float


def optimizer_of(chosen: parameters.OptimizerParameters, weight_decay: float) -> Optimizer:
    """Return the parameters of an optimizer as numbers; ``weight_decay`` is the share that each update removes."""
    beta_1, beta_2, epsilon, step_size = 0.0, 0.0, 1.0, np.zeros((1, 1))
    smallest_root, n_counting = math.inf, 0
    if isinstance(chosen, parameters.Adam):
        beta_1, beta_2, epsilon = chosen.beta_1, chosen.beta_2, chosen.epsilon
        step_size = adam_step_size(chosen.learning_rate, beta_1, beta_2)[np.newaxis]
        smallest_root, n_counting = _limits_of_series(chosen)
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
        0,
        smallest_root,
        n_counting,
    )


def optimizers_of(chosen: Sequence[parameters.OptimizerParameters], weight_decay: float) -> Optimizers:
    """Return optimizers of one algorithm with the same decays as numbers, see :func:`optimizer_of`."""
    each = [optimizer_of(one, weight_decay) for one in chosen]
    own = np.array([tuple(getattr(one, name) for name in _OWN.names or ()) for one in each], _OWN)
    return Optimizers(each[0]._replace(step_size=np.concatenate([one.step_size for one in each])), own)


def adam_step_size(learning_rate: float, beta_1: float, beta_2: float) -> np.ndarray:
    """Return Adam's step size in its steps 1, 2, ..., float64, until the powers of the decays vanish beside 1."""
    log_1, log_2 = (math.log(beta) if beta > 0.0 else -math.inf for beta in (beta_1, beta_2))
    steps = np.arange(1.0, max(1, *(math.ceil(math.log(1e-17) / log) for log in (log_1, log_2))) + 1.0)
    # 1 - beta^n, which would lose digits for a beta close to 1, and others on each machine.
    remaining_1, remaining_2 = -np.expm1(steps * log_1), -np.expm1(steps * log_2)
    return np.asarray(learning_rate * np.sqrt(remaining_2) / remaining_1)


@kernel
def optimizer_at(optimizers, n):
    """Return the n-th of several optimizers."""
    first, own = optimizers.first, optimizers.own[n]
    return Optimizer(
        kind=first.kind,
        learning_rate=own["learning_rate"],
        weight_min=own["weight_min"],
        weight_max=own["weight_max"],
        fixed_signs=own["fixed_signs"] != 0,
        retained=first.retained,
        each_step=first.each_step,
        beta_1=first.beta_1,
        beta_2=first.beta_2,
        epsilon=own["epsilon"],
        step_size=first.step_size,
        row=n,
        smallest_root=own["smallest_root"],
        n_counting=own["n_counting"],
    )


@kernel
def gradient_descent(gradient, optimizer):
    """Change of the weight (pA), - learning_rate * gradient."""
    return -(optimizer.learning_rate * gradient)


def _limits_of_series(chosen: parameters.Adam) -> tuple[float, int]:
    """Return :attr:`Optimizer.smallest_root` and ``n_counting``; infinity and 0 if moments do not decay as it needs.

    ``docs/explanation/algorithm.md`` (Adam) derives both from the remainders of the series and of its sums, relative
    to its first term. Relative to the step size of that term, those of later terms are up to ``growth`` times larger.
    """
    if chosen.beta_1 == 0.0 or chosen.beta_2 == 0.0 or chosen.beta_1 >= chosen.beta_2 ** (0.5 * (N_TERMS + 1)):
        return math.inf, 0
    relative_step_size = adam_step_size(1.0, chosen.beta_1, chosen.beta_2)
    growth = float(relative_step_size.max() / relative_step_size.min())
    ratio = chosen.beta_1 / chosen.beta_2 ** (0.5 * (N_TERMS + 1))
    negligible = ROUNDING * (1.0 - ratio) / growth
    return chosen.epsilon / negligible ** (1.0 / N_TERMS), math.ceil(math.log(negligible) / math.log(ratio))


@kernel
def one_step(optimizer, step):
    """Return one elapsed step."""
    step_size = optimizer.step_size[optimizer.row, min(step, optimizer.step_size.shape[1] - 1)]
    return Elapsed(step, step + 1, 1.0, 1.0, step_size, 0.0, 0.0, 0.0)


@kernel
def elapsed_steps(optimizer, first, last):
    """Return the steps ``first`` .. ``last - 1``."""
    if optimizer.kind != ADAM or last <= first:
        return Elapsed(first, last, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if last == first + 1:
        return one_step(optimizer, first)
    limit = optimizer.step_size.shape[1] - 1
    growth = 1.0 / math.sqrt(optimizer.beta_2) if optimizer.n_counting > 0 else 0.0  # beta_2 may be 0
    power_1, power = 1.0, 1.0
    sum_0, sum_1, sum_2, sum_3 = 0.0, 0.0, 0.0, 0.0
    for step in range(first, min(last, first + optimizer.n_counting)):
        term = optimizer.step_size[optimizer.row, min(step, limit)] * power_1 * power
        sum_0 += term
        term *= power
        sum_1 += term
        term *= power
        sum_2 += term
        sum_3 += term * power
        power_1 *= optimizer.beta_1
        power *= growth
    remaining_1, remaining_2 = optimizer.beta_1 ** (last - first - 1), optimizer.beta_2 ** (last - first - 1)
    return Elapsed(first, last, remaining_1, remaining_2, sum_0, sum_1, sum_2, sum_3)


@kernel
def adam(values, k, column, gradient, optimizer, elapsed):
    """Change of the weight (pA) over the ``elapsed`` steps.

    The first of these steps has the gradient, the others have a gradient of 0, in which the moments decay and go on
    changing the weight. The moments are ``values[k, column]`` and ``values[k, column + 1]``.
    """
    m = optimizer.beta_1 * values[k, column] + (1.0 - optimizer.beta_1) * gradient
    v = optimizer.beta_2 * values[k, column + 1] + (1.0 - optimizer.beta_2) * gradient * gradient
    values[k, column] = m * elapsed.remaining_1
    values[k, column + 1] = v * elapsed.remaining_2
    root = math.sqrt(v)
    if elapsed.last == elapsed.first + 1:
        return -(elapsed.sum_0 * m / (root + optimizer.epsilon))
    if root >= optimizer.smallest_root:
        inverse = 1.0 / root
        x = optimizer.epsilon * inverse
        return -m * inverse * (elapsed.sum_0 - x * (elapsed.sum_1 - x * (elapsed.sum_2 - x * elapsed.sum_3)))
    if m == 0.0:
        return 0.0
    return _adam_step_by_step(m, root, optimizer, elapsed)


@kernel
def _adam_step_by_step(m, root, optimizer, elapsed):
    """Change of the weight (pA), given the first moment and the ``root`` of the second one in the first step.

    The terms become smaller from some step on; the sum ends when one of them is lost in rounding.
    """
    limit = optimizer.step_size.shape[1] - 1
    decay = math.sqrt(optimizer.beta_2)
    moved = 0.0
    for step in range(elapsed.first, elapsed.last):
        before = moved
        moved += optimizer.step_size[optimizer.row, min(step, limit)] * m / (root + optimizer.epsilon)
        if moved == before:
            break
        m *= optimizer.beta_1
        root *= decay
    return -moved


@kernel
def of_kind(optimizer, kind):
    """Return an optimizer whose kind is the constant ``kind``, so that the compiler leaves out all other kinds."""
    return Optimizer(kind, *optimizer[1:])


@kernel
def change(values, k, column, gradient, optimizer, elapsed):
    """Change of a weight (pA) by the optimizer of this kind; for the arguments see :func:`adam`."""
    if optimizer.kind == ADAM:
        return adam(values, k, column, gradient, optimizer, elapsed)
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
