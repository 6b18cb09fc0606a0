"""Recordings in a file, HDF5, to which runs append what they record, so that it needs no memory.

``docs/how_to/recordings.md`` describes the layout.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np

from eprop_core.errors import NetworkFileError, printable
from eprop_core.machine.whole_file import whole_file
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator
from eprop_core.recording.recording import Recording, RunInterrupted
from eprop_core.recording.request import NEURON_QUANTITIES, SYNAPSE_QUANTITIES, Record
from eprop_core.recording.time_series import Recorded, TimeSeries
from eprop_core.storage.hdf5 import (
    append_rows,
    finite,
    format_of,
    new_file,
    new_growing_dataset,
    read_layout_version,
    reading,
    stored,
)

VERSION = 1
"""Version of the layout."""


class RecordingFile:
    """A file for what runs of one simulation record, with the spikes of all ranks.

    It is a context manager: the file appears complete at the end of the ``with`` block or, after an error, not at all.
    After Ctrl-C it holds what was recorded until then. All ranks take part in all of this. Steps are those of the
    simulation.

    Parameters
    ----------
    path
        The file; one that is there is replaced at the end.
    record
        What is recorded.

    Raises
    ------
    ParameterError
        Runs of several networks, or a run outside the ``with`` block.
    OSError
        The file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], record: Record) -> None:
        self._path, self._record = Path(path), record
        self._stack: ExitStack | None = None
        self._file: h5py.File | None = None
        """The open file, on rank 0."""
        self._communicator: Communicator = SINGLE_RANK
        self._network: tuple[Network, int] | None = None
        """The network and the seed of the simulation; None before its first run."""

    def __enter__(self) -> Self:
        """Begin to record."""
        self._stack, self._network = ExitStack(), None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Complete the file or, after an error, remove it. Collective."""
        stack, self._stack, self._file = self._stack, None, None
        assert stack is not None
        if error is not None and not isinstance(error, RunInterrupted):
            stack.__exit__(kind, error, traceback)
        else:
            raising_on_all_ranks(self._communicator, stack.close)

    def open(self, network: Network, seed: int, communicator: Communicator) -> Record:
        """Create the file if this is the first run, and return what is to be recorded. Collective."""
        if self._stack is None:
            raise ParameterError(f"{printable(self._path)}: a run is recorded within the `with` block of its file")
        if self._network is None:
            self._network, self._communicator = (network, seed), communicator
            raising_on_all_ranks(communicator, self._create)
        elif self._network != (network, seed):
            raise ParameterError(f"{printable(self._path)}: holds the recording of another network")
        return self._record

    def _create(self) -> None:
        if self._communicator.rank == 0:
            assert self._stack is not None
            assert self._network is not None
            network, seed = self._network
            self._file = self._stack.enter_context(new_file(self._stack.enter_context(whole_file(self._path))))
            self._file.attrs.update(
                {
                    "format": format_of("recording"),
                    "format_version": VERSION,
                    "network": np.bytes_(network.model_dump_json().encode()),
                    "seed": np.uint64(seed),
                    "dt": network.dt,
                    "interval": self._record.interval,
                }
            )
            for name in ("steps", "neurons"):
                new_growing_dataset(self._file, f"spikes/{name}", (), np.int64)

    def append(self, recorded: Recorded) -> None:
        """Append what a part of a run has recorded, with the steps of the simulation. Collective."""
        raising_on_all_ranks(self._communicator, lambda: self._append(recorded))

    def _append(self, recorded: Recorded) -> None:
        if self._file is None:
            return
        self._file.require_dataset("neurons/ids", recorded.neuron_ids.shape, np.int64, data=recorded.neuron_ids)
        self._append_series("neurons", recorded.neurons, NEURON_QUANTITIES)
        for projection, series in recorded.synapses.items():
            pairs = recorded.synapse_pairs[projection]
            self._file.require_dataset(f"synapses/{projection}/pairs", pairs.shape, np.int64, data=pairs)
            self._append_series(f"synapses/{projection}", series, SYNAPSE_QUANTITIES)

    def _append_series(self, group: str, series: Mapping[str, TimeSeries], units: Mapping[str, str]) -> None:
        assert self._file is not None
        for quantity, one in series.items():
            name = f"{group}/{quantity}"
            if name not in self._file:
                new_growing_dataset(self._file, f"{name}/steps", (), np.int64)
                new_growing_dataset(self._file, f"{name}/values", one.values.shape[1:], np.float64)
                self._file[f"{name}/values"].attrs["unit"] = units[quantity]
            append_rows(self._file[f"{name}/steps"], one.steps)
            append_rows(self._file[f"{name}/values"], one.values)

    def append_spikes(self, recording: Recording, start: int) -> None:
        """Append the spikes of a run that began in step ``start``. Collective."""
        spikes = recording.gathered(self._communicator)

        def append() -> None:
            if self._file is not None:
                append_rows(self._file["spikes/steps"], spikes.spike_steps + start)
                append_rows(self._file["spikes/neurons"], spikes.spike_neurons)

        raising_on_all_ranks(self._communicator, append)


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """Return what a file holds, with the steps of the simulation; it has neither readouts nor errors.

    Raises
    ------
    NetworkFileError
        The file is no recording, damaged, or from a newer version.
    """
    with reading(path, "recording") as file:
        read_layout_version(file, "recording", VERSION)

        def series(group: str, known: Mapping[str, str]) -> dict[str, TimeSeries]:
            return {name: _time_series(file, f"{group}/{name}") for name in known if f"{group}/{name}" in file}

        projections = list(file.get("synapses", ()))
        steps = _ascending_steps(file, "spikes/steps")
        none = np.zeros((0, 0))
        ids = _ids(file, "neurons/ids", (None,)) if "neurons" in file else np.zeros(0, np.int64)
        return Recording(
            spike_steps=steps,
            spike_neurons=_ids(file, "spikes/neurons", steps.shape),
            readout=none,
            error=none,
            recorded=Recorded(
                ids,
                series("neurons", NEURON_QUANTITIES),
                {name: _ids(file, f"synapses/{name}/pairs", (None, 2)) for name in projections},
                {name: series(f"synapses/{name}", SYNAPSE_QUANTITIES) for name in projections},
            ),
        )


def _ids(file: h5py.File, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return ids, which count from 0."""
    ids = stored(file, name, shape, "i")[:]
    if (ids < 0).any():
        raise NetworkFileError(f"{name}: has ids below 0")
    return np.asarray(ids)


def _ascending_steps(file: h5py.File, name: str) -> np.ndarray:
    steps = stored(file, name, (None,), "i")[:]
    if (steps < 0).any() or (np.diff(steps) < 0).any():
        raise NetworkFileError(f"{name}: must ascend from 0 on")
    return np.asarray(steps)


def _time_series(file: h5py.File, name: str) -> TimeSeries:
    steps = _ascending_steps(file, f"{name}/steps")
    return TimeSeries(steps, finite(name, stored(file, f"{name}/values", (len(steps), None), "f")[:]))
