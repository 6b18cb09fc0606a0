"""Programs of ``test_ranks.py``, run on several ranks: ``python -m mpi4py ranks_program.py COMMAND [OUTPUT]``.

simulate OUTPUT   simulate all problems, some of them once more with the readouts' input summed; rank 0 saves results
begin DIRECTORY   simulate the first run of all problems, and write checkpoints
continue DIRECTORY OUTPUT   go on from these with the second run; rank 0 saves the results
fail              a voltage on one rank is not finite
fail-and-catch    the same; all ranks catch the error
interrupt         one rank is interrupted; all stop in the same step and go on
crowd             a network of two neurons
"""

import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from eprop_core import simulation
from eprop_core.errors import NotFiniteError
from eprop_core.interrupts import DeferredInterrupt
from eprop_core.network.connections import Connections
from eprop_core.network.features import communication_interval
from eprop_core.network.projections import projections
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.recording.recording import RunInterrupted
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.verification.ranks import DESTINATIONS, problems, simulate

SUMMED = ("small", "small, delays", "full messages", "many readouts", "per sample")
"""Problems that are simulated once more with the readouts' input summed, which would pay on many ranks only."""


def begin(communicator: Any, directory: Path) -> None:
    for number, (network, connections, stimulus) in enumerate(problems().values()):
        simulation = Simulation(network, seed=3, connections=connections, communicator=communicator)
        simulation.run(stimulus)
        simulation.save_checkpoint(directory / str(number))


def go_on(communicator: Any, directory: Path) -> dict[str, np.ndarray]:
    """Return weights, readouts and errors after the second run, by problem and name."""
    results = {}
    for number, (name, problem) in enumerate(problems().items()):
        simulation = Simulation.from_checkpoint(directory / str(number), seed=3, communicator=communicator)
        recording = simulation.run(problem.stimulus)
        results[f"{name}/second run readout"] = recording.readout
        results[f"{name}/second run error"] = recording.error
        for spec in projections(problem.network):
            results[f"{name}/{spec.name} weight"] = simulation.weights(spec.name).weight
    return results


def fail(communicator: Any) -> None:
    """Neuron 4 of 5, on the last rank, gets more input than a double can hold."""
    network = parse(Network, {"n_input": 2, "n_recurrent": 5, "n_readout": 1, "input": {"plastic": False}})
    connections = {"input": Connections(np.array([0, 1]), np.array([4, 4]), np.array([1e308, 1e308]))}
    simulation = Simulation(network, connections=connections, communicator=communicator)
    both = np.array([0, 1])
    simulation.run(Stimulus(10_000, np.array([20, 20]), both, np.zeros((10_000, 1)), np.ones(10_000, bool)))


def fail_and_catch(communicator: Any) -> None:
    try:
        fail(communicator)
    except NotFiniteError as error:
        print(f"rank {communicator.rank}: {error}")


def interrupt(communicator: Any) -> None:
    """The last rank is interrupted at the beginning of each run; the others learn of it."""
    network, connections, stimulus = problems()["small, delays"]
    expected = Simulation(network, seed=3, connections=connections, communicator=communicator)
    expected.run(stimulus)
    simulation = Simulation(network, seed=3, connections=connections, communicator=communicator)
    if communicator.rank == communicator.size - 1:

        def enter(self: DeferredInterrupt) -> DeferredInterrupt:
            self.requested = True
            return self

        DeferredInterrupt.__enter__ = enter  # type: ignore[method-assign]
    ends = []
    while simulation.step < stimulus.n_steps:
        try:
            simulation.run(cut(stimulus, simulation.step, stimulus.n_steps))
        except RunInterrupted:
            ends.append(simulation.step)
    assert len(set(map(tuple, communicator.allgather(ends)))) == 1
    interval = communication_interval(network)
    assert interval > 1
    assert ends == [*range(interval, stimulus.n_steps, interval), stimulus.n_steps]
    for name in PROJECTIONS:
        np.testing.assert_array_equal(simulation.weights(name).weight, expected.weights(name).weight)
    print(f"rank {communicator.rank}: {len(ends)} interrupts")


def cut(stimulus: Stimulus, first: int, last: int) -> Stimulus:
    inside = (stimulus.input_steps >= first) & (stimulus.input_steps < last)
    events = stimulus.input_steps[inside] - first, stimulus.input_channels[inside]
    return Stimulus(last - first, *events, stimulus.target[first:last], stimulus.learning_window[first:last])


def main() -> None:
    from mpi4py import MPI

    world, command = MPI.COMM_WORLD, sys.argv[1]
    if command == "simulate":
        results = {}
        for summed in (False, True):
            simulation.sums_readouts = lambda *_, summed=summed: summed  # type: ignore[assignment]
            for (name, problem), destinations in product(problems().items(), DESTINATIONS):
                if not summed or name in SUMMED:
                    for key, value in simulate(problem, world, destinations).items():
                        results[f"{name}/{destinations}{', summed' * summed}/{key}"] = value
        if world.rank == 0:
            np.savez(sys.argv[2], **results)
    elif command == "begin":
        begin(world, Path(sys.argv[2]))
    elif command == "continue":
        results = go_on(world, Path(sys.argv[2]))
        if world.rank == 0:
            np.savez(sys.argv[3], **results)
    elif command == "fail":
        fail(world)
    elif command == "fail-and-catch":
        fail_and_catch(world)
    elif command == "interrupt":
        interrupt(world)
    elif command == "crowd":
        Simulation(parse(Network, {"n_input": 2, "n_recurrent": 2, "n_readout": 1}), communicator=world)


if __name__ == "__main__":
    main()
