"""A run on one rank: the steps of a stimulus in compiled code, exchanges with other ranks, Ctrl-C and errors."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eprop_core.compiled.announcement import announced
from eprop_core.compiled.poisson import PoissonSource
from eprop_core.errors import NotFiniteError
from eprop_core.interrupts import DeferredInterrupt
from eprop_core.model import loop
from eprop_core.model.neurons import FINITE, GIVEN, OWN
from eprop_core.model.own_errors import NO_FUNCTION, own_function
from eprop_core.model.rank import RankState, RunTable
from eprop_core.network.assembly import states
from eprop_core.network.features import kind
from eprop_core.network.projections import Role
from eprop_core.network.readout_range import largest_weight
from eprop_core.parameters import Network
from eprop_core.poisson import PoissonStimulus
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import Communicator
from eprop_core.ranks.exchange import Exchange
from eprop_core.ranks.messages import GO_ON, INTERRUPTED, RANK_FAILED, Exchanged
from eprop_core.recording.recorder import Recorder
from eprop_core.stimulus import Stimulus
from eprop_core.teacher import CompiledErrorTeacher, ErrorTeacher, PeriodicTeacher, Teacher

RECORDED_AT_ONCE = 4_000_000
"""Neurons times steps that are computed before the recorded spikes are read, which limits the memory for them."""

LOSS_OF_TEACHER = {ErrorTeacher: GIVEN, CompiledErrorTeacher: OWN}
"""What computes the errors, by the class of the teacher; with others it is the network's loss."""

COMPILING = "Compiling the simulator for networks of the kind {} (about a minute, once per machine)"
"""Line that is printed when no process has simulated a network of a kind before."""


def table_of(
    network: Network,
    rank: RankState,
    stimulus: Stimulus | PoissonStimulus,
    start: int,
    teacher: Teacher | None = None,
) -> RunTable:
    """Return the table of a run on one rank that begins in step ``start``.

    Raises
    ------
    StimulusError
        A teacher's function that cannot be compiled.
    """
    n_steps, shape = stimulus.n_steps, (stimulus.n_steps, network.n_readout)
    if isinstance(stimulus, PoissonStimulus):
        source = stimulus.source(_channels_with_targets(network, rank), network.dt)
        steps = channels = np.zeros(0, np.int64)
    else:
        source, steps, channels = PoissonSource.none(), stimulus.input_steps, stimulus.input_channels
    own = own_function(teacher) if isinstance(teacher, CompiledErrorTeacher) else NO_FUNCTION
    return RunTable(
        start=start,
        input_indptr=np.searchsorted(steps, np.arange(n_steps + 1)),
        input_channels=channels.astype(np.int32),
        poisson=source,
        # Compiled code distinguishes arrays that are contiguous and writable from others.
        target=stimulus.target.copy() if teacher else np.require(stimulus.target, requirements=["C", "W"]),
        learning_window=np.require(stimulus.learning_window, requirements=["C", "W"]),
        readout=np.empty(shape),
        error=np.empty(shape),
        spikes_per_step=np.zeros(n_steps, np.int64),
        own_function=own,
    )


def _channels_with_targets(network: Network, rank: RankState) -> np.ndarray:
    """Return the input channels that have targets on a rank, int64, ascending; it needs no spikes of others."""
    has_targets = np.zeros(network.n_input, np.bool_)
    for bundle, state in states(network, rank):
        if bundle.first.role is Role.INPUT:
            has_targets[state.synapses.source] = True
    return np.flatnonzero(has_targets)


@dataclass
class Run:
    """A run on one rank, which is alone or exchanges spikes with others."""

    network: Network
    rank: RankState
    """Its state, which the run changes."""
    table: RunTable
    """Stimulus, and the recording of readouts, errors and numbers of spikes."""
    communicator: Communicator
    exchange: Exchange | None
    """None for a rank that is alone."""
    sample_length: int
    """Steps; an interrupted run ends with a sample. 0 where it may end anywhere."""
    largest_output_weight: float
    """pA, beyond which the readouts' fixed-point range does not suffice."""
    times: dict[str, float]
    """Seconds by phase of communication ("collocate", "communicate", "wait"), to which those of the run are added."""
    time_waiting: bool
    """Whether ranks meet before each exchange, so that waiting is timed apart."""
    recorder: Recorder | None = None
    teacher: Teacher | None = None

    def simulate(self, interrupt: DeferredInterrupt) -> np.ndarray:
        """Simulate all steps; return the own neurons that spike, int64, in temporal order. Collective.

        An ``interrupt`` on any rank ends the run early on all ranks.

        Raises
        ------
        NotFiniteError
            A voltage or a weight is out of range on one of the ranks; on all of them.
        """
        table, start, n_steps = self.table, self.table.start, len(self.table.target)
        self._prepare()
        interval, n_neurons = self.rank.interval, len(self.rank.neurons.v)
        stretch = interval * max(1, RECORDED_AT_ONCE // (n_neurons * interval))
        recorded = np.empty(n_neurons * min(stretch, n_steps), np.int32)
        spikes = []

        def simulate() -> None:
            self._teach(start)
            begin, last_step = start, start + n_steps
            while begin < last_step:
                stretch_end = min(begin + stretch, last_step)
                end, stop = self._simulate_steps(begin, stretch_end, last_step, recorded, interrupt)
                n = table.spikes_per_step[begin - start : end - start].sum()
                spikes.append(recorded[:n].astype(np.int64))
                if self.exchange is None and interrupt.requested:
                    stop = self._end_of_sample(end)
                begin, last_step = end, min(last_step, stop)
            self._check_output_weights(begin)

        raising_on_all_ranks(self.communicator, simulate)
        interrupt.requested = any(self.communicator.allgather(interrupt.requested))
        if self.recorder is not None:
            self.recorder.gather()
        return np.concatenate(spikes)

    def _simulate_steps(
        self, begin: int, end: int, last_step: int, recorded: np.ndarray, interrupt: DeferredInterrupt
    ) -> tuple[int, int]:
        """Simulate the steps ``begin`` .. ``end - 1`` of a run that ends before ``last_step``.

        Returns the step after the last one that was simulated, and the step before which the run ends, which is
        earlier after an interrupt.
        """
        exchanged = Exchanged.of(self.rank)
        failures: list[BaseException] = []
        stop, rank_failed = last_step, False

        def exchange(first_step: int, next_step: int) -> int:
            nonlocal stop, rank_failed
            notice = INTERRUPTED if interrupt.requested else GO_ON
            notice = self._exchange_before(exchanged, first_step, next_step, notice)
            if notice == RANK_FAILED:
                rank_failed = True
                return loop.FAILED
            if notice == INTERRUPTED:
                interrupt.requested = True
                stop = min(last_step, self._end_of_sample(next_step))
            return stop

        def observe(_: int, next_step: int) -> int:
            if self.recorder is not None:
                self.recorder.observe(next_step - 1)
            try:
                self._teach(next_step)
            except BaseException:
                self._report_failure(exchanged, next_step, stop)
                raise
            return next_step

        def keeping_failures(function: Callable[[int, int], int], first_step: int, next_step: int) -> int:
            try:
                return function(first_step, next_step)
            except BaseException as error:  # compiled code cannot pass it on
                failures.append(error)
                return loop.FAILED

        # Numba makes a C function refer to itself. The list keeps the network out of this cycle, so that it is freed.
        held = [exchange, observe]
        on_exchange, on_observe = (
            loop.CALLBACK(lambda first_step, next_step, n=n: keeping_failures(held[n], first_step, next_step))
            for n in range(len(held))
        )
        alone, observed = self.exchange is None, self._is_observed
        with announced(loop.run_steps, lambda: COMPILING.format(kind(self.network))):
            step, neuron = loop.run_steps(
                self.rank, self.table, begin, end, recorded, alone, on_exchange, observed, on_observe
            )
        held.clear()
        if neuron == loop.STOPPED:
            if failures or not rank_failed:
                raise failures[0] if failures else KeyboardInterrupt
            return step, step  # at the end of the run all ranks raise the error of the other rank
        if neuron != FINITE:
            interval = self.rank.interval
            after = min((step - begin) // interval * interval + begin + interval, end)
            self._report_failure(exchanged, after, stop)
            raise NotFiniteError(
                f"step {step}: the voltage of recurrent neuron {neuron + self.rank.first_id} is not finite; "
                f"{self._likely_cause}"
            )
        return step, stop

    @property
    def _is_observed(self) -> bool:
        return self.recorder is not None or isinstance(self.teacher, PeriodicTeacher)

    def _prepare(self) -> None:
        """Let intervals end where something is recorded or taught, and the teacher take the place of the loss."""
        interval = self.rank.interval  # no result depends on it
        if self.recorder is not None:
            interval = 1
        elif isinstance(self.teacher, PeriodicTeacher):
            interval = math.gcd(interval, self.teacher.every)
        parameters = self.rank.readout_parameters
        self.rank = self.rank._replace(
            interval=interval,
            readout_parameters=parameters._replace(loss=LOSS_OF_TEACHER.get(type(self.teacher), parameters.loss)),
        )

    def _teach(self, step: int) -> None:
        """Call the teacher if it is to be called before ``step``; it writes the targets or errors of the next steps."""
        teacher, table, first = self.teacher, self.table, step - self.table.start
        if not isinstance(teacher, PeriodicTeacher) or first % teacher.every or first == len(table.target):
            return
        seen = table.readout[max(0, first - teacher.every) : first]
        teacher.teach(first, seen, table.target[first : first + teacher.every])

    def _report_failure(self, exchanged: Exchanged, step: int, stop: int) -> None:
        """Let the other ranks know, in the exchange before ``step``, that the run has failed on this one."""
        if self.exchange is not None and step < stop:
            self._exchange_before(exchanged, step, step + min(self.rank.interval, stop - step), RANK_FAILED)

    def _end_of_sample(self, step: int) -> int:
        """Return the first step, from ``step`` on, at which the run may end."""
        start, length = self.table.start, self.sample_length or 1
        return start + -(-(step - start) // length) * length

    def _exchange_before(self, exchanged: Exchanged, first_step: int, next_step: int, notice: int) -> int:
        assert self.exchange is not None
        before = time.perf_counter()
        if self.time_waiting:
            self.communicator.Barrier()
            self.times["wait"] += time.perf_counter() - before
            before = time.perf_counter()
        collocated = self.exchange.collocate_time
        notice = self.exchange(exchanged, first_step, next_step - first_step, notice)
        collocated = self.exchange.collocate_time - collocated
        self.times["collocate"] += collocated
        self.times["communicate"] += time.perf_counter() - before - collocated
        return notice

    def _check_output_weights(self, step: int) -> None:
        largest = largest_weight(self.rank.output.synapses)
        if largest > self.largest_output_weight:
            raise NotFiniteError(
                f"step {step}: a weight onto a readout has grown to {largest:g} pA, beyond "
                f"{self.largest_output_weight:g} pA; {self._likely_cause}"
            )

    @property
    def _likely_cause(self) -> str:
        rate = self.network.plasticity.optimizer.learning_rate
        rates = [f"plasticity.optimizer.learning_rate = {rate:g}"]
        for name in self.network.learning_projections():
            if (own := self.network.optimizer(name).learning_rate) != rate:
                rates.append(f"{name}.learning_rate = {own:g}")
        return f"the likely cause is a learning rate that is too large ({', '.join(rates)})"
