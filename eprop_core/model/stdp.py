"""Spike-timing-dependent plasticity: pairs of all spikes of a source and of a target, as in NEST's ``stdp_synapse``.

The whole delay d of a synapse is on the side of its target. A spike that the source emits in step t is at the synapse
in step t, and arrives in step t + d; one that the target emits in step u is at the synapse in step u + d. In the order
of time, with x the size of the weight relative to the largest one,

    at a spike of the target    x <- min(1, x + learning_rate (1 - x)^mu_plus K_plus),
    at a spike of the source    x <- max(0, x - alpha learning_rate x^mu_minus K_minus).

K_plus is the sum over earlier spikes of the source of exp(-(time since then) / tau_plus), and K_minus the same for
spikes of the target with tau_minus. If both spikes are at the synapse in one step, that of the target comes first, and
neither adds to the trace that the other one meets.

All synapses of a source share K_plus, and all those onto a neuron K_minus; each is kept once. A synapse is visited when
a spike of its source arrives. It then makes up for the spikes of its target since the spike before, of which the
neuron keeps a list. So that this list stays short, a source that has been silent for a block of steps, :data:`LASTING`
time constants, becomes inactive at the end of a block: its synapses make up for all spikes until then, beside the
weight, which stays that of the latest arrival; what later spikes would add is far below the rounding of a weight.
"""

import math
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel, loop_kernel
from eprop_core.compiled.prefetch import prefetch, prefetch_source, synapses_ahead
from eprop_core.model.sources import NO_SPIKE_YET, synapses_of
from eprop_core.model.spikes import spikes_of, zeros_in_small_pages
from eprop_core.model.synapse_records import targets_in, values_in
from eprop_core.model.synapses import ACTIVE, INACTIVE, WEIGHT

LASTING = 50.0
"""Time constants after which a trace adds nothing to a weight: exp(-50) is 2e-22, and a weight is rounded to 1e-16."""


class SpikeTimingRule(NamedTuple):
    """Parameters of the rule as numbers, for compiled code."""

    learning_rate: float
    alpha: float
    mu_plus: float
    mu_minus: float
    weight_max: float
    """pA, largest size of a weight."""
    decay_plus: np.ndarray
    """float64, exp(-n dt / tau_plus) by the number of steps n, as long as it counts."""
    decay_minus: np.ndarray
    """The same for tau_minus."""
    block: int
    """Steps of a block."""


class SpikeTiming(NamedTuple):
    """Spike-timing-dependent plasticity of one projection on one rank, which has ``n`` neurons."""

    applies: bool
    """False for a projection without it, in a network where others have it."""
    rule: SpikeTimingRule
    k_minus: np.ndarray
    """float64 (n,), K_minus that the spikes which arrive in this step meet."""
    k_minus_at_spike: np.ndarray
    """float64 (n,), K_minus after the latest spike."""
    latest: np.ndarray
    """int32 (n,), step of the neuron's latest spike that has been at its synapses, or NO_SPIKE_YET."""
    second: np.ndarray
    """int32 (n,), the one before; with it, most synapses need no list."""
    spikes: np.ndarray
    """int32 (n, capacity), steps of the spikes that a synapse may have to make up for, ascending."""
    n_spikes: np.ndarray
    """int32 (n,), how many there are."""

    @classmethod
    def at_rest(cls, rule: SpikeTimingRule, n: int, capacity: int) -> "SpikeTiming":
        """Create the state of ``n`` neurons that have never spiked; see :func:`longest_list` for the ``capacity``."""
        return cls._of(True, rule, n, capacity)

    @classmethod
    def none(cls) -> "SpikeTiming":
        """Create the state of a projection without this plasticity."""
        return cls._of(False, SpikeTimingRule(0.0, 0.0, 0.0, 0.0, 1.0, np.zeros(1), np.zeros(1), 1), 0, 0)

    @classmethod
    def _of(cls, applies: bool, rule: SpikeTimingRule, n: int, capacity: int) -> "SpikeTiming":
        return cls(
            applies=applies,
            rule=rule,
            k_minus=np.zeros(n),
            k_minus_at_spike=np.zeros(n),
            latest=np.full(n, NO_SPIKE_YET, np.int32),
            second=np.full(n, NO_SPIKE_YET, np.int32),
            spikes=zeros_in_small_pages((n, capacity), np.int32, "the spikes that synapses may have to make up for"),
            n_spikes=np.zeros(n, np.int32),
        )


def block_of(tau_plus: float, dt: float) -> int:
    """Return the steps of a block; both arguments are in ms."""
    return math.ceil(LASTING * tau_plus / dt)


def longest_list(block: int, delay: int, shortest_interval: int) -> int:
    """Return how many spikes of a neuron are kept at the most; all arguments are in steps."""
    return (2 * block + delay) // max(1, shortest_interval) + 2


def rule_of(
    *,
    tau_plus: float,
    tau_minus: float,
    learning_rate: float,
    alpha: float,
    mu_plus: float,
    mu_minus: float,
    weight_max: float,
    dt: float,
    delay: int,
) -> SpikeTimingRule:
    """Return the parameters as numbers; time constants and ``dt`` are in ms, ``delay`` is in steps."""
    block = block_of(tau_plus, dt)
    n_minus = math.ceil(2 * LASTING * tau_minus / dt)
    # The same operations as NEST's, so that weights have the same bits where times are whole ms.
    decay_plus = [math.exp(-(n * dt) / tau_plus) for n in range(2 * block + 2 * delay + 1)]
    decay_minus = [math.exp(-(n * dt) * (1.0 / tau_minus)) for n in range(n_minus)]
    return SpikeTimingRule(
        learning_rate, alpha, mu_plus, mu_minus, weight_max, np.array(decay_plus), np.array(decay_minus), block
    )


@kernel
def applies(spike_timing):
    """Whether a projection has this plasticity."""
    if spike_timing is None:
        return False
    return spike_timing.applies


@kernel
def _remaining(decay, n_steps):
    """Share of a trace that remains after some steps."""
    return decay[n_steps] if n_steps < len(decay) else 0.0


@kernel
def _power(base, exponent):
    """Power; in a loop for one exponent, which is a constant there, 0 and 1 need no call."""
    if exponent == 1.0:
        return base
    if exponent == 0.0:
        return 1.0
    return base**exponent


@kernel
def _facilitated(size, k_plus, rule, mu_plus):
    """Size of a weight after a spike of the target."""
    relative = size / rule.weight_max
    relative += rule.learning_rate * _power(1.0 - relative, mu_plus) * k_plus
    return relative * rule.weight_max if relative < 1.0 else rule.weight_max


@kernel
def _depressed(size, k_minus, rule, mu_minus):
    """Size of a weight after a spike of the source."""
    relative = size / rule.weight_max
    relative -= rule.alpha * rule.learning_rate * _power(relative, mu_minus) * k_minus
    return relative * rule.weight_max if relative > 0.0 else 0.0


@kernel
def _made_up_for(spike_timing, j, size, k_plus, since, mu_plus):
    """Size of a weight after all spikes that neuron ``j`` emitted after step ``since``.

    These are at the synapse after the source's latest spike, which was emitted one delay after ``since``; ``k_plus`` is
    K_plus after that spike.
    """
    rule, latest = spike_timing.rule, spike_timing.latest[j]
    if latest <= since:
        return size
    if spike_timing.second[j] <= since:
        return _facilitated(size, k_plus * rule.decay_plus[latest - since], rule, mu_plus)
    last = np.uint64(spike_timing.n_spikes[j])
    first = last
    while first > np.uint64(0) and spike_timing.spikes[j, first - np.uint64(1)] > since:
        first -= np.uint64(1)
    for n in range(first, last):
        size = _facilitated(size, k_plus * rule.decay_plus[spike_timing.spikes[j, n] - since], rule, mu_plus)
    return size


@kernel
def begin_step(spike_timing, projection, own_spikes, step):
    """Let the spikes that the rank's neurons emitted two delays before ``step`` be at the synapses."""
    if spike_timing is None:
        return
    if spike_timing.applies:
        _begin_step(spike_timing, projection, own_spikes, step)


@kernel
def _begin_step(spike_timing, projection, own_spikes, step):
    rule, latest, k_minus = spike_timing.rule, spike_timing.latest, spike_timing.k_minus
    emission = step - 2 * projection.delay
    if emission < 0:
        return
    for j in range(len(k_minus)):
        # Spikes of this step do not count yet.
        k_minus[j] = spike_timing.k_minus_at_spike[j] * _remaining(rule.decay_minus, emission - latest[j])
    for j in spikes_of(own_spikes, emission):
        spike_timing.k_minus_at_spike[j] = k_minus[j] + 1.0
        spike_timing.second[j] = latest[j]
        latest[j] = emission
        spike_timing.spikes[j, spike_timing.n_spikes[j]] = emission
        spike_timing.n_spikes[j] += 1
    if step % rule.block == 0:
        _end_block(spike_timing, projection, step)


@kernel
def _end_block(spike_timing, projection, step):
    """Let the sources become inactive that were silent for a block, and forget the spikes that no other one needs."""
    rule = spike_timing.rule
    oldest = step - projection.delay - rule.block
    records, column = projection.sources.records, projection.synapses.columns.facilitated
    target, values = targets_in(projection.synapses.records), values_in(projection.synapses.records)
    for i in range(len(records)):
        source = records[i]
        if source["state"] == ACTIVE and source["last_emission"] < oldest:
            source["state"] = INACTIVE
            since, k_plus = source["last_emission"] - projection.delay, source["trace"]
            first, last = synapses_of(source)
            for k in range(np.uint64(first), np.uint64(last)):
                weight = values[k, WEIGHT]
                size = _made_up_for(spike_timing, np.uint64(target[k]), abs(weight), k_plus, since, rule.mu_plus)
                values[k, column] = math.copysign(size, weight)
    for j in range(len(spike_timing.n_spikes)):
        spikes, n = spike_timing.spikes[j], spike_timing.n_spikes[j]
        forgotten = 0
        while forgotten < n and spikes[forgotten] <= oldest - projection.delay:
            forgotten += 1
        for kept in range(forgotten, n):
            spikes[kept - forgotten] = spikes[kept]
        spike_timing.n_spikes[j] = n - forgotten


@kernel
def process_arriving(spike_timing, projection, arriving, n, emission, current):
    """Update and deliver the weights of the n-th source in ``arriving``, whose spike was emitted in step ``emission``.

    The weights are added to ``current``, float64 (n,), pA. Returns the number of synaptic events.
    """
    if spike_timing is None:
        return 0
    records = projection.sources.records
    prefetch_source(records, projection.synapses, arriving, n)
    source = records[arriving[n]]
    first, last = synapses_of(source)
    has_spiked = source["last_emission"] != NO_SPIKE_YET
    makes_up = source["state"] == ACTIVE
    column = projection.synapses.columns.facilitated if has_spiked and not makes_up else WEIGHT
    since, k_plus = source["last_emission"] - projection.delay, source["trace"]
    spike = spike_timing, projection.synapses.records, first, last, column, makes_up, since, k_plus, current
    mu_plus, mu_minus = spike_timing.rule.mu_plus, spike_timing.rule.mu_minus
    # Usual exponents have loops of their own, without calls.
    if mu_plus == 1.0 and mu_minus == 1.0:
        _process(*spike, 1.0, 1.0)
    elif mu_plus == 0.0 and mu_minus == 0.0:
        _process(*spike, 0.0, 0.0)
    elif mu_plus == 0.0 and mu_minus == 1.0:
        _process(*spike, 0.0, 1.0)
    else:
        _process(*spike, mu_plus, mu_minus)
    if has_spiked:
        k_plus *= _remaining(spike_timing.rule.decay_plus, emission - source["last_emission"])
    source["trace"] = k_plus + 1.0
    source["last_emission"] = emission
    source["state"] = ACTIVE
    return last - first


@loop_kernel
def _process(spike_timing, records, first, last, column, makes_up, since, k_plus, current, mu_plus, mu_minus):
    target, values, rule = targets_in(records), values_in(records), spike_timing.rule
    ahead = synapses_ahead(np.uint64(first), np.uint64(last))
    for k in range(np.uint64(first), np.uint64(last)):
        prefetch(values, k + ahead)
        j, weight = np.uint64(target[k]), values[k, column]
        size = abs(weight)
        if makes_up:
            size = _made_up_for(spike_timing, j, size, k_plus, since, mu_plus)
        weight = math.copysign(_depressed(size, spike_timing.k_minus[j], rule, mu_minus), weight)
        values[k, WEIGHT] = weight
        current[j] += weight
