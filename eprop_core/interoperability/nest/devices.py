"""Devices that drive and record a network in NEST 3.10. Steps are numbered by their ends, as in NEST."""

import nest
import numpy as np


def multimeter(neurons: "nest.NodeCollection", quantities: list[str], dt: float) -> "nest.NodeCollection":
    """Return a multimeter that records ``quantities`` of ``neurons`` in every step."""
    device = nest.Create("multimeter", {"interval": dt, "record_from": quantities})
    nest.Connect(device, neurons, "all_to_all", {"delay": dt})
    return device


def recorded(device: "nest.NodeCollection", quantity: str, first: int, n_steps: int, dt: float) -> np.ndarray:
    """Return the recording of a quantity from NEST's step ``first`` on, float64 (n_steps, n_neurons)."""
    events = device.get("events")
    steps = np.rint(events["times"] / dt).astype(int) - first
    kept = (steps >= 0) & (steps < n_steps)
    neurons = events["senders"] - events["senders"].min()
    values = np.full((n_steps, neurons.max() + 1), np.nan)
    values[steps[kept], neurons[kept]] = events[quantity][kept]
    return values


def recorded_spikes(
    recorder: "nest.NodeCollection", neurons: "nest.NodeCollection", first: int, n_steps: int, dt: float
) -> np.ndarray:
    """Return the spikes of ``neurons`` from NEST's step ``first`` on, bool (n_steps, n_neurons)."""
    events = recorder.get("events")
    steps = np.rint(events["times"] / dt).astype(int) - first
    kept = (steps >= 0) & (steps < n_steps)
    spikes = np.zeros((n_steps, len(neurons)), bool)
    spikes[steps[kept], events["senders"][kept] - neurons[0].global_id] = True
    return spikes


def sent(
    name: str,
    recorder: "nest.NodeCollection",
    sources: "nest.NodeCollection",
    targets: "nest.NodeCollection",
    first: int,
    dt: float,
) -> dict[str, np.ndarray]:
    """Return the weights that the spikes of a projection have found, from a weight recorder.

    Steps are those of the spikes' emission; step 0 is NEST's step ``first``.
    """
    events = recorder.get("events")
    source, target = events["senders"] - sources[0].global_id, events["targets"] - targets[0].global_id
    own = (source >= 0) & (source < len(sources)) & (target >= 0) & (target < len(targets))
    steps = np.rint(events["times"] / dt).astype(int) - first
    columns = {"steps": steps, "sources": source, "targets": target, "weights": events["weights"]}
    return {f"{name}_sent_{column}": values[own] for column, values in columns.items()}
