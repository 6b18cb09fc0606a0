"""The activity of a network before and after its training, and the figure and table of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.experiments import points
from eprop_core.experiments.studies.dynamics import N_NEURONS, DynamicsResult, Series, measure
from eprop_core.experiments.studies.measure import Kept
from eprop_core.experiments.studies.measure import measure as train
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.recording.time_series import TimeSeries
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.training.evaluation import evaluate
from workflow.scripts.studies import dynamics_figure, dynamics_table

TASK: TaskParameters = small.task(epochs=3)
LEARNT, TESTED = (DatasetClassification(small.dataset(n, seed=n), small.WINDOW) for n in (200, 30))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has been trained with seed 3."""
    file = tmp_path_factory.mktemp("trained") / "network.h5"
    train(TASK, LEARNT, None, seed=3, kept=Kept(file))
    return file


@pytest.fixture(scope="module")
def result(trained: Path) -> DynamicsResult:
    return measure(TASK, TESTED, trained, seed=3)


def test_activity_is_that_of_the_networks_before_and_after(result: DynamicsResult, trained: Path) -> None:
    """Nothing is learned meanwhile: spikes, readouts and losses are those of frozen copies."""
    shown = np.arange(result.n_steps // result.sample_length)
    assert result.n_steps == 200
    networks = Simulation(TASK.network_for(TESTED.n_input, TESTED.n_readout), seed=3), Simulation.load(trained)
    for network, activity in zip(networks, (result.before, result.after), strict=True):
        frozen = network.frozen()
        frozen.run(TESTED.stimulus(shown))
        recording = frozen.run(TESTED.stimulus(shown))
        assert len(activity.spike_steps) > 50
        assert activity.spike_steps == recording.spike_steps.tolist()
        assert activity.readout == recording.readout.tolist()
        assert activity.loss == TESTED.score(shown, recording).loss
    for name, weights in result.after.weights.items():
        assert sum(weights.counts) == len(networks[1].weights(name).weight)
    assert result.after.loss < result.before.loss
    assert evaluate(networks[1], TESTED, shown, 100)[0].loss == pytest.approx(result.after.loss, rel=0.5)


def test_neurons_that_spike_most_and_their_synapses_are_chosen(result: DynamicsResult) -> None:
    counts = np.bincount(result.after.spike_neurons, minlength=result.n_recurrent)
    assert len(result.neurons) == N_NEURONS
    assert counts[result.neurons].min() >= np.sort(counts)[-N_NEURONS]
    assert {synapse.target for synapse in result.synapses} == set(result.neurons)
    assert {synapse.projection for synapse in result.synapses} == {"input", "recurrent"}


def test_traces_and_learning_signals_are_those_of_learning(result: DynamicsResult) -> None:
    for activity in (result.before, result.after):
        signals = np.array(activity.neurons["learning_signal"].by_step)
        assert np.abs(signals).max() > 0.0
        assert len(activity.eligibility_traces) == len(result.synapses)
        assert any(np.max(series.by_step) > 0.0 for series in activity.eligibility_traces)
    # Errors count at the end of a sample, and arrive two steps after the spikes that cause them.
    quiet = np.array(result.before.neurons["learning_signal"].steps) % small.N_STEPS < small.N_STEPS - small.WINDOW - 2
    assert not np.array(result.before.neurons["learning_signal"].by_step)[quiet].any()


@pytest.mark.usefixtures("drawing")
def test_figure_and_table_show_both_states(result: DynamicsResult) -> None:
    figure = dynamics_figure.draw(result)
    titles = {panel.get_title() for part in figure.subfigs for panel in part.axes}
    assert {"before training", "after training"} <= titles
    numbers = dynamics_figure.numbers(result)
    own = numbers[(numbers["state"] == "after training") & (numbers["quantity"] == "membrane_voltage")]
    voltages = np.array(result.after.neurons["membrane_voltage"].by_step)
    np.testing.assert_array_equal(own["value"].to_numpy(), voltages.T.ravel())
    table = dynamics_table.numbers(result).set_index("measure")
    assert table.loc["Loss (mV²)", "after"] == result.after.loss
    assert table.loc["Rate (spikes/s)", "before"] == len(result.before.spike_steps) / 40 / 0.2
    assert len(dynamics_table.printed(dynamics_table.numbers(result))) == len(table)


@pytest.mark.usefixtures("drawing")
def test_a_sample_may_end_before_its_first_learning_signal(result: DynamicsResult) -> None:
    nothing = {"steps": [], "by_step": []}
    early = result.model_dump()
    for state in ("before", "after"):
        early[state]["neurons"]["learning_signal"] = nothing
    shortened = DynamicsResult.model_validate(early)
    dynamics_figure.draw(shortened)
    drawn = dynamics_figure.numbers(shortened)
    assert "learning_signal" not in set(drawn["quantity"]) and "membrane_voltage" in set(drawn["quantity"])
    table = dynamics_table.numbers(shortened).set_index("measure")
    assert table.loc["Learning signal of the chosen neurons, root mean square"].isna().all()
    assert len(dynamics_table.printed(dynamics_table.numbers(shortened))) == len(table)


@pytest.mark.usefixtures("drawing")
def test_values_that_are_not_finite_are_left_out(result: DynamicsResult, tmp_path: Path) -> None:
    """A large surrogate gradient lets traces overflow, whatever the network does."""
    series = Series.of(TimeSeries(np.array([-1, 0, 1]), np.array([[9.0, 9.0], [1.0, np.nan], [np.inf, 2.0]])))
    assert series.by_step == [[1.0, None], [None, 2.0]]
    np.testing.assert_array_equal(series.values(1), [np.nan, 2.0])
    signal = result.after.neurons["learning_signal"]
    values = [[None, *others] for _, *others in signal.by_step]
    overflowing = result.model_dump()
    overflowing["after"]["neurons"]["learning_signal"]["by_step"] = values
    DynamicsResult.model_validate(overflowing).write(tmp_path / "result.json")
    read = DynamicsResult.read(tmp_path / "result.json")
    dynamics_figure.draw(read)
    own = dynamics_figure.numbers(read).query("state == 'after training' and quantity == 'learning_signal'")
    assert own.groupby("of", sort=False)["value"].apply(lambda of_neuron: of_neuron.isna().all()).tolist() == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("changes", [{"n_recurrent": 1}, small.STATIC], ids=["a single neuron", "static"])
@pytest.mark.usefixtures("drawing")
def test_only_synapses_that_learn_have_traces(changes: dict[str, Any], tmp_path: Path) -> None:
    """A single neuron has no recurrent synapses; without plasticity, no synapse has a trace."""
    paths = {path if path.startswith("network.") else f"network.{path}": value for path, value in changes.items()}
    task = points.parse_changed(TaskParameters, TASK.model_dump(mode="json"), paths)
    network = task.network_for(TESTED.n_input, TESTED.n_readout)
    Simulation(network, seed=3).save(tmp_path / "network.h5")
    measured = measure(task, TESTED, tmp_path / "network.h5", seed=3)
    assert {synapse.projection for synapse in measured.synapses} == ({"input"} if network.input.plastic else set())
    assert len(measured.after.eligibility_traces) == len(measured.synapses)
    assert len(measured.after.neurons["membrane_voltage"].steps) == 200
    dynamics_figure.draw(measured)
