"""The range of the weights onto the readouts, and the fixed point in which their sums are exact."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from eprop_core.model.synapses import WEIGHT, Synapses
from eprop_core.network.connections import Connections
from eprop_core.network.degrees import mean_in_degree
from eprop_core.network.initial_weights import weight_scale
from eprop_core.network.projections import Role, projection_with
from eprop_core.parameters import Network, PairwiseBernoulli

_USUAL_EXPONENT, _LARGEST_EXPONENT = 50, 1000
"""Exponents of two: the usual number of units in a pA, and the largest that a double can multiply by a weight."""
_ENOUGH_UNITS = 2.0**40
"""Units in the largest initial weight, which is then rounded by 1e-12 of itself at most."""


def _fixed_point(in_degree: float, initial: float, largest: float) -> float:
    """Units in a pA, a power of two, with which no sum of ``in_degree`` weights of up to ``largest`` pA overflows.

    The sum is an int64. There are more units than usual only if the largest ``initial`` weight would have too few.
    """
    room = math.floor(62.0 - math.log2(max(1.0, in_degree) * largest)) if largest > 0.0 else _USUAL_EXPONENT
    usual = 2.0 ** min(room, _USUAL_EXPONENT)
    return usual if initial == 0.0 or initial * usual >= _ENOUGH_UNITS else 2.0 ** min(room, _LARGEST_EXPONENT)


class ReadoutRange(NamedTuple):
    """Range of the weights onto the readouts. It depends on the whole network, so it is the same on all ranks.

    The readouts' input is added in fixed point, with units that are chosen here, once. They allow for weights up to the
    largest weight; each run checks that no weight has exceeded it. This is less than the optimizer's bound if that is
    far away, since larger weights would need coarser units.
    """

    fixed_point: float
    """Units in a pA, a power of two."""
    largest_weight: float
    """Size (pA) that no weight may exceed: the optimizer's bound or, if that is larger, a thousand times the largest
    initial weight, but at least 100 pA if that leaves enough bits to the initial weights."""

    @classmethod
    def of(cls, network: Network, connections: Mapping[str, Connections]) -> "ReadoutRange":
        """Return the range of a network whose ``connections`` are given, by projection, and whose others are drawn."""
        in_degree, initial = _in_degree_of_readouts(network, connections), _largest_initial_weight(network, connections)
        return cls.of_weights(network, in_degree, initial)

    @classmethod
    def of_weights(cls, network: Network, in_degree: float, initial: float) -> "ReadoutRange":
        """Return the range for an ``in_degree`` of the readouts and a size, pA, that no ``initial`` weight exceeds."""
        if not network.output.plastic:
            return cls(_fixed_point(in_degree, initial, initial), initial)
        optimizer = network.optimizer(projection_with(network, Role.OUTPUT).name)
        bound = max(abs(optimizer.weight_min), abs(optimizer.weight_max))
        largest = max(initial, min(bound, max(100.0, 1000.0 * initial)))
        fixed_point = _fixed_point(in_degree, initial, largest)
        if 0.0 < initial * fixed_point < _ENOUGH_UNITS:
            largest = max(initial, min(bound, 1000.0 * initial))
            fixed_point = _fixed_point(in_degree, initial, largest)
        return cls(fixed_point, largest)


def largest_weight(synapses: Synapses) -> float:
    """Return the size (pA) of the largest weight; 0 without synapses."""
    smallest, largest = synapses.extent(WEIGHT)
    return max(0.0, largest, -smallest)


def _in_degree_of_readouts(network: Network, connections: Mapping[str, Connections]) -> float:
    output = projection_with(network, Role.OUTPUT)
    if output.name in connections:
        target = np.asarray(connections[output.name].target, np.int64)
        return float(np.bincount(target).max()) if target.size else 1.0
    if isinstance(output.connectivity, PairwiseBernoulli):
        return float(output.n_sources)
    return mean_in_degree(output.connectivity, output.n_sources)


def _largest_initial_weight(network: Network, connections: Mapping[str, Connections]) -> float:
    """Size (pA) that no initial weight onto a readout exceeds."""
    output = projection_with(network, Role.OUTPUT)
    if output.name in connections:
        return float(np.abs(connections[output.name].weight).max(initial=0.0))
    # A normal number from 53 random bits stays below 9 standard deviations.
    scale = weight_scale(output.parameters.weights, output.connectivity, output.n_sources, output.n_targets)
    return 9.0 * abs(scale) * max(1.0, network.output.weights.inhibitory_factor)
