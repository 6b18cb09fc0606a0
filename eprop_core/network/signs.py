"""Excitatory and inhibitory sources: all weights of a source have its sign (Dale's law)."""

import numpy as np

from eprop_core.model.synapses import WEIGHT, Synapses
from eprop_core.network.connections import Range
from eprop_core.parsing import ParameterError


def signs_of(excitatory: float | list[int], sources: Range) -> np.ndarray:
    """Return 1 for excitatory and -1 for inhibitory neurons of a range, float64 (n,).

    ``excitatory`` is the share of those with the lowest ids, or a list of ids of the population.
    """
    signs = -np.ones(sources.size)
    if isinstance(excitatory, list):
        signs[excitatory] = 1.0
    else:
        signs[: round(excitatory * sources.size)] = 1.0
    return signs[sources.first : sources.last]


def give_signs(synapses: Synapses, signs: np.ndarray, inhibitory_factor: float) -> None:
    """Give drawn weights the signs of their sources, float64 (n_sources,); those of inhibitory ones are scaled."""
    is_inhibitory = signs < 0.0
    if synapses.rows is not None and synapses.in_rows:
        weights = synapses.rows[:, WEIGHT]
        of_synapse = is_inhibitory[:, np.newaxis]
    else:
        weights = synapses.values[:, WEIGHT]
        of_synapse = np.repeat(is_inhibitory, np.diff(synapses.indptr))
    np.abs(weights, out=weights)
    np.multiply(weights, -inhibitory_factor, out=weights, where=of_synapse)


def check_signs(name: str, synapses: Synapses, sources: Range, signs: np.ndarray) -> None:
    """Check that given weights have the signs of their sources, float64 (n_sources,); zeros take them over.

    Raises
    ------
    ParameterError
        A weight that has the other sign.
    """
    weights = synapses.values[:, WEIGHT]
    of_synapse = np.repeat(signs, np.diff(synapses.indptr))
    wrong = np.flatnonzero(weights * of_synapse < 0.0)
    if wrong.size:
        k = int(wrong[0])
        source = sources.first + int(np.searchsorted(synapses.indptr, k, side="right")) - 1
        kind = "excitatory" if of_synapse[k] > 0.0 else "inhibitory"
        raise ParameterError(f"connections[{name!r}]: a weight of {weights[k]:g} pA, but its source {source} is {kind}")
    np.copysign(weights, of_synapse, out=weights)
