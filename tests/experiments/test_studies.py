"""Training: the network learns, test samples do not influence it, and the result file is complete."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.folds import fold
from eprop_core.experiments.studies.measure import divided, measure, read_task
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import SampleNumbers, StudyResult
from eprop_core.measurement.operations import OperationCounter
from eprop_core.parsing import ParameterError, parse
from eprop_core.ranks.communicator import SINGLE_RANK
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.tasks.generate import generate
from eprop_core.training.evaluation import evaluate
from eprop_core.training.loop import DivergenceWarning
from thread_ranks import on_thread_ranks

UNTIMED = {"test", "samples", "rate_hz", "counts", "operations_per_sample"}


def untimed(result: StudyResult) -> dict[str, Any]:
    """Values that do not depend on how fast the machine is."""
    return result.model_dump(include=UNTIMED) | {"curve": untimed_curve(result)}


def untimed_curve(result: StudyResult) -> list[dict[str, Any]]:
    return [point.model_dump(exclude={"training_time_s"}) for point in result.curve]


def samples(n_samples: int, seed: int = 1) -> DatasetClassification:
    return DatasetClassification(small.dataset(n_samples, seed), small.WINDOW)


@pytest.fixture(scope="module")
def training_set() -> DatasetClassification:
    return samples(200)


@pytest.fixture(scope="module")
def test_set() -> DatasetClassification:
    return samples(30, seed=2)


@pytest.fixture(scope="module")
def result(training_set: DatasetClassification, test_set: DatasetClassification) -> StudyResult:
    return measure(small.task(), training_set, test_set, seed=1)


def test_the_network_learns(result: StudyResult) -> None:
    curve = result.curve
    assert curve[-1].training_loss < 0.5 * curve[0].training_loss
    assert result.test.accuracy == result.test.correct / 30 > 0.8


def test_the_curve_has_a_point_per_group(result: StudyResult) -> None:
    curve = result.curve
    assert [point.samples for point in curve[:5]] == [50, 100, 150, 180, 230]  # 180 samples in groups of 50
    assert [point.epoch for point in curve] == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4
    validated = [point.validation_accuracy is not None for point in curve]
    assert validated == [False, False, False, True] * 5


def test_projections_between_groups_count_by_role(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    """Of layers in which each neuron has 20 input or 5 recurrent synapses; the last one is read out."""
    values = small.task(epochs=1).model_dump(mode="json")
    values["network"] |= {
        "groups": {"first": {"size": 30}, "second": {"size": 10}},
        "output": values["network"]["output"] | {"sources": ["second"]},
    }
    for name, in_degree, given in (
        ("input", 20, {"targets": {"first": {}, "second": {}}}),
        ("recurrent", 5, {"pairs": {"first -> second": {}, "second -> second": {}}}),
    ):
        values["network"][name] |= {"connectivity": {"rule": "fixed_in_degree", "in_degree": in_degree}, **given}
    counts = measure(parse(TaskParameters, values), training_set, test_set, seed=1).counts
    assert (counts.input_synapses, counts.recurrent_synapses) == (40 * 20, 2 * 10 * 5)
    assert counts.synapses == counts.input_synapses + counts.recurrent_synapses + 10 * 10
    by_role = counts.input_synaptic_events, counts.recurrent_synaptic_events, counts.output_synaptic_events
    assert min(by_role) > 0 and sum(by_role) == counts.synaptic_events


def test_samples_are_counted(result: StudyResult) -> None:
    assert result.samples == SampleNumbers(training=180, validation=20, test=30, shown=900, learned=900)


def test_the_rate_follows_from_the_number_of_spikes(result: StudyResult) -> None:
    seconds = [n * small.N_STEPS * 1e-3 for n in [50, 50, 50, 30] * 5]
    spikes = [point.rate_hz * 40 * duration for point, duration in zip(result.curve, seconds, strict=True)]
    assert sum(spikes) == pytest.approx(result.counts.spikes, rel=1e-12)  # some dozen roundings


@pytest.mark.parametrize("dt", [0.5, 1.0, 2.0])
def test_the_rate_is_in_spikes_per_second(
    dt: float, training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    """Neurons fire at 50 spikes/s, that is once in 20 ms, of which each group of samples has a whole number."""
    values = small.task(epochs=1, samples_per_group=10).model_dump(mode="json")
    values["network"] |= {"dt": dt}
    values["network"]["neuron"]["ignore_and_fire"] = {"rate": 50.0}
    result = measure(parse(TaskParameters, values), training_set, test_set, seed=1)
    assert [point.rate_hz for point in result.curve] == pytest.approx([50.0] * 18, rel=1e-12)
    assert result.rate_hz == pytest.approx(50.0, rel=1e-12)


def test_the_same_seed_gives_the_same_result(
    result: StudyResult, training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    again = measure(small.task(), training_set, test_set, seed=1)
    assert untimed(again) == untimed(result)


def test_another_seed_gives_another_result(
    result: StudyResult, training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    assert measure(small.task(), training_set, test_set, seed=2).counts != result.counts


def test_test_samples_do_not_influence_training(result: StudyResult, training_set: DatasetClassification) -> None:
    other = measure(small.task(), training_set, samples(11, seed=3), seed=1)
    assert untimed_curve(other) == untimed_curve(result)
    assert other.counts == result.counts


def test_validation_does_not_influence_training(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    """The first epoch is the same whether it is the only one or one of two."""
    one, two = (untimed_curve(measure(small.task(epochs), training_set, test_set, seed=1)) for epochs in (1, 2))
    assert two[:4] == one


def test_without_validation_all_samples_are_learned(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    result = measure(small.task(epochs=1, validation_share=0.0), training_set, test_set, seed=1)
    assert result.samples.training == 200
    assert all(point.validation_accuracy is None for point in result.curve)


def test_validation_follows_every_third_group(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    curve = measure(small.task(epochs=2, groups_per_validation=3), training_set, test_set, seed=1).curve
    validated = [point.validation_accuracy is not None for point in curve]
    assert validated == [False, False, True] * 2 + [False, False]


def test_training_stops_at_an_accuracy(training_set: DatasetClassification, test_set: DatasetClassification) -> None:
    task = small.task(epochs=8, groups_per_validation=1, stop_at_accuracy=0.8)
    result = measure(task, training_set, test_set, seed=1)
    *before, last = [point.validation_accuracy for point in result.curve]
    assert before and max(before) < 0.8 <= last
    assert result.samples.shown == result.curve[-1].samples < 8 * 180
    assert result.test is not None and result.test.accuracy > 0.5


def test_stopping_at_an_accuracy_needs_validation_samples() -> None:
    with pytest.raises(ParameterError, match=r"^training: stop_at_accuracy needs validation_share > 0$"):
        small.task(validation_share=0.0, stop_at_accuracy=0.9)
    values = small.regression(epochs=1).model_dump()
    values["training"]["stop_at_accuracy"] = 0.9
    with pytest.raises(ParameterError, match=r"stop_at_accuracy must be null for sine_waves"):
        parse(TaskParameters, values)


def test_operations_count_each_spike_once_for_each_of_its_synapses(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    parameters = small.task(epochs=1)
    simulation = Simulation(parameters.network_for(training_set.n_input, training_set.n_readout), seed=1)
    tested = np.arange(test_set.n_samples)
    _, n_operations = evaluate(simulation, test_set, tested, group_size=30)
    frozen = simulation.frozen()
    spikes = frozen.run(test_set.stimulus(tested)).spike_steps
    on_their_way = np.count_nonzero(spikes == 30 * small.N_STEPS - 1) * (39 + 10)  # reach nothing within the run
    stimulus = test_set.stimulus(tested)
    last = stimulus.input_channels[stimulus.input_steps == stimulus.n_steps - 1]
    on_their_way += int(np.isin(simulation.weights("input").source, last).sum())
    assert n_operations == frozen.counts["synaptic_events"] + on_their_way


def test_each_rank_counts_the_operations_of_its_own_synapses(
    training_set: DatasetClassification, test_set: DatasetClassification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All connections do not fit into the memory of one rank of a large network."""
    network = small.task(epochs=1).network_for(training_set.n_input, training_set.n_readout)

    def count(communicator: Any) -> int:
        _, n_operations = evaluate(Simulation(network, seed=1, communicator=communicator), test_set, np.arange(2), 2)
        return n_operations

    (expected,) = on_thread_ranks(1, count)
    monkeypatch.delattr(Simulation, "weights")
    assert on_thread_ranks(3, count) == [expected] * 3
    assert expected > 0


def test_a_weight_of_zero_costs_no_operation(test_set: DatasetClassification) -> None:
    parameters = parse(TaskParameters, small.task().model_dump() | {"network": silent_outputs()})
    network = parameters.network_for(test_set.n_input, test_set.n_readout)
    counter = OperationCounter(Simulation(network, seed=1), SINGLE_RANK)
    none = np.empty(0, np.int64)
    spike = Recording(none + 0, np.array([3]), np.zeros((1, 10)), np.zeros((1, 10)))
    silence = Stimulus(1, none, none, np.zeros((1, 10)), np.ones(1, np.bool_))
    assert counter.count(silence, spike) == 39  # the other neurons, and no readout


def silent_outputs() -> dict[str, Any]:
    network: dict[str, Any] = small.task().model_dump()["network"]
    network["output"]["weights"]["scale"] = 0.0
    return network


def test_a_regression_is_judged_by_its_training_loss() -> None:
    parameters = small.regression(epochs=400)
    learnt, tested = generate(parameters.dataset, dt=1.0, seed=1, learning_window=None, loss="mean_squared_error")
    result = measure(parameters, learnt, tested, seed=1)
    assert result.test is None
    assert result.chance is None
    assert result.samples == SampleNumbers(training=1, validation=0, test=0, shown=400, learned=400)
    losses = [point.training_loss for point in result.curve]
    assert len(losses) == 400
    answer = {name: np.array(values) for name, values in result.last_answer}
    assert 0.5 * np.sum((answer["readout"] - answer["target"]) ** 2) == pytest.approx(losses[-1], rel=1e-12)
    assert losses[-1] < 0.5 * losses[0]
    assert result.operations_per_sample.effective_accumulates > 0
    assert result.operations_per_sample.dense == 200 * 40 * (100 + 40 + 1)


def diverging() -> TaskParameters:
    """A regression whose readouts are a hundred times their target from the first sample on."""
    values = small.regression(epochs=10).model_dump(mode="json")
    values["network"]["output"]["weights"]["scale"] = 100.0
    return parse(TaskParameters, values)


def test_a_diverging_loss_raises_one_warning() -> None:
    parameters = diverging()
    learnt, tested = generate(parameters.dataset, dt=1.0, seed=1, learning_window=None, loss="mean_squared_error")
    with pytest.warns(DivergenceWarning) as warned:
        result = measure(parameters, learnt, tested, seed=1)
    (warning,) = warned
    reference = result.loss_of_best_constant
    assert reference == learnt.loss_of_best_constant
    first, second, *_ = [point.training_loss for point in result.curve]
    assert min(first, second) > 100 * reference
    assert f"after 2 training samples the loss is {second:.3g}" in str(warning.message)
    assert f"best constant answer, {reference:.3g};" in str(warning.message)
    assert "learning rate" in str(warning.message) and "1 - kappa" in str(warning.message)


@pytest.mark.parametrize("n_ranks", [0, 2])
def test_the_command_line_warns_in_one_line(tmp_path: Path, n_ranks: int) -> None:
    (tmp_path / "task.json").write_text(diverging().model_dump_json(), encoding="utf-8")
    command = small.on_ranks(n_ranks, "eprop_core.experiments.studies")
    command += [str(tmp_path / "task.json"), "--output", str(tmp_path / "result.json")]
    command += ["--ranks", str(max(n_ranks, 1)), "--oversubscribe"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    usual = ("training, seed 1: ", "Compiling the simulator ")
    (line,) = [line for line in finished.stderr.splitlines() if not line.startswith(usual)]
    assert line.startswith("warning: after ")


def test_folds_together_test_every_sample_once(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    task = small.task(epochs=1, folds=3)
    results = [
        measure(task, *divided(task, training_set.dataset, test_set.dataset, seed), seed=seed) for seed in (2, 3, 4)
    ]
    assert [result.samples.test for result in results] == [76, 77, 77]  # folds 2, 0, 1 of 230 samples
    assert [result.samples.training for result in results] == [139, 138, 138]  # nine tenths of the others


def test_the_tested_fold_does_not_influence_training(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    """Other events in the samples of fold 1 change only the score of the test."""
    folded, plain = small.task(epochs=1, folds=3), small.task(epochs=1)
    joined = training_set.dataset.joined(test_set.dataset)
    learned, tested = fold(joined, 3, 1)
    result = measure(folded, *divided(folded, training_set.dataset, test_set.dataset, 1), seed=1)
    others: EventDataset = small.dataset(n_samples=len(tested), seed=5)
    separate = measure(plain, *divided(plain, learned, others, 1), seed=1)
    assert untimed_curve(result) == untimed_curve(separate)
    assert result.test == measure(plain, *divided(plain, learned, tested, 1), seed=1).test


def test_validation_samples_of_a_data_set_draw_the_curve_and_change_nothing_else(
    training_set: DatasetClassification, test_set: DatasetClassification
) -> None:
    """Other validation samples change validation alone; without any, the same samples are learned in the same order."""
    values = small.task(epochs=2).model_dump(mode="json")
    values["training"]["validation_share"] = None
    values["dataset"] = {"name": "events", "train": "a", "test": "b", "validation": "c", "n_steps": small.N_STEPS}
    task, plain = parse(TaskParameters, values), small.task(epochs=2, validation_share=0.0)
    sets = training_set.dataset, test_set.dataset
    validated, others = (measure(task, *divided(task, *sets, 1, small.dataset(n, seed=n)), seed=1) for n in (40, 60))
    unvalidated = measure(plain, *divided(plain, *sets, 1), seed=1)
    assert validated.samples == SampleNumbers(training=200, validation=40, test=30, shown=400, learned=400)
    assert others.samples.validation == 60
    assert [point.validation_accuracy is None for point in validated.curve] == [True, True, True, False] * 2
    assert validated.test == others.test == unvalidated.test
    learned = [[point.training_loss for point in result.curve] for result in (validated, others, unvalidated)]
    assert learned[0] == learned[1] == learned[2]
    assert validated.curve[-1].validation_loss != others.curve[-1].validation_loss


@pytest.fixture
def files(tmp_path: Path, training_set: DatasetClassification, test_set: DatasetClassification) -> Path:
    """A directory with what the command line reads."""
    training_set.dataset.save(tmp_path / "train.npz")
    test_set.dataset.save(tmp_path / "test.npz")
    (tmp_path / "task.json").write_text(small.task(epochs=1).model_dump_json(), encoding="utf-8")
    return tmp_path


def run(files: Path, *options: str, n_ranks: int = 0) -> subprocess.CompletedProcess[str]:
    command = small.on_ranks(n_ranks, "eprop_core.experiments.studies")
    command += [str(files / "task.json"), "--data", str(files), "--output", str(files / "result.json"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_result_file_records_its_provenance(files: Path) -> None:
    finished = run(files, "--seed", "7")
    assert finished.returncode == 0, finished.stderr
    result = StudyResult.read(files / "result.json")
    assert (result.experiment, result.seed) == ("studies", 7)
    assert result.parameters == small.task(epochs=1)
    made_by = result.provenance
    assert (made_by.ranks, made_by.mpi) == (1, None)
    assert {"numpy", "numba"} <= set(made_by.packages)
    assert set(result.times_s) == {"build", "training", "validation", "checkpoints", "test"}
    assert result.per_rank[0].peak_memory_bytes > 1e7
    assert "training, seed 7: 4 of 4" in finished.stderr


def test_ranks_do_not_change_the_result(files: Path) -> None:
    results = []
    for n_ranks in (1, 2):
        finished = run(files, "--ranks", str(n_ranks), "--oversubscribe", n_ranks=n_ranks if n_ranks > 1 else 0)
        assert finished.returncode == 0, finished.stderr
        result = StudyResult.read(files / "result.json")
        assert (result.provenance.ranks, len(result.per_rank)) == (n_ranks, n_ranks)
        results.append(untimed(result))
    assert results[0] == results[1]


def test_a_controlled_training_keeps_networks_and_is_the_same_on_ranks(files: Path) -> None:
    schedule = {"kind": "by_projection", "input": {"kind": "cosine", "final_factor": 0.1}}
    task = small.task(
        epochs=3,
        validation_share=0.2,
        groups_per_validation=1,
        patience=4,
        keep="best",
        snapshots=[0, 60],
        learning_rate_schedule=schedule,
    )
    (files / "task.json").write_text(task.model_dump_json(), encoding="utf-8")
    results = []
    for n_ranks in (1, 2):
        finished = run(files, "--ranks", str(n_ranks), "--oversubscribe", n_ranks=n_ranks if n_ranks > 1 else 0)
        assert finished.returncode == 0, finished.stderr
        results.append(untimed(StudyResult.read(files / "result.json")))
        assert {path.name for path in (files / "result.snapshots").iterdir()} == {"0.h5", "100.h5"}
        assert Simulation.load(files / "result.snapshots" / "0.h5").notes["task"] == task.model_dump(mode="json")
        assert not (files / "result.checkpoints").exists()
    assert results[0] == results[1]


def test_snapshots_beyond_the_training_are_refused(training_set: DatasetClassification) -> None:
    task = small.task(epochs=2, snapshots=[0, 361])
    with pytest.raises(ParameterError, match=r"^training.snapshots: 361 exceeds the 360 samples of all epochs$"):
        measure(task, training_set, None, seed=1)


def spoil_task(files: Path) -> str:
    (files / "task.json").write_text('{"dataset": ', encoding="utf-8")
    return "task.json: not a JSON file"


def misspell(files: Path) -> str:
    values = small.task().model_dump(mode="json")
    values["training"]["epoch"] = values["training"].pop("epochs")
    (files / "task.json").write_text(json.dumps(values), encoding="utf-8")
    return "training.epoch: no such key"


def truncate_data(files: Path) -> str:
    data = (files / "train.npz").read_bytes()
    (files / "train.npz").write_bytes(data[: len(data) // 2])
    return "train.npz: damaged"


def change_event(files: Path) -> str:
    data = bytearray((files / "train.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (files / "train.npz").write_bytes(data)
    return "train.npz: damaged in the events of sample "


def remove_data(files: Path) -> str:
    (files / "test.npz").unlink()
    return "test.npz: no such file"


def test_a_generated_task_needs_no_data(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(small.regression(epochs=2).model_dump_json(), encoding="utf-8")
    command = small.on_ranks(0, "eprop_core.experiments.studies")
    command += [str(tmp_path / "task.json"), "--output", str(tmp_path / "result.json")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert len(StudyResult.read(tmp_path / "result.json").curve) == 2


def test_data_that_a_generated_task_would_ignore_are_refused(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(small.regression(epochs=2).model_dump_json(), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"^--data .*: must be left out for sine_waves, whose samples are "):
        read_task(tmp_path / "task.json", tmp_path, seed=1)


def learn_too_fast(files: Path) -> str:
    values = small.task().model_dump(mode="json")
    values["network"]["plasticity"]["optimizer"] = {"learning_rate": 1e300, "weight_min": -1e200, "weight_max": 1e200}
    (files / "task.json").write_text(json.dumps(values), encoding="utf-8")
    return "learning rate"


@pytest.mark.parametrize("spoil", [spoil_task, misspell, truncate_data, change_event, remove_data, learn_too_fast])
def test_wrong_input_is_reported_and_leaves_no_file(files: Path, spoil: Any) -> None:
    message = spoil(files)
    finished = run(files)
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    (line,) = [line for line in finished.stderr.splitlines() if message in line]
    assert line.startswith("error: ")
    assert not list(files.glob("result.json*"))
