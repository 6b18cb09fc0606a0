"""Recorded values are those of the formulas, also between spikes, on any number of ranks and in any number of runs."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pytest

from drawn_problem import CASES, UNFILTERED, Drawn, draw, has_sums_without_filter, says_something, tolerance_of
from eprop_core.parameters import LEARNING_PROJECTIONS
from eprop_core.recording.recording import Recording
from eprop_core.recording.request import Record
from eprop_core.recording.time_series import Recorded, TimeSeries
from eprop_core.simulation import Simulation
from formula_model import FormulaModel
from thread_ranks import on_thread_ranks


def problem(rule: str, kind: str, without: Collection[str] = ()) -> tuple[Drawn, FormulaModel]:
    """Return a network that spikes and learns without amplifying rounding."""
    for attempt in range(20):
        drawn = draw(rule, kind, 2, attempt, without=without)
        model = FormulaModel(*drawn)
        if has_sums_without_filter(drawn, without) and says_something(drawn, model.outcome):
            return drawn, model
    raise AssertionError("none of 20 networks says something")


def pairs_of(drawn: Drawn, name: str) -> list[tuple[int, int]]:
    """Return the pairs of neurons with exactly one synapse."""
    source, target, _ = drawn.connections[name]
    pairs, counts = np.unique(np.stack([source, target], axis=1), axis=0, return_counts=True)
    return [(int(i), int(j)) for i, j in pairs[counts == 1]]


def everything(drawn: Drawn, interval: int = 1) -> Record:
    synapses = {name: pairs_of(drawn, name) for name in drawn.connections}
    return Record(range(drawn.network.n_recurrent), synapses, interval=interval)


def simulate(drawn: Drawn, record: Record, ends: list[int] | None = None, communicator: Any = None) -> list[Recording]:
    simulation = Simulation(
        drawn.network,
        connections=drawn.connections,
        neuron_values=drawn.neuron_values,
        communicator=communicator,
    )
    ends = [drawn.stimulus.n_steps] if ends is None else ends
    return [
        simulation.run(drawn.stimulus.part(first, end), record)
        for first, end in zip([0, *ends[:-1]], ends, strict=True)
    ]


def recorded_in(recording: Recording) -> Recorded:
    assert recording.recorded is not None
    return recording.recorded


def assert_close(one: TimeSeries, expected: np.ndarray, tolerance: float, name: str) -> None:
    """Compare with a history, float64 (n_steps, n), of steps."""
    values = expected[one.steps]
    scale = np.abs(values).max(initial=0.0)
    np.testing.assert_allclose(one.values, values, rtol=0, atol=tolerance * scale, err_msg=name)


def expected_of_neurons(model: FormulaModel) -> dict[str, np.ndarray]:
    rule, network = model.network.plasticity, model.network
    histories = {
        "membrane_voltage": model.voltage,
        "threshold": model.threshold,
        "surrogate_gradient": model.psi,
        "learning_signal": learning_signals(model),
    }
    if rule.rate_average == "moving":
        histories["rate_regularization"] = model.c_reg * model.rate_error
        histories["firing_rate"] = 1000.0 * (model.rate_error + model.target_rate)
    else:
        spikes = np.zeros(model.spikes.shape)
        for sample in range(-1, model.n_steps // model.length + 1):
            own = slice(max(0, model._start("recurrent", sample)), max(0, model._start("recurrent", sample + 1)))
            spikes[own] = np.cumsum(model.spikes[own], axis=0)
        rate = spikes / model.length
        histories["rate_regularization"] = model.c_reg / model.length * (rate - model.target_rate)
        histories["firing_rate"] = 1000.0 / network.dt * rate
    return histories


def learning_signals(model: FormulaModel) -> np.ndarray:
    signals = np.zeros(model.spikes.shape)
    for h in range(model.n_steps - model.error_delay):
        signals[h] = model._learning_signal(h, latest_weights(model, h))
    return signals


def latest_weights(model: FormulaModel, h: int) -> int:
    """Step of the latest feedback weights that the error of time index h meets: those before its batch's update."""
    if model.network.plasticity.update == "spike":
        return model.n_steps - 1
    output, sample = model.projections["output"], max(0, model._sample("recurrent", h))
    (batch,) = [batch for batch in model._batches() if sample in batch] or [None]
    return model.n_steps - 1 if batch is None else model._update_step(output, batch) - 1


def expected_gradients(model: FormulaModel, name: str) -> np.ndarray:
    """Return what each synapse has gathered before each time index since its update."""
    projection = model.projections[name]
    n = len(projection.source)
    gathered, history = np.zeros(n), np.zeros((model.n_steps, n))
    batches = list(model._batches())
    for h in range(model.n_steps - projection.horizon):
        if model.network.plasticity.update == "spike":
            gathered[projection.arrives[h + projection.horizon]] = 0.0
        elif any(h == model._update_step(projection, batch) - projection.horizon for batch in batches):
            gathered[:] = 0.0
        history[h] = gathered
        if name == "output" or h + model.error_delay < model.n_steps:
            every = np.arange(n)
            gathered += projection.active[h] * model._gradient(projection, every, h, latest_weights(model, h))
    return history


def chosen(drawn: Drawn, name: str) -> np.ndarray:
    """Return the numbers of the recorded pairs among the connections."""
    source, target, _ = drawn.connections[name]
    numbers = {pair: number for number, pair in enumerate(zip(source.tolist(), target.tolist(), strict=True))}
    return np.array([numbers[pair] for pair in pairs_of(drawn, name)], np.int64)


# All kinds with updates at spikes; of the other rules, those kinds whose synapses hold different values.
CHOSEN = [
    (rule, kind)
    for rule, kind in CASES
    if rule == "spike" or kind in ("plain", "dense", "two_filters", "two_filters-adaptive-own_decay")
]


@pytest.mark.parametrize(("rule", "kind"), CHOSEN)
def test_recorded_values_are_those_of_the_formulas(rule: str, kind: str) -> None:
    assert_values_are_those_of_the_formulas(*problem(rule, kind))


@pytest.mark.parametrize(("kind", "without"), UNFILTERED)
def test_recorded_values_without_filters(kind: str, without: Collection[str]) -> None:
    assert_values_are_those_of_the_formulas(*problem("spike", kind, without))


def assert_values_are_those_of_the_formulas(drawn: Drawn, model: FormulaModel) -> None:
    tolerance = tolerance_of(drawn.network)
    (recording,) = simulate(drawn, everything(drawn))
    recorded, n_steps = recorded_in(recording), drawn.stimulus.n_steps
    of_neurons = expected_of_neurons(model)
    for quantity, one in recorded.neurons.items():
        assert_close(one, of_neurons[quantity], tolerance, quantity)
        assert len(one.steps) >= n_steps - 40
    assert np.abs(recorded.neurons["surrogate_gradient"].values).max() > 0.0
    assert_synapses_close(drawn, model, recorded, tolerance)


def assert_synapses_close(drawn: Drawn, model: FormulaModel, recorded: Recorded, tolerance: float) -> None:
    network = drawn.network
    optimizer = network.plasticity.optimizer
    each_step = optimizer.algorithm == "adam" and optimizer.optimize_each_step
    for name in LEARNING_PROJECTIONS:
        series, which, projection = recorded.synapses[name], chosen(drawn, name), model.projections[name]
        assert_close(series["weight"], projection.weight[:, which], tolerance, f"{name}: weight")
        assert series.keys() - {"weight"} == expected_quantities(projection.plastic, each_step)
        if projection.plastic:
            traces = projection.trace if name == "output" else projection.filtered
            assert_close(series["eligibility_trace"], traces[:, which], tolerance, f"{name}: eligibility trace")
            # Where a rate is the mean over a sample, its part of the gradient is known at the end of the sample.
            if not each_step and network.plasticity.rate_average == "moving":
                gradients = expected_gradients(model, name)[:, which]
                assert_close(series["gradient"], gradients, tolerance, f"{name}: gradient")
    if network.feedback.kind == "adaptive":
        of_output = {
            (target, source): n for n, (source, target, _) in enumerate(zip(*drawn.connections["output"], strict=True))
        }
        which = np.array([of_output[pair] for pair in pairs_of(drawn, "feedback")])
        history = model.projections["output"].feedback
        assert history is not None
        assert_close(recorded.synapses["feedback"]["weight"], history[:, which], tolerance, "feedback: weight")


def expected_quantities(plastic: bool, each_step: bool) -> set[str]:
    if not plastic:
        return set()
    return {"eligibility_trace"} if each_step else {"eligibility_trace", "gradient"}


@pytest.mark.parametrize("interval", [1, 7])
@pytest.mark.parametrize("kind", ["plain", "dense", "two_filters-adaptive-stepwise"])
def test_ranks_and_cuts_change_nothing(kind: str, interval: int) -> None:
    drawn, _ = problem("spike", kind)
    record, n_steps = everything(drawn, interval), drawn.stimulus.n_steps
    (whole,) = simulate(drawn, record)
    ends = [n_steps // 3, n_steps // 3 + 1, n_steps]
    in_pieces = simulate(drawn, record, ends)
    starts = [0, *ends[:-1]]
    parts = [recorded_in(part).shifted(start) for part, start in zip(in_pieces, starts, strict=True)]
    assert_same_bits(Recorded.joined(parts), recorded_in(whole))
    for n_ranks in (2, 3):
        of_ranks = on_thread_ranks(n_ranks, lambda communicator: simulate(drawn, record, None, communicator))
        for (recording,) in of_ranks:
            assert_same_bits(recorded_in(recording), recorded_in(whole))


def assert_same_bits(one: Recorded, other: Recorded) -> None:
    compare(one.neurons, other.neurons)
    assert one.synapses.keys() == other.synapses.keys()
    for name, series in one.synapses.items():
        compare(series, other.synapses[name])


def compare(one: Mapping[str, TimeSeries], other: Mapping[str, TimeSeries]) -> None:
    assert one.keys() == other.keys()
    for quantity, series in one.items():
        np.testing.assert_array_equal(series.steps, other[quantity].steps, err_msg=quantity)
        np.testing.assert_array_equal(series.values, other[quantity].values, err_msg=quantity)


@pytest.mark.parametrize("kind", ["plain", "stepwise"])
def test_recording_changes_no_spike_and_no_weight(kind: str) -> None:
    drawn, _ = problem("spike", kind)

    def run(record: Record | None) -> tuple[Recording, Simulation]:
        simulation = Simulation(drawn.network, connections=drawn.connections, neuron_values=drawn.neuron_values)
        return simulation.run(drawn.stimulus, record), simulation

    (recording, simulation), (plain, without) = run(everything(drawn)), run(None)
    assert plain.recorded is None
    for name in ("spike_steps", "spike_neurons", "readout", "error"):
        np.testing.assert_array_equal(getattr(recording, name), getattr(plain, name))
    for name in drawn.connections:
        np.testing.assert_array_equal(simulation.weights(name).weight, without.weights(name).weight)
