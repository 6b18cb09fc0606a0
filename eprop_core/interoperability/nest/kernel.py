"""Read and watch the running kernel of NEST; nothing is converted here.

Unlike the programs of this folder, it is imported.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import nest
import numpy as np
from nest import nestkernel_api

from eprop_core.interoperability.nest_snapshot import Built, Call, Nodes
from eprop_core.parsing import ParameterError

_OF_CONNECTIONS = ("source", "target", "synapse_model", "weight", "delay", "receptor")
_OF_GENERATORS = ("frozen", "origin", "start", "stop")
_GENERATORS = {
    "spike_generator": (
        *("spike_times", "spike_multiplicities", "allow_offgrid_times", "precise_times"),
        *_OF_GENERATORS,
    ),
    "step_rate_generator": ("amplitude_times", "amplitude_values", *_OF_GENERATORS),
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
    if model == "parrot_neuron":
        parameters = {"frozen": np.atleast_1d(nest.NodeCollection(ids).frozen)}
    elif model.startswith("eprop_"):
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
    for model in np.unique(everything.get("synapse_model")):
        if model.endswith("_hom_w"):
            raise ParameterError(f"{model}: has one weight for all connections; use the model without _hom_w")
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


def check_recorder(recorder: Any, inputs: np.ndarray, connections: dict[str, np.ndarray]) -> None:
    """Check that a spike recorder has recorded, from the beginning on, all parrot neurons that something drives.

    ``inputs`` are the ids of the parrot neurons, and ``connections`` those of :class:`Built`.
    """
    settings = recorder.get(["origin", "start", "stop", "time_in_steps"])
    if settings["origin"] != 0.0 or settings["start"] != 0.0 or settings["stop"] < nest.biological_time:
        raise ParameterError("input_spikes: origin, start and stop of the recorder must not cut off any spikes")
    if settings["time_in_steps"]:
        raise ParameterError("input_spikes: time_in_steps must be False")
    source, target = connections["source"], connections["target"]
    driven = np.intersect1d(target, inputs)
    if len(missing := np.setdiff1d(driven, source[target == recorder.global_id])):
        raise ParameterError(f"input_spikes: the recorder lacks {len(missing)} of the inputs, such as {missing[0]}")


def size() -> tuple[int, int]:
    """Return the numbers of nodes and connections."""
    return nest.network_size, nest.num_connections


@contextmanager
def watching(simulates: Callable[[float], None], changes: Callable[[str], None]) -> Iterator[None]:
    """Watch what a script does with NEST.

    Parameters
    ----------
    simulates
        Is called with the duration, ms, before each ``nest.Simulate`` and ``nest.Run``.
    changes
        Is called with a description of each change of anything but generators, recorders and optimizers.
    """

    def before(function: Callable[..., Any], describe: Callable[..., str | None]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            if (description := describe(*arguments, **named)) is not None:
                changes(description)
            return function(*arguments, **named)

        return watched

    def simulated(t: float) -> None:
        simulates(t)

    functions = {name: vars(nest)[name] for name in ("Simulate", "Run")}
    watched: list[tuple[Any, str, Callable[..., str | None]]] = [
        (nest.NodeCollection, "set", _change_of_nodes),
        (nest.SynapseCollection, "set", lambda connections, *_, **__: f"{len(connections)} connections"),
        (nestkernel_api, "llapi_disconnect", lambda *_: "connections, which it removed"),
        (nestkernel_api, "llapi_disconnect_syncoll", lambda *_: "connections, which it removed"),
        (nestkernel_api, "llapi_reset_kernel", lambda: "everything, by ResetKernel"),
        (nestkernel_api, "llapi_set_kernel_status", _change_of_kernel),
        (nestkernel_api, "llapi_set_defaults", _change_of_model),
    ]
    with ExitStack() as stack:
        # NEST's module refuses new attributes, so its dictionary is changed.
        stack.callback(vars(nest).update, functions)
        vars(nest).update({name: before(function, simulated) for name, function in functions.items()})
        for place, name, describe in watched:
            function = getattr(place, name)
            stack.callback(setattr, place, name, function)
            setattr(place, name, before(function, describe))
        yield


def _change_of_nodes(nodes: Any, params: Any = None, **values: Any) -> str | None:
    if set(np.atleast_1d(nodes.get("element_type")).tolist()) <= {"stimulator", "recorder"}:
        return None
    given = params if isinstance(params, list | tuple) else [params or {}]
    names = sorted({*values, *(name for own in given for name in own)})
    models = sorted(set(np.atleast_1d(nodes.get("model")).tolist()))
    return f"{', '.join(names)} of {' and '.join(models)}"


def _change_of_kernel(values: dict[str, Any]) -> str | None:
    present = nest.GetKernelStatus()
    names = [name for name, value in values.items() if name.startswith("eprop_") and value != present[name]]
    return ", ".join(names) or None


def _change_of_model(model: str, values: dict[str, Any]) -> str | None:
    if model not in nest.synapse_models:
        return None
    present, numbers = nest.GetDefaults(model), bool | int | float
    names = [name for name, value in values.items() if isinstance(value, numbers) and value != present.get(name)]
    return f"{', '.join(names)} of {model}" if names else None
