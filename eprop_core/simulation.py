"""Simulation of a network: build it once, run it with one stimulus after another, read its weights."""

import copy
import functools
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import numpy as np

from eprop_core.errors import NetworkFileError, NotFiniteError
from eprop_core.interrupts import DeferredInterrupt
from eprop_core.model.projection import ProjectionState
from eprop_core.model.rank import RankState
from eprop_core.model.sources import LAST_STEP
from eprop_core.model.synapses import NO_COLUMN, WEIGHT, Synapses
from eprop_core.network.assembly import assemble, build, bundled, state_of, states, synapses_of, with_optimizers
from eprop_core.network.bundled_synapses import count_events, keep_events, n_per_source
from eprop_core.network.bundles import bundles
from eprop_core.network.cache_lines import bytes_per_synapse
from eprop_core.network.columns import columns_of
from eprop_core.network.connections import Connections, Range
from eprop_core.network.connectivity import as_arrays, expand
from eprop_core.network.memory_estimate import check_memory
from eprop_core.network.neuron_values import firing_phases
from eprop_core.network.neuron_values import neuron_values as values_of_neurons
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.network.projections import (
    ProjectionSpec,
    Role,
    projection_with,
    projections,
    projections_with_weights,
    spiking_projections,
    without_plasticity,
)
from eprop_core.network.readout_range import ReadoutRange
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, expect, expect_path, is_seed, parse, shown
from eprop_core.poisson import PoissonStimulus
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator, given_or_single, n_ranks_on_this_machine
from eprop_core.ranks.emulation import EmulatedExchange
from eprop_core.ranks.exchange import Exchange, ExchangeWithAll, ExchangeWithTargets, Traffic
from eprop_core.ranks.exchange_cost import Destinations, cheaper_destinations, sums_readouts
from eprop_core.recording.recorder import Recorder
from eprop_core.recording.recording import Recording, RunInterrupted
from eprop_core.recording.request import Record
from eprop_core.recording.time_series import Recorded
from eprop_core.run import Run, table_of
from eprop_core.stimulus import Stimulus, StimulusError
from eprop_core.storage.checkpoint import StateHeader, read_state, read_state_header, write_checkpoint
from eprop_core.storage.generations import checkpoints, write_next
from eprop_core.storage.network import (
    Header,
    NetworkOfRank,
    read_connections,
    read_header,
    read_values,
    strongest_output,
    write_network,
)
from eprop_core.storage.recording_file import RecordingFile
from eprop_core.teacher import Teacher


class CheckpointWarning(UserWarning):
    """A checkpoint cannot be used."""


class Simulation:
    """A network on one rank or, with an mpi4py communicator, on all its ranks.

    Spikes, errors and weights are the same to the bit on any number of ranks. All ranks must call the methods that are
    called collective.

    Parameters
    ----------
    network
        Parameters of the network.
    seed
        Seed of all random draws, 0 to 2**64 - 1.
    connections
        Explicit connections with weights (pA), by projection: "input", "recurrent", "output" or "feedback"; or, between
        groups, "input -> TARGET" or "SOURCE -> TARGET", with ids of recurrent neurons that count all of them. The other
        projections are drawn. Symmetric feedback cannot be given; adaptive feedback must reverse the pairs of the
        output. The same on all ranks.
    neuron_values
        Explicit values, float64 (n_recurrent,), of "C_m" (pF), "t_ref" (ms), "surrogate_width" (mV), "c_reg" and
        "f_target" (spikes/s), in place of those of the network; of "tau_m" (ms), "V_th" (mV), "surrogate_height" and
        "beta" (mV) of the adaptation where the network has {low, high} or groups that differ, no tau_m below its
        smallest and no beta or surrogate_height above its largest one. The same on all ranks.
    communicator
        An mpi4py communicator; None for a single rank, which needs no MPI.
    destinations
        Ranks that a spike is sent to: "all", or the "targets" that need it; None takes the cheaper.
    dry_run
        (rank, number of ranks): emulate one of many ranks without the others. It builds and computes what that rank
        would, with neurons that ignore their input and fire, so that the spikes of the other ranks are known.
    time_waiting
        Let the ranks meet before each exchange, so that the time to wait and the time to communicate are measured
        apart. This takes some time itself.

    Attributes
    ----------
    network
        Parameters of the network.
    seed
        Seed of all random draws.
    recurrent
        The recurrent neurons of this rank.
    destinations
        The ranks that a spike is sent to.
    notes
        What the program that saved the network added to the file; empty if it was not loaded.

    Raises
    ------
    ParameterError
        A connection, a value of a neuron or another argument that is not allowed.
    InsufficientMemoryError
        A network that does not fit into the memory.
    """

    def __init__(
        self,
        network: Network,
        *,
        seed: int = 1,
        connections: Mapping[str, Connections] | None = None,
        neuron_values: Mapping[str, np.ndarray] | None = None,
        communicator: Communicator | None = None,
        destinations: Destinations | None = None,
        dry_run: tuple[int, int] | None = None,
        time_waiting: bool = False,
    ) -> None:
        start = time.perf_counter()
        expect("network", network, Network, "a Network, as parse(Network, {...}) returns it")
        expect("neuron_values", neuron_values, (Mapping, NoneType), "a dictionary of arrays, by name")
        connections = _checked(network, {} if connections is None else connections)
        self._prepare(network, seed, communicator, destinations, dry_run, time_waiting)
        self._check_memory({name: given.source.size for name, given in connections.items()})
        self._neuron_values = values_of_neurons(network, int(seed), self.recurrent, neuron_values)
        self._start(raising_on_all_ranks(self._communicator, lambda: self._build(connections)), start)

    def __repr__(self) -> str:
        """Return the network, the seed and how far the simulation has come."""
        rank = f", rank {self._index} of {self._n_ranks}" if self._n_ranks > 1 else ""
        return f"Simulation({self.network}, seed={self.seed}, at step {self.step}{rank})"

    def _prepare(
        self,
        network: Network,
        seed: int,
        communicator: Communicator | None,
        destinations: Destinations | None,
        dry_run: tuple[int, int] | None,
        time_waiting: bool,
    ) -> None:
        """Check and keep what was given."""
        if not is_seed(seed):
            raise ParameterError(f"seed = {shown(seed)}: must be a whole number from 0 to 2**64 - 1")
        if destinations is not None and not (isinstance(destinations, str) and destinations in get_args(Destinations)):
            allowed = " or ".join(get_args(Destinations))
            raise ParameterError(f"destinations = {shown(destinations)}: must be {allowed}")
        expect("time_waiting", time_waiting, (bool, np.bool_), "True or False")
        self._communicator = given_or_single(communicator)
        if dry_run is not None and (self._communicator is not SINGLE_RANK or not network.firing_period):
            raise ParameterError("dry_run: needs neuron.ignore_and_fire, and no communicator")
        index, n_ranks = dry_run or (self._communicator.rank, self._communicator.size)
        if not 0 <= index < n_ranks:
            raise ParameterError(f"dry_run = {dry_run}: rank must be 0 to {n_ranks - 1}")
        if n_ranks > network.n_recurrent:
            raise ParameterError(f"{n_ranks} ranks are more than the {network.n_recurrent} recurrent neurons")
        self.network = network
        self.seed = seed
        self.notes: dict[str, Any] = {}
        self.recurrent = Range.of_rank(network.n_recurrent, index, n_ranks)
        self.destinations = destinations or cheaper_destinations(network, n_ranks)
        self._is_dry_run = dry_run is not None
        self._index = index
        self._n_ranks = n_ranks
        """Number of ranks, which may be emulated."""
        self._time_waiting = time_waiting
        self._sample_length = 0
        self._failure: NotFiniteError | RuntimeError | None = None
        """The error that ended an earlier run, after which no run is possible."""
        self._checkpoint: Path | None = None
        """The checkpoint that was written or read last."""

    def _check_memory(self, n_connections: Mapping[str, int]) -> None:
        """Check that the network fits into the memory of each machine. Collective."""
        n_ranks_here = n_ranks_on_this_machine(self._communicator)
        raising_on_all_ranks(
            self._communicator, lambda: check_memory(self.network, n_ranks_here, self._n_ranks, n_connections)
        )

    def _start(self, rank: RankState, start: float) -> None:
        """Take a state over from which the simulation begins; it was begun to be built at ``start``, s."""
        self._rank = rank
        self._exchange = self._new_exchange()
        self._communication = {"collocate": 0.0, "communicate": 0.0, "wait": 0.0}
        self._build_time = time.perf_counter() - start

    def _build(self, connections: Mapping[str, Connections], stored: Mapping[str, Synapses] | None = None) -> RankState:
        """Draw or take over the connections of this rank, and set everything to rest."""
        if stored is None:
            self._readout_range = ReadoutRange.of(self.network, connections)
        return build(
            self.network,
            seed=int(self.seed),
            connections=connections,
            recurrent=self.recurrent,
            values=self._neuron_values,
            fixed_point=self._readout_range.fixed_point,
            stored=stored,
            sample_length=self._sample_length,
        )

    def _new_exchange(self) -> Exchange | None:
        n_ranks = self._n_ranks
        has_targets = np.zeros(self.network.n_recurrent, np.bool_)
        for bundle, state in states(self.network, self._rank):
            if bundle.first.role is Role.RECURRENT:
                has_targets[state.synapses.source] = True
        summed = sums_readouts(n_ranks, self._rank.readouts.current.nbytes)
        if self._is_dry_run:
            phase = firing_phases(self.network, self.seed, Range.whole(self.network.n_recurrent))
            period, place = self.network.firing_period, (self._index, n_ranks)
            return EmulatedExchange(self.destinations, summed, phase, period, *place, has_targets)
        if n_ranks == 1:
            return None
        if self.destinations == "all":
            return ExchangeWithAll(self._communicator, summed)
        return ExchangeWithTargets(self._communicator, summed, self.recurrent, has_targets)

    def save(self, path: str | os.PathLike[str], notes: Mapping[str, Any] | None = None) -> None:
        """Write the network to a file, which appears complete or not at all. Collective.

        The file (``docs/how_to/networks.md``) holds parameters, connections with their weights, values of neurons, seed
        and provenance. Its weights are those of :meth:`frozen`.

        Parameters
        ----------
        path
            The file, HDF5.
        notes
            What is to be kept beside the network, as JSON can hold it; None keeps the present ``notes``.

        Raises
        ------
        ParameterError
            Notes that JSON cannot hold, or a dry run, which does not have the other ranks' connections.
        OSError
            The file cannot be written.
        """
        expect_path("path", path)
        self._check_complete("save")
        own = self._of_rank(self._with_all_updates())
        write_network(path, own, self.notes if notes is None else notes, self._communicator)

    def _of_rank(self, rank: RankState) -> NetworkOfRank:
        return NetworkOfRank(
            self.network, int(self.seed), self.recurrent, self._neuron_values, self._readout_range, rank
        )

    def _check_complete(self, method: str) -> None:
        """Raise an error where there is no whole network in a state that another program could take over."""
        if self._is_dry_run:
            raise ParameterError(f"{method}: a dry run does not have the other ranks' connections")
        if self._failure is not None:
            raise type(self._failure)(f"{self._failure}; this simulation cannot be saved")

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        network: Network | None = None,
        n_readout: int | None = None,
        seed: int | None = None,
        communicator: Communicator | None = None,
        destinations: Destinations | None = None,
        time_waiting: bool = False,
    ) -> "Simulation":
        """Return the network in a file, at rest, on any number of ranks. Collective.

        Parameters
        ----------
        path
            A file that :meth:`save` or :meth:`save_checkpoint` wrote.
        network
            Other parameters, for instance with another learning rate, of a network of the same size; None takes those
            of the file. Values of neurons that are drawn, and connections, are those of the file.
        n_readout
            Number of readouts of a new population that takes the place of the one in the file; its connections from
            and to the recurrent neurons are drawn. None keeps the population.
        seed
            Seed of what is drawn; None takes that of the file.
        communicator, destinations, time_waiting
            See :class:`Simulation`.

        Raises
        ------
        NetworkFileError
            The file is no network, damaged, from a newer version, or of another size than ``network``.
        ParameterError
            Connections that ``network`` does not allow, or another argument that is not allowed.
        """
        expect_path("path", path)
        communicator = given_or_single(communicator)
        header = raising_on_all_ranks(communicator, lambda: read_header(path))
        parameters = network or header.network
        for name in ("n_input", "n_recurrent", "n_readout"):
            in_file, given = getattr(header.network, name), getattr(parameters, name)
            if in_file != given:
                raise NetworkFileError(f"{path}: has {name} = {in_file}; the given network has {given}")
        if (in_file := _ends(header.network)) != (given := _ends(parameters)):
            different = next(iter(in_file.items() ^ given.items()))[0]
            raise NetworkFileError(f"{path}: the given network has other groups; {different!r} differs")
        if n_readout is not None:
            parameters = parse(Network, parameters.model_dump() | {"n_readout": n_readout})
        header = header._replace(seed=header.seed if seed is None else seed)
        simulation = cls.__new__(cls)
        simulation._prepare(parameters, header.seed, communicator, destinations, None, time_waiting)
        new = (Role.OUTPUT, Role.FEEDBACK) if n_readout is not None else ()
        has_new_parameters = network is not None
        simulation._load(path, header, [projection_with(parameters, role).name for role in new], has_new_parameters)
        return simulation

    def _load(
        self, path: str | os.PathLike[str], header: Header, drawn: Sequence[str], has_new_parameters: bool
    ) -> None:
        """Build the network of a file, except for projections that are ``drawn``, at rest. Collective."""
        start, network, communicator = time.perf_counter(), self.network, self._communicator
        self.notes = header.notes
        self._check_memory({name: n for name, n in header.n_edges.items() if name not in drawn})

        def read() -> dict[str, Synapses]:
            self._neuron_values = read_values(path, network, header.network, header.seed, self.recurrent)
            return read_connections(path, network, self.recurrent, drawn)

        synapses = raising_on_all_ranks(communicator, read)
        self._readout_range = header.readout_range
        if drawn:
            self._readout_range = ReadoutRange.of(network, {})
        elif has_new_parameters:
            self._readout_range = ReadoutRange.of_weights(network, *strongest_output(network, synapses, communicator))
        self._start(raising_on_all_ranks(communicator, lambda: self._build({}, synapses)), start)

    def save_checkpoint(self, directory: str | os.PathLike[str], notes: Mapping[str, Any] | None = None) -> None:
        """Write all state to the next checkpoint in a directory, of which the latest two are kept. Collective.

        A simulation that continues from a checkpoint equals one that was never interrupted, to the bit, on any number
        of ranks. A checkpoint appears complete or not at all.

        Parameters
        ----------
        directory
            A directory for the checkpoints of this simulation alone; it is created where it is missing.
        notes
            What is to be kept beside the network, as JSON can hold it; None keeps the present ``notes``.

        Raises
        ------
        ParameterError
            Notes that JSON cannot hold, or a dry run, which does not have the other ranks' connections.
        OSError
            The checkpoint cannot be written.
        """
        expect_path("directory", directory)
        self._check_complete("save_checkpoint")
        keep_events(states(self.network, self._rank), self._rank.counters)
        own, communicator = self._of_rank(self._rank), self._communicator
        header = StateHeader(self.step, self._sample_length, self._n_ranks)
        kept = self.notes if notes is None else notes
        self._checkpoint = write_next(
            directory,
            self._checkpoint,
            communicator,
            lambda path: write_checkpoint(path, own, header, self._times_beside_state, kept, communicator),
        )

    @property
    def _times_beside_state(self) -> dict[str, float]:
        return {"build": self._build_time, **self._communication}

    @classmethod
    def from_checkpoint(
        cls,
        directory: str | os.PathLike[str],
        *,
        network: Network | None = None,
        seed: int | None = None,
        communicator: Communicator | None = None,
        destinations: Destinations | None = None,
        time_waiting: bool = False,
    ) -> "Simulation":
        """Return the simulation that a checkpoint continues, on any number of ranks. Collective.

        The latest checkpoint in the directory is used or, if it cannot be, the one before it, with a
        :class:`CheckpointWarning`.

        Parameters
        ----------
        directory
            Where :meth:`save_checkpoint` has written to.
        network, seed
            Parameters, apart from learning rates, and seed that the simulation must have; None allows any. Learning
            rates are those of the checkpoint, see :meth:`set_learning_rate`.
        communicator, destinations, time_waiting
            See :class:`Simulation`.

        Raises
        ------
        NetworkFileError
            There is no checkpoint, or each is damaged, from a newer version, or of another network or seed.
        """
        expect_path("directory", directory)
        communicator = given_or_single(communicator)
        paths = communicator.allgather(checkpoints(directory))[0]
        if not paths:
            raise NetworkFileError(f"{directory}: there is no checkpoint")
        refused: list[NetworkFileError] = []
        for path in paths:
            if refused and communicator.rank == 0:
                warnings.warn(f"{refused[-1]}; the checkpoint before it is used", CheckpointWarning, stacklevel=2)
            simulation = cls.__new__(cls)
            try:
                header = raising_on_all_ranks(communicator, functools.partial(read_header, path))
                if network is not None and network.with_learning_rate(0.0) != header.network.with_learning_rate(0.0):
                    raise NetworkFileError(f"{path}: is a checkpoint of another network")
                if seed not in (None, header.seed):
                    raise NetworkFileError(f"{path}: is a checkpoint of another seed")
                simulation._prepare(header.network, header.seed, communicator, destinations, None, time_waiting)
                simulation._continue(path, header)
            except NetworkFileError as error:
                refused.append(error)
            else:
                return simulation
        raise refused[0]

    def _continue(self, path: Path, header: Header) -> None:
        """Take over network and state of a checkpoint. Collective."""
        state = raising_on_all_ranks(self._communicator, lambda: read_state_header(path))
        self._sample_length = state.sample_length
        self._load(path, header, drawn=(), has_new_parameters=False)
        times = read_state(path, self._of_rank(self._rank), state, self._times_beside_state, self._communicator)
        self._build_time = times.pop("build")
        self._communication = times
        self._checkpoint = path

    @property
    def communicator(self) -> Communicator:
        """Communicator of the ranks."""
        return self._communicator

    @property
    def step(self) -> int:
        """Number of steps simulated so far."""
        running_sums = self._rank.output.running_sums
        return int(running_sums.time_index[0]) + running_sums.lag + 1

    def run(
        self,
        stimulus: Stimulus | PoissonStimulus,
        record: Record | RecordingFile | None = None,
        teacher: Teacher | None = None,
    ) -> Recording:
        """Simulate a stimulus, starting from the state in which the previous run ended. Collective.

        No result depends on how a stimulus is cut into runs. Where samples update or reset, a run consists of whole
        samples.

        Parameters
        ----------
        stimulus
            Input, targets and learning window of the run; the spikes of a :class:`PoissonStimulus` are drawn meanwhile.
        record
            Neurons and synapses whose values are recorded, too; or a file that receives them, with the spikes of all
            ranks. The same on all ranks.
        teacher
            Computes targets or errors while the network runs; see :mod:`eprop_core.teacher`. None takes the targets
            of the stimulus and the network's loss.

        Returns
        -------
        Recording
            Spikes of this rank's neurons; readouts and errors; and what ``record`` names, unless a file receives it.

        Raises
        ------
        ParameterError
            A neuron or synapse to record that the network does not have.
        StimulusError
            A stimulus that does not fit the network, or a value of the teacher that is not allowed.
        NotFiniteError
            A voltage is no longer finite; the message names the step, the neuron and the likely cause. Raised on all
            ranks, and in each later run.
        RunInterrupted
            Ctrl-C, or the stop button of a notebook. It takes effect at the end of a communication interval or, where
            samples update or reset, of a sample, in the same step on all ranks.
        """
        if self._failure is not None:
            raise type(self._failure)(f"{self._failure}; this simulation cannot go on")
        expect("stimulus", stimulus, (Stimulus, PoissonStimulus), "a Stimulus or a PoissonStimulus")
        expect("record", record, (Record, RecordingFile, NoneType), "a Record or a RecordingFile")
        if not isinstance(teacher, Teacher | None):
            kinds = "TargetTeacher, ErrorTeacher or CompiledErrorTeacher"
            raise ParameterError(f"teacher = {shown(teacher)}: must be a {kinds}")
        if teacher is not None and self._is_dry_run:
            raise ParameterError("teacher: a dry run has no readouts from which it could learn")
        stimulus.check_fits(self.network)
        if self.step + stimulus.n_steps > LAST_STEP:
            raise StimulusError(f"step {self.step} + {stimulus.n_steps}: a simulation has at most {LAST_STEP} steps")
        if self.network.plasticity.counts_samples:
            self._set_sample_length(stimulus.n_steps // stimulus.n_samples)
        start, n_steps = self.step, stimulus.n_steps
        parts: list[Recorded] = []
        run = self._run(self._rank, stimulus, self._exchange, self._recorder(record, parts), teacher)
        try:
            with DeferredInterrupt() as interrupt:
                spikes = run.simulate(interrupt)
        except NotFiniteError as error:
            self._failure = error
            raise
        except BaseException:
            if self._exchange is not None:
                self._failure = RuntimeError("an earlier run was ended in an exchange between ranks")
            raise
        table = run.table
        if interrupt.requested:
            n_steps = self.step - start
            table = table._replace(readout=table.readout[:n_steps].copy(), error=table.error[:n_steps].copy())
        recording = Recording(
            spike_steps=np.repeat(np.arange(n_steps), table.spikes_per_step[:n_steps]),
            spike_neurons=spikes + self.recurrent.first,
            readout=table.readout,
            error=table.error,
            recorded=Recorded.joined(parts).shifted(-start) if parts else None,
        )
        if isinstance(record, RecordingFile):
            record.append_spikes(recording, start)
        if interrupt.requested:
            raise RunInterrupted(f"interrupted after step {self.step}, from which the simulation can go on", recording)
        return recording

    def _recorder(self, record: Record | RecordingFile | None, parts: list[Recorded]) -> Recorder | None:
        """Return what records a run and adds it to ``parts``, unless it goes to a file. Collective."""
        if record is None:
            return None
        if self._is_dry_run:
            raise ParameterError("record: a dry run does not have the other ranks' neurons and synapses")
        receive = record.append if isinstance(record, RecordingFile) else parts.append
        if isinstance(record, RecordingFile):
            record = record.open(self.network, self.seed, self._communicator)
        return Recorder(record, self.network, self.recurrent, self._rank, self._communicator, receive)

    def _run(
        self,
        rank: RankState,
        stimulus: Stimulus | PoissonStimulus,
        exchange: Exchange | None,
        recorder: Recorder | None = None,
        teacher: Teacher | None = None,
    ) -> Run:
        """Return the run of a stimulus from a state of this rank, which is its own or a copy."""
        return Run(
            self.network,
            rank,
            table_of(self.network, rank, stimulus, self.step, teacher),
            self._communicator,
            exchange,
            sample_length=self._sample_length,
            largest_output_weight=self._readout_range.largest_weight,
            times=self._communication,
            time_waiting=self._time_waiting,
            recorder=recorder,
            teacher=teacher,
        )

    def _set_sample_length(self, length: int) -> None:
        if self._sample_length == length:
            if self.step % length:
                raise StimulusError(f"step {self.step} is within a sample, where an earlier run was ended")
            return
        if self.step > 0:
            raise StimulusError(
                f"samples have {length} steps: must have {self._sample_length} as in the runs before, "
                "because updates or resets go with them"
            )
        self._sample_length = length
        synapses = {bundle.name: state.synapses for bundle, state in states(self.network, self._rank)}
        self._replace_rank(self._assemble(synapses, self._rank))

    def _replace_rank(self, rank: RankState) -> None:
        """Replace the state by one at rest, but keep the counters."""
        keep_events(states(self.network, self._rank), self._rank.counters)
        self._rank = rank._replace(counters=self._rank.counters)

    def _assemble(self, synapses: dict[str, Synapses], rank: RankState) -> RankState:
        """Set everything to rest around ``synapses``, by bundle, and the feedback of ``rank``."""
        if not rank.feedback.along_output:
            synapses[projection_with(self.network, Role.FEEDBACK).name] = rank.feedback.synapses
        return assemble(
            self.network,
            synapses,
            self.recurrent,
            self._neuron_values,
            rank.readout_parameters.fixed_point,
            self._sample_length,
        )

    def weights(self, projection: str) -> Connections:
        """Return all connections of a projection with their present weights. Collective.

        A weight changes when a spike of its source arrives, and does not include the gradient gathered since then.
        Where samples update, a batch updates the weights when the next sample begins. With spike-timing-dependent
        plasticity, a weight changes a step after a spike of its source, which arrives later with this weight.

        Parameters
        ----------
        projection
            Name of a projection: "input", "recurrent", "output" or "feedback"; or, between groups, "input -> TARGET"
            or "SOURCE -> TARGET".

        Returns
        -------
        Connections
            Of all ranks, sorted by (target, source).

        Raises
        ------
        ParameterError
            A projection that the network does not have.
        """
        own = self.own_connections(projection)
        parts = self._communicator.allgather(own)
        if len(parts) == 1:
            return own
        source, target, weight = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        order = np.lexsort((source, target))
        return Connections(source[order], target[order], weight[order])

    def own_connections(self, projection: str) -> Connections:
        """Return the connections of a projection onto the neurons of this rank with their present weights. Collective.

        Parameters
        ----------
        projection
            Its name, see :meth:`weights`.

        Returns
        -------
        Connections
            Of this rank, sorted by (target, source); those of the output reach all readouts from its neurons.

        Raises
        ------
        ParameterError
            A projection that the network does not have.
        """
        spec, feedback = self._projection(projection), self._rank.feedback
        if spec.role is not Role.FEEDBACK:
            return expand(self._synapses_now(projection), *spec.ranges(self.recurrent))
        if not feedback.along_output:
            return expand(feedback.synapses, *spec.ranges(self.recurrent))
        output = projection_with(self.network, Role.OUTPUT)
        neuron, readout, weight = expand(feedback.synapses, *output.ranges(self.recurrent), feedback.column)
        order = np.lexsort((readout, neuron))
        return Connections(readout[order], neuron[order], weight[order])

    def own_weights(self, projection: str) -> np.ndarray:
        """Return the weights of this rank's synapses of a projection, as the latest arriving spikes have found them.

        Parameters
        ----------
        projection
            Its name, see :meth:`weights`.

        Returns
        -------
        np.ndarray
            float64 (n_synapses,), pA, in no particular order; it may be a view, which must not be changed.

        Raises
        ------
        ParameterError
            A projection that the network does not have.
        """
        return self._synapses(self._projection(projection).name).column(WEIGHT)

    def neuron_values(self) -> dict[str, np.ndarray]:
        """Return the parameters in which recurrent neurons may differ. Collective.

        Returns
        -------
        dict[str, np.ndarray]
            "tau_m" (ms), "C_m" (pF), "V_th" (mV), "beta" (mV) of the adaptation, "c_reg", "f_target" (spikes/s),
            "t_ref" (ms), "surrogate_height" and "surrogate_width" (mV) of the neurons of all ranks, float64
            (n_recurrent,).
        """
        own = {name: getattr(self._neuron_values, name) for name in PER_NEURON}
        return {name: np.concatenate(self._communicator.allgather(values)) for name, values in own.items()}

    def _projection(self, name: str) -> ProjectionSpec:
        """Return the projection of a name; a :class:`ParameterError` if there is none."""
        by_name = {spec.name: spec for spec in projections(self.network)}
        if not isinstance(name, str) or name not in by_name:
            raise ParameterError(f"projection = {shown(name)}: must be one of {', '.join(by_name)}")
        return by_name[name]

    def _synapses(self, projection: str) -> Synapses:
        return synapses_of(self.network, self._rank, self.recurrent, projection)

    def set_learning_rate(self, learning_rate: float, projection: str | None = None) -> None:
        """Replace the learning rate of a plastic projection, or of all, also in ``network``.

        All updates from now on are made with the new rate, including those of gradients that were gathered before:
        where samples update, also that of the batch that has just ended. Steps without a spike, in which Adam's moments
        go on moving a weight, count when the weight is updated, and with the rate of that time. All ranks must set the
        same rate.

        Parameters
        ----------
        learning_rate
            Step size of the weight updates, at least 0.
        projection
            Its name, see :meth:`weights`; None for all.

        Raises
        ------
        ParameterError
            A learning rate that is not allowed, or no plastic projection of this name.
        """
        expect("projection", projection, (str, NoneType), "the name of a projection, or None for all")
        network = self.network.with_learning_rate(learning_rate, projection)
        plastic = [spec.name for spec in spiking_projections(network) if spec.plastic]
        if not plastic or projection not in (None, *plastic):
            raise ParameterError(f"projection = {projection!r}: plastic are {', '.join(plastic) or 'none'}")
        self.network = network
        self._rank = with_optimizers(network, self._rank)

    def copy(self) -> "Simulation":
        """Return an independent copy with all state, which goes on as this simulation would, to the bit. Collective.

        Counts go on, too; traffic and the times of building and communication start from 0.

        Raises
        ------
        InsufficientMemoryError
            A second network does not fit into the memory.
        """
        n_synapses = {spec.name: self.counts[f"{spec.name}_synapses"] for spec in projections(self.network)}
        of_ranks = self._communicator.allgather(n_synapses)
        self._check_memory({name: sum(of_rank[name] for of_rank in of_ranks) for name in n_synapses})
        copied = self._sharing()
        copied.notes = copy.deepcopy(self.notes)
        copied._checkpoint = None
        copied._rank = self._copied_state()
        return copied

    def _sharing(self) -> "Simulation":
        """Return a simulation with the parts of this one, but an exchange and times of its own."""
        other = object.__new__(Simulation)
        other.__dict__.update(self.__dict__)
        other._exchange = None if self._exchange is None else self._exchange.for_a_copy()
        other._communication = dict.fromkeys(self._communication, 0.0)
        other._build_time = 0.0
        return other

    def frozen(self) -> "Simulation":
        """Return a static copy of the network with the present weights, at rest, for an evaluation. Collective.

        Where samples update, the copy is the network as if training ended here: the batch so far makes its update, with
        the mean gradient of its samples, however many these are. The learning window is closed in the steps in which
        the last sample still travels through the network. This simulation does not change.
        """
        rank = self._with_all_updates()
        copied = self._sharing()
        copied.network = without_plasticity(self.network)
        copied._failure = None

        def assemble_static() -> RankState:
            check_memory(copied.network, n_ranks_on_this_machine(self._communicator), self._communicator.size, None)
            learning, static = states(self.network, rank), bundles(copied.network)
            if [bundle.names for bundle, _ in learning] == [bundle.names for bundle in static]:
                of_bundles = {
                    bundle.name: _static(copied.network, bundle.first, state.synapses)
                    for bundle, (_, state) in zip(static, learning, strict=True)
                }
                return copied._assemble(of_bundles, rank)
            # Projections are bundled in another way where all are static.
            of_projections = {
                spec.name: _static(copied.network, spec, synapses_of(self.network, rank, self.recurrent, spec.name))
                for bundle in static
                for spec in bundle.specs
            }
            return copied._assemble(bundled(copied.network, of_projections, self.recurrent), rank)

        copied._rank = raising_on_all_ranks(self._communicator, assemble_static)
        return copied

    def _with_last_batch(self) -> RankState:
        """Return the state of this rank, or a copy in which the batch so far has updated the weights."""
        samples = self._rank.samples
        if samples.batch_size == 0 or self.step == 0:
            return self._rank
        n_steps = 1 + max(
            samples.readouts_begin + self._rank.output.running_sums.lag,
            samples.neurons_begin + max(state.running_sums.lag for state in self._rank.onto_neurons),
        )
        rank = self._copied_state()._replace(samples=samples._replace(last=self.step // samples.length))
        self._go_on(rank, n_steps)
        return rank

    def _go_on(self, rank: RankState, n_steps: int) -> None:
        """Simulate the next steps, without input, in a copy of the present state. Collective."""
        none, shape = np.zeros(0, np.int64), (n_steps, self.network.n_readout)
        nothing = Stimulus(n_steps, none, none, np.zeros(shape), np.zeros(n_steps, np.bool_))
        exchange = None if self._exchange is None else self._exchange.for_a_copy()
        self._run(rank, nothing, exchange).simulate(DeferredInterrupt())

    def _synapses_now(self, projection: str) -> Synapses:
        """Return the synapses with their present weights. Collective."""
        _, _, state = state_of(self.network, self._rank, projection)
        return synapses_of(self.network, self._rank_after_arrivals(state), self.recurrent, projection)

    def _rank_after_arrivals(self, state: ProjectionState) -> RankState:
        """Return the state of this rank, or a copy, in which the synapses of a bundle have their present weights.

        With spike-timing-dependent plasticity, a spike is at the synapse in the step after its emission. The state has
        its effect when it arrives, so a copy goes on until all of them have arrived. Collective.
        """
        if not state.has_spike_timing or state.delay == 1 or self.step == 0 or self._failure is not None:
            return self._rank
        rank = self._copied_state()
        self._go_on(rank, state.delay - 1)
        return rank

    def _with_all_updates(self) -> RankState:
        """Return the state of this rank, or a copy, with the present weights. Collective."""
        rank = self._with_last_batch()
        onto_neurons = (
            state._replace(synapses=self._rank_after_arrivals(state).onto_neurons[n].synapses)
            if state.has_spike_timing
            else state
            for n, state in enumerate(rank.onto_neurons)
        )
        return rank._replace(onto_neurons=tuple(onto_neurons))

    def _copied_state(self) -> RankState:
        # The sources' synapses stay where they are, so the copy shares these arrays.
        of_bundles = [state for _, state in states(self.network, self._rank)]
        shared = [(state.synapses.indptr, state.synapses.source, state.parts.ends) for state in of_bundles]
        memo: dict[int, Any] = {id(part): part for parts in shared for part in parts}
        memo |= {id(state.sources.records): state.sources.copied_records() for state in of_bundles}
        lists = (*self._rank.input_spikes, *self._rank.spikes, self._rank.own_spikes)
        memo |= {id(spikes.ids): spikes.copied_ids() for spikes in lists}
        return copy.deepcopy(self._rank, memo)

    def reconnect(self, connections: Mapping[str, Connections]) -> None:
        """Replace the connections of projections, and set everything to rest. Collective.

        All other weights stay, and counts and times go on. Voltages, traces, gradients that have not been used, the
        optimizer's moments and the number of steps start from 0.

        Parameters
        ----------
        connections
            New connections by projection, the same on all ranks.

        Raises
        ------
        ParameterError
            A connection that is not allowed, or a dry run.
        """
        if self._is_dry_run:
            raise ParameterError("reconnect: a dry run does not have the other ranks' connections")
        connections = _checked(self.network, connections)
        kept = [spec.name for spec in projections_with_weights(self.network) if spec.name not in connections]
        all_connections = {name: self.weights(name) for name in kept}
        all_connections.update(connections)
        self._sample_length = 0
        self._replace_rank(raising_on_all_ranks(self._communicator, lambda: self._build(all_connections)))
        traffic = self.traffic
        self._exchange = self._new_exchange()
        if self._exchange is not None:
            self._exchange.traffic.update(traffic)
        self._failure = None

    @property
    def traffic(self) -> dict[Destinations, Traffic]:
        """Traffic that this rank has received since the start, by destinations; in a dry run, that of the real rank."""
        traffic = {} if self._exchange is None else self._exchange.traffic
        return {destinations: replace(sent) for destinations, sent in traffic.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Neurons and synapses of this rank, and its spikes and synaptic events since the start.

        Synapses and events are given by projection and in all; the total does not include feedback.
        """
        rank, counters = self._rank, self._rank.counters
        names = [spec.name for spec in spiking_projections(self.network)]
        of_bundles = {name: state_of(self.network, rank, name) for name in names}
        synapses = {
            f"{name}_synapses": int(n_per_source(state.synapses, state.parts, bundle, spec).sum())
            for name, (bundle, spec, state) in of_bundles.items()
        }
        by_projection = count_events(states(self.network, rank), counters)
        events = {f"{name}_synaptic_events": by_projection[name] for name in names}
        feedback = projection_with(self.network, Role.FEEDBACK).name
        return {
            "neurons": self.recurrent.n,
            "spikes": int(counters.spikes[0]),
            **synapses,
            f"{feedback}_synapses": 0 if rank.feedback.along_output else rank.feedback.synapses.n,
            **events,
            "synapses": sum(synapses.values()),
            "synaptic_events": sum(events.values()),
        }

    @property
    def synapse_bytes(self) -> dict[str, int]:
        """Bytes of one synapse, by projection: its target, its weight and its other values."""
        return {
            spec.name: state.synapses.bytes_per_synapse
            for bundle, state in states(self.network, self._rank)
            for spec in bundle.specs
        }

    @property
    def cache_line_bytes(self) -> dict[str, float]:
        """Bytes of the cache lines that an arriving spike touches, per synapse that it reaches, by projection.

        Projections between groups that are processed as one have one value.
        """
        return {
            spec.name: bytes_per_synapse(state)
            for bundle, state in states(self.network, self._rank)
            for spec in bundle.specs
        }

    @property
    def times(self) -> dict[str, float]:
        """Seconds that this rank has spent since the start, by phase.

        ``deliver`` is the time for spikes at their synapses; ``plasticity`` is the part of it for plastic projections,
        with all that is done at cutoffs and at the ends of blocks and samples, and with the readouts' sums and the
        feedback along the output where that is plastic.
        ``collocate`` is the time to fill send buffers.
        """
        rank, counters = self._rank, self._rank.counters
        upkeep = float(counters.upkeep_time[0])
        of_plasticity = upkeep if rank.learns else 0.0
        delivery = list(zip((*rank.onto_neurons, rank.output), counters.delivery_time.tolist(), strict=True))
        return {
            "build": self._build_time,
            "update": float(counters.update_time[0]),
            "deliver": upkeep + sum(seconds for _, seconds in delivery),
            "plasticity": of_plasticity
            + sum(seconds for state, seconds in delivery if state.plastic or state.has_spike_timing),
            **self._communication,
        }


def _checked(network: Network, connections: Mapping[str, Connections]) -> dict[str, Connections]:
    """Return connections as arrays; a :class:`ParameterError` for other values or an unknown projection."""
    expect("connections", connections, Mapping, "a mapping from projections to Connections")
    names = [projection.name for projection in projections(network)]
    if unknown := set(connections) - set(names):
        raise ParameterError(f"connections: no projection {sorted(unknown)[0]!r}; there are {', '.join(names)}")
    for name, given in connections.items():
        expect(
            f"connections.{name}",
            given,
            Connections,
            "Connections(source, target, weight); of a matrix with a row for each target, these are "
            "`target, source = np.nonzero(matrix)` and `matrix[target, source]`",
        )
    return {name: as_arrays(given, name) for name, given in connections.items()}


def _ends(network: Network) -> dict[str, tuple[tuple[range, ...], tuple[range, ...]]]:
    """Return the ids of the neurons that each projection connects."""
    return {spec.name: (spec.source_ids, spec.target_ids) for spec in projections(network)}


def _static(network: Network, projection: ProjectionSpec, plastic: Synapses) -> Synapses:
    """Synapses of a projection of a static ``network``: the same connections, and copies of their weights."""
    columns = columns_of(network, projection)
    kept = [WEIGHT] if columns.feedback == NO_COLUMN else [WEIGHT, plastic.columns.feedback]
    rows = None if plastic.rows is None else plastic.rows.take(kept, axis=1)
    listed = Synapses.listed(plastic.indptr, plastic.target, plastic.values[:, kept], columns)
    return plastic._replace(records=listed.records, rows=rows, columns=columns)
