"""Read the running kernel of NEST; nothing is converted here. Unlike the programs of this folder, it is imported."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import nest
import numpy as np

from eprop_core.interoperability.nest_snapshot import Built, Call, Nodes

_OF_CONNECTIONS = ("source", "target", "synapse_model", "weight", "delay", "receptor")
_GENERATORS = {
    "spike_generator": ("spike_times", "spike_multiplicities", "origin", "start", "stop"),
    "step_rate_generator": ("amplitude_times", "amplitude_values", "origin", "start", "stop"),
}
"""Generators whose settings are read, by model."""


def read_network() -> Built:
    """Read nodes and connections."""
    nodes = nest.GetNodes()
    by_model: dict[str, list[int]] = {}
    for node, model in zip(nodes.tolist(), np.atleast_1d(nodes.get("model")), strict=True):
        by_model.setdefault(str(model), []).append(node)
    connections = _connections()
    return Built(
        kernel=nest.GetKernelStatus(),
        nodes={model: _nodes(model, ids) for model, ids in by_model.items()},
        connections=connections,
        synapse_models={str(model): nest.GetDefaults(str(model)) for model in np.unique(connections["synapse_model"])},
    )


def _nodes(model: str, ids: list[int]) -> Nodes:
    parameters = {}
    if model.startswith("eprop_"):
        values = nest.NodeCollection(ids).get()
        parameters = {
            name: np.atleast_1d(value)
            for name, value in values.items()
            if name not in ("recordables", "receptor_types")
        }
    return Nodes(np.array(ids), str(nest.GetDefaults(model, "element_type")), parameters)


def _connections() -> dict[str, np.ndarray]:
    everything = nest.GetConnections()
    if not len(everything):
        return {
            name: np.empty(0, str if name == "synapse_model" else int) for name in (*_OF_CONNECTIONS, "tau_m_readout")
        }
    values = everything.get(list(_OF_CONNECTIONS))
    read = {name: np.atleast_1d(values[name]) for name in _OF_CONNECTIONS}
    read["tau_m_readout"] = np.full(len(everything), np.nan)
    for model in np.unique(read["synapse_model"]):
        if "tau_m_readout" in nest.GetDefaults(str(model)):
            own = read["synapse_model"] == model
            read["tau_m_readout"][own] = nest.GetConnections(synapse_model=str(model)).get("tau_m_readout")
    return read


def next_call(duration: float, synapse_models: dict[str, dict[str, Any]]) -> Call:
    """Read generators and the optimizers of ``synapse_models`` before the next ``duration`` ms are simulated."""
    begin = nest.biological_time
    return Call(
        begin,
        begin + duration,
        {node: settings for model, names in _GENERATORS.items() for node, settings in _generators(model, names)},
        {
            model: nest.GetDefaults(model, "optimizer")
            for model, defaults in synapse_models.items()
            if "optimizer" in defaults
        },
    )


def _generators(model: str, names: tuple[str, ...]) -> Iterator[tuple[int, dict[str, Any]]]:
    nodes = nest.GetNodes({"model": model})
    if len(nodes) == 1:
        yield nodes[0].global_id, nodes.get(list(names))
    elif len(nodes):
        values = nodes.get(list(names))
        for k, node in enumerate(nodes.tolist()):
            yield node, {name: values[name][k] for name in names}


def size() -> tuple[int, int]:
    """Return the numbers of nodes and connections."""
    return nest.network_size, nest.num_connections


@contextmanager
def calling_before(record: Callable[[float], None]) -> Iterator[None]:
    """Call ``record`` with the duration, ms, before each ``nest.Simulate`` and ``nest.Run``."""
    functions = {name: vars(nest)[name] for name in ("Simulate", "Run")}

    def recorded(function: Callable[[float], None]) -> Callable[[float], None]:
        def simulate(t: float) -> None:
            record(t)
            function(t)

        return simulate

    # NEST's module refuses new attributes, so its dictionary is changed.
    vars(nest).update({name: recorded(function) for name, function in functions.items()})
    try:
        yield
    finally:
        vars(nest).update(functions)
