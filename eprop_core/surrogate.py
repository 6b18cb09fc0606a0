"""Surrogate gradients: what stands for the derivative of the spike at the membrane voltage v.

Each is a function of u = abs(v - V_th) / width, scaled by height (Bellec et al. 2020, Methods). To add one: write it
here, register it in :data:`KINDS` and in :func:`surrogate_gradient`, name it in ``parameters.SurrogateGradient``.
"""

import math

from eprop_core.compilation import kernel

KINDS = {"piecewise_linear": 0, "exponential": 1}


@kernel
def piecewise_linear(u, height):
    """Height * max(0, 1 - u)."""
    return height * max(0.0, 1.0 - u)


@kernel
def exponential(u, height):
    """Height * exp(-u)."""
    return height * math.exp(-u)


@kernel
def surrogate_gradient(kind, u, height):
    """Surrogate gradient of the given kind (a value of :data:`KINDS`)."""
    if kind == 0:
        return piecewise_linear(u, height)
    return exponential(u, height)
