"""The values that each synapse of a projection holds."""

from eprop_core.model.synapses import ELIGIBILITY, WEIGHT, Columns
from eprop_core.network.features import has_two_filters
from eprop_core.network.projections import ProjectionSpec, Role
from eprop_core.parameters import Network, differs


def columns_of(network: Network, projection: ProjectionSpec) -> Columns:
    """Return the columns of the values of the synapses of one of the network's projections."""
    n = WEIGHT + 1
    chosen: dict[str, int] = {}
    wanted = []
    carries_feedback = projection.role is Role.OUTPUT and network.feedback.kind == "adaptive"
    if projection.plastic:
        optimizer = network.optimizer(projection.name)
        n = ELIGIBILITY + 1
        wanted += [
            ("eligibility_reg", int(projection.onto_neurons and has_two_filters(network))),
            ("adaptation", int(projection.onto_neurons and network.neuron.adaptation is not None)),
            ("trace", int(projection.onto_neurons and differs(network, "tau_m"))),
            ("moments", optimizer.moments),
            ("next_feedback", int(carries_feedback and optimizer.moves_in_each_step)),
        ]
    wanted.append(("feedback", int(carries_feedback)))
    wanted.append(("facilitated", int(projection.spike_timing is not None)))
    for column, width in wanted:
        if width:
            chosen[column] = n
            n += width
    return Columns(n=n, **chosen)
