"""A simulation that is interrupted and goes on from checkpoints, each time on another number of ranks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.projections import projections
from eprop_core.ranks.communicator import Communicator
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.verification.random_problem import Problem, neuron_values
from pieces import of_all_ranks
from thread_ranks import on_thread_ranks


class Outcome(NamedTuple):
    """All that must be equal."""

    recording: Recording
    weights: dict[str, Connections]
    counts: dict[str, int]
    evaluation: np.ndarray
    """Readout of a frozen copy that sees the stimulus again."""


def uninterrupted(problem: Problem) -> Outcome:
    simulation = new_simulation(problem)
    recording = simulation.run(problem.stimulus)
    weights = weights_of(simulation)
    return Outcome(recording, weights, simulation.counts, simulation.frozen().run(problem.stimulus).readout)


def weights_of(simulation: Simulation) -> dict[str, Connections]:
    return {spec.name: simulation.weights(spec.name) for spec in projections(simulation.network)}


def new_simulation(problem: Problem, communicator: Communicator = None) -> Simulation:
    values = neuron_values(problem.network)
    return Simulation(
        problem.network, seed=3, connections=problem.connections, neuron_values=values, communicator=communicator
    )


def continued(problem: Problem, directory: Path, cuts: Sequence[int], ranks: Sequence[int]) -> Outcome:
    """Interrupt the run at the steps ``cuts``; its parts are simulated by so many ``ranks``."""
    ends = [0, *cuts, problem.stimulus.n_steps]
    recordings: list[Recording] = []

    def part(number: int, communicator: Communicator) -> tuple[Any, ...]:
        if number == 0:
            simulation = new_simulation(problem, communicator)
        else:
            simulation = Simulation.from_checkpoint(
                directory, network=problem.network, seed=3, communicator=communicator
            )
            assert simulation.notes == {"part": number - 1}
        assert simulation.step == ends[number]
        recording = simulation.run(problem.stimulus.part(ends[number], ends[number + 1]))
        if number + 1 < len(ranks):
            simulation.save_checkpoint(directory, {"part": number})
            return recording, None, None, None
        weights = weights_of(simulation)
        return recording, weights, simulation.counts, simulation.frozen().run(problem.stimulus).readout

    for number, n_ranks in enumerate(ranks):
        of_ranks = on_thread_ranks(n_ranks, lambda communicator, number=number: part(number, communicator))
        recordings.append(of_all_ranks([recording for recording, *_ in of_ranks]))
    _, weights, _, evaluation = of_ranks[0]
    counts = [of_rank[2] for of_rank in of_ranks]
    return Outcome(
        Recording.joined(recordings),
        weights,
        {name: sum(c[name] for c in counts) for name in counts[0]},
        evaluation,
    )


def assert_equal(own: Outcome, expected: Outcome) -> None:
    for name, values in vars(expected.recording).items():
        np.testing.assert_array_equal(getattr(own.recording, name), values, err_msg=name)
    for name, connections in expected.weights.items():
        for field, values in connections._asdict().items():
            np.testing.assert_array_equal(getattr(own.weights[name], field), values, err_msg=f"{name} {field}")
    assert own.counts == expected.counts
    np.testing.assert_array_equal(own.evaluation, expected.evaluation)
