"""Rewiring while learning: a synapse whose weight has come down to zero goes, and a new one grows at a free place.

Deep R (Bellec, Kappel, Maass and Legenstein 2018, arXiv:1711.05136, algorithm 1; with e-prop: Bellec et al. 2020,
doi:10.1038/s41467-020-17236-y), in which the sign of a weight is fixed and its size theta changes by

    theta <- theta - eta dE/dtheta - eta l1 + sqrt(2 eta temperature) nu,    nu normal, at each step.

A step is a sample here. Its gradient is that of e-prop, which moves weights all the time and stops them at zero;
shrinkage and random walk of the steps since the last rewiring are made up for at once, and the rewiring follows.
"""

from collections.abc import Mapping

import numpy as np

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import generator
from eprop_core.network.connections import Connections, Range
from eprop_core.network.projections import projections
from eprop_core.network.signs import signs_of
from eprop_core.simulation import Simulation
from eprop_core.training.parameters import Rewiring


def rewire(simulation: Simulation, rewiring: Rewiring, rates: Mapping[str, float], number: int) -> dict[str, int]:
    """Rewire a network. Collective; each rank holds all connections of a projection meanwhile.

    Parameters
    ----------
    simulation
        The network.
    rewiring
        What is rewired, and how.
    rates
        Learning rates eta, summed over the samples since the last rewiring, by projection.
    number
        Number of the rewiring, which makes its draws different from others.

    Returns
    -------
    dict
        Number of replaced synapses by projection.
    """
    network = simulation.network
    connections: dict[str, Connections] = {}
    n_replaced: dict[str, int] = {}
    by_name = {projection.name: projection for projection in projections(network)}
    for name in dict.fromkeys(rewiring.projections):
        projection, optimizer = by_name[name], network.optimizer(name)
        purpose = Purpose.of_projection(name, "rewiring")
        random = generator(seed=simulation.seed, purpose=purpose, identifier=number)
        source, target, weight = simulation.weights(name)
        size = np.abs(weight) - rates[name] * rewiring.l1
        size += np.sqrt(2.0 * rates[name] * rewiring.temperature) * random.standard_normal(len(weight))
        weight = np.clip(np.copysign(size, weight), optimizer.weight_min, optimizer.weight_max)
        stays = (size > 0.0) & (weight != 0.0)
        excitatory = network.excitatory_sources(name)
        connections[name] = replace(
            Connections(source, target, weight),
            stays,
            n_sources=projection.source.size,
            n_targets=projection.target.size,
            autapses=projection.autapses,
            random=random,
            signs=None if excitatory is None else signs_of(excitatory, Range.whole(projection.source.size)),
        )
        n_replaced[name] = int(np.count_nonzero(~stays))
    simulation.reconnect(connections)
    return n_replaced


def replace(
    connections: Connections,
    stays: np.ndarray,
    *,
    n_sources: int,
    n_targets: int,
    autapses: bool,
    random: np.random.Generator,
    signs: np.ndarray | None = None,
) -> Connections:
    """Return connections of which those that do not stay are replaced by as many of weight zero.

    The new ones have the signs of their sources, float64 (n_sources,), or random signs.

    Each of them has a place of its own, drawn from all that are free, also by what does not stay.
    """
    # The places of a target are numbered without a gap: without autapses, its own number is left out.
    of_target = n_sources if autapses else n_sources - 1
    source, target, weight = (part[stays] for part in connections)
    taken = np.sort(target * of_target + source - (0 if autapses else source > target))
    n = len(stays) - len(taken)
    place = random.choice(n_targets * of_target - len(taken), n, replace=False)  # counting the free places alone
    place += np.searchsorted(taken - np.arange(len(taken)), place, side="right")
    new_target, new_source = np.divmod(place, of_target)
    if not autapses:
        new_source += new_source >= new_target
    sign = np.where(random.random(n) < 0.5, -1.0, 1.0) if signs is None else signs[new_source]
    return Connections(
        np.concatenate((source, new_source)),
        np.concatenate((target, new_target)),
        np.concatenate((weight, np.copysign(0.0, sign))),
    )
