"""A lower bound on the cost of time-driven e-prop: one update of the traces of all pairs in every step."""

import time

import numpy as np

from eprop_core.compiled.compilation import kernel
from eprop_core.parameters import Network


def seconds_per_step(network: Network, n_steps: int) -> float:
    """Return the time per step, s, of a compiled loop over all pairs with a recurrent target, connected or not.

    On one core, the loop updates one filtered eligibility trace and the gradient of each pair, and does nothing else.
    """
    random = np.random.default_rng(1)
    n_sources = network.n_input + network.n_recurrent
    trace = random.random(n_sources)
    surrogate_gradient, signal = random.random((2, network.n_recurrent))
    eligibility, gradient = np.zeros((2, network.n_recurrent, n_sources))
    values = (eligibility, gradient, trace, surrogate_gradient, signal, network.plasticity.kappa)
    _advance(*values, 1)  # compiles the loop and allocates the memory
    start = time.perf_counter()
    _advance(*values, n_steps)
    return (time.perf_counter() - start) / n_steps


@kernel
def _advance(eligibility, gradient, trace, surrogate_gradient, signal, kappa, n_steps):
    """Update filtered eligibility traces and gradients, float64 (n_target, n_source)."""
    for _ in range(n_steps):
        for j in range(eligibility.shape[0]):
            for i in range(eligibility.shape[1]):
                eligibility[j, i] = kappa * eligibility[j, i] + surrogate_gradient[j] * trace[i]
                gradient[j, i] += signal[j] * eligibility[j, i]
