"""The edges of a projection in a file, as in SONATA (Dai et al. 2020, doi:10.1371/journal.pcbi.1007696)."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import h5py
import numpy as np

from eprop_core.errors import NetworkFileError
from eprop_core.model.synapses import WEIGHT, Columns, Synapses
from eprop_core.network.projections import ProjectionSpec, Role
from eprop_core.ranks.communicator import Communicator
from eprop_core.storage.hdf5 import PIECE, bytes_of_dataset, finite, new_constant, new_dataset, stored, write_rows
from eprop_core.storage.synapses import Edges, Ends, edges, edges_per_owner, synapses_of


def _index(name: str, ends: Ends) -> str:
    """Return the name of the dataset with the first and the last edge of each neuron with which the edges live."""
    return f"edges/{name}/indices/{'source_to_target' if ends.by_source else 'target_to_source'}/range_to_edge_id"


def _of_itself(index: str) -> str:
    """Return the name of the dataset with the row of an index for each neuron."""
    return index.replace("range_to_edge_id", "node_id_to_ranges")


def _datasets(
    projection: str, n: int, columns: Iterable[str], index: str, n_owners: int
) -> dict[str, tuple[tuple[int, ...], type[np.generic]]]:
    """Return shape and dtype of each dataset that takes room for ``n`` edges of ``n_owners`` neurons."""
    return {
        f"edges/{projection}/source_node_id": ((n,), np.int32),
        f"edges/{projection}/target_node_id": ((n,), np.int32),
        **dict.fromkeys(columns, ((n,), np.float64)),
        **dict.fromkeys((index, _of_itself(index)), ((n_owners, 2), np.int64)),
    }


def bytes_of_edges(projection: ProjectionSpec, ends: Ends, n: int, columns: Iterable[str]) -> int:
    """Return the bytes of a file that ``n`` edges take, with values in ``columns`` (names of datasets)."""
    datasets = _datasets(projection.name, n, columns, _index(projection.name, ends), ends.owners.size)
    return sum(bytes_of_dataset(shape, dtype) for shape, dtype in datasets.values())


class EdgesOfRank:
    """The edges of one projection that a rank writes. Creation is collective.

    Parameters
    ----------
    projection
        The projection.
    synapses
        Returns its synapses on this rank; where the feedback goes along the output, those onto the readouts. They are
        not kept, since they may be copies.
    ends
        The neurons that these synapses connect.
    columns
        Columns of their values that are written, by the name of the dataset.
    dt
        ms, length of a step.
    communicator
        Communicator of the ranks.
    """

    def __init__(
        self,
        projection: ProjectionSpec,
        synapses: Callable[[], Synapses],
        ends: Ends,
        columns: Mapping[str, int],
        dt: float,
        communicator: Communicator,
    ) -> None:
        self._projection = projection
        self._synapses = synapses
        self._ends = ends
        self._columns = columns
        self._delay = projection.parameters.delay * dt
        self._n_per_owner = edges_per_owner(synapses(), ends)
        of_ranks = communicator.allgather(int(self._n_per_owner.sum()))
        self._first, self._n = sum(of_ranks[: communicator.rank]), sum(of_ranks)
        along_output = projection.role is Role.FEEDBACK and ends.by_source
        self._source, self._target = ("target", "source") if along_output else ("source", "target")
        self._index = _index(projection.name, ends._replace(by_source=ends.by_source and not along_output))

    def create(self, file: h5py.File) -> None:
        """Create the datasets."""
        name, n = self._projection.name, self._n
        for dataset, (shape, dtype) in _datasets(name, n, self._columns, self._index, self._ends.owners.size).items():
            new_dataset(file, dataset, shape, dtype)
        for end, population in (("source", self._projection.source), ("target", self._projection.target)):
            file[f"edges/{name}/{end}_node_id"].attrs["node_population"] = population.name
        file[weight_name(name)].attrs["unit"] = "pA"
        new_constant(file, f"edges/{name}/edge_type_id", n, np.int8(0))
        new_constant(file, f"edges/{name}/0/delay", n, self._delay, {"unit": "ms"})

    def write(self, file: h5py.File) -> None:
        """Write the edges of this rank."""
        group, owners = f"edges/{self._projection.name}", self._ends.owners
        last = self._first + np.cumsum(self._n_per_owner)
        write_rows(file[self._index], owners.first, np.stack((last - self._n_per_owner, last), axis=1))
        of_itself = np.arange(owners.first, owners.last)
        write_rows(file[_of_itself(self._index)], owners.first, np.stack((of_itself, of_itself + 1), axis=1))
        first = self._first
        sources, targets = (file[f"{group}/{end}_node_id"] for end in (self._source, self._target))
        values = [file[name] for name in self._columns]
        for part in edges(self._synapses(), self._ends, self._n_per_owner, list(self._columns.values())):
            for dataset, rows in zip(
                (sources, targets, *values), (part.source, part.target, *part.values), strict=True
            ):
                write_rows(dataset, first, rows)
            first += len(part.source)


def weight_name(projection: str) -> str:
    """Return the name of the dataset with the weights of a projection."""
    return f"edges/{projection}/0/syn_weight"


class _StoredEdges:
    """The edges of a projection in a file that live with the neurons of one rank."""

    def __init__(self, file: h5py.File, name: str, ends: Ends) -> None:
        self.name, self.ends = name, ends
        owners, index = ends.owners, _index(name, ends)
        self._source = stored(file, f"edges/{name}/source_node_id", (None,), "iu")
        self.n = self._source.shape[0]
        self._target = stored(file, f"edges/{name}/target_node_id", (self.n,), "iu")
        self._weight = stored(file, weight_name(name), (self.n,), "f")
        ranges = stored(file, index, (owners.size, 2), "iu")[owners.first : owners.last].astype(np.int64)
        begin = 0 if owners.first == 0 else ranges[0, 0]
        self._indptr = np.concatenate(([begin], ranges[:, 1]))
        last = self.n if owners.last == owners.size else self._indptr[-1]
        if not (
            np.array_equal(ranges[:, 0], self._indptr[:-1])
            and np.all(np.diff(self._indptr) >= 0)
            and self._indptr[0] >= 0
            and self._indptr[-1] == last <= self.n
        ):
            raise NetworkFileError(f"{index}: the ranges must follow one another from 0 to {self.n}")

    def _pieces(self) -> Iterator[tuple[int, int]]:
        for begin in range(int(self._indptr[0]), int(self._indptr[-1]), PIECE):
            yield begin, min(begin + PIECE, int(self._indptr[-1]))

    def sources(self) -> Iterator[np.ndarray]:
        """Yield the sources of all edges, int64, which are checked."""
        for begin, last in self._pieces():
            yield self._ids("source", begin, last)

    def parts(self) -> Iterator[Edges]:
        """Yield all edges with their weights."""
        for begin, last in self._pieces():
            weight = finite(weight_name(self.name), self._weight[begin:last].astype(np.float64))
            yield Edges(self._ids("source", begin, last), self._ids("target", begin, last), weight[np.newaxis])

    def _ids(self, end: str, begin: int, last: int) -> np.ndarray:
        """Return sources or targets of some edges."""
        dataset, population = (
            (self._source, self.ends.sources) if end == "source" else (self._target, self.ends.targets)
        )
        ids: np.ndarray = dataset[begin:last]
        if ids.size and (ids.min() < 0 or ids.max() >= population.size):
            raise NetworkFileError(
                f"edges/{self.name}/{end}_node_id: from {ids.min()} to {ids.max()}; "
                f"allowed are 0 to {population.size - 1}"
            )
        if (end == "source") == self.ends.by_source and not np.array_equal(ids, self._owners(begin, last)):
            raise NetworkFileError(f"edges/{self.name}/{end}_node_id does not agree with the index of the edges")
        return ids.astype(np.int32)

    def _owners(self, begin: int, last: int) -> np.ndarray:
        """Return the neurons with which some edges live, by their index."""
        first_owner = int(np.searchsorted(self._indptr, begin, side="right")) - 1
        last_owner = int(np.searchsorted(self._indptr, last, side="left"))
        n_edges = np.diff(np.clip(self._indptr[first_owner : last_owner + 1], begin, last))
        return np.repeat(np.arange(first_owner, last_owner), n_edges) + self.ends.owners.first


def n_edges(file: h5py.File, projection: str) -> int:
    """Return the number of edges of a projection."""
    return int(stored(file, weight_name(projection), (None,), "f").shape[0])


def first_edge(file: h5py.File, projection: str, ends: Ends) -> int:
    """Return the first edge of a rank."""
    return int(file[_index(projection, ends)][ends.owners.first, 0])


def read_synapses(file: h5py.File, projection: ProjectionSpec, ends: Ends, columns: Columns) -> Synapses:
    """Return the synapses of a projection on one rank; all values but the weights are 0.

    Raises
    ------
    NetworkFileError
        Data that are missing or not allowed.
    """
    own = _StoredEdges(file, projection.name, ends)
    return synapses_of(own.sources(), own.parts(), ends, [WEIGHT], columns)


def read_feedback_along(
    file: h5py.File, output: ProjectionSpec, feedback: ProjectionSpec, ends: Ends, columns: Columns
) -> Synapses:
    """Return the synapses onto the readouts on one rank, with the weights of the feedback that goes along them.

    Raises
    ------
    NetworkFileError
        Data that are missing or not allowed, or feedback that does not reverse the output.
    """
    own = _StoredEdges(file, output.name, ends)
    back = _StoredEdges(file, feedback.name, Ends(ends.targets, ends.sources, by_source=False))

    def both() -> Iterator[Edges]:
        for forth, reverse in zip(own.parts(), back.parts(), strict=True):
            if not (np.array_equal(forth.source, reverse.target) and np.array_equal(forth.target, reverse.source)):
                raise NetworkFileError("edges/feedback: adaptive feedback must reverse the edges of the output")
            yield forth._replace(values=np.concatenate((forth.values, reverse.values)))

    return synapses_of(own.sources(), both(), ends, [WEIGHT, columns.feedback], columns)
