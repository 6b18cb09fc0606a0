"""The populations of a network in NEST, and the connections between them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eprop_core.interoperability.nest_snapshot import Built, Nodes
from eprop_core.network.connections import Connections
from eprop_core.parsing import ParameterError


class Model(NamedTuple):
    """A neuron model."""

    bellec: bool
    """Whether it has the rule of Bellec et al. (2020) instead of e-prop+."""
    adapts: bool
    clamps: bool
    """Whether a spike sets the voltage to V_reset."""


RECURRENT = {
    "eprop_iaf": Model(bellec=False, adapts=False, clamps=False),
    "eprop_iaf_adapt": Model(bellec=False, adapts=True, clamps=False),
    "eprop_iaf_psc_delta": Model(bellec=False, adapts=False, clamps=True),
    "eprop_iaf_psc_delta_adapt": Model(bellec=False, adapts=True, clamps=True),
    "eprop_iaf_bsshslm_2020": Model(bellec=True, adapts=False, clamps=False),
    "eprop_iaf_adapt_bsshslm_2020": Model(bellec=True, adapts=True, clamps=False),
}
"""Models of recurrent neurons."""
READOUTS = {"eprop_readout": False, "eprop_readout_bsshslm_2020": True}
"""Models of readouts, and whether they have the rule of Bellec et al."""
_INPUT = "parrot_neuron"
_SPIKES, _RATES = "spike_generator", "step_rate_generator"
_WINDOW_OR_SOFTMAX, _TARGET = 1, 2
"""Receptors of the readouts: 1 receives the learning window with e-prop+, and the other readouts with Bellec's rule."""
ENDS = {
    "input": ("input", "recurrent"),
    "recurrent": ("recurrent", "recurrent"),
    "output": ("recurrent", "readout"),
    "feedback": ("readout", "recurrent"),
}
"""Source and target of each projection."""


class Driven(NamedTuple):
    """Connections from generators."""

    source: np.ndarray
    """int64 (n,), ids in NEST."""
    target: np.ndarray
    """int64 (n,), ids within the target population."""
    steps: np.ndarray
    """int64 (n,), delays."""
    weight: np.ndarray
    """float64 (n,)"""


class Generators(NamedTuple):
    """Connections from generators, by what they drive."""

    inputs: Driven
    targets: Driven
    windows: Driven
    neurons: Driven
    """Spikes that reach recurrent neurons past the inputs."""


class Projection(NamedTuple):
    """Connections of a projection, under NEST's names."""

    connections: Connections
    """Sorted by (target, source), with NEST's weights."""
    synapse_models: np.ndarray
    """str (n,), sorted as the connections."""
    delays: np.ndarray
    """ms, (n,)"""
    tau_m_readout: np.ndarray
    """ms, (n,)"""
    n_possible: int
    """Pairs of neurons that could be connected."""

    @property
    def is_full(self) -> bool:
        """Whether all pairs of neurons are connected."""
        return len(self.delays) == self.n_possible > 0

    @property
    def density(self) -> float:
        """Share of the pairs that are connected."""
        return min(1.0, len(self.delays) / max(1, self.n_possible))

    def part(self, own: np.ndarray, n_possible: int) -> "Projection":
        """Return some of the connections, bool (n,), of ``n_possible`` pairs of neurons."""
        connections = Connections(*(values[own] for values in self.connections))
        return Projection(connections, self.synapse_models[own], self.delays[own], self.tau_m_readout[own], n_possible)


class Populations:
    """The populations of a network.

    Parameters
    ----------
    built
        The network in NEST.
    order
        The recurrent neurons in their order here, int64 (n_recurrent,), by their places in that of NEST's ids with the
        adaptive neurons last; None keeps that order.

    Raises
    ------
    ParameterError
        Populations that have no counterpart here.
    """

    def __init__(self, built: Built, order: np.ndarray | None = None) -> None:
        self._built = built
        models = [model for model in RECURRENT if model in built.nodes]
        readouts = [model for model in READOUTS if model in built.nodes]
        if not models or not readouts:
            raise ParameterError("NEST's kernel has no recurrent neurons of e-prop, or no readouts")
        rules = {RECURRENT[model].bellec for model in models} | {READOUTS[model] for model in readouts}
        if len(rules) > 1:
            raise ParameterError(f"{', '.join(models + readouts)}: models of both rules are in one kernel")
        if len({RECURRENT[model].clamps for model in models}) > 1:
            raise ParameterError(f"{', '.join(models)}: neurons with and without V_reset cannot be mixed")
        if _INPUT not in built.nodes:
            raise ParameterError(f"NEST's kernel has no {_INPUT}s, which relay the input to the recurrent neurons")
        (self.bellec,) = rules
        models.sort(key=lambda model: RECURRENT[model].adapts)  # the adaptive ones have the highest ids here
        self.clamps = RECURRENT[models[0]].clamps
        self.recurrent = {model: built.nodes[model] for model in models}
        self.readouts: Nodes = built.nodes[readouts[0]]
        self.n_adaptive = sum(len(nodes.ids) for model, nodes in self.recurrent.items() if RECURRENT[model].adapts)
        n = sum(len(nodes.ids) for nodes in self.recurrent.values())
        self._order = np.arange(n) if order is None else order
        self.ids = {
            "input": built.nodes[_INPUT].ids,
            "recurrent": self.ordered([nodes.ids for nodes in self.recurrent.values()]),
            "readout": self.readouts.ids,
        }

    def ordered(self, of_models: Sequence[np.ndarray]) -> np.ndarray:
        """Return values of the recurrent neurons of all models, or of the adaptive ones alone, in their order here."""
        values = np.concatenate(of_models)
        n_before = len(self._order) - len(values)  # neurons that do not adapt come first
        return np.asarray(values[self._order[n_before:] - n_before])

    def projection(self, name: str) -> Projection:
        """Return the connections of a projection."""
        source, target = (self.ids[end] for end in ENDS[name])
        own = self._between(source, target)
        given = {key: values[own] for key, values in self._built.connections.items()}
        sources, targets = positions(source, given["source"]), positions(target, given["target"])
        if name == "recurrent" and (sources == targets).any():
            raise ParameterError("recurrent: there are autapses, which this package lacks; connect without them")
        order = np.lexsort((sources, targets))
        possible = len(target) * (len(source) - (name == "recurrent"))
        return Projection(
            Connections(sources[order], targets[order], given["weight"][order].astype(float)),
            given["synapse_model"][order],
            given["delay"][order],
            given["tau_m_readout"][order],
            possible,
        )

    def generators(self, dt: float, *, given_inputs: bool) -> Generators:
        """Return the connections from generators; refuse all other connections onto the network.

        Parameters
        ----------
        dt
            Resolution, ms.
        given_inputs
            Whether the input spikes are known, whatever drives the inputs.
        """
        spikes, rates = (self._nodes(model) for model in (_SPIKES, _RATES))
        inputs, recurrent, readouts = self.ids.values()
        receptor = self._built.connections["receptor"]
        of_rates, of_readouts = self._between(rates, readouts), self._between(readouts, readouts)
        connected = {
            "inputs": (self._between(spikes, inputs) & (receptor == 0), inputs),  # NEST relays those of no other
            "targets": (of_rates & (receptor == _TARGET), readouts),
            "windows": (of_rates & (receptor == _WINDOW_OR_SOFTMAX) & (not self.bellec), readouts),
            "neurons": (self._between(spikes, recurrent), recurrent),
        }
        softmax = of_readouts & (receptor == _WINDOW_OR_SOFTMAX) & self.bellec
        self._check_softmax(softmax)
        if self._built.nodes[_INPUT].parameters["frozen"].any():
            raise ParameterError(f"frozen: {_INPUT}s must not be frozen")
        known = softmax | np.isin(self._built.connections["source"], self._recorders())
        for own, _ in connected.values():
            known |= own
        for source, target in ENDS.values():
            known |= self._between(self.ids[source], self.ids[target])
        if given_inputs:
            known |= np.isin(self._built.connections["target"], inputs)
        self._check_others(known)
        return Generators(**{name: self._driven(own, ids, dt) for name, (own, ids) in connected.items()})

    def _driven(self, own: np.ndarray, population: np.ndarray, dt: float) -> Driven:
        source, target, delay, weight = (
            self._built.connections[name][own] for name in ("source", "target", "delay", "weight")
        )
        return Driven(source, positions(population, target), np.rint(delay / dt).astype(int), weight)

    def _between(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return which connections go from and to nodes of these ids."""
        connections = self._built.connections
        return np.isin(connections["source"], sources) & np.isin(connections["target"], targets)

    def _nodes(self, model: str) -> np.ndarray:
        return self._built.nodes[model].ids if model in self._built.nodes else np.empty(0, int)

    def _recorders(self) -> np.ndarray:
        recorders = [nodes.ids for nodes in self._built.nodes.values() if nodes.kind == "recorder"]
        return np.concatenate([np.empty(0, int), *recorders])

    def _check_softmax(self, softmax: np.ndarray) -> None:
        """Check that the readouts of cross-entropy know one another."""
        if not self.bellec or (self.readouts.parameters["loss"] != "cross_entropy").all():
            return
        n = len(self.readouts.ids)
        if softmax.sum() != n * (n - 1) or (self._built.connections["weight"][softmax] != 1.0).any():
            raise ParameterError("loss: cross_entropy needs a connection of weight 1 from each readout to all others")

    def _check_others(self, known: np.ndarray) -> None:
        """Refuse the first connection onto the network that is not ``known``."""
        own = np.concatenate(list(self.ids.values()))
        others = np.flatnonzero(~known & np.isin(self._built.connections["target"], own))
        if not len(others):
            return
        source, target = (self._built.connections[end][others[0]] for end in ("source", "target"))
        name = f"{self._model_of(source)} {source} onto {self._model_of(target)} {target}"
        if "poisson" in self._model_of(source) and self._model_of(target) == _INPUT:
            raise ParameterError(
                f"{name}: random spikes cannot be drawn again; record the {_INPUT}s with a spike_recorder and pass it "
                "as input_spikes"
            )
        raise ParameterError(f"{name}: this connection has no counterpart here")

    def _model_of(self, node: int) -> str:
        return next(model for model, nodes in self._built.nodes.items() if node in nodes.ids)


def positions(ids: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Return the places of nodes among ``ids``, int64."""
    order = np.argsort(ids)
    return np.asarray(order[np.searchsorted(ids[order], nodes)], np.int64)
