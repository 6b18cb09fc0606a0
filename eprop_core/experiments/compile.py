"""Compile the simulator for a kind of network, so that later jobs find it in the cache."""

from typing import Any, Literal

from eprop_core.experiments import command_line
from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.measurement.results import Result
from eprop_core.network.features import SHORTEST_ROW, kinds, network_of, projections_in_rows
from eprop_core.parameters import PARTS, PROJECTIONS, AllToAll, Network
from eprop_core.provenance import provenance
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator
from eprop_core.ranks.exchange_cost import Destinations
from eprop_core.simulation import Simulation


class CompileResult(Result):
    """Notice that the simulator is compiled for one kind of network."""

    experiment: Literal["compile"] = "compile"
    kind: str


LARGEST = 1e300
"""pA, a bound that no weight reaches."""
AT_REST = {"learning_rate": 0.0, "weight_min": -LARGEST, "weight_max": LARGEST}
"""Values of an optimizer with which all that learning needs is compiled, but no weight moves or exceeds a bound."""


def _at_rest(connections: Any) -> dict[str, Any]:
    """Return changes of some connections after which no weight moves, or exceeds a bound of their own plasticity."""
    bounds = {"stdp": {"learning_rate": 0.0, "weight_max": LARGEST}, "optimizer": AT_REST}
    own = {key: getattr(connections, key, None) for key in bounds}
    return {key: plasticity.model_copy(update=bounds[key]) for key, plasticity in own.items() if plasticity is not None}


def run_briefly(
    network: Network,
    *,
    communicator: Communicator = SINGLE_RANK,
    destinations: Destinations | None = None,
    dry_run: bool = False,
) -> None:
    """Simulate a small network of the kind of ``network`` for a few steps, first learning, then frozen. Collective.

    This compiles, or loads from the cache, all that a simulation of ``network`` needs, which does not depend on its
    size. On several ranks, it includes the exchange between them.

    Parameters
    ----------
    network
        Parameters of the network.
    communicator
        An mpi4py communicator, or the one of a single rank.
    destinations
        Ranks that a spike is sent to, as for :class:`eprop_core.simulation.Simulation`.
    dry_run
        Whether to emulate one rank of two.
    """
    n_ranks = 2 if dry_run else communicator.size
    in_rows = projections_in_rows(network, network.n_recurrent // n_ranks)
    n_recurrent = (SHORTEST_ROW if in_rows else 4) * n_ranks
    few: dict[str, Any] = {"n_input": 4, "n_recurrent": n_recurrent, "n_readout": 2}
    if network.groups is not None:
        n_recurrent = max(n_recurrent, len(network.groups) * n_ranks)
        sizes = [n_recurrent - n_ranks * (len(network.groups) - 1), *(n_ranks for _ in network.groups)]
        few["n_recurrent"] = n_recurrent
        few["groups"] = {
            name: group.model_copy(update={"size": size})
            for size, (name, group) in zip(sizes, network.groups.items(), strict=False)
        }
    # Weights from few sources may be larger than those that bounds and learning rates are made for.
    as_all = dict.fromkeys(AT_REST)
    optimizer = network.plasticity.optimizer.model_copy(update=AT_REST)
    few["plasticity"] = network.plasticity.model_copy(update={"optimizer": optimizer})
    for name in PROJECTIONS:
        given = getattr(network, name)
        changes: dict[str, Any] = {"connectivity": AllToAll(rule="all_to_all")} | as_all | _at_rest(given)
        for parts in {*PARTS.values()} & set(type(given).model_fields):
            if isinstance(own := getattr(given, parts), dict):
                as_others = as_all | {"connectivity": None}
                changes[parts] = {key: part.model_copy(update=as_others | _at_rest(part)) for key, part in own.items()}
        few[name] = given.model_copy(update={key: changes[key] for key in changes if hasattr(given, key)})
    network = network.model_copy(update=few)
    stimulus = poisson_stimulus(network, 0.5, seed=1, first_step=0, n_steps=10)
    simulation = Simulation(
        network,
        communicator=communicator,
        destinations=destinations,
        dry_run=(0, n_ranks) if dry_run else None,
    )
    simulation.run(stimulus)
    simulation.frozen().run(stimulus)


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.compile", __doc__)
    parser.add_argument("--kind", default="plain", help=kinds())
    options = parser.parse_args()
    run_briefly(network_of(options.kind))
    CompileResult(kind=options.kind, provenance=provenance()).write(options.output)


if __name__ == "__main__":
    command_line.run(main)
