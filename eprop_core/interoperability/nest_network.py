"""From a network of NEST to one of this package."""

from typing import NamedTuple

import numpy as np

from eprop_core.interoperability.nest_groups import groups_of, kinds_of
from eprop_core.interoperability.nest_neurons import Neurons, in_steps
from eprop_core.interoperability.nest_populations import Generators, Populations
from eprop_core.interoperability.nest_snapshot import Built
from eprop_core.interoperability.nest_synapses import Synapses
from eprop_core.network.connections import Connections
from eprop_core.parameters import PARTS, PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse


class NetworkOfNest(NamedTuple):
    """A network of this package, and what its stimulus needs to know about that in NEST."""

    network: Network
    connections: dict[str, Connections]
    neuron_values: dict[str, np.ndarray]
    ids: dict[str, np.ndarray]
    """NEST's ids of the neurons, in their order here, by population: input, recurrent, readout."""
    generators: Generators
    first_step: int
    """NEST's step, numbered by its end, that is step 0 here."""
    sample_steps: int
    """Steps of a sample with the rule of Bellec et al.; 0 with e-prop+."""
    window_steps: int
    """Last steps of a sample in which its errors count."""
    synapse_models: dict[str, list[str]]
    """NEST's models of the synapses, by plastic projection."""
    rate_factors: dict[str, float]
    """Learning rate here relative to NEST's, by plastic projection."""


def network_of_nest(built: Built, *, given_inputs: bool = False) -> NetworkOfNest:
    """Convert a network.

    Parameters
    ----------
    built
        The network in NEST.
    given_inputs
        Whether the input spikes are known, whatever drives the inputs.

    Raises
    ------
    ParameterError
        A feature that has no counterpart here, by name.
    """
    kernel = built.kernel
    if kernel["num_processes"] > 1:
        raise ParameterError("NEST runs on several processes, each with a part of the connections: start it on one")
    if kernel["biological_time"] > 0.0:
        raise ParameterError(
            f"biological_time = {kernel['biological_time']:g} ms: the network has been simulated, and NEST does not "
            "give access to its traces; read it before the first Simulate"
        )
    dt, populations = float(kernel["resolution"]), Populations(built)
    projections = {name: populations.projection(name) for name in PROJECTIONS}
    kinds = {name: kinds_of(projections[name], built.synapse_models) for name in PARTS}
    mixed = [name for name in PARTS if kinds[name].any()]
    groups = groups_of(populations, projections, kinds) if mixed else None
    if groups is not None:
        populations = Populations(built, groups.order)
        sorted_by_group, projections = {name: populations.projection(name) for name in PROJECTIONS}, {}
        for name, whole in sorted_by_group.items():
            projections |= groups.parts(name, whole) if name in mixed else {name: whole}
    generators = populations.generators(dt, given_inputs=given_inputs)
    neurons = Neurons(populations, dt)
    synapses = Synapses(built, projections, neurons)
    network = {
        "dt": dt,
        "n_input": len(populations.ids["input"]),
        "n_recurrent": len(populations.ids["recurrent"]),
        "n_readout": len(populations.ids["readout"]),
        "neuron": neurons.recurrent(),
        "readout": neurons.readout(),
        "plasticity": neurons.plasticity(resets=kernel["eprop_reset_neurons_on_update"]),
        "groups": None if groups is None else {name: {"size": size} for name, size in groups.sizes.items()},
    }
    rate_factors = synapses.add_to(network)
    samples = populations.bellec
    return NetworkOfNest(
        parse(Network, network),
        synapses.connections(),
        neurons.differing(),
        populations.ids,
        generators,
        neurons.first_step(counts_steps=synapses.has_adam),
        in_steps("eprop_update_interval", kernel["eprop_update_interval"], dt) if samples else 0,
        in_steps("eprop_learning_window", kernel["eprop_learning_window"], dt) if samples else 0,
        synapses.learning,
        rate_factors,
    )
