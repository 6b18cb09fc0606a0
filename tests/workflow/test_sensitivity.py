"""Two trainings that differ by one spike: what is measured, and the figure and table of it."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import small
from eprop_core.datasets.events import EventDataset
from eprop_core.experiments.studies.measure import measure as train
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.sensitivity import SensitivityResult, measure, without_first_spike
from eprop_core.network.projections import spiking_projections
from eprop_core.parsing import ParameterError
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.tasks.task import Events
from eprop_core.training.loop import train as learn
from eprop_core.training.plan import Plan
from small_results import check, written
from workflow.scripts.sensitivity import collect, figure, table

TASK: TaskParameters = small.task(epochs=2)
DATA: EventDataset = small.dataset(200)
SEED = 3


class OneSpikeLess(DatasetClassification):
    """The samples, of which one lacks its first spike when it is asked for the first time."""

    sample = -1

    def events(self, sample: int) -> Events:
        steps, channels = super().events(sample)
        if sample != self.sample:
            return steps, channels
        self.sample = -1
        return steps[1:], channels[1:]


LEARNT, TESTED = (DatasetClassification(data, small.WINDOW) for data in (DATA, small.dataset(30, seed=2)))


@pytest.fixture(scope="module")
def result() -> SensitivityResult:
    return measure(TASK, LEARNT, TESTED, SEED)


def test_both_runs_are_trainings_with_and_without_the_spike(result: SensitivityResult) -> None:
    """Against the training loop, which shows groups in one run, and a task that leaves the spike out."""
    network = TASK.network_for(LEARNT.n_input, LEARNT.n_readout)
    lacking = OneSpikeLess(DATA, small.WINDOW)
    lacking.sample = int(Plan.of(network, LEARNT, TASK.training, SEED).group(0)[0])
    start, one, other = (Simulation(network, seed=SEED) for _ in range(3))
    learn(one, LEARNT, TASK.training)
    learn(other, lacking, TASK.training)
    assert lacking.sample == -1
    names = [spec.name for spec in spiking_projections(network)]
    weights = [np.concatenate([run.weights(name).weight for name in names]) for run in (start, one, other)]
    last = result.weights[-1]
    assert last.samples == 2 * 180
    assert last.between_runs == pytest.approx(np.linalg.norm(weights[1] - weights[2]), rel=1e-12)
    assert last.since_start == pytest.approx(np.linalg.norm(weights[1] - weights[0]), rel=1e-12)
    assert last.between_runs > 0.01 * last.since_start
    trained = train(TASK, LEARNT, TESTED, SEED)
    assert [losses.losses[0] for losses in result.losses[-7:]] == [
        pytest.approx(point.training_loss, rel=1e-12) for point in trained.curve[1:]
    ]
    assert result.test_losses is not None and result.test_losses[0] == trained.test.loss
    assert result.test_accuracies is not None and result.test_accuracies[0] == trained.test.accuracy
    assert trained.test.accuracy > 0.3  # chance: 0.1


def test_the_first_difference_is_the_missing_spike(result: SensitivityResult) -> None:
    """It arrives after the delay of the input, at the voltages of its targets, with the weights of its synapses."""
    network = TASK.network_for(LEARNT.n_input, LEARNT.n_readout)
    connections = Simulation(network, seed=SEED).weights("input")
    arriving = connections.weight[connections.source == result.missing_channel]
    first = next(window for window in result.distances if window.voltage)
    assert first.first_step == first.last_step == network.input.delay
    assert first.voltage == pytest.approx(np.sqrt(np.sum(arriving**2) / network.n_recurrent), rel=1e-9)
    assert result.distances[0].spikes_of_one_run == 0
    assert result.distances[-1].spikes_of_one_run > 0.1 * sum(result.distances[-1].spikes)


def test_windows_cover_all_steps_and_spikes(result: SensitivityResult) -> None:
    ends = [(window.first_step, window.last_step) for window in result.distances]
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(ends))
    n_steps = 2 * 180 * small.N_STEPS
    assert (ends[0][0], ends[-1][1]) == (0, n_steps - 1)
    one = train(TASK, LEARNT, None, SEED)
    assert sum(window.spikes[0] for window in result.distances) == one.counts.spikes > 1000


def test_a_first_sample_without_spikes_is_refused() -> None:
    stimulus = LEARNT.stimulus(np.array([0, 1]))
    changed, (step, channel) = without_first_spike(stimulus)
    assert (step, channel) == (stimulus.input_steps[0], stimulus.input_channels[0])
    assert len(changed.input_steps) == len(stimulus.input_steps) - 1
    silent = EventDataset.from_samples(
        [(np.zeros(0, np.int32), np.zeros(0, np.int32))] * 2, np.array([0, 1]), 5, small.N_STEPS, 2
    )
    with pytest.raises(ParameterError, match="the first sample has no input spike"):
        without_first_spike(DatasetClassification(silent, small.WINDOW).stimulus(np.array([0, 1])))


@pytest.mark.usefixtures("drawing")
def test_figure_and_table_show_the_numbers(result: SensitivityResult, tmp_path: Path) -> None:
    pairs = [("digits", result), ("digits", result.model_copy(update={"seed": 4}))]
    runs = pd.DataFrame([collect.run_row(*pair) for pair in pairs])
    curves = pd.concat([collect.curve(*pair) for pair in pairs])
    last = curves[(curves["measure"] == "weight_distance") & (curves["seed"] == 4)].iloc[-1]
    assert last["value"] == result.weights[-1].between_runs / result.weights[-1].since_start
    assert runs["test_accuracy_difference"][0] == result.test_accuracies[1] - result.test_accuracies[0]
    assert collect.share_of_spikes((3, 2), 1) == 1 / 3  # of three different spikes
    assert collect.share_of_spikes((0, 0), 0) is None
    labels = ["seed 3", "seed 4", "one input spike less", "Training loss", "Time since the missing spike (ms)"]
    check(lambda: figure.draw(curves, runs), tmp_path, *labels)
    numbers = table.numbers(runs)
    printed = table.printed(numbers)
    assert list(printed["Seeds"]) == ["2"]
    assert "Test accuracy without the spike (%)" in printed
    written(numbers, printed, tmp_path)
