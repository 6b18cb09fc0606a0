"""Pictures of what the API returns: what is drawn is what was recorded."""

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib import pyplot

from eprop_core import Network, ParameterError, Record, Recording, Simulation, Stimulus, parse, plot
from eprop_core.training.curve import CurvePoint

N_STEPS = 60


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def shown() -> tuple[Stimulus, Recording]:
    network = parse(Network, {"n_input": 20, "n_recurrent": 10, "n_readout": 2, "dt": 0.5})
    steps, channels = np.nonzero(np.random.default_rng(1).random((N_STEPS, 20)) < 0.4)
    stimulus = Stimulus(N_STEPS, steps, channels, np.ones((N_STEPS, 2)), np.ones(N_STEPS, np.bool_))
    record = Record(neurons=[3, 5], synapses={"input": [(1, 2), (0, 4)]})
    return stimulus, Simulation(network).run(stimulus, record)


def curve(with_accuracy: bool = True) -> list[CurvePoint]:
    def point(n: int) -> CurvePoint:
        share = n / 10 if with_accuracy else None
        return CurvePoint(
            epoch=1,
            samples=100 * n,
            training_time_s=1.0,
            training_loss=1.0 / n,
            training_accuracy=share,
            rate_hz=5.0,
            validation_loss=2.0 / n if n % 2 else None,
            validation_accuracy=share if n % 2 else None,
        )

    return [point(n) for n in range(1, 6)]


def test_a_raster_has_a_dot_for_each_spike(shown: tuple[Stimulus, Recording]) -> None:
    _, recording = shown
    axes = plot.raster(recording, dt=0.5)
    (dots,) = axes.lines
    np.testing.assert_array_equal(dots.get_xdata(), 0.5 * recording.spike_steps)
    np.testing.assert_array_equal(dots.get_ydata(), recording.spike_neurons)
    assert len(recording.spike_steps) > 0
    assert axes.get_xlim() == (0.0, 0.5 * N_STEPS)


def test_a_raster_without_spikes_is_empty() -> None:
    none = np.zeros(0, np.int64)
    axes = plot.raster(Recording(none, none, np.zeros((5, 1)), np.zeros((5, 1))))
    assert axes.get_xlim() == (0.0, 5.0)


@pytest.mark.parametrize(("with_accuracy", "measure"), [(True, "accuracy"), (False, "loss")])
def test_a_learning_curve_has_training_and_validation(with_accuracy: bool, measure: str) -> None:
    points = curve(with_accuracy)
    axes = plot.learning_curve(points)
    training, validation = axes.lines
    assert axes.get_ylabel() == measure
    expected = [getattr(point, f"training_{measure}") for point in points]
    np.testing.assert_array_equal(training.get_ydata(), expected)
    np.testing.assert_array_equal(validation.get_xdata(), [100, 300, 500])


def test_dynamics_have_a_panel_for_each_quantity(shown: tuple[Stimulus, Recording]) -> None:
    stimulus, recording = shown
    figure = plot.dynamics(recording, stimulus, dt=0.5)
    assert recording.recorded is not None
    quantities = [*recording.recorded.neurons, *recording.recorded.synapses["input"]]
    assert len(figure.axes) == 2 + len(quantities)
    readouts, _, voltages, *_, weights = figure.axes
    assert [len(readouts.lines), len(voltages.lines), len(weights.lines)] == [4, 2, 2]  # with two targets
    series = recording.recorded.neurons["membrane_voltage"]
    np.testing.assert_array_equal(voltages.lines[1].get_ydata(), series.values[:, 1])
    np.testing.assert_array_equal(voltages.lines[1].get_xdata(), 0.5 * series.steps)
    assert "(mV)" in voltages.get_ylabel()


def test_dynamics_of_a_run_without_recorded_values_have_readouts_and_spikes(shown: tuple[Stimulus, Recording]) -> None:
    stimulus, _ = shown
    network = parse(Network, {"n_input": 20, "n_recurrent": 10, "n_readout": 2})
    assert len(plot.dynamics(Simulation(network).run(stimulus)).axes) == 2


def test_what_cannot_be_drawn_is_named() -> None:
    with pytest.raises(
        ParameterError, match=r"^recording: must be a Recording, as Simulation.run returns it, not list$"
    ):
        plot.raster([])  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"^training: must be what train returns"):
        plot.learning_curve([])
