"""Events of a simulated event camera that looks at an image and moves along a triangle in three saccades.

Modelled on the recording of N-MNIST (Orchard G, Jayawant A, Cohen GK, Thakor N, 2015, Front. Neurosci. 9:437), and
calibrated to it. The image is shown dark on bright ground, for in N-MNIST the ON events lie where a stroke leaves a
pixel. Optics blur it. A pixel emits an ON (OFF) event when the logarithm of its luminance has risen (fallen) by a
threshold since the pixel was last ready; the event makes it refractory, and it starts from the luminance at the end of
that time. Leakage adds ON events at random. From one recording to the next, position and start vary a little.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from eprop_core.compiled.compilation import allocating_kernel
from eprop_core.datasets.events import EventDataset, IntArray, bin_events
from eprop_core.datasets.parameters import Saccades
from eprop_core.progress import progress

RESOLUTION = 0.5  # ms, time step of the simulated sensor
LARGEST_JITTER = 3.0  # standard deviations
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
    """Record ``images`` of shape (n, height, width), values 0 to 1 (stroke), with their events in ``n_steps`` steps.

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
        self.times = np.arange(0.0, self.duration, RESOLUTION)
        # Ground around the image, so wide that the image with it covers the sensor at all times.
        positions = path(parameters, self.times)
        last = positions.max() + LARGEST_JITTER * parameters.position_jitter
        first = positions.min() - LARGEST_JITTER * parameters.position_jitter
        beyond = parameters.sensor_size - parameters.image_size - np.floor(first)
        self.border = 1 + int(max(np.ceil(last), beyond, 0))

    def record(self, image: FloatArray, index: int) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        """Return times (ms, not ordered) and channels of the events of one image of shape (height, width)."""
        parameters, size = self.parameters, self.parameters.sensor_size
        zoom = parameters.image_size / np.array(image.shape)
        if np.any(zoom != 1):
            image = ndimage.zoom(image, zoom, order=1, mode="grid-constant", grid_mode=True)
        image = ndimage.gaussian_filter(np.pad(image, self.border), parameters.blur, mode="constant")
        random = np.random.Generator(np.random.Philox(key=np.array([self.seed, index], np.uint64)))
        shift = parameters.position_jitter * np.clip(random.standard_normal(2), -LARGEST_JITTER, LARGEST_JITTER)
        delay = parameters.time_jitter * random.standard_normal()
        positions = path(parameters, np.clip(self.times - delay, 0, self.times[-1])) + shift
        ticks, channels = _sense(
            1 + parameters.black_level - image,
            positions - self.border,
            size,
            np.exp(parameters.threshold_on),
            np.exp(-parameters.threshold_off),
            round(parameters.refractory_time / RESOLUTION),
        )
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
    position: FloatArray = start + (end - start) * progressed[:, None]
    return parameters.amplitude * position + [parameters.top, parameters.left]


@allocating_kernel
def _sense(luminance, path, size, ratio_on, ratio_off, refractory_ticks):
    """Return ticks and channels of the events; ``luminance`` covers the sensor all along the ``path``.

    A luminance of ``ratio_on`` (``ratio_off``) times the reference makes an ON (OFF) event: the thresholds of the
    logarithm without its cost.
    """
    upper_bound = np.empty((size, size))
    lower_bound = np.full((size, size), np.inf)
    ready = np.zeros((size, size), np.int64)
    level = np.empty(size)
    ticks = np.empty(4096, np.int64)
    channels = np.empty(4096, np.int64)
    n = 0
    for tick in range(len(path)):
        top, left = path[tick]
        first_y, first_x = int(np.ceil(top)), int(np.ceil(left))
        below, right = first_y - top, first_x - left
        for y in range(size):
            upper = luminance[y - first_y, -first_x : size - first_x + 1]
            lower = luminance[y - first_y + 1, -first_x : size - first_x + 1]
            for x in range(size):
                level[x] = (1 - below) * ((1 - right) * upper[x] + right * upper[x + 1]) + below * (
                    (1 - right) * lower[x] + right * lower[x + 1]
                )
            n_changed = 0
            for x in range(size):  # one loop without branches finds the many rows where nothing happens
                n_changed += (level[x] >= upper_bound[y, x]) | (level[x] <= lower_bound[y, x])
            if n_changed == 0:
                continue
            for x in range(size):
                if tick <= ready[y, x]:
                    if tick == ready[y, x]:
                        upper_bound[y, x], lower_bound[y, x] = ratio_on * level[x], ratio_off * level[x]
                    continue
                if lower_bound[y, x] < level[x] < upper_bound[y, x]:
                    continue
                if n == len(ticks):
                    ticks = np.concatenate((ticks, np.empty_like(ticks)))
                    channels = np.concatenate((channels, np.empty_like(channels)))
                polarity = 1 if level[x] >= upper_bound[y, x] else 0
                ready[y, x] = tick + refractory_ticks
                lower_bound[y, x] = np.inf  # calls for attention until the pixel is ready
                ticks[n] = tick
                channels[n] = (polarity * size + y) * size + x
                n += 1
    return ticks[:n], channels[:n]
