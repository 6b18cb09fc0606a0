"""Weight updates: small functions of one weight and the gradient gathered since its last update."""

from numba import njit


@njit(cache=True)
def gradient_descent(weight, gradient, learning_rate, weight_min, weight_max):
    """Weight after one step of gradient descent, clipped to its bounds (pA)."""
    return min(max(weight - learning_rate * gradient, weight_min), weight_max)
