"""Networks of this package in NEST 3.10: in the running kernel, or in a folder that needs NEST alone."""

import importlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from eprop_core.errors import printable
from eprop_core.interoperability.nest_limits import check_nest_can_simulate
from eprop_core.interoperability.nest_programs import PROGRAMS
from eprop_core.machine.whole_directory import whole_directory
from eprop_core.network.projections import projections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.simulation import Simulation
from eprop_core.storage.network import read_header

SCRIPT = "network.py"
FILE = "network.h5"


def to_nest(
    network: Network | Simulation,
    *,
    seed: int = 1,
    learns: bool = True,
    sample_steps: int | None = None,
    learning_window_steps: int | None = None,
) -> Any:
    """Build a network in the running kernel of NEST, with its present weights and at rest.

    NEST cannot take over traces, moments of the optimizer and voltages, so the network starts there as a new
    :class:`Simulation` with the same weights does here: with the same spikes, and the same weights within 1e-9 of the
    largest. Collective where the simulation has several ranks; each of them builds the whole network.

    Parameters
    ----------
    network
        A simulation, or the parameters of a network, which is then drawn with ``seed``.
    seed
        Seed of a network that is drawn.
    learns
        Whether its weights learn; if not, no weight changes and there is no feedback.
    sample_steps, learning_window_steps
        Steps of a sample, and of the learning window at its end; needed by the rule of Bellec et al. (2020) alone.

    Returns
    -------
    Populations
        NEST's nodes: ``generators`` of the input spikes, ``inputs`` (parrot neurons), ``recurrent`` and ``readouts``,
        as ``eprop_core/interoperability/nest/network.py`` describes them.

    Raises
    ------
    ParameterError
        A feature that NEST lacks, by name; a kernel of another resolution.
    ImportError
        This Python has no NEST.
    """
    simulation = network if isinstance(network, Simulation) else Simulation(network, seed=seed)
    check_nest_can_simulate(simulation.network)
    program = importlib.import_module("eprop_core.interoperability.nest.network")
    try:
        return program.build(
            simulation.network.model_dump(mode="json"),
            _arrays(simulation),
            learns=learns,
            sample_steps=sample_steps,
            learning_window_steps=learning_window_steps,
        )
    except ValueError as error:
        raise ParameterError(f"to_nest: {error}") from None


def _arrays(simulation: Simulation) -> dict[str, np.ndarray]:
    """Return all connections, and the values in which neurons differ, under the names of the program."""
    arrays = simulation.neuron_values()
    for spec in projections(simulation.network):
        arrays |= {f"{spec.name}_{key}": values for key, values in simulation.weights(spec.name)._asdict().items()}
    return arrays


def write_for_nest(network: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Write a folder that rebuilds a saved network in NEST without this package; it appears complete or not at all.

    Parameters
    ----------
    network
        File that :meth:`Simulation.save` wrote.
    folder
        The new folder: ``network.h5`` and ``network.py``, which needs NEST, numpy and h5py.

    Raises
    ------
    NetworkFileError
        The file is no network, damaged, or from a newer version.
    ParameterError
        A feature that NEST lacks, by name; a folder that exists.
    """
    check_nest_can_simulate(read_header(network).network)
    if Path(folder).exists():
        raise ParameterError(f"{printable(folder)}: exists already; name a new folder")
    with whole_directory(Path(folder)) as part:
        shutil.copyfile(network, part / FILE)
        shutil.copyfile(PROGRAMS / SCRIPT, part / SCRIPT)
