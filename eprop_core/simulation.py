"""Simulating a network: build it once, run it with one stimulus after another, read its weights."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from eprop_core import loop
from eprop_core.collective import together
from eprop_core.connectivity import Connections, Range, expand, mean_in_degree
from eprop_core.exchange import Exchange, Exchanged, ExchangeWithAll, ExchangeWithTargets, PretendedExchange, Traffic
from eprop_core.exchange_cost import Destinations, cheaper_destinations
from eprop_core.memory_estimate import check_memory
from eprop_core.network import (
    PROJECTIONS,
    assemble,
    build,
    largest_output_weight,
    projection_ranges,
)
from eprop_core.neuron_values import firing_phases
from eprop_core.neuron_values import neuron_values as values_of_neurons
from eprop_core.neurons import FINITE
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.projection import Projection
from eprop_core.stimulus import Stimulus, StimulusError
from eprop_core.synapses import WEIGHT, Synapses

RECORDED_AT_ONCE = 4_000_000
"""Room for recorded spikes, as the number of neurons times steps that are computed between two emptyings."""


class NotFiniteError(ArithmeticError):
    """A voltage that is no longer a finite number, or a weight on its way there."""


@dataclass(frozen=True)
class Recording:
    """What a run recorded."""

    spike_steps: np.ndarray
    """int64 (n_spikes,), steps relative to the start of the run, ascending; this rank's neurons."""
    spike_neurons: np.ndarray
    """int64 (n_spikes,), global ids, ascending within a step."""
    readout: np.ndarray
    """float64 (n_steps, n_readout), mV, the same on all ranks."""
    error: np.ndarray
    """float64 (n_steps, n_readout), window * (readout - target), mV, the same on all ranks."""


class Simulation:
    """A network on one rank or, with an mpi4py communicator, on all its ranks.

    Spikes, errors and weights are the same to the bit on any number of ranks. Methods that say so are collective: all
    ranks must call them.

    Args:
        network: parameters of the network.
        seed: seed of all random draws, 0 to 2**64 - 1.
        connections: explicit connections with weights for any of "input", "recurrent", "output", "feedback"; the other
            projections are drawn. The same on all ranks.
        neuron_values: explicit values, (n_recurrent,), of "tau_m" (ms) or "V_th" (mV) where they differ between neurons
            and are not to be drawn; no tau_m below the network's ``neuron.tau_m.low``. The same on all ranks.
        communicator: an mpi4py communicator; None for a single rank, which needs no MPI.
        destinations: ranks that a spike is sent to, "all" or the "targets" that need it; None takes the cheaper.
        dry_run: play one of many ranks without the others, given as (rank, number of ranks): builds and computes what
            that rank would, with neurons that ignore their input and fire, so that the other ranks' spikes are known.
        time_waiting: let ranks meet before each exchange, to tell waiting from communicating; costs some time itself.

    Raises:
        ParameterError: a connection that is not allowed.
        InsufficientMemoryError: a network that will not fit into memory.
    """

    def __init__(
        self,
        network: Network,
        *,
        seed: int = 1,
        connections: Mapping[str, Connections] | None = None,
        neuron_values: Mapping[str, np.ndarray] | None = None,
        communicator: Any = None,
        destinations: Destinations | None = None,
        dry_run: tuple[int, int] | None = None,
        time_waiting: bool = False,
    ) -> None:
        start = time.perf_counter()
        connections = connections or {}
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
            raise ParameterError(f"seed = {seed!r}: must be a whole number from 0 to 2**64 - 1")
        if unknown := set(connections) - set(PROJECTIONS):
            raise ParameterError(
                f"connections: no projection {sorted(unknown)[0]!r}; there are {', '.join(PROJECTIONS)}"
            )
        if destinations not in (None, *get_args(Destinations)):
            raise ParameterError(f"destinations = {destinations!r}: must be {' or '.join(get_args(Destinations))}")
        if dry_run is not None and (communicator is not None or not network.firing_period):
            raise ParameterError("dry_run: needs neuron.ignore_and_fire, and no communicator")
        index, n_ranks = dry_run or ((0, 1) if communicator is None else (communicator.rank, communicator.size))
        if not 0 <= index < n_ranks:
            raise ParameterError(f"dry_run = {dry_run}: rank must be 0 to {n_ranks - 1}")
        if n_ranks > network.n_recurrent:
            raise ParameterError(f"{n_ranks} ranks are more than the {network.n_recurrent} recurrent neurons")
        self.network = network
        self.seed = seed
        self.step = 0
        """Steps simulated so far."""
        self.recurrent = Range.of_rank(network.n_recurrent, index, n_ranks)
        """The recurrent neurons of this rank."""
        self._communicator = communicator
        self._time_waiting = time_waiting
        self._neuron_values = values_of_neurons(network, int(seed), self.recurrent, neuron_values)
        n_ranks_here = ranks_on_this_machine(communicator)
        n_connections = {name: len(given.source) for name, given in connections.items()}

        def build_own() -> loop.Rank:
            check_memory(network, n_ranks_here, n_ranks, n_connections)
            return self._build(connections)

        self._rank = together(communicator, build_own)
        self._sample_length = 0
        self.destinations = destinations or cheaper_destinations(network, n_ranks)
        """The ranks that a spike is sent to."""
        self._exchange = self._new_exchange(n_ranks, dry_run is not None)
        self._communication = {"communicate": 0.0, "wait": 0.0}
        self._build_time = time.perf_counter() - start

    def _build(self, connections: Mapping[str, Connections]) -> loop.Rank:
        """Everything at rest around the connections of this rank."""
        self._largest_output_weight = largest_output_weight(self.network, connections)
        return build(
            self.network,
            seed=int(self.seed),
            connections=connections,
            recurrent=self.recurrent,
            values=self._neuron_values,
        )

    def _new_exchange(self, n_ranks: int, dry_run: bool) -> Exchange | None:
        has_targets = np.diff(self._rank.recurrent.synapses.offset) > 0
        if dry_run:
            phase = firing_phases(self.network, self.seed, Range.whole(self.network.n_recurrent))
            mean_out_degree = mean_in_degree(self.network.recurrent.connectivity, self.network.n_recurrent)
            received = has_targets | (self.destinations == "all")
            return PretendedExchange(phase, self.network.firing_period, n_ranks, mean_out_degree, received)
        if n_ranks == 1:
            return None
        if self.destinations == "all":
            return ExchangeWithAll(self._communicator)
        return ExchangeWithTargets(self._communicator, self.recurrent, has_targets)

    def run(self, stimulus: Stimulus) -> Recording:
        """Simulate the stimulus; time, voltages and traces go on from the run before. Collective.

        Raises:
            StimulusError: a stimulus that does not fit the network.
            NotFiniteError: a voltage that ceases to be finite, with the step, the neuron and the likely cause.
        """
        stimulus.check_fits(self.network)
        if self.network.plasticity.counts_samples:
            self._set_sample_length(stimulus.n_steps // stimulus.n_samples)
        n_steps, n_readout = stimulus.n_steps, self.network.n_readout
        run = loop.Run(
            start=self.step,
            input_offset=np.searchsorted(stimulus.input_steps, np.arange(n_steps + 1)),
            input_channels=stimulus.input_channels.astype(np.int32),
            target=np.ascontiguousarray(stimulus.target),
            learning_window=np.ascontiguousarray(stimulus.learning_window),
            readout=np.empty((n_steps, n_readout)),
            error=np.empty((n_steps, n_readout)),
            spikes_per_step=np.zeros(n_steps, np.int64),
        )
        interval, n_neurons = self._rank.interval, self.recurrent.n
        stretch = interval * max(1, RECORDED_AT_ONCE // (n_neurons * interval))
        recorded = np.empty(n_neurons * min(stretch, n_steps), np.int32)
        spikes = []
        last_step = self.step + n_steps
        for begin in range(self.step, last_step, stretch):
            end = min(begin + stretch, last_step)
            self._run_steps(run, begin, end, recorded)
            n = run.spikes_per_step[begin - run.start : end - run.start].sum()
            spikes.append(recorded[:n].astype(np.int64))
        self.step = last_step
        self._check_output_weights()
        return Recording(
            spike_steps=np.repeat(np.arange(n_steps), run.spikes_per_step),
            spike_neurons=np.concatenate(spikes) + self.recurrent.first,
            readout=run.readout,
            error=run.error,
        )

    def _set_sample_length(self, length: int) -> None:
        if self._sample_length == length:
            return
        if self.step > 0:
            raise StimulusError(
                f"samples have {length} steps: must have {self._sample_length} as in the runs before, "
                "because updates or resets go with them"
            )
        self._sample_length = length
        self._take_over(self._assemble())

    def _take_over(self, rank: loop.Rank) -> None:
        """Go on with a rank at rest; counts and times go on, too."""
        self._rank = rank._replace(counts=self._rank.counts, times=self._rank.times)

    def _assemble(self) -> loop.Rank:
        """Everything at rest around the present weights."""
        synapses = {name: self._synapses(name) for name in PROJECTIONS[:3]}
        if not self._rank.feedback.along_output:
            synapses["feedback"] = self._rank.feedback.synapses
        return assemble(
            self.network,
            synapses,
            self.recurrent,
            self._neuron_values,
            self._rank.readout_parameters.fixed_point,
            self._sample_length,
        )

    def _run_steps(self, run: loop.Run, begin: int, end: int, recorded: np.ndarray) -> None:
        exchanged = Exchanged.of(self._rank)
        failures: list[BaseException] = []

        def exchange(first_step: int, last_step: int) -> bool:
            try:
                self._exchange_before(exchanged, first_step, last_step)
            except BaseException as error:  # which cannot pass through compiled code
                failures.append(error)
            return not failures

        # Numba makes a C function refer to itself. So that the network is freed at once, it does not hang on that.
        held = [exchange]
        callback = loop.EXCHANGE(lambda first_step, last_step: held[0](first_step, last_step))
        step, neuron = loop.run_steps(self._rank, run, begin, end, recorded, self._exchange is None, callback)
        held.clear()
        if neuron == loop.STOPPED:
            raise failures[0] if failures else KeyboardInterrupt
        self._check(step, neuron)

    def _exchange_before(self, exchanged: Exchanged, first_step: int, last_step: int) -> None:
        assert self._exchange is not None
        before = time.perf_counter()
        if self._time_waiting and self._communicator is not None:
            self._communicator.Barrier()
            self._communication["wait"] += time.perf_counter() - before
            before = time.perf_counter()
        self._exchange(exchanged, first_step, last_step - first_step)
        self._communication["communicate"] += time.perf_counter() - before

    def _check(self, step: int, neuron: int) -> None:
        if neuron != FINITE:
            raise NotFiniteError(
                f"step {step}: the voltage of recurrent neuron {neuron + self.recurrent.first} is not finite; "
                f"the likely cause is a learning rate that is too large "
                f"(plasticity.optimizer.learning_rate = {self.network.plasticity.optimizer.learning_rate:g})"
            )

    def _check_output_weights(self) -> None:
        weight = self._synapses("output").values[:, WEIGHT]
        largest = max(weight.max(initial=0.0), -weight.min(initial=0.0))
        if largest > self._largest_output_weight:
            raise NotFiniteError(
                f"step {self.step}: a weight onto a readout has grown to {largest:g} pA, beyond "
                f"{self._largest_output_weight:g} pA; the likely cause is a learning rate that is too large "
                f"(plasticity.optimizer.learning_rate = {self.network.plasticity.optimizer.learning_rate:g})"
            )

    def weights(self, projection: str) -> Connections:
        """All connections of a projection with their present weights, sorted by (target, source). Collective.

        A weight changes when a spike of its source arrives; what has been gathered since then is not in it.
        Where samples update, a batch is in it once the next sample has begun.
        """
        own = self._own_weights(projection)
        if self._communicator is None:
            return own
        parts = self._communicator.allgather(own)
        source, target, weight = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        order = np.lexsort((source, target))
        return Connections(source[order], target[order], weight[order])

    def _own_weights(self, projection: str) -> Connections:
        ranges = projection_ranges(self.network, self.recurrent)
        if projection != "feedback":
            return expand(self._synapses(projection), *ranges[projection])
        feedback = self._rank.feedback
        if not feedback.along_output:
            return expand(feedback.synapses, *ranges["feedback"])
        neuron, readout, weight = expand(feedback.synapses, *ranges["output"], feedback.column)
        order = np.lexsort((readout, neuron))
        return Connections(readout[order], neuron[order], weight[order])

    def _synapses(self, projection: str) -> Synapses:
        part: Projection = getattr(self._rank, projection)
        return part.synapses

    def frozen(self) -> "Simulation":
        """The network with its present weights, static, and everything at rest: what is evaluated. Shares the weights.

        Nothing that the copy does changes this simulation.
        """
        static = {name: getattr(self.network, name).model_copy(update={"plastic": False}) for name in PROJECTIONS[:3]}
        copy = object.__new__(Simulation)
        copy.__dict__.update(self.__dict__)
        copy.network = self.network.model_copy(update=static)
        copy.step = 0
        copy._communication = dict.fromkeys(self._communication, 0.0)
        copy._build_time = 0.0
        copy._rank = copy._assemble()
        return copy

    def reconnect(self, connections: Mapping[str, Connections]) -> None:
        """Replace the connections of projections, and put everything to rest around them. Collective.

        ``connections`` are the same on all ranks. All weights that they do not replace stay, counts and times go on;
        voltages, traces, gradients not yet used and the optimizer's moments begin anew, and so do the steps.

        Raises:
            ParameterError: a connection that is not allowed, or a dry run.
        """
        if isinstance(self._exchange, PretendedExchange):
            raise ParameterError("reconnect: a dry run does not have the other ranks' connections")
        all_connections = {name: connections.get(name) or self.weights(name) for name in PROJECTIONS}
        self._take_over(together(self._communicator, lambda: self._build(all_connections)))
        traffic = self.traffic
        self._exchange = self._new_exchange(1 if self._communicator is None else self._communicator.size, dry_run=False)
        if self._exchange is not None:
            self._exchange.traffic.update(traffic)
        self.step = self._sample_length = 0

    @property
    def traffic(self) -> dict[Destinations, Traffic]:
        """What this rank has sent since the start, by destinations; a dry run tells what it would have, either way."""
        traffic = {} if self._exchange is None else self._exchange.traffic
        return {destinations: replace(sent) for destinations, sent in traffic.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Of this rank, since the start: neurons, synapses by projection, spikes and synaptic events by projection."""
        counts = self._rank.counts
        result = {"neurons": self.recurrent.n, "spikes": int(counts[loop.SPIKES])}
        events = {"input": loop.INPUT_EVENTS, "recurrent": loop.RECURRENT_EVENTS, "output": loop.OUTPUT_EVENTS}
        for name in events:
            result[f"{name}_synapses"] = len(self._synapses(name).target)
        own_feedback = 0 if self._rank.feedback.along_output else len(self._rank.feedback.synapses.target)
        result["feedback_synapses"] = own_feedback
        for name, index in events.items():
            result[f"{name}_synaptic_events"] = int(counts[index])
        result["synapses"] = sum(result[f"{name}_synapses"] for name in events)
        result["synaptic_events"] = sum(result[f"{name}_synaptic_events"] for name in events)
        return result

    @property
    def synapse_bytes(self) -> dict[str, int]:
        """Bytes of one synapse by projection: its target, and its weight and all that it remembers."""
        synapses = {name: self._synapses(name) for name in PROJECTIONS[:3]}
        return {name: part.target.itemsize + part.values[:1].nbytes for name, part in synapses.items()}

    @property
    def times(self) -> dict[str, float]:
        """Of this rank, seconds since the start by phase; plasticity is the part of deliver for plastic projections."""
        times = self._rank.times
        phases = {
            "update": loop.UPDATE,
            "deliver": loop.DELIVER,
            "plasticity": loop.PLASTICITY,
            "collocate": loop.COLLOCATE,
        }
        return {
            "build": self._build_time,
            **{name: float(times[index]) for name, index in phases.items()},
            **self._communication,
        }


def ranks_on_this_machine(communicator: Any) -> int:
    """Number of the communicator's ranks that share this rank's memory. Collective."""
    if communicator is None:
        return 1
    from mpi4py import MPI

    local = communicator.Split_type(MPI.COMM_TYPE_SHARED)
    n = int(local.size)
    local.Free()
    return n
