"""The populations of a network, and the projections between them."""

from enum import Enum
from typing import NamedTuple

from eprop_core.network.connections import Range
from eprop_core.network.degrees import mean_in_degree, reaches_all
from eprop_core.parameters import Connectivity, FeedbackParameters, Network, ProjectionParameters


class Role(Enum):
    """Function of a projection in a network."""

    INPUT = "input"
    """From input channels to recurrent neurons."""
    RECURRENT = "recurrent"
    """From recurrent neurons to recurrent neurons."""
    OUTPUT = "output"
    """From recurrent neurons to readouts."""
    FEEDBACK = "feedback"
    """From readouts to recurrent neurons; it carries errors instead of spikes."""


class Population(NamedTuple):
    """Input channels, recurrent neurons or readouts."""

    name: str
    size: int


class ProjectionSpec(NamedTuple):
    """A projection of a network."""

    name: str
    role: Role
    source: Population
    target: Population
    parameters: ProjectionParameters | FeedbackParameters

    @property
    def connectivity(self) -> Connectivity:
        """Rule of its connections."""
        return self.parameters.connectivity

    @property
    def autapses(self) -> bool:
        """Whether a connection may have the same id at both ends; no neuron projects to itself."""
        return self.source != self.target

    @property
    def plastic(self) -> bool:
        """Whether the rule changes its weights at the spikes of its sources."""
        return isinstance(self.parameters, ProjectionParameters) and self.parameters.plastic

    @property
    def onto_neurons(self) -> bool:
        """Whether it carries spikes to the recurrent neurons."""
        return self.role in (Role.INPUT, Role.RECURRENT)

    @property
    def is_full(self) -> bool:
        """Whether its rule connects each source to all targets, except to itself."""
        n_sources = self.source.size if self.autapses else self.source.size - 1
        return reaches_all(self.connectivity, n_sources)

    def synapses_per_rank(self, n_ranks: int = 1) -> float:
        """Return the expected number of synapses on one of ``n_ranks`` ranks."""
        return mean_in_degree(self.connectivity, self.source.size) * self.target.size / n_ranks

    def ranges(self, recurrent: Range) -> tuple[Range, Range]:
        """Return the sources and the targets whose synapses the rank with the neurons ``recurrent`` owns.

        Synapses live with their recurrent target; those onto readouts with their recurrent source.
        """
        if self.role is Role.OUTPUT:
            return recurrent, Range.whole(self.target.size)
        return Range.whole(self.source.size), recurrent


def projections(network: Network) -> tuple[ProjectionSpec, ...]:
    """Return the projections of a network: those onto recurrent neurons, then the output, then the feedback."""
    inputs = Population("input", network.n_input)
    recurrent = Population("recurrent", network.n_recurrent)
    readouts = Population("readout", network.n_readout)
    ends = {
        Role.INPUT: (inputs, recurrent),
        Role.RECURRENT: (recurrent, recurrent),
        Role.OUTPUT: (recurrent, readouts),
        Role.FEEDBACK: (readouts, recurrent),
    }
    return tuple(
        ProjectionSpec(role.value, role, source, target, getattr(network, role.value))
        for role, (source, target) in ends.items()
    )


def spiking_projections(network: Network) -> tuple[ProjectionSpec, ...]:
    """Return the projections that carry spikes, whose weights the rule can learn: all but the feedback."""
    return tuple(spec for spec in projections(network) if spec.role is not Role.FEEDBACK)


def projections_with_weights(network: Network) -> tuple[ProjectionSpec, ...]:
    """Return the projections that have weights of their own: symmetric feedback has those of the output."""
    return spiking_projections(network) if network.feedback.kind == "symmetric" else projections(network)


def without_plasticity(network: Network) -> Network:
    """Return the network with static weights."""
    static = {spec.name: spec.parameters.model_copy(update={"plastic": False}) for spec in spiking_projections(network)}
    return network.model_copy(update=static)


def projection_with(network: Network, role: Role) -> ProjectionSpec:
    """Return the only projection of a network that has a role."""
    (projection,) = (projection for projection in projections(network) if projection.role is role)
    return projection
