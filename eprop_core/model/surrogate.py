"""Surrogate gradients, which replace the derivative of the spike function with respect to the membrane voltage v.

Each is a function of u = abs(v - threshold) / width, scaled by height (Bellec et al. 2020, Methods). To add one: write
it here, give it a number in :data:`KINDS` and in :func:`surrogate_gradient`, name it in
``parameters.SurrogateGradient``.
"""

import math

from eprop_core.compiled.compilation import kernel

KINDS = {"piecewise_linear": 0, "exponential": 1, "fast_sigmoid_derivative": 2, "arctan": 3}


@kernel
def piecewise_linear(u, height):
    """Height * max(0, 1 - u)."""
    return height * max(0.0, 1.0 - u)


@kernel
def exponential(u, height):
    """Height * exp(-u)."""
    return height * math.exp(-u)


@kernel
def fast_sigmoid_derivative(u, height):
    """Height / (1 + u)^2."""
    return height / ((1.0 + u) * (1.0 + u))


@kernel
def arctan(u, height):
    """Height / (1 + u^2)."""
    return height / (1.0 + u * u)


@kernel
def surrogate_gradient(kind, u, height):
    """Surrogate gradient of the given kind (a value of :data:`KINDS`)."""
    if kind == 0:
        return piecewise_linear(u, height)
    if kind == 1:
        return exponential(u, height)
    if kind == 2:
        return fast_sigmoid_derivative(u, height)
    return arctan(u, height)
