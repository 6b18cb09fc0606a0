"""Events of a simulated event camera that looks at an image and moves along a triangle in three saccades.

Modelled on the recording of N-MNIST (Orchard G, Jayawant A, Cohen GK, Thakor N, 2015, Front. Neurosci. 9:437), and
calibrated to it. The image is shown dark on bright ground, for in N-MNIST the ON events lie where a stroke leaves a
pixel. Optics blur it. A pixel emits an ON (OFF) event when the logarithm of its luminance has risen (fallen) by a
threshold since the pixel was last ready; the event makes it refractory, and it starts from the luminance at the end of
that time. Leakage adds ON events at random.
"""

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from eprop_core.datasets.events import EventDataset, IntArray, bin_events
from eprop_core.datasets.parameters import Saccades
from eprop_core.progress import progress

RESOLUTION = 0.5  # ms, time step of the simulated sensor
N_CLASSES = 10

# Corners of the image's path on the sensor, (y, x) in units of the amplitude, close to those of N-MNIST.
CORNERS = np.array([[0.0, 0.0], [1.0, 0.28], [0.0, 0.95], [0.0, 0.0]])

FloatArray = npt.NDArray[np.float64]


def record(
    images: FloatArray,
    labels: IntArray,
    indices: IntArray,
    parameters: Saccades,
    n_steps: int,
    seed: int,
    description: str,
) -> EventDataset:
    """Record ``images`` of shape (n, height, width) and values 0 to 1 (stroke), and bin the events into ``n_steps`` steps.

    The events of an image depend on it, its number in ``indices`` (n,) and the seed alone.
    """
    camera = Camera(parameters, seed)
    samples = []
    for image, index in progress(zip(images, indices, strict=True), f"events of {description}", len(images)):
        times, channels = camera.record(image, int(index))
        steps = np.minimum((times * (n_steps / camera.duration)).astype(np.int64), n_steps - 1)
        samples.append(bin_events(steps, channels, camera.n_channels))
    return EventDataset.from_samples(samples, labels, camera.n_channels, n_steps, N_CLASSES)


class Camera:
    """A sensor on its path; channel = polarity * size**2 + y * size + x, polarity 1 = ON."""

    def __init__(self, parameters: Saccades, seed: int) -> None:
        self.parameters = parameters
        self.seed = seed
        self.n_channels = 2 * parameters.sensor_size**2
        self.duration = 3 * parameters.saccade_duration  # ms
        self.path = path(parameters, np.arange(0.0, self.duration, RESOLUTION))

    def record(self, image: FloatArray, index: int) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        """Return times (ms, not ordered) and channels of the events of one image of shape (height, width)."""
        parameters, size = self.parameters, self.parameters.sensor_size
        zoom = parameters.image_size / np.array(image.shape)
        if np.any(zoom != 1):
            image = ndimage.zoom(image, zoom, order=1, mode="grid-constant", grid_mode=True)
        border = 1 + round(4 * parameters.blur)  # the blur's reach, and a pixel to interpolate with
        image = ndimage.gaussian_filter(np.pad(image, border), parameters.blur, mode="constant")
        ticks, channels = _sense(
            1 + parameters.black_level - image,
            self.path - border,
            size,
            parameters.threshold_on,
            parameters.threshold_off,
            round(parameters.refractory_time / RESOLUTION),
        )
        random = np.random.Generator(np.random.Philox(key=np.array([self.seed, index], np.uint64)))
        n_leak = random.poisson(parameters.leak_rate * 1e-3 * self.duration * size**2)
        leak_times = random.uniform(0, self.duration, n_leak)
        leak_channels = size**2 + random.integers(size**2, size=n_leak)
        return np.concatenate([ticks * RESOLUTION, leak_times]), np.concatenate([channels, leak_channels])


def path(parameters: Saccades, times: FloatArray) -> FloatArray:
    """Return the position (y, x) of the image's corner on the sensor at ``times`` (ms), in pixels, shape (n_times, 2).

    A saccade is a straight movement of minimum jerk (Flash T, Hogan N, 1985, J. Neurosci. 5:1688).
    """
    saccade, time = np.divmod(times, parameters.saccade_duration)
    phase = np.clip((time - parameters.movement_onset) / parameters.movement_duration, 0, 1)
    progressed = phase**3 * (10 - 15 * phase + 6 * phase**2)
    start, end = CORNERS[saccade.astype(int)], CORNERS[saccade.astype(int) + 1]
    position = start + (end - start) * progressed[:, None]
    return np.array([parameters.top, parameters.left]) + parameters.amplitude * position


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _sense(luminance, path, size, threshold_on, threshold_off, refractory_ticks):  # type: ignore[no-untyped-def]
    """Return ticks and channels of the events; ``luminance`` is constant at its border and continues beyond it."""
    height, width = luminance.shape
    reference = np.empty((size, size))
    ready = np.zeros((size, size), np.int64)
    ticks = np.empty(4096, np.int64)
    channels = np.empty(4096, np.int64)
    n = 0
    # Pixels that the image never reaches see constant luminance.
    y_start = max(0, int(np.floor(path[:, 0].min())))
    y_stop = min(size, int(np.ceil(path[:, 0].max())) + height)
    x_start = max(0, int(np.floor(path[:, 1].min())))
    x_stop = min(size, int(np.ceil(path[:, 1].max())) + width)
    for tick in range(len(path)):
        top, left = path[tick]
        first_y, first_x = int(np.ceil(top)), int(np.ceil(left))
        below, right = first_y - top, first_x - left
        for y in range(y_start, y_stop):
            row = min(max(y - first_y, 0), height - 2)
            for x in range(x_start, x_stop):
                column = min(max(x - first_x, 0), width - 2)
                level = np.log(
                    (1 - below)
                    * ((1 - right) * luminance[row, column] + right * luminance[row, column + 1])
                    + below
                    * ((1 - right) * luminance[row + 1, column] + right * luminance[row + 1, column + 1])
                )
                if tick <= ready[y, x]:
                    reference[y, x] = level
                    continue
                change = level - reference[y, x]
                if -threshold_off < change < threshold_on:
                    continue
                if n == len(ticks):
                    ticks = np.concatenate((ticks, np.empty_like(ticks)))
                    channels = np.concatenate((channels, np.empty_like(channels)))
                polarity = 1 if change > 0 else 0
                ready[y, x] = tick + refractory_ticks
                ticks[n] = tick
                channels[n] = (polarity * size + y) * size + x
                n += 1
    return ticks[:n], channels[:n]
