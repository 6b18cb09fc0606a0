"""The values that the synapses of a projection hold."""

from eprop_core.model.synapses import ELIGIBILITY, WEIGHT, Columns
from eprop_core.network.features import has_two_filters
from eprop_core.parameters import Network, Uniform


def columns_of(network: Network, name: str) -> Columns:
    """Columns of the values of a projection's synapses."""
    n = WEIGHT + 1
    chosen: dict[str, int] = {}
    wanted = []
    optimizer = network.plasticity.optimizer
    carries_feedback = name == "output" and network.feedback.kind == "adaptive"
    if name != "feedback" and getattr(network, name).plastic:
        n = ELIGIBILITY + 1
        onto_neurons = name != "output"
        wanted += [
            ("eligibility_reg", int(onto_neurons and has_two_filters(network))),
            ("adaptation", int(onto_neurons and network.neuron.adaptation is not None)),
            ("trace", int(onto_neurons and isinstance(network.neuron.tau_m, Uniform))),
            ("moments", optimizer.moments),
            ("next_feedback", int(carries_feedback and optimizer.moves_in_each_step)),
        ]
    wanted.append(("feedback", int(carries_feedback)))
    for column, width in wanted:
        if width:
            chosen[column] = n
            n += width
    return Columns(n=n, **chosen)
