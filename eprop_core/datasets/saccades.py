"""A simulated event camera that records an image while it moves along a triangle in three saccades.

The simulation follows the recording of N-MNIST (Orchard G, Jayawant A, Cohen GK, Thakor N, 2015, Front. Neurosci.
9:437) and is calibrated to it. The image is dark on a bright background, because in N-MNIST a pixel emits ON events
where a stroke leaves it. The optics blur the image. A pixel emits an ON (OFF) event when the logarithm of its luminance
has increased (decreased) by a threshold since its last reset. After an event, the pixel is refractory; it is reset to
its luminance at the end of that time. Leak currents add random ON events. Position and start vary between recordings.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from eprop_core.compiled.compilation import allocating_kernel
from eprop_core.datasets.event_store import IntArray, Sample
from eprop_core.datasets.events import EventDataset, bin_events
from eprop_core.datasets.parameters import N_CLASSES, Saccades
from eprop_core.machine.parallel import in_order
from eprop_core.progress import progress

RESOLUTION = 0.5
"""ms, time step of the simulated sensor."""
LARGEST_JITTER = 3.0
"""Standard deviations at which the position jitter is cut off."""

CORNERS = np.array([[0.0, 0.0], [1.0, 0.28], [0.0, 0.95], [0.0, 0.0]])
"""Corners of the path of the image on the sensor, (y, x) in units of the amplitude, close to those of N-MNIST."""

FloatArray = npt.NDArray[np.float64]


def record(
    images: FloatArray | npt.NDArray[np.uint8],
    labels: IntArray,
    indices: IntArray,
    parameters: Saccades,
    n_steps: int,
    seed: int,
    description: str,
) -> EventDataset:
    """Record images, each as a sample of ``n_steps`` time steps.

    Parameters
    ----------
    images
        float64 (n, height, width), 0 (background) to 1 (stroke), or uint8, 0 to 255.
    labels
        Integers (n,), the classes.
    indices
        Integers (n,). The noise of a recording depends on the index of its image and on the seed only.
    parameters
        The camera and its movement.
    n_steps
        Time steps of a sample; they span the three saccades.
    seed
        Seed of the noise.
    description
        Name of the images, for the progress.
    """
    camera = Camera(parameters, seed)

    def sample(number: int) -> Sample:
        image = images[number]
        times, channels = camera.record(image / 255 if image.dtype == np.uint8 else image, int(indices[number]))
        steps = np.minimum((times * (n_steps / camera.duration)).astype(np.int64), n_steps - 1)
        return bin_events(steps, channels, camera.n_channels)

    samples = progress(in_order(sample, range(len(images))), f"events of {description}", len(images))
    return EventDataset.from_samples(samples, labels, camera.n_channels, n_steps, N_CLASSES)


class Camera:
    """A moving event sensor; its channels are polarity * size**2 + y * size + x, where polarity 1 is ON.

    Parameters
    ----------
    parameters
        The sensor and its movement.
    seed
        Seed of the noise.
    """

    def __init__(self, parameters: Saccades, seed: int) -> None:
        self.parameters = parameters
        self.seed = seed
        self.n_channels = 2 * parameters.sensor_size**2
        self.duration = 3 * parameters.saccade_duration  # ms
        self.times = np.arange(0.0, self.duration, RESOLUTION)
        # Width of the background around the image, so that both together cover the sensor at all times.
        positions = path(parameters, self.times)
        last = positions.max() + LARGEST_JITTER * parameters.position_jitter
        first = positions.min() - LARGEST_JITTER * parameters.position_jitter
        beyond = parameters.sensor_size - parameters.image_size - np.floor(first)
        self.border = 1 + int(max(np.ceil(last), beyond, 0))

    def record(self, image: FloatArray, index: int) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        """Record one image.

        Parameters
        ----------
        image
            float64 (height, width), 0 (background) to 1 (stroke).
        index
            Number of the image, which selects its noise.

        Returns
        -------
        times
            float64 (n_events,), ms, unsorted.
        channels
            int64 (n_events,).
        """
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
    """Return the position (y, x) of the image's upper left corner on the sensor, pixels, float64 (n_times, 2).

    A saccade is a straight minimum-jerk movement (Flash T, Hogan N, 1985, J. Neurosci. 5:1688). ``times`` are in ms.
    """
    saccade, time = np.divmod(times, parameters.saccade_duration)
    phase = np.clip((time - parameters.movement_onset) / parameters.movement_duration, 0, 1)
    progressed = phase**3 * (10 - 15 * phase + 6 * phase**2)
    start, end = CORNERS[saccade.astype(int)], CORNERS[saccade.astype(int) + 1]
    position: FloatArray = start + (end - start) * progressed[:, None]
    return parameters.amplitude * position + [parameters.top, parameters.left]


@allocating_kernel
def _sense(luminance, path, size, ratio_on, ratio_off, refractory_ticks):
    """Return ticks and channels of the events; ``luminance`` covers the sensor along the whole ``path``.

    A pixel emits an ON (OFF) event when its luminance reaches ``ratio_on`` (``ratio_off``) times its reference, which
    is the threshold of the logarithm without computing it.
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
            for x in range(size):  # a loop without branches detects the many rows without an event
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
                lower_bound[y, x] = np.inf  # selects the row until the pixel is ready
                ticks[n] = tick
                channels[n] = (polarity * size + y) * size + x
                n += 1
    return ticks[:n], channels[:n]
