import numpy as np
import pytest
from scipy import ndimage

from eprop_core.datasets.parameters import Saccades, SmallSaccades
from eprop_core.datasets.saccades import RESOLUTION, Camera, path, record
from eprop_core.parsing import ParameterError, parse

QUIET = {"leak_rate": 0.0, "position_jitter": 0.0, "time_jitter": 0.0}
NOISELESS = Saccades(**QUIET)


def bar() -> np.ndarray:
    image = np.zeros((28, 28))
    image[6:22, 11:15] = 1
    return image


def test_the_path_is_a_closed_triangle_that_rests_at_its_corners() -> None:
    parameters = Saccades()
    times = np.array([0.0, 2.9, 104.9, 105.0, 209.9, 210.0, 314.9])
    start = [parameters.top, parameters.left]
    low = [parameters.top + parameters.amplitude, parameters.left + 0.28 * parameters.amplitude]
    right = [parameters.top, parameters.left + 0.95 * parameters.amplitude]
    np.testing.assert_allclose(path(parameters, times), [start, start, low, low, right, right, start])


def test_the_compiled_sensor_equals_a_plain_one() -> None:
    """The plain one interpolates each image with scipy, and compares logarithms of the luminance."""
    parameters = Saccades(sensor_size=12, image_size=8, top=1.3, left=0.6, amplitude=2.4, blur=0.4, **QUIET)
    image = np.random.Generator(np.random.PCG64(3)).random((8, 8))
    camera = Camera(parameters, seed=1)
    blurred = ndimage.gaussian_filter(np.pad(image, 6), parameters.blur, mode="constant")
    expected = []
    reference = np.zeros((12, 12))
    ready = np.zeros((12, 12))
    for tick, (top, left) in enumerate(path(parameters, camera.times)):
        y, x = np.mgrid[:12, :12]
        seen = ndimage.map_coordinates(blurred, [y - top + 6, x - left + 6], order=1)
        level = np.log(1 + parameters.black_level - seen)
        resetting = tick <= ready
        reference[resetting] = level[resetting]
        change = np.where(resetting, 0, level - reference)
        for polarity, crossed in ((0, change <= -parameters.threshold_off), (1, change >= parameters.threshold_on)):
            expected += [(tick, (polarity * 12 + i) * 12 + j) for i, j in np.argwhere(crossed)]
            ready[crossed] = tick + parameters.refractory_time / RESOLUTION
    times, channels = camera.record(image, 0)
    assert len(times) > 500
    assert sorted(zip(times / RESOLUTION, channels, strict=True)) == sorted(expected)


@pytest.mark.needs_compiler
def test_events_depend_only_on_image_index_and_seed() -> None:
    images = np.stack([bar(), bar().T, bar()])
    labels = np.array([0, 1, 2])
    together = record(images, labels, np.array([5, 6, 7]), Saccades(), 300, 1, "test")
    alone = record(images[2:], labels[2:], np.array([7]), Saccades(), 300, 1, "test")
    for one, other in zip(together.sample(2), alone.sample(0), strict=True):
        np.testing.assert_array_equal(one, other)
    other_seed = record(images[2:], labels[2:], np.array([7]), Saccades(), 300, 2, "test")
    assert set(zip(*alone.sample(0), strict=True)) != set(zip(*other_seed.sample(0), strict=True))
    assert set(zip(*together.sample(2), strict=True)) != set(zip(*together.sample(0), strict=True))


def test_leading_edges_make_off_events_and_trailing_edges_on_events() -> None:
    """In the third saccade the image moves to the left: the left edge of the bar darkens pixels."""
    times, channels = Camera(NOISELESS, 1).record(bar(), 0)
    third = times >= 2 * NOISELESS.saccade_duration
    x, on = channels[third] % 34, channels[third] >= 34**2
    assert x[on].mean() > x[~on].mean() + 2
    assert 0.45 < on.mean() < 0.55


def test_an_image_without_strokes_makes_only_leak_events() -> None:
    parameters = Saccades(leak_rate=2.0)
    times, channels = Camera(parameters, 1).record(np.zeros((28, 28)), 0)
    expected = 2.0 * 0.315 * 34**2
    assert abs(len(times) - expected) < 5 * np.sqrt(expected)
    assert channels.min() >= 34**2
    times, _ = Camera(NOISELESS, 1).record(np.zeros((28, 28)), 0)
    assert len(times) == 0


def test_a_pixel_is_silent_while_it_is_reset() -> None:
    parameters = Saccades(leak_rate=0.0, refractory_time=4.0)
    times, channels = Camera(parameters, 1).record(bar(), 0)
    order = np.lexsort((times, channels % 34**2))
    same_pixel = np.diff((channels % 34**2)[order]) == 0
    assert np.diff(times[order])[same_pixel].min() > parameters.refractory_time


def test_an_image_may_extend_beyond_the_sensor() -> None:
    parameters = Saccades(sensor_size=20, top=-3.0, left=-4.5, leak_rate=0.0)
    times, channels = Camera(parameters, 1).record(np.ones((28, 28)), 0)
    assert channels.max() < 2 * 20**2
    assert times.max() < 315


def test_steps_span_the_recording() -> None:
    dataset = record(bar()[None], np.array([0]), np.array([0]), Saccades(leak_rate=20.0), 10, 1, "test")
    assert dataset.steps.min() == 0
    assert dataset.steps.max() == 9


def test_a_small_image_is_enlarged_to_its_size_on_the_sensor() -> None:
    camera = Camera(SmallSaccades(**QUIET), 1)
    times, channels = camera.record(np.pad(np.ones((4, 4)), 2), 0)
    y, x = np.divmod(channels % 16**2, 16)
    assert len(times) > 100
    # On the sensor the stroke covers pixels 3 to 9 of the image, up to half of one of its 8 pixels, which is 0.75; the
    # corner of the image moves from 0.5 to 3.0.
    for coordinate in (y, x):
        assert 2.75 <= coordinate.min() <= 4.25
        assert 10.25 <= coordinate.max() <= 12.75  # where the path turns, the edge may be too slow for an event


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"movement_duration": 103.0}, "must not exceed saccade_duration = 105.0"),
        ({"threshold_on": 0.0}, "threshold_on = 0.0: Input should be greater than 0"),
        ({"treshold_on": 0.1}, "treshold_on: no such key"),
    ],
)
def test_parameters_out_of_range_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse(Saccades, values)
