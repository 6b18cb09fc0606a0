"""Spike-timing-dependent plasticity of one synapse from all spikes of its source and target: sums over all pairs."""

import math
from collections.abc import Sequence

from eprop_core.parameters import SpikeTimingParameters


def weights_found(
    rule: SpikeTimingParameters,
    weight: float,
    source_spikes: Sequence[int],
    target_spikes: Sequence[int],
    *,
    delay: int,
    dt: float,
) -> list[float]:
    """Return the weight that each spike of the source finds.

    Parameters
    ----------
    rule
        The plasticity.
    weight
        pA, before the first spike.
    source_spikes, target_spikes
        Steps in which they were emitted, ascending.
    delay
        Of the synapse, in steps; spikes of the target are at the synapse that much later.
    dt
        ms
    """
    sign = math.copysign(1.0, weight)
    x = abs(weight) / rule.weight_max
    at_synapse = [step + delay for step in target_spikes]
    found = []
    for n, step in enumerate(source_spikes):
        before = source_spikes[n - 1] if n > 0 else -1
        for arrival in at_synapse:
            if before < arrival <= step:
                k_plus = _trace(source_spikes, arrival, rule.tau_plus / dt)
                x = min(1.0, x + rule.learning_rate * (1.0 - x) ** rule.mu_plus * k_plus)
        k_minus = _trace(at_synapse, step, rule.tau_minus / dt)
        x = max(0.0, x - rule.alpha * rule.learning_rate * x**rule.mu_minus * k_minus)
        found.append(sign * x * rule.weight_max)
    return found


def _trace(spikes: Sequence[int], step: int, tau: float) -> float:
    """Sum of exp(-age / tau) over the spikes before ``step``; ``tau`` is in steps."""
    return math.fsum(math.exp((spike - step) / tau) for spike in spikes if spike < step)
