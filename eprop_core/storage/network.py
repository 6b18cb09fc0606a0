"""A network in a file: parameters, connections with weights, values of neurons, seed and provenance."""

import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import h5py
import numpy as np

from eprop_core.errors import NetworkFileError, one_line
from eprop_core.model.rank import RankState
from eprop_core.model.synapses import WEIGHT, Columns, Synapses
from eprop_core.network.assembly import state_of, synapses_of
from eprop_core.network.columns import columns_of
from eprop_core.network.connections import Range
from eprop_core.network.features import follows_output
from eprop_core.network.neuron_values import NeuronValues, values_of_rank
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.network.projections import Role, projection_with, projections, projections_with_weights
from eprop_core.network.readout_range import ReadoutRange, largest_weight
from eprop_core.parameters import Network, Uniform, values_of_groups
from eprop_core.parsing import ParameterError, expect, parse
from eprop_core.provenance import provenance
from eprop_core.ranks.communicator import Communicator
from eprop_core.storage.edges import EdgesOfRank, n_edges, read_feedback_along, read_synapses, weight_name
from eprop_core.storage.hdf5 import (
    PIECE,
    finite,
    format_of,
    new_constant,
    new_dataset,
    read_layout_version,
    reading,
    stored,
    write_rows,
    write_whole,
)
from eprop_core.storage.synapses import Ends

VERSION = 1
"""Version of the layout (``docs/how_to/networks.md``)."""

_SONATA_MAGIC = np.uint32(0x0A7A)


class NetworkOfRank(NamedTuple):
    """All of a network that one rank holds."""

    network: Network
    seed: int
    recurrent: Range
    values: NeuronValues
    readout_range: ReadoutRange
    state: RankState

    @property
    def names(self) -> list[str]:
        """Names of the projections that have synapses of their own; feedback along the output has none."""
        return [
            spec.name
            for spec in projections(self.network)
            if spec.role is not Role.FEEDBACK or not self.state.feedback.along_output
        ]

    def synapses(self, name: str) -> Synapses:
        """Return the synapses of a projection on this rank; copies if it is bundled with others."""
        if name == projection_with(self.network, Role.FEEDBACK).name:
            return self.state.feedback.synapses
        return synapses_of(self.network, self.state, self.recurrent, name)

    def columns(self, name: str) -> Columns:
        """Return the columns of the values of a projection's synapses."""
        if name == projection_with(self.network, Role.FEEDBACK).name:
            return self.state.feedback.synapses.columns
        return state_of(self.network, self.state, name)[2].synapses.columns


class Part(Protocol):
    """A part of a file."""

    def create(self, file: h5py.File) -> None:
        """Create the datasets; called on rank 0."""

    def write(self, file: h5py.File) -> None:
        """Write what this rank holds."""


class Header(NamedTuple):
    """All of a file but its large arrays."""

    version: int
    network: Network
    seed: int
    readout_range: ReadoutRange
    provenance: dict[str, Any]
    notes: dict[str, Any]
    """Notes of the program that wrote the file."""
    n_edges: dict[str, int]
    """By projection; symmetric feedback has no edges of its own."""
    has_state: bool
    """Whether it is a checkpoint."""


class _Header:
    """Parameters and everything else that is the same on all ranks; written by rank 0. Creation is collective."""

    def __init__(self, own: NetworkOfRank, notes: Mapping[str, Any], communicator: Communicator) -> None:
        self._own = own
        self._notes = np.frombuffer(_as_json(notes), np.uint8)
        self._provenance = provenance(communicator).model_dump_json()
        self._is_first = communicator.rank == 0

    def create(self, file: h5py.File) -> None:
        own = self._own
        file.attrs.update(
            {
                # Texts of fixed length, which are stored beside their checksum.
                "format": format_of("network"),
                "format_version": VERSION,
                "magic": _SONATA_MAGIC,
                "version": np.array([0, 1], np.uint32),
                "network": np.bytes_(own.network.model_dump_json().encode()),
                "seed": np.uint64(own.seed),
                "readout_fixed_point": own.readout_range.fixed_point,
                "readout_largest_weight": own.readout_range.largest_weight,
                "provenance": np.bytes_(self._provenance.encode()),
            }
        )
        new_dataset(file, "notes", self._notes.shape, np.uint8)

    def write(self, file: h5py.File) -> None:
        if self._is_first:
            write_rows(file["notes"], 0, self._notes)


class _Nodes:
    """The populations, and the values of the recurrent neurons."""

    def __init__(self, own: NetworkOfRank) -> None:
        self._own = own

    def create(self, file: h5py.File) -> None:
        specs = projections(self._own.network)
        for population in dict.fromkeys(end for spec in specs for end in (spec.source, spec.target)):
            new_constant(file, f"nodes/{population.name}/node_type_id", population.size, np.int8(0))
        for name, spec in PER_NEURON.items():
            shape = (self._own.recurrent.size,)
            new_dataset(file, _values_name(self._own.network, name), shape, np.float64, {"unit": spec.unit})

    def write(self, file: h5py.File) -> None:
        for name in PER_NEURON:
            dataset = file[_values_name(self._own.network, name)]
            write_rows(dataset, self._own.recurrent.first, getattr(self._own.values, name))


def network_parts(
    own: NetworkOfRank,
    notes: Mapping[str, Any],
    communicator: Communicator,
    more_columns: Callable[[str, Columns], Mapping[str, int]] = lambda name, columns: {},
) -> list[Part]:
    """Return the parts of the file of a network. Collective.

    Parameters
    ----------
    own
        What this rank holds.
    notes
        What a program adds, to be written as JSON.
    communicator
        Communicator of the ranks.
    more_columns
        Returns further columns of the synapses of a projection that are to be written, by the name of the dataset.
    """
    network = own.network
    parts: list[Part] = [_Header(own, notes, communicator), _Nodes(own)]
    output = projection_with(network, Role.OUTPUT)
    for projection in projections_with_weights(network):
        name = projection.name
        if name in own.names:
            source, ends = name, Ends.of(projection, own.recurrent)
            columns = {weight_name(name): WEIGHT, **more_columns(name, own.columns(name))}
        else:  # adaptive feedback, along the output
            source, ends = output.name, Ends.of(output, own.recurrent)
            columns = {weight_name(name): own.columns(output.name).feedback}
        synapses = functools.partial(own.synapses, source)
        parts.append(EdgesOfRank(projection, synapses, ends, columns, network.dt, communicator))
    return parts


def write_network(
    path: str | os.PathLike[str], own: NetworkOfRank, notes: Mapping[str, Any], communicator: Communicator
) -> None:
    """Write a network to a file that appears complete or not at all. Collective."""
    write_parts(path, network_parts(own, notes, communicator), communicator)


def write_parts(path: str | os.PathLike[str], parts: list[Part], communicator: Communicator) -> None:
    """Write the parts of a file. Collective."""

    def create(file: h5py.File) -> None:
        for part in parts:
            part.create(file)

    def write(file: h5py.File) -> None:
        for part in parts:
            part.write(file)

    write_whole(path, communicator, create, write)


def read_header(path: str | os.PathLike[str]) -> Header:
    """Return all of a file but its large arrays.

    Raises
    ------
    NetworkFileError
        The file is no network, damaged, or from a newer version.
    """
    with reading(path) as file:
        version = read_layout_version(file, "network", VERSION)
        try:
            network = parse(Network, json.loads(file.attrs["network"]), "network.")
        except ParameterError as error:
            raise NetworkFileError(str(error).splitlines()[0]) from None
        return Header(
            version=version,
            network=network,
            seed=int(file.attrs["seed"]),
            readout_range=ReadoutRange(
                _positive(file, "readout_fixed_point"), _positive(file, "readout_largest_weight")
            ),
            provenance=_mapping(file.attrs["provenance"], "provenance"),
            notes=_mapping(bytes(stored(file, "notes", (None,), "u")[:]), "notes"),
            n_edges={
                projection.name: n_edges(file, projection.name) for projection in projections_with_weights(network)
            },
            has_state="state" in file,
        )


def _as_json(notes: Mapping[str, Any]) -> bytes:
    expect("notes", notes, Mapping, "a mapping that JSON can hold")
    try:
        return json.dumps(dict(notes)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(f"notes: must be a mapping that JSON can hold: {one_line(error)}") from None


def _mapping(text: bytes, name: str) -> dict[str, Any]:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise NetworkFileError(f"{name} are {type(values).__name__}; expected keys with values")
    return values


def _positive(file: h5py.File, name: str) -> float:
    value = float(file.attrs[name])
    if not 0.0 <= value < np.inf:
        raise NetworkFileError(f"{name} = {value}: must be a positive number")
    return value


def weights_in_pieces(path: str | os.PathLike[str], projection: str) -> Iterator[np.ndarray]:
    """Yield all weights of a projection, pA.

    Raises
    ------
    NetworkFileError
        Data that are missing or not allowed.
    """
    with reading(path) as file:
        weight = stored(file, weight_name(projection), (None,), "f")
        for begin in range(0, len(weight), PIECE):
            yield finite(weight_name(projection), weight[begin : begin + PIECE])


def read_values(
    path: str | os.PathLike[str], network: Network, in_file: Network, seed: int, recurrent: Range
) -> NeuronValues:
    """Return the values of the neurons of one rank.

    Parameters
    ----------
    path
        The file.
    network, in_file
        Parameters of the network, and those in the file. Values that both give alike, or that ``network`` leaves to be
        drawn, are those of the file; others are those that ``network`` gives.
    seed
        Seed of the network.
    recurrent
        The neurons of the rank.

    Raises
    ------
    NetworkFileError
        Data that are missing or not allowed.
    """
    own = {}
    with reading(path) as file:
        for name in PER_NEURON:
            given, key = values_of_groups(network, name), _values_name(network, name)
            is_drawn = any(isinstance(value, Uniform) for value in given)
            if is_drawn or (key in file and given == values_of_groups(in_file, name)):
                dataset = stored(file, key, (recurrent.size,), "f")
                own[name] = dataset[recurrent.first : recurrent.last].astype(np.float64)
        return values_of_rank(network, seed, recurrent, own)


def _values_name(network: Network, name: str) -> str:
    """Return the name of the dataset with a value of each recurrent neuron."""
    return f"nodes/{projection_with(network, Role.OUTPUT).source.name}/0/{name}"


def read_connections(
    path: str | os.PathLike[str], network: Network, recurrent: Range, drawn: Sequence[str] = ()
) -> dict[str, Synapses]:
    """Return the synapses of one rank by projection, except for projections that are to be ``drawn``.

    Raises
    ------
    NetworkFileError
        Data that are missing or not allowed.
    """
    synapses = {}
    feedback = projection_with(network, Role.FEEDBACK)
    with reading(path) as file:
        for projection in projections(network):
            if projection.name in drawn or (projection.role is Role.FEEDBACK and follows_output(network)):
                continue
            ends, columns = Ends.of(projection, recurrent), columns_of(network, projection)
            if projection.role is Role.OUTPUT and network.feedback.kind == "adaptive":
                synapses[projection.name] = read_feedback_along(file, projection, feedback, ends, columns)
            else:
                synapses[projection.name] = read_synapses(file, projection, ends, columns)
    return synapses


def strongest_output(
    network: Network, synapses: Mapping[str, Synapses], communicator: Communicator
) -> tuple[float, float]:
    """Return the largest in-degree of a readout and the size, pA, of the largest weight onto one. Collective."""
    own = synapses[projection_with(network, Role.OUTPUT).name]
    of_rank = np.bincount(own.targets(), minlength=network.n_readout), largest_weight(own)
    of_ranks = communicator.allgather(of_rank)
    return float(max(1, sum(degrees for degrees, _ in of_ranks).max())), float(max(largest for _, largest in of_ranks))
