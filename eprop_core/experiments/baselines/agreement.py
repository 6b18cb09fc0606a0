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
        The file is missing or no ``.npz``, or it has other arrays than those of ``docs/how_to/simulators.md``, or
        arrays of another type.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            outputs = dict(file)
    except (OSError, ValueError, zipfile.BadZipFile):
        raise SimulatorError(f"{label}: its file of outputs is missing or no .npz file") from None
    known = (*_SPIKES, "readouts", *_WEIGHTS)
    if unknown := set(outputs) - set(known):
        raise SimulatorError(f"{label}: its outputs have {min(unknown)!r}; expected some of {', '.join(known)}")
    for name, values in outputs.items():
        kinds, what = ("iu", "integers") if name in _SPIKES else ("iuf", "numbers")
        if values.dtype.kind not in kinds:
            raise SimulatorError(f"{label}: its outputs: {name} has the type {values.dtype}; expected {what}")
    return outputs


def check_outputs(outputs: Arrays, label: str, n_steps: int, n_neurons: int) -> None:
    """Check outputs that are to be compared.

    Of a training, weights that are not finite mean that it has diverged, and are not checked by this function.

    Parameters
    ----------
    outputs
        As :func:`read_outputs` returns them.
    label
        The simulator that has written them.
    n_steps, n_neurons
        Steps and recurrent neurons of the problem.

    Raises
    ------
    SimulatorError
        Spikes lack their neurons or steps, or are outside the problem, or a number is not finite.
    """
    where = f"{label}: its outputs"
    steps, neurons = (outputs.get(name) for name in _SPIKES)
    if steps is not None and neurons is not None:
        if steps.ndim != 1 or steps.shape != neurons.shape:
            shapes = f"spike_steps has shape {steps.shape} and spike_neurons {neurons.shape}"
            raise SimulatorError(f"{where}: {shapes}; expected one step and one neuron per spike, (n_spikes,)")
        for name, values, bound in (("spike_steps", steps, n_steps), ("spike_neurons", neurons, n_neurons)):
            outside = values[(values < 0) | (values >= bound)]
            if len(outside):
                raise SimulatorError(f"{where}: {name} has {outside[0]}; expected 0 to {bound - 1}")
    elif steps is not None or neurons is not None:
        has, lacks = _SPIKES if neurons is None else _SPIKES[::-1]
        raise SimulatorError(f"{where}: {has} without {lacks}; expected both or none")
    for name, values in outputs.items():
        wrong = values[~np.isfinite(values)]
        if len(wrong):
            raise SimulatorError(
                f"{where}: {name}: {len(wrong)} of {values.size} values are not finite, the first is {wrong[0]}"
            )


def agreement(own: Arrays, other: Arrays, before: Arrays, label: str) -> Agreement:
    """Return how the outputs of a simulator, ``label``, agree with ``own``; ``before`` are the initial weights.

    Raises
    ------
    SimulatorError
        Arrays that differ in size.
    """
    spikes = None
    if all(name in other for name in _SPIKES):
        here, there = _spikes(own), _spikes(other)
        spikes = len(here & there) / max(1, len(here | there))
    readouts = _difference(own, other, ("readouts",), {"readouts": np.zeros(())}, label)
    return Agreement(
        equal_spikes=spikes,
        readout_difference=readouts,
        weight_difference=_difference(own, other, _WEIGHTS, before, label),
    )


def _spikes(outputs: Arrays) -> set[tuple[int, int]]:
    steps, neurons = (outputs[name].tolist() for name in _SPIKES)
    return set(zip(steps, neurons, strict=True))


def _difference(
    own: Arrays, other: Arrays, names: tuple[str, ...], before: Mapping[str, np.ndarray], label: str
) -> float | None:
    """Return the largest difference over the largest change since ``before``; None without numbers, or a change."""
    given = [name for name in names if name in other]
    for name in given:
        if own[name].shape != other[name].shape:
            raise SimulatorError(
                f"{label}: its outputs: {name} has shape {other[name].shape}; expected {own[name].shape}"
            )
    present = [name for name in given if own[name].size > 0]
    change = max((float(np.abs(own[name] - before[name]).max()) for name in present), default=0.0)
    if change == 0.0:
        return None
    return max(float(np.abs(own[name] - other[name]).max()) for name in present) / change
