"""Expected in-degrees."""

from eprop_core.parameters import AllToAll, Connectivity, FixedInDegree


def mean_in_degree(connectivity: Connectivity, n_sources: int) -> float:
    """Return the expected number of connections that a target receives from ``n_sources`` sources."""
    if isinstance(connectivity, AllToAll):
        return float(n_sources)
    if isinstance(connectivity, FixedInDegree):
        return float(connectivity.in_degree)
    return connectivity.probability * n_sources


def reaches_all(connectivity: Connectivity, n_sources: int) -> bool:
    """Return whether each of ``n_sources`` sources has one connection to each target."""
    if isinstance(connectivity, FixedInDegree) and connectivity.allow_multapses:
        return False
    return mean_in_degree(connectivity, n_sources) == n_sources
