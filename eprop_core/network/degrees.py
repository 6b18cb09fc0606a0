"""Expected in-degrees."""

from eprop_core.parameters import AllToAll, Connectivity, FixedInDegree


def mean_in_degree(connectivity: Connectivity, n_sources: int) -> float:
    """Return the expected number of connections that a target receives from ``n_sources`` sources."""
    if isinstance(connectivity, AllToAll):
        return float(n_sources)
    if isinstance(connectivity, FixedInDegree):
        return float(connectivity.in_degree)
    return connectivity.probability * n_sources
