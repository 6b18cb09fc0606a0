"""Counts in a measurement that must be those of the problem: a simulator that measures another one is not compared."""

import json
import zipfile
from pathlib import Path

import numpy as np

from eprop_core.experiments.baselines.result import Measurement, Variant
from eprop_core.interoperability.simulators import SimulatorError
from eprop_core.parameters import LEARNING_PROJECTIONS


def check_counts(measured: Measurement, problem: Path, variant: Variant, where: str) -> None:
    """Check the measurement of another simulator.

    Parameters
    ----------
    measured
        What it has written.
    problem
        File of the problem that it got.
    variant
        What it was to measure.
    where
        Name of simulator and variant, for the message.

    Raises
    ------
    SimulatorError
        Neurons, synapses or steps are not those of the problem, or there are more threads, spikes in a step than
        neurons, or no time has passed.
    """
    with np.load(problem) as file:
        warm_up = 0 if variant in ("training", "memory") else int(file["n_steps_warm_up"])
        expected = {
            "neurons": int(json.loads(str(file["network"]))["n_recurrent"]),
            "synapses": sum(_length(problem, f"{name}_weight") for name in LEARNING_PROJECTIONS),
            "n_steps": int(file["n_steps"]) - warm_up,
        }
        threads = int(file["threads"])
    for name, count in expected.items():
        if getattr(measured, name) != count:
            raise SimulatorError(f"{where}: its result: {name} = {getattr(measured, name)}; the problem has {count}")
    if measured.threads > threads:
        raise SimulatorError(f"{where}: its result: threads = {measured.threads}: must be at most {threads}")
    most = measured.neurons * measured.n_steps
    if measured.spikes > most:
        raise SimulatorError(
            f"{where}: its result: spikes = {measured.spikes}: must be at most {most}, one per neuron and step"
        )
    for name in ("seconds", "processor_s"):
        if getattr(measured, name) <= 0:
            raise SimulatorError(f"{where}: its result: {name} = {getattr(measured, name)}: must be above 0")


def _length(file: Path, name: str) -> int:
    """Return the length of an array in a file; it is not read, as it can be large."""
    with zipfile.ZipFile(file) as arrays, arrays.open(f"{name}.npy") as array:
        np.lib.format.read_magic(array)
        shape: tuple[int, ...] = np.lib.format.read_array_header_1_0(array)[0]
    return shape[0]
