"""Weight updates: small functions of one weight and the gradient gathered since its last update."""

from eprop_core.compilation import kernel


@kernel
def gradient_descent(weight, gradient, learning_rate, weight_min, weight_max):
    """Weight after one step of gradient descent, clipped to its bounds (pA)."""
    weight -= learning_rate * gradient
    if weight < weight_min:
        return weight_min
    return weight_max if weight > weight_max else weight
