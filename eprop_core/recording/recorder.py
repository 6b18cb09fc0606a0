"""Recorder of a run: reads chosen neurons and synapses after each step, and gathers their values from all ranks."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from eprop_core.model.rank import RankState
from eprop_core.network.assembly import state_of
from eprop_core.network.connections import Range
from eprop_core.network.projections import ProjectionSpec, Role, projection_with, projections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.recording.neuron_values import NeuronValues
from eprop_core.recording.request import NEURON_QUANTITIES, Record
from eprop_core.recording.synapse_values import Places, SynapseValues, values_of
from eprop_core.recording.time_series import Recorded, TimeSeries

VALUES_AT_ONCE = 1_000_000
"""Values that are kept before they are gathered from the ranks."""

Reader = tuple[int, Callable[[int], np.ndarray]]
"""How many steps ago the step of a value is, and what reads the values of a rank after a step."""


class _Column(NamedTuple):
    """A quantity of the chosen neurons, or of the chosen synapses of a projection."""

    lag: int
    read: Callable[[int], np.ndarray]
    numbers: np.ndarray
    """int64 (n,), those of this rank among the chosen ones."""
    n_chosen: int
    """On all ranks."""
    steps: list[int]
    values: list[np.ndarray]


class Recorder:
    """Records a run on one rank of several.

    Parameters
    ----------
    record
        What is recorded.
    network, recurrent, rank
        The network, the neurons of this rank, and its state before the first step.
    communicator
        Communicator of the ranks.
    receive
        Takes over what is gathered from all ranks from time to time, with the steps of the simulation. Collective.

    Raises
    ------
    ParameterError
        A neuron, synapse or quantity that the network does not have; the same on all ranks.
    """

    def __init__(
        self,
        record: Record,
        network: Network,
        recurrent: Range,
        rank: RankState,
        communicator: Any,
        receive: Callable[[Recorded], None],
    ) -> None:
        self._record, self._network, self._recurrent, self._rank = record, network, recurrent, rank
        self._communicator, self._receive = communicator, receive
        self._columns: dict[tuple[str | None, str], _Column] = {}
        """By projection, which is None for neurons, and quantity."""
        record.check_fits(network)
        ids = np.array(record.neurons, np.int64)
        (own,) = np.nonzero((ids >= recurrent.first) & (ids < recurrent.first + recurrent.n))
        self._neuron_values = NeuronValues(network, rank, ids[own] - recurrent.first)
        if len(ids):
            self._add(None, own, len(ids), self._neuron_values.readers())
        for name, pairs in record.synapses.items():
            if len(pairs):
                self._add_synapses(name, np.array(pairs, np.int64))
        self._check_quantities()
        width = sum(column.n_chosen for column in self._columns.values())
        self._rows_at_once = max(1, VALUES_AT_ONCE // max(1, width))

    def _add(self, projection: str | None, own: np.ndarray, n_chosen: int, readers: Mapping[str, Reader]) -> None:
        for quantity, (lag, read) in readers.items():
            if self._record.wants(quantity):
                self._columns[projection, quantity] = _Column(lag, read, own, n_chosen, [], [])

    def _add_synapses(self, name: str, pairs: np.ndarray) -> None:
        numbers, readers = self._readers_of_synapses(name, pairs)
        n_synapses = np.bincount(np.concatenate(self._communicator.allgather(numbers)), minlength=len(pairs))
        for (source, target), n in zip(pairs.tolist(), n_synapses.tolist(), strict=True):
            if n != 1:
                raise ParameterError(
                    f"record.synapses.{name}: {n or 'no'} synapse{'s' if n > 1 else ''} from {source} to {target}; "
                    "a pair must have one"
                )
        self._add(name, numbers, len(pairs), readers)

    def _readers_of_synapses(self, name: str, pairs: np.ndarray) -> tuple[np.ndarray, Mapping[str, Reader]]:
        """Return the numbers of the pairs that have a synapse on this rank, and what reads these synapses."""
        (spec,) = (spec for spec in projections(self._network) if spec.name == name)
        feedback = self._rank.feedback
        if spec.role is not Role.FEEDBACK:
            _, _, state = state_of(self._network, self._rank, name)
            # The state may be that of several projections between groups.
            (own,) = np.nonzero(_contains(spec.source_ids, pairs[:, 0]) & _contains(spec.target_ids, pairs[:, 1]))
            places, numbers = Places.of(state.synapses, self._as_rank_counts(spec, pairs[own]))
            return own[numbers], SynapseValues(state, places).readers()
        if feedback.along_output:
            spec, pairs = projection_with(self._network, Role.OUTPUT), pairs[:, ::-1]
        places, numbers = Places.of(feedback.synapses, self._as_rank_counts(spec, pairs))
        return numbers, {"weight": (0, lambda _: values_of(feedback.synapses, places, feedback.column))}

    def _as_rank_counts(self, spec: ProjectionSpec, pairs: np.ndarray) -> np.ndarray:
        sources, targets = spec.ranges(self._recurrent)
        return pairs - [sources.first, targets.first]

    def _check_quantities(self) -> None:
        there = {quantity for _, quantity in self._columns}
        for quantity in self._record.quantities or ():
            if quantity not in there:
                kind = "neuron" if quantity in NEURON_QUANTITIES else "synapse"
                raise ParameterError(f"record.quantities: no {kind} that is recorded has {quantity!r} in this network")

    def observe(self, step: int) -> None:
        """Record a step that has just been computed. Collective: each rank calls it after each step."""
        self._neuron_values.keep(step)
        for column in self._columns.values():
            its_step = step - column.lag
            if its_step >= 0 and its_step % self._record.interval == 0:
                column.steps.append(its_step)
                column.values.append(column.read(step))
        if any(len(column.steps) >= self._rows_at_once for column in self._columns.values()):
            self.gather()

    def gather(self) -> None:
        """Hand over what all ranks have recorded since the last call. Collective."""
        own = [
            (column.numbers, np.array(column.values).reshape(len(column.steps), len(column.numbers)))
            for column in self._columns.values()
        ]
        series = {
            key: TimeSeries(np.array(column.steps, np.int64), np.empty((len(column.steps), column.n_chosen)))
            for key, column in self._columns.items()
        }
        for of_rank in self._communicator.allgather(own):
            for one, (numbers, values) in zip(series.values(), of_rank, strict=True):
                one.values[:, numbers] = values
        for column in self._columns.values():
            column.steps.clear()
            column.values.clear()
        self._receive(self._as_recorded(series))

    def _as_recorded(self, series: Mapping[tuple[str | None, str], TimeSeries]) -> Recorded:
        pairs = {name: np.array(chosen, np.int64).reshape(-1, 2) for name, chosen in self._record.synapses.items()}
        return Recorded(
            np.array(self._record.neurons, np.int64),
            {quantity: one for (projection, quantity), one in series.items() if projection is None},
            pairs,
            {name: {quantity: one for (of, quantity), one in series.items() if of == name} for name in pairs},
        )


def _contains(parts: tuple[range, ...], ids: np.ndarray) -> np.ndarray:
    """Return whether each of some ids is in one of the ``parts``, bool (n,)."""
    return np.asarray(np.any([(ids >= part.start) & (ids < part.stop) for part in parts], axis=0))
