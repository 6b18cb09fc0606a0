"""A checkpoint: the file of a network with all state of its simulation, which goes on from it on any number of ranks.

Values of neurons are ordered by neuron, and those of synapses as the edges are. What belongs to sources is written rank
by rank, each source with its id: the ranks that hold a source agree in its state, and a rank that takes over neurons
finds their sources among those of the ranks that had these neurons.
"""

import bisect
import functools
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np

from eprop_core.errors import NetworkFileError
from eprop_core.model.projection import ProjectionState
from eprop_core.model.spikes import Spikes
from eprop_core.model.synapses import NO_COLUMN, Columns, Synapses
from eprop_core.network.assembly import state_of, states
from eprop_core.network.bundled_synapses import put_back
from eprop_core.network.connections import Range
from eprop_core.network.projections import Role, projections
from eprop_core.parameters import Adam
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import Communicator
from eprop_core.storage.edges import first_edge, weight_name
from eprop_core.storage.hdf5 import PIECE, finite, new_dataset, reading, stored, write_rows
from eprop_core.storage.network import NetworkOfRank, Part, network_parts, write_parts
from eprop_core.storage.sources import (
    SpikeList,
    ids_of_sources,
    ids_of_spikes,
    set_spikes,
    spike_list,
    state_of_sources,
)
from eprop_core.storage.state import Kind, arrays
from eprop_core.storage.state_limits import check_state
from eprop_core.storage.synapses import Ends, columns_by_name, edges_per_owner, set_values


def _dataset_name(name: str) -> str:
    return f"state/{name.replace('.', '/')}"


class _ArrayOfNeurons:
    """An array over the recurrent neurons, or over steps and recurrent neurons, of which a rank writes its part."""

    def __init__(self, name: str, array: np.ndarray, recurrent: Range, axis: int) -> None:
        self._name, self._array, self._recurrent, self._axis = _dataset_name(name), array, recurrent, axis

    def _shape(self) -> tuple[int, ...]:
        shape = list(self._array.shape)
        shape[self._axis] = self._recurrent.size
        return tuple(shape)

    def create(self, file: h5py.File) -> None:
        new_dataset(file, self._name, self._shape(), self._array.dtype)

    def write(self, file: h5py.File) -> None:
        for theirs, own in self._pieces():
            file[self._name][theirs] = self._array[own]

    def read(self, file: h5py.File) -> None:
        dataset = stored(file, self._name, self._shape(), self._array.dtype.kind)
        for theirs, own in self._pieces():
            self._array[own] = finite(self._name, dataset[theirs])

    def _pieces(self) -> Iterator[tuple[Any, Any]]:
        """Yield indices of parts of the dataset and of the array."""
        first, n = self._recurrent.first, self._recurrent.n
        for begin in range(0, n, PIECE):
            last = min(begin + PIECE, n)
            theirs, own = slice(first + begin, first + last), slice(begin, last)
            if self._axis == 0:
                yield theirs, own
            else:
                for step in range(len(self._array)):
                    yield (step, theirs), (step, own)


class _WholeArray:
    """An array that is the same on all ranks."""

    def __init__(self, name: str, array: np.ndarray, is_first: bool) -> None:
        self._name, self._array, self._is_first = _dataset_name(name), array, is_first

    def create(self, file: h5py.File) -> None:
        new_dataset(file, self._name, self._array.shape, self._array.dtype)

    def write(self, file: h5py.File) -> None:
        if self._is_first:
            write_rows(file[self._name], 0, self._array)

    def read(self, file: h5py.File) -> None:
        self._array[...] = finite(self._name, stored(file, self._name, self._array.shape, self._array.dtype.kind)[()])


class _Counts:
    """An array of each rank: what it has counted, or the time that it has taken."""

    def __init__(self, name: str, array: np.ndarray, communicator: Communicator) -> None:
        self._name, self._array, self._communicator = _dataset_name(name), array, communicator

    def create(self, file: h5py.File) -> None:
        new_dataset(file, self._name, (self._communicator.size, *self._array.shape), self._array.dtype)

    def write(self, file: h5py.File) -> None:
        file[self._name][self._communicator.rank] = self._array

    def read(self, file: h5py.File) -> None:
        """Take over the counts of former ranks; the sum over all ranks stays."""
        dataset = stored(file, self._name, (None, *self._array.shape), self._array.dtype.kind)
        self._array[...] = dataset[self._communicator.rank :: self._communicator.size].sum(axis=0)


class _Sources:
    """The state of the sources of a projection on one rank. Creation is collective."""

    def __init__(self, name: str, projection: ProjectionState, recurrent: Range, communicator: Communicator) -> None:
        self._group = f"state/sources/{name}"
        self._ids = ids_of_sources(projection, recurrent)
        self._state = state_of_sources(projection)
        self._rank = communicator.rank
        self._n_of_ranks = np.array(communicator.allgather(len(self._ids)))

    def create(self, file: h5py.File) -> None:
        new_dataset(file, f"{self._group}/n_of_ranks", self._n_of_ranks.shape, np.int64)
        file[f"{self._group}/n_of_ranks"][:] = self._n_of_ranks
        n = int(self._n_of_ranks.sum())
        new_dataset(file, f"{self._group}/ids", (n,), np.int32)
        for name, values in self._state.items():
            new_dataset(file, f"{self._group}/{name}", (n,), values.dtype)

    def write(self, file: h5py.File) -> None:
        first = int(self._n_of_ranks[: self._rank].sum())
        write_rows(file[f"{self._group}/ids"], first, self._ids)
        for name, values in self._state.items():
            write_rows(file[f"{self._group}/{name}"], first, values)

    def read(self, file: h5py.File, former: range, n_former: int) -> None:
        n_of_ranks = stored(file, f"{self._group}/n_of_ranks", (n_former,), "i")[:]
        n = int(n_of_ranks.sum())
        ids = stored(file, f"{self._group}/ids", (n,), "i")
        datasets = {
            name: stored(file, f"{self._group}/{name}", (n,), values.dtype.kind) for name, values in self._state.items()
        }
        found = np.zeros(len(self._ids), np.bool_)
        last = int(n_of_ranks[: former.stop].sum())
        for begin in range(int(n_of_ranks[: former.start].sum()), last, PIECE):
            piece = slice(begin, min(begin + PIECE, last))
            theirs = ids[piece]
            place = np.searchsorted(self._ids, theirs)
            wanted = place < len(self._ids)
            wanted[wanted] = self._ids[place[wanted]] == theirs[wanted]
            found[place[wanted]] = True
            for name, dataset in datasets.items():
                self._state[name][place[wanted]] = finite(f"{self._group}/{name}", dataset[piece])[wanted]
        if not found.all():
            raise NetworkFileError(f"{self._group}: lacks source {self._ids[np.argmin(found)]}")


class _Spikes:
    """Spikes of the last steps of a population. Creation is collective."""

    def __init__(self, name: str, spikes: Spikes, size: int, recurrent: Range, communicator: Communicator) -> None:
        self._group = f"state/{name}"
        self._spikes, self._size = spikes, size
        self._ids = ids_of_spikes(spikes, recurrent)
        self._rank, self._n_ranks = communicator.rank, communicator.size
        self._n_of_ranks = np.array(communicator.allgather(int(spikes.length.sum())))

    def create(self, file: h5py.File) -> None:
        new_dataset(file, f"{self._group}/length", (self._n_ranks, len(self._spikes.length)), np.int64)
        new_dataset(file, f"{self._group}/ids", (int(self._n_of_ranks.sum()),), np.int32)

    def write(self, file: h5py.File) -> None:
        own = spike_list(self._spikes, self._ids)
        file[f"{self._group}/length"][self._rank] = own.length
        write_rows(file[f"{self._group}/ids"], int(self._n_of_ranks[: self._rank].sum()), own.ids)

    def read(self, file: h5py.File, former: range, n_former: int) -> None:
        length = stored(file, f"{self._group}/length", (n_former, len(self._spikes.length)), "i")[:]
        n_of_ranks = length.sum(axis=1)
        ids = stored(file, f"{self._group}/ids", (int(n_of_ranks.sum()),), "i")
        _check_spikes(self._group, length, ids[:], self._size)
        last = np.cumsum(n_of_ranks)
        lists = [SpikeList(length[rank], ids[last[rank] - n_of_ranks[rank] : last[rank]]) for rank in former]
        set_spikes(self._spikes, self._ids, lists)


def _check_spikes(group: str, length: np.ndarray, ids: np.ndarray, size: int) -> None:
    """Check that ids ascend within each slot of each rank, from 0 to ``size`` - 1."""
    ends = np.cumsum(length.ravel())
    within = np.ones(max(0, len(ids) - 1), np.bool_)
    borders = ends[(ends > 0) & (ends < len(ids))]
    within[borders - 1] = False
    if (length < 0).any() or ((ids < 0) | (ids >= size)).any() or (np.diff(ids)[within] <= 0).any():
        raise NetworkFileError(f"{group}: spikes must be listed by step, with ids that ascend within 0 to {size - 1}")


class _Times:
    """Times of a rank that its state does not hold."""

    def __init__(self, times: Mapping[str, float], communicator: Communicator) -> None:
        self.arrays = {name: np.array([seconds]) for name, seconds in times.items()}
        self.parts = [_Counts(f"times.{name}", array, communicator) for name, array in self.arrays.items()]


class StateHeader(NamedTuple):
    """Values of a state that a reader needs first."""

    step: int
    sample_length: int
    n_ranks: int


class _StateHeader:
    def __init__(self, header: StateHeader) -> None:
        self._header = header

    def create(self, file: h5py.File) -> None:
        file.require_group("state").attrs.update(self._header._asdict())

    def write(self, file: h5py.File) -> None:
        """Nothing is left to write."""


def state_columns(projection: str, columns: Columns) -> dict[str, int]:
    """Return the columns of plastic synapses that no edges hold, by the name of their dataset."""
    names = columns_by_name(columns)
    return {f"state/synapses/{projection}/{key}": n for key, n in names.items() if key not in ("weight", "feedback")}


def _simple_parts(own: NetworkOfRank, communicator: Communicator) -> list[_ArrayOfNeurons | _WholeArray | _Counts]:
    """Return the parts of a state that are arrays of neurons, of all ranks or of each."""
    parts: list[_ArrayOfNeurons | _WholeArray | _Counts] = []
    for name, array, kind in arrays(own.state):
        if array.size == 0:  # of a feature that this network has not, on all ranks
            continue
        if kind is Kind.NEURONS:
            parts.append(_ArrayOfNeurons(name, array, own.recurrent, axis=0))
        elif kind is Kind.STEPS_OF_NEURONS:
            parts.append(_ArrayOfNeurons(name, array, own.recurrent, axis=1))
        elif kind is Kind.WHOLE:
            parts.append(_WholeArray(name, array, communicator.rank == 0))
        elif kind is Kind.COUNTS:
            parts.append(_Counts(name, array, communicator))
    return parts


def _parts_by_id(own: NetworkOfRank, communicator: Communicator) -> list[_Sources | _Spikes]:
    """Return the parts of a state that are written with ids. Collective."""
    sources = [
        _Sources(bundle.name, state, own.recurrent, communicator)
        for bundle, state in states(own.network, own.state)
        if state.plastic or state.has_spike_timing
    ]
    spikes = [
        _Spikes(name, kept, size, own.recurrent, communicator) for name, (kept, size) in _spikes_by_name(own).items()
    ]
    return [*sources, *spikes]


def _spikes_by_name(own: NetworkOfRank) -> dict[str, tuple[Spikes, int]]:
    """Return all lists of spikes with the size of their population; several of one population have numbers."""
    state, network = own.state, own.network
    by_name = {"own_spikes": (state.own_spikes, network.n_recurrent)}
    for name, lists, size in (
        ("input_spikes", state.input_spikes, network.n_input),
        ("spikes", state.spikes, network.n_recurrent),
    ):
        by_name |= {name if len(lists) == 1 else f"{name}/{n}": (kept, size) for n, kept in enumerate(lists)}
    return by_name


def write_checkpoint(
    path: str | os.PathLike[str],
    own: NetworkOfRank,
    header: StateHeader,
    times: Mapping[str, float],
    notes: Mapping[str, Any],
    communicator: Communicator,
) -> None:
    """Write a network with all its state to a file that appears complete or not at all. Collective.

    Parameters
    ----------
    path
        The file.
    own
        What this rank holds.
    header
        Step, sample length and number of ranks.
    times
        s, times of this rank that its state does not hold.
    notes
        What a program adds, to be written as JSON.
    communicator
        Communicator of the ranks.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    parts: list[Part] = network_parts(own, notes, communicator, state_columns)
    parts.append(_StateHeader(header))
    parts += _simple_parts(own, communicator)
    parts += _parts_by_id(own, communicator)
    parts += _Times(times, communicator).parts
    write_parts(path, parts, communicator)


def read_state_header(path: str | os.PathLike[str]) -> StateHeader:
    """Return the values of a state that a reader needs first.

    Raises
    ------
    NetworkFileError
        The file holds no state.
    """
    with reading(path) as file:
        if "state" not in file:
            raise NetworkFileError("is a network without state, no checkpoint")
        header = StateHeader(**{name: int(file["state"].attrs[name]) for name in StateHeader._fields})
        if header.n_ranks < 1 or not all(0 <= value < 2**63 for value in header):
            raise NetworkFileError(f"state: impossible values, {header}")
        return header


def read_state(
    path: str | os.PathLike[str],
    own: NetworkOfRank,
    header: StateHeader,
    times: Mapping[str, float],
    communicator: Communicator,
) -> dict[str, float]:
    """Set the state of a rank, at rest, to that of a checkpoint; return its ``times``. Collective.

    Parameters
    ----------
    path
        The file.
    own
        What this rank holds, with the connections and the weights of the file.
    header
        Step, sample length and number of ranks that wrote the file.
    times
        s, times of this rank that its state does not hold.
    communicator
        Communicator of the ranks.

    Raises
    ------
    NetworkFileError
        Data that are missing or not allowed.
    """
    simple, by_id = _simple_parts(own, communicator), _parts_by_id(own, communicator)
    other_times = _Times(times, communicator)
    former = _former_ranks(own.recurrent, header.n_ranks)

    def read() -> None:
        with reading(path) as file:
            for part in (*simple, *other_times.parts):
                part.read(file)
            for of_sources in by_id:
                of_sources.read(file, former, header.n_ranks)
            check_state(own.network, own.state, header.step)
            _read_synapses(file, own)

    raising_on_all_ranks(communicator, read)
    return {name: float(array[0]) for name, array in other_times.arrays.items()}


def _former_ranks(recurrent: Range, n_former: int) -> range:
    """Return those of ``n_former`` ranks that had one of the neurons of a rank."""
    ranks = range(n_former)  # a damaged file may state any number of them

    def last(rank: int) -> int:
        return Range.of_rank(recurrent.size, rank, n_former).last

    return range(
        bisect.bisect_right(ranks, recurrent.first, key=last), bisect.bisect_left(ranks, recurrent.last, key=last) + 1
    )


def _read_synapses(file: h5py.File, own: NetworkOfRank) -> None:
    """Set the values of synapses that no edges hold."""
    specs = {projection.name: projection for projection in projections(own.network)}
    for name in own.names:
        columns = state_columns(name, own.columns(name))
        if columns:
            synapses = own.synapses(name)
            ends, n = Ends.of(specs[name], own.recurrent), file[weight_name(name)].shape[0]
            datasets = [stored(file, dataset, (n,), "f") for dataset in columns]
            of_edges = functools.partial(_values_of_edges, datasets, first_edge(file, name, ends))
            set_values(synapses, ends, edges_per_owner(synapses, ends), list(columns.values()), of_edges)
            if synapses.columns.moments != NO_COLUMN and isinstance(own.network.optimizer(name), Adam):
                _check_second_moments(name, synapses)
            if specs[name].role is not Role.FEEDBACK:
                bundle, spec, state = state_of(own.network, own.state, name)
                put_back(synapses, state.synapses, bundle, spec, own.recurrent)


def _check_second_moments(name: str, synapses: Synapses) -> None:
    """Check the means of squared gradients, of which Adam takes the root."""
    smallest, _ = synapses.extent(synapses.columns.moments + 1)
    if smallest < 0.0:
        raise NetworkFileError(f"{name}: a second moment of Adam is below 0")


def _values_of_edges(datasets: list[h5py.Dataset], first: int, begin: int, end: int) -> np.ndarray:
    """Return the values of some of the edges of a rank, whose ``first`` edge is given, float64 (n_datasets, n)."""
    return np.stack([finite(dataset.name.strip("/"), dataset[first + begin : first + end]) for dataset in datasets])
