"""The populations of a network, and the projections between them."""

from enum import Enum
from typing import Any, NamedTuple

from eprop_core.network.connections import Range
from eprop_core.network.degrees import mean_in_degree, reaches_all
from eprop_core.parameters import (
    ARROW,
    LEARNING_PROJECTIONS,
    PARTS,
    Connectivity,
    FeedbackParameters,
    Network,
    ProjectionParameters,
    SpikeTimingParameters,
)


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
    source_ids: tuple[range, ...]
    """Ids of the sources that are connected, ascending: all, or those of groups."""
    target_ids: tuple[range, ...]
    """Ids of the targets that are connected, ascending: all, or those of groups."""
    stream: int
    """Number that makes its random draws different from those of others with the same role."""

    @property
    def connectivity(self) -> Connectivity:
        """Rule of its connections."""
        return self.parameters.connectivity

    @property
    def autapses(self) -> bool:
        """Whether a connection may have the same id at both ends; no neuron projects to itself."""
        return self.source != self.target or self.source_ids != self.target_ids

    @property
    def n_sources(self) -> int:
        """Number of sources that are connected."""
        return sum(map(len, self.source_ids))

    @property
    def n_targets(self) -> int:
        """Number of targets that are connected."""
        return sum(map(len, self.target_ids))

    @property
    def between_groups(self) -> bool:
        """Whether only a part of the two populations is connected."""
        return self.n_sources < self.source.size or self.n_targets < self.target.size

    @property
    def plastic(self) -> bool:
        """Whether the rule changes its weights at the spikes of its sources."""
        return isinstance(self.parameters, ProjectionParameters) and self.parameters.learns_by_rule

    @property
    def spike_timing(self) -> SpikeTimingParameters | None:
        """Parameters of the spike-timing-dependent plasticity that takes the place of the rule; None without it."""
        own = self.parameters
        return own.stdp if isinstance(own, ProjectionParameters) and own.plastic else None

    @property
    def onto_neurons(self) -> bool:
        """Whether it carries spikes to the recurrent neurons."""
        return self.role in (Role.INPUT, Role.RECURRENT)

    @property
    def is_full(self) -> bool:
        """Whether its rule connects each neuron of the source to all of the target, except to itself."""
        n_sources = self.n_sources if self.autapses else self.n_sources - 1
        return not self.between_groups and reaches_all(self.connectivity, n_sources)

    def synapses_per_rank(self, n_ranks: int = 1) -> float:
        """Return the expected number of synapses on one of ``n_ranks`` ranks."""
        return mean_in_degree(self.connectivity, self.n_sources) * self.n_targets / n_ranks

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
    all_inputs, all_readouts = (range(network.n_input),), (range(network.n_readout),)
    specs = []
    for name, own in network.learning_projections().items():
        source, _, target = name.partition(ARROW)
        onto = network.ids([target] if target else None)
        if source == "input":
            stream = _stream(network, target)
            specs.append(ProjectionSpec(name, Role.INPUT, inputs, recurrent, own, all_inputs, onto, stream))
        elif source == "output":
            of_output = network.ids(network.output.sources)
            specs.append(ProjectionSpec(name, Role.OUTPUT, recurrent, readouts, own, of_output, all_readouts, 0))
        else:
            of_pair, stream = network.ids([source] if target else None), _stream(network, source, target)
            specs.append(ProjectionSpec(name, Role.RECURRENT, recurrent, recurrent, own, of_pair, onto, stream))
    onto = network.ids(network.feedback.targets)
    feedback = ProjectionSpec("feedback", Role.FEEDBACK, readouts, recurrent, network.feedback, all_readouts, onto, 0)
    return (*specs, feedback)


def _stream(network: Network, *groups: str) -> int:
    """Return the number of a pair of groups, or of a group; 0 where no groups are named."""
    numbers = list(network.groups or ())
    source, target = (numbers.index(name) if name in numbers else 0 for name in ("", *groups)[-2:])
    return (source << 16) + target


def spiking_projections(network: Network) -> tuple[ProjectionSpec, ...]:
    """Return the projections that carry spikes, whose weights the rule can learn: all but the feedback."""
    return tuple(spec for spec in projections(network) if spec.role is not Role.FEEDBACK)


def projections_with_weights(network: Network) -> tuple[ProjectionSpec, ...]:
    """Return the projections that have weights of their own: symmetric feedback has those of the output."""
    return spiking_projections(network) if network.feedback.kind == "symmetric" else projections(network)


def without_plasticity(network: Network) -> Network:
    """Return the network with static weights."""
    static: dict[str, Any] = {
        name: getattr(network, name).model_copy(update={"plastic": False}) for name in LEARNING_PROJECTIONS
    }
    for name, parts in PARTS.items():
        if (own := getattr(static[name], parts)) is not None:
            as_all = {key: part.model_copy(update={"plastic": None}) for key, part in own.items()}
            static[name] = static[name].model_copy(update={parts: as_all})
    return network.model_copy(update=static)


def projection_with(network: Network, role: Role) -> ProjectionSpec:
    """Return the only projection of a network that has a role: the output or the feedback."""
    (projection,) = projections_with(network, role)
    return projection


def projections_with(network: Network, role: Role) -> tuple[ProjectionSpec, ...]:
    """Return all projections of a network that have a role."""
    return tuple(projection for projection in projections(network) if projection.role is role)
