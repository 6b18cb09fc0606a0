"""Evaluation of a network on a task: nothing is learned."""

import functools
import operator

from eprop_core.measurement import operations
from eprop_core.progress import progress
from eprop_core.simulation import Simulation
from eprop_core.tasks.task import Samples, Score, Task


def groups_of(samples: Samples, size: int) -> list[Samples]:
    """Return the samples in groups, each of them int64 (``size``,), the last may have fewer."""
    return [samples[first : first + size] for first in range(0, len(samples), size)]


def evaluate(
    simulation: Simulation, task: Task, samples: Samples, group_size: int, description: str | None = None
) -> tuple[Score, int]:
    """Return the score of a network as it is now, which stays as it is. Collective.

    Parameters
    ----------
    simulation
        The network.
    task
        What it is to answer.
    samples
        int64 (n_samples,), the samples that are shown.
    group_size
        Samples that are shown in one run.
    description
        Label of the progress, which is shown on stderr; None shows none.

    Returns
    -------
    Score
        Loss and accuracy.
    int
        Synaptic operations with a weight that is not zero, of all samples.
    """
    frozen = simulation.frozen()
    counter = operations.OperationCounter(frozen, simulation.communicator)
    scores, counts = [], []
    groups = groups_of(samples, group_size)
    shown = None if simulation.communicator.rank > 0 else description
    for group in groups if shown is None else progress(groups, shown):
        stimulus = task.stimulus(group)
        recording = frozen.run(stimulus)
        scores.append(task.score(group, recording))
        counts.append(counter.count(stimulus, recording))
    return functools.reduce(operator.add, scores), sum(counts)
