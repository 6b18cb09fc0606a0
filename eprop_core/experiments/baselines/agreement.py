"""How what a simulator computes agrees with this one: spikes, readouts and learned weights."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from eprop_core.experiments.baselines.result import Agreement
from eprop_core.interoperability.simulators import SimulatorError
from eprop_core.parameters import LEARNING_PROJECTIONS

Arrays = dict[str, np.ndarray]

_WEIGHTS = tuple(f"{name}_weight" for name in LEARNING_PROJECTIONS)
_SPIKES = ("spike_steps", "spike_neurons")


def initial_weights(problem: Path) -> Arrays:
    """Return the weights in a problem's file, by projection, float64 (n_synapses,)."""
    with np.load(problem) as file:
        return {name: file[name] for name in _WEIGHTS}


def read_outputs(path: Path, label: str) -> Arrays:
    """Return the arrays in a simulator's file of outputs.

    Raises
    ------
    SimulatorError
        The file is missing or no ``.npz``, or it has other arrays than those of ``docs/how_to/simulators.md``.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            outputs = dict(file)
    except (OSError, ValueError, zipfile.BadZipFile):
        raise SimulatorError(f"{label}: its file of outputs is missing or no .npz file") from None
    known = (*_SPIKES, "readouts", *_WEIGHTS)
    if unknown := set(outputs) - set(known):
        raise SimulatorError(f"{label}: its outputs have {min(unknown)!r}; expected some of {', '.join(known)}")
    return outputs


def agreement(own: Arrays, other: Arrays, before: Arrays) -> Agreement:
    """Return how the outputs of another simulator agree with those of this one; ``before`` are the initial weights.

    Raises
    ------
    SimulatorError
        Arrays that differ in size.
    """
    spikes = None
    if all(name in other for name in _SPIKES):
        here, there = _spikes(own), _spikes(other)
        spikes = len(here & there) / max(1, len(here | there))
    readouts = _difference(own, other, ("readouts",), {"readouts": np.zeros(())})
    return Agreement(
        equal_spikes=spikes,
        readout_difference=readouts,
        weight_difference=_difference(own, other, _WEIGHTS, before),
    )


def _spikes(outputs: Arrays) -> set[tuple[int, int]]:
    steps, neurons = (outputs[name].tolist() for name in _SPIKES)
    return set(zip(steps, neurons, strict=True))


def _difference(own: Arrays, other: Arrays, names: tuple[str, ...], before: Mapping[str, np.ndarray]) -> float | None:
    """Return the largest difference over the largest change since ``before``; None without numbers, or a change."""
    present = [name for name in names if name in other and other[name].size > 0]
    for name in present:
        if own[name].shape != other[name].shape:
            raise SimulatorError(f"outputs: {name} has shape {other[name].shape}; expected {own[name].shape}")
    change = max((float(np.abs(own[name] - before[name]).max()) for name in present), default=0.0)
    if change == 0.0:
        return None
    return max(float(np.abs(own[name] - other[name]).max()) for name in present) / change
