"""Train a network twice, the second time with one input spike less, and follow how the two runs part; write one file.

Both runs start from the same network and see the same samples in the same order, but for the first input spike of the
first sample, which the second run lacks. What is compared: membrane voltages, spikes and weights over time, the losses
while both learn, and the scores on test samples after training.
"""

import argparse
import functools
import operator
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from eprop_core.experiments import command_line
from eprop_core.experiments.studies.measure import add_task, read_task
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.measurement.results import Result
from eprop_core.network.projections import spiking_projections
from eprop_core.parameters import Loss
from eprop_core.parsing import ParameterError
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks.communicator import SINGLE_RANK
from eprop_core.recording.recording import Recording
from eprop_core.recording.request import Record as Request
from eprop_core.records import Record
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.tasks.task import Samples, Score, Task
from eprop_core.training.evaluation import evaluate
from eprop_core.training.plan import Plan
from eprop_core.training.schedules import Constant

WINDOWS_PER_DECADE = 8
"""Windows of time in which steps are summarized, in each decade of the time since the missing spike."""


class Distances(Record):
    """How far the runs are apart in the steps of a window of time."""

    first_step: int = Field(description="first step of the window, counted from that of the missing spike")
    last_step: int
    voltage: float | None = Field(
        description="root mean square, over neurons and steps; null: voltages were not recorded in the window",
        json_schema_extra={"label": "difference of membrane voltages", "unit": "mV"},
    )
    spikes: tuple[int, int] = Field(description="of the recurrent neurons in both runs")
    spikes_of_one_run: int = Field(description="spikes that only one of the runs has")


class WeightDistance(Record):
    """How far plastic weights are apart after so many samples."""

    samples: int
    step: int = Field(description="step, counted from that of the missing spike")
    between_runs: float = Field(description="root of the sum of squared differences, pA")
    since_start: float = Field(description="the same between the first run and the untrained network, pA")


class Losses(Record):
    """Mean losses of both runs while a group of samples was learned."""

    samples: int = Field(description="training samples seen so far")
    losses: tuple[float, float]


class SensitivityResult(Result):
    """Two trainings that differ by one input spike."""

    experiment: Literal["sensitivity"] = "sensitivity"
    seed: int
    parameters: TaskParameters
    dt: float = Field(json_schema_extra={"unit": "ms"})
    loss: Loss
    missing_step: int = Field(description="step of the spike that the second run lacks, in the first sample")
    missing_channel: int
    distances: list[Distances]
    weights: list[WeightDistance]
    losses: list[Losses]
    test_losses: tuple[float, float] | None = Field(description="null: nothing is held out")
    test_accuracies: tuple[float, float] | None = Field(description="null: no answer is right or wrong, or as above")


def measure(parameters: TaskParameters, learnt: Task, tested: Task | None, seed: int) -> SensitivityResult:
    """Train a network with and without one input spike, and return how far the runs are apart.

    Parameters
    ----------
    parameters
        Data set, network and training, of constant learning rates and without rewiring.
    learnt, tested
        Samples to learn, and those to test.
    seed
        Seed of both runs.

    Raises
    ------
    ParameterError
        A training with a schedule or rewiring, or a first sample without a spike.
    """
    network, training = parameters.network_for(learnt.n_input, learnt.n_readout), parameters.training
    if training.rewiring is not None or training.learning_rate_schedule != Constant():
        raise ParameterError("training: sensitivity needs a constant learning_rate_schedule and no rewiring")
    plan = Plan.of(network, learnt, training, seed)
    runs = Simulation(network, seed=seed), Simulation(network, seed=seed)
    start = _plastic_weights(runs[0])
    comparison = _Comparison(learnt.n_steps * plan.n_shown, network.n_recurrent)
    weights, losses, shown = [], [], 0
    missing = None
    record = Request(range(network.n_recurrent), quantities=["membrane_voltage"])
    scores: list[list[Score]] = [[], []]
    for group, is_complete in progress(list(_parts(plan)), f"sensitivity, seed {seed}"):
        stimuli = [learnt.stimulus(group)] * 2
        if missing is None:
            stimuli[1], missing = without_first_spike(stimuli[0])
        recorded = record if len(group) == 1 else None
        recordings = [run.run(stimulus, recorded) for run, stimulus in zip(runs, stimuli, strict=True)]
        comparison.add(recordings, shown * learnt.n_steps - missing[0])
        shown += len(group)
        for of_run, recording in zip(scores, recordings, strict=True):
            of_run.append(learnt.score(group, recording))
        if not is_complete:
            continue
        both = [functools.reduce(operator.add, of_run).loss for of_run in scores]
        losses.append(Losses(samples=shown, losses=(both[0], both[1])))
        scores = [[], []]
        one, other = map(_plastic_weights, runs)
        weights.append(
            WeightDistance(
                samples=shown,
                step=shown * learnt.n_steps - missing[0],
                between_runs=float(np.linalg.norm(one - other)),
                since_start=float(np.linalg.norm(one - start)),
            )
        )
    assert missing is not None
    tests = []
    if tested is not None:
        samples = np.arange(tested.n_samples)
        tests = [evaluate(run, tested, samples, training.samples_per_group)[0] for run in runs]
    accuracies = [score.accuracy for score in tests if score.accuracy is not None]
    return SensitivityResult(
        seed=seed,
        parameters=parameters,
        provenance=provenance(SINGLE_RANK),
        dt=network.dt,
        loss=learnt.loss,
        missing_step=missing[0],
        missing_channel=missing[1],
        distances=comparison.distances(),
        weights=weights,
        losses=losses,
        test_losses=(tests[0].loss, tests[1].loss) if tests else None,
        test_accuracies=(accuracies[0], accuracies[1]) if accuracies else None,
    )


def without_first_spike(stimulus: Stimulus) -> tuple[Stimulus, tuple[int, int]]:
    """Return a stimulus without its first input spike, and step and channel of that.

    Raises a :class:`ParameterError` where the first sample has none.
    """
    first_sample = stimulus.n_steps // stimulus.n_samples
    if not len(stimulus.input_steps) or stimulus.input_steps[0] >= first_sample:
        raise ParameterError("dataset: the first sample has no input spike, without which a run could differ")
    changed = Stimulus(
        stimulus.n_steps,
        stimulus.input_steps[1:],
        stimulus.input_channels[1:],
        stimulus.target,
        stimulus.learning_window,
        n_samples=stimulus.n_samples,
    )
    return changed, (int(stimulus.input_steps[0]), int(stimulus.input_channels[0]))


def _parts(plan: Plan) -> Iterator[tuple[Samples, bool]]:
    """Return the samples in their order, in parts, and whether losses and weights are compared after them.

    Voltages, which take long to record, are those of single samples. The first group is shown sample by sample, since
    the runs part fast, then the last sample of each group by itself.
    """
    yield from ((sample, True) for sample in plan.group(0).reshape(-1, 1))
    for number in range(1, plan.n_groups):
        group = plan.group(number)
        if len(group) > 1:
            yield group[:-1], False
        yield group[-1:], True


def _plastic_weights(simulation: Simulation) -> npt.NDArray[np.float64]:
    """Return the weights of all plastic projections that carry spikes, pA."""
    projections = [spec.name for spec in spiking_projections(simulation.network) if spec.plastic]
    return np.concatenate([np.zeros(0), *(simulation.own_weights(name) for name in projections)])


class _Comparison:
    """Sums over windows of time that grow with the time since the missing spike.

    Parameters
    ----------
    n_steps
        Steps of the whole training.
    n_neurons
        Recurrent neurons.
    """

    def __init__(self, n_steps: int, n_neurons: int) -> None:
        self.n_neurons = n_neurons
        n_windows = int(np.ceil(WINDOWS_PER_DECADE * np.log10(max(n_steps, 2))))
        edges = np.unique(np.round(10 ** (np.arange(n_windows + 1) / WINDOWS_PER_DECADE)).astype(np.int64) - 1)
        self.edges = np.append(edges[edges < n_steps], n_steps)
        """int64, first step of each window, and the end of the last."""
        n = len(self.edges) - 1
        self.squares, self.values = np.zeros(n), np.zeros(n, np.int64)
        self.spikes, self.different = np.zeros((2, n), np.int64), np.zeros(n, np.int64)

    def add(self, recordings: list[Recording], start: int) -> None:
        """Add both recordings of a part, whose first step is step ``start`` since the missing spike."""
        voltages = [recording.recorded.neurons["membrane_voltage"] for recording in recordings if recording.recorded]
        if voltages:
            steps, squares = voltages[0].steps + start, (voltages[0].values - voltages[1].values) ** 2
            self._add(self.squares, steps, squares.sum(axis=1))
            self._add(self.values, steps, np.full(len(steps), squares.shape[1]))
        places = []
        for recording, spikes in zip(recordings, self.spikes, strict=True):
            self._add(spikes, recording.spike_steps + start)
            places.append(recording.spike_steps * self.n_neurons + recording.spike_neurons)
        one, other = places
        self._add(self.different, np.setxor1d(one, other, assume_unique=True) // self.n_neurons + start)

    def _add(self, sums: npt.NDArray[Any], steps: npt.NDArray[np.int64], values: npt.ArrayLike | None = None) -> None:
        """Add ``values``, or one for each of ``steps``, to the sums of their windows; earlier steps have none."""
        windows = np.searchsorted(self.edges, steps, side="right") - 1
        counted = windows >= 0
        np.add.at(sums, windows[counted], 1 if values is None else np.asarray(values)[counted])

    def distances(self) -> list[Distances]:
        """Return all windows."""
        return [
            Distances(
                first_step=first,
                last_step=end - 1,
                voltage=float(np.sqrt(square / n)) if n else None,
                spikes=(one, other),
                spikes_of_one_run=different,
            )
            for first, end, square, n, one, other, different in zip(
                self.edges[:-1].tolist(),
                self.edges[1:].tolist(),
                self.squares.tolist(),
                self.values.tolist(),
                *self.spikes.tolist(),
                self.different.tolist(),
                strict=True,
            )
        ]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = command_line.parser("eprop_core.experiments.studies.sensitivity", __doc__)
    add_task(options)
    options.add_argument("--seed", type=command_line.seed, default=1, help="seed of both runs (default: 1)")
    return options


def main() -> None:
    """Run the command line."""
    options = parser().parse_args()
    parameters, learnt, tested = read_task(options.task, options.data, options.seed)
    measure(parameters, learnt, tested, options.seed).write(options.output)


if __name__ == "__main__":
    command_line.run(main)
