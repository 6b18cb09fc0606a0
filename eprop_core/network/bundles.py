"""Bundles: projections that are processed as one, so that groups of neurons cost no time.

A bundle holds the projections between groups that have one delay and one algorithm of plasticity. The synapses of a
source in all of them are one list with ascending targets, and a spike is processed once for all of them. Bounds and
learning rates may differ (:mod:`eprop_core.model.parts`). All other projections are bundles of one.
"""

from typing import Any, NamedTuple

from eprop_core.network.degrees import reaches_all
from eprop_core.network.projections import ProjectionSpec, Role, spiking_projections
from eprop_core.parameters import OVERRIDES, Network, ProjectionParameters, optimizer_of


class Bundle(NamedTuple):
    """Projections between the same populations that are processed as one."""

    specs: tuple[ProjectionSpec, ...]
    """In the order of the parameters."""

    @property
    def first(self) -> ProjectionSpec:
        """The first of its projections, which has population, role, delay and plasticity in common with the others."""
        return self.specs[0]

    @property
    def name(self) -> str:
        """Name of the first projection, which no other bundle has."""
        return self.first.name

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its projections."""
        return tuple(spec.name for spec in self.specs)

    @property
    def by_target(self) -> list[ProjectionSpec]:
        """The projections by the ids of their targets."""
        return sorted(self.specs, key=lambda spec: spec.target_ids[0].start)

    @property
    def n_synapses(self) -> float:
        """Expected number of synapses on all ranks."""
        return sum(spec.synapses_per_rank() for spec in self.specs)

    @property
    def is_full(self) -> bool:
        """Whether its rules connect each neuron of the source to all of the target, except to itself."""
        if len(self.specs) == 1:
            return self.first.is_full
        pairs = sum(spec.n_sources * spec.n_targets for spec in self.specs)
        are_full = (reaches_all(spec.connectivity, spec.n_sources - (not spec.autapses)) for spec in self.specs)
        return pairs == self.first.source.size * self.first.target.size and all(are_full)

    def groups(self, end: str) -> list[range]:
        """Return the ids of its groups of sources or of targets (``end``), ascending; each projection has one."""
        return sorted({ids for spec in self.specs for ids in getattr(spec, f"{end}_ids")}, key=lambda ids: ids.start)


def bundles(network: Network) -> tuple[Bundle, ...]:
    """Return the bundles of the projections that carry spikes, by their first projection; the last is the output."""
    by_rule: dict[tuple[Any, ...], list[ProjectionSpec]] = {}
    for spec in spiking_projections(network):
        assert isinstance(spec.parameters, ProjectionParameters)
        by_rule.setdefault((spec.role, *_rule(network, spec.parameters)), []).append(spec)
    return tuple(Bundle(tuple(specs)) for specs in by_rule.values())


def _rule(network: Any, own: ProjectionParameters) -> tuple[Any, ...]:
    """Return the parameters that projections in one bundle must have in common."""
    algorithm = optimizer_of(network, own).model_dump(exclude=set(OVERRIDES)) if own.learns_by_rule else {}
    spike_timing = own.stdp.model_dump() if own.plastic and own.stdp is not None else {}
    return own.delay, own.plastic, *algorithm.items(), *spike_timing.items()


def n_bundles(network: Any) -> tuple[int, int]:
    """Return how many bundles there are from the inputs and between the neurons.

    ``network`` is a :class:`Network`, or one that lacks the number of input channels.
    """
    from_inputs, between = (
        {_rule(network, own.within(common)) for own in parts.values()} if parts else {()}
        for common, parts in ((network.input, network.input.targets), (network.recurrent, network.recurrent.pairs))
    )
    return len(from_inputs), len(between)


def onto_neurons(network: Network) -> list[Bundle]:
    """Return the bundles onto the recurrent neurons: all but the output."""
    return [bundle for bundle in bundles(network) if bundle.first.role is not Role.OUTPUT]
