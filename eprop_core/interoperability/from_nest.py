"""Networks of NEST 3.10 in this package, with what its generators show them."""

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from eprop_core.interoperability.nest_network import network_of_nest
from eprop_core.interoperability.nest_snapshot import Built, Call
from eprop_core.interoperability.nest_stimulus import LearningRates, learning_rates_of, stimulus_of
from eprop_core.network.connections import Connections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus


class FromNest(NamedTuple):
    """A network of NEST, at rest, and what it is shown."""

    network: Network
    """Parameters."""
    connections: dict[str, Connections]
    """All connections with their weights, by projection."""
    neuron_values: dict[str, np.ndarray]
    """``tau_m`` and ``V_th`` of each recurrent neuron, where they differ."""
    stimulus: Stimulus
    """Input and targets of all calls of ``Simulate``."""
    learning_rates: tuple[LearningRates, ...]
    """Learning rates from step 0 on, and all their changes."""
    ids: dict[str, np.ndarray]
    """NEST's ids of "input", "recurrent" and "readout": neuron k here is ``ids[population][k]``. The order is that of
    NEST, but adaptive neurons come last, and the neurons of a group are together."""
    first_step: int
    """NEST's step, numbered by its end, that is step 0 here."""

    def simulation(self, **options: Any) -> Simulation:
        """Return the network as a :class:`Simulation`; ``options`` are others of its arguments."""
        return Simulation(self.network, connections=self.connections, neuron_values=self.neuron_values, **options)

    def run(self, simulation: Simulation) -> Recording:
        """Show a new :meth:`simulation` the stimulus, and change its learning rates as NEST's were. Collective."""
        ends = [*(change.step for change in self.learning_rates[1:]), self.stimulus.n_steps]
        recordings, begin = [], 0
        for change, end in zip(self.learning_rates, ends, strict=True):
            for name, rate in change.rates.items():
                simulation.set_learning_rate(rate, name)
            recordings.append(simulation.run(self.stimulus.part(begin, end)))
            begin = end
        return Recording.joined(recordings)

    def spikes(self, recording: Recording) -> dict[str, np.ndarray]:
        """Return spikes as a ``spike_recorder`` of the recurrent neurons has them: "times", ms, and "senders"."""
        return {
            "times": (recording.spike_steps + self.first_step) * self.network.dt,
            "senders": self.ids["recurrent"][recording.spike_neurons],
        }

    def readouts(self, recording: Recording, start: float = 0.0, stop: float = math.inf) -> dict[str, np.ndarray]:
        """Return the events of a ``multimeter`` of the readouts, by NEST's names.

        Parameters
        ----------
        recording
            The recording of :meth:`run`.
        start, stop
            As those of the multimeter: events at the times ``start`` < t <= ``stop``, ms.

        Returns
        -------
        dict
            "times" and "senders", and "readout_signal", "target_signal" and "error_signal", (n_events,). As in NEST,
            the readout signal of cross-entropy is the softmax, and all signals are 0 outside the learning window.
        """
        dt, n_readout = self.network.dt, self.network.n_readout
        # With the rule of Bellec et al., NEST computes these signals one step after the voltages.
        by_samples = self.network.plasticity.update == "sample"
        lag = self.first_step + 1 if by_samples else self.first_step
        n_steps = len(recording.readout)
        times = (np.arange(n_steps) + lag) * dt
        within = (times > start) & (times <= stop)
        signal = recording.readout
        if self.network.readout.loss == "cross_entropy":
            shares = np.exp(signal - signal.max(axis=1, keepdims=True))
            signal = shares / shares.sum(axis=1, keepdims=True)
        shown = self.stimulus.learning_window[:n_steps, np.newaxis]
        signals = {
            "readout_signal": shown * signal,
            "target_signal": shown * self.stimulus.target[:n_steps],
            "error_signal": recording.error,
        }
        return {
            "times": np.repeat(times[within], n_readout),
            "senders": np.tile(self.ids["readout"], int(within.sum())),
        } | {name: values[within].ravel() for name, values in signals.items()}


class RecordOfNest:
    """A network of NEST before its first step, and all calls of ``Simulate`` and ``Run``."""

    def __init__(self) -> None:
        self.built: Built | None = None
        self.calls: list[Call] = []
        self._size = (0, 0)
        self._changes: list[str] = []

    def add(self, duration: float) -> None:
        """Record a call before it begins."""
        kernel = _kernel()
        if self.built is None:
            self.built, self._size = kernel.read_network(), kernel.size()
        elif self._changes:
            raise ParameterError(
                f"NEST has changed {self._changes[0]} after its first Simulate; only generators and eta may change"
            )
        elif self._size != kernel.size():
            raise ParameterError("NEST has created nodes or connections after its first Simulate; create them before")
        self.calls.append(kernel.next_call(duration, self.built.synapse_models))

    def change(self, description: str) -> None:
        """Note a change of the network, which may only come before the first call."""
        if self.built is not None:
            self._changes.append(description)


@contextmanager
def recording_of_nest() -> Iterator[RecordOfNest]:
    """Record the network in NEST's kernel, and what each ``nest.Simulate`` and ``nest.Run`` in the block shows it.

    Yields
    ------
    RecordOfNest
        For :func:`from_nest`. Generators and learning rates are recorded as they are at each call.
    """
    recorded = RecordOfNest()
    with _kernel().watching(recorded.add, recorded.change):
        yield recorded


def from_nest(simulated: float | RecordOfNest, *, input_spikes: Any = None) -> FromNest:
    """Return the network in NEST's running kernel, or one that was recorded, as it is simulated here.

    Parameters
    ----------
    simulated
        What NEST simulates: the duration of a single ``nest.Simulate`` that is still to come, ms, or what
        :func:`recording_of_nest` has recorded of all calls.
    input_spikes
        A spike recorder of NEST that has recorded the parrot neurons. It takes the place of generators, whose random
        spikes cannot be drawn again.

    Returns
    -------
    FromNest
        Network, connections, values of neurons and stimulus. Its method ``simulation()`` returns a simulation, and
        ``run(simulation)`` shows the stimulus.

    Raises
    ------
    ParameterError
        What has no counterpart here, by name; a network that NEST has already simulated.
    ImportError
        This Python has no NEST.

    Warns
    -----
    ApproximationWarning
        What is approximated.
    """
    if not isinstance(simulated, RecordOfNest):
        record = RecordOfNest()
        record.add(float(simulated))
        simulated = record
    if simulated.built is None:
        raise ParameterError("nothing was recorded: nest.Simulate must be called in the block of recording_of_nest")
    network = network_of_nest(simulated.built, given_inputs=input_spikes is not None)
    inputs = None
    if input_spikes is not None:
        _kernel().check_recorder(input_spikes, network.ids["input"], simulated.built.connections)
        events = input_spikes.get("events")
        inputs = events["times"], events["senders"]
    stimulus = stimulus_of(network, simulated.calls, inputs)
    return FromNest(
        network.network,
        network.connections,
        network.neuron_values,
        stimulus,
        learning_rates_of(network, simulated.calls, stimulus.n_steps),
        network.ids,
        network.first_step,
    )


def _kernel() -> Any:
    """Return the module that reads NEST's kernel, which needs NEST."""
    return importlib.import_module("eprop_core.interoperability.nest.kernel")
