"""Compare simulated with recorded N-MNIST on the images that both share; write one result file.

File k of N-MNIST's Train (Test), counted from 1, is the recording of image k - 1 of MNIST's training (test) images.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.mnist import read_images
from eprop_core.datasets.nmnist import N_CHANNELS, decode, recordings
from eprop_core.datasets.parameters import SENSOR_SIZE
from eprop_core.datasets.saccades import Camera
from eprop_core.errors import DatasetError
from eprop_core.experiments import command_line
from eprop_core.experiments.saccades.parameters import SaccadesComparison
from eprop_core.experiments.saccades.result import Agreement, Pair, SaccadesResult, Statistics
from eprop_core.files.text import read_json
from eprop_core.parsing import parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance

SACCADE_END = 105.0  # ms, length of a third of a recording
TIME_MAX = 336  # ms, of the rate over time

Recording = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]  # times in ms, channels


class Sums:
    """Sums over recordings of N-MNIST's sensor, none of which is kept: those of all images would take 10 GB."""

    def __init__(self) -> None:
        self._events_per_sample: list[int] = []
        self._events, self._events_at = np.zeros(3 * N_CHANNELS, np.int64), np.zeros(TIME_MAX, np.int64)

    def add(self, recording: Recording) -> None:
        """Add a recording."""
        times, channels = recording
        self._events_per_sample.append(len(times))
        saccade = np.minimum((times // SACCADE_END).astype(np.int64), 2)
        self._events += np.bincount(saccade * N_CHANNELS + channels, minlength=3 * N_CHANNELS)
        self._events_at += np.histogram(times, np.arange(TIME_MAX + 1))[0]

    def statistics(self) -> Statistics:
        """Return the statistics of all recordings."""
        n_samples, n_events = len(self._events_per_sample), sum(self._events_per_sample)
        of_polarities = self._events.reshape(3, 2, SENSOR_SIZE, SENSOR_SIZE)
        maps = of_polarities / n_samples
        return Statistics(
            events_per_sample=self._events_per_sample,
            share_of_on_events=float(of_polarities[:, 1].sum() / n_events) if n_events else None,
            events_per_saccade=maps.sum((1, 2, 3)).tolist(),
            event_map=maps.sum(0).tolist(),
            event_maps_of_saccades=maps.tolist(),
            rate=(self._events_at / n_samples).tolist(),
        )


def compare(real: Statistics, simulated: Statistics) -> Agreement:
    """Return the agreement of two sets of recordings of the same images: means, ratios and Pearson correlations."""
    mean_events = float(np.mean(real.events_per_sample)), float(np.mean(simulated.events_per_sample))
    rates = np.array(real.rate), np.array(simulated.rate)
    return Agreement(
        mean_events_per_sample=Pair(real=mean_events[0], simulated=mean_events[1]),
        deviation_of_events_per_sample=Pair(
            real=np.std(real.events_per_sample), simulated=np.std(simulated.events_per_sample)
        ),
        share_of_on_events=Pair(real=real.share_of_on_events, simulated=simulated.share_of_on_events),
        ratio_of_events=_ratio(mean_events[1], mean_events[0]),
        ratio_of_events_by_saccade=[
            _ratio(one, other) for one, other in zip(simulated.events_per_saccade, real.events_per_saccade, strict=True)
        ],
        correlation_of_events_per_sample=_correlation(real.events_per_sample, simulated.events_per_sample),
        correlation_of_event_maps=_correlation(real.event_map, simulated.event_map),
        correlation_of_event_maps_by_saccade=[
            _correlation(one, other)
            for one, other in zip(real.event_maps_of_saccades, simulated.event_maps_of_saccades, strict=True)
        ],
        correlation_of_rates_in_bins_of_4_ms=_correlation(*(rate.reshape(-1, 4).sum(1) for rate in rates)),
    )


def _ratio(one: float, other: float) -> float | None:
    return one / other if other > 0 else None


def _correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float | None:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])


def read_pairs(
    nmnist: Path, mnist: Path, camera: Camera, n_samples: int | None
) -> Iterator[tuple[Recording, Recording]]:
    """Yield real and simulated recordings of the first ``n_samples`` images of each split that N-MNIST has."""
    for split, first_index in (("Train", 0), ("Test", 60_000)):
        images, labels, _ = read_images(mnist, split.lower())
        with recordings(nmnist, split) as files:
            names = sorted(files, key=lambda name: name.rpartition("/")[2])[:n_samples]
            for name in progress(names, f"comparison, {split}"):
                _, label, file = name.split("/")
                number = file.removesuffix(".bin")
                image = int(number) - 1 if number.isdecimal() else -1
                if not 0 <= image < len(images) or labels[image] != int(label):
                    raise DatasetError(f"{nmnist}: {name} does not belong to image {image} of {mnist}")
                times, channels = decode(files[name](), f"{nmnist}: {name}", 2**23)
                yield (times / 1000, channels), camera.record(images[image] / 255, first_index + image)


def measure(parameters: SaccadesComparison) -> SaccadesResult:
    """Return the statistics of real and simulated recordings, and how far they agree."""
    camera = Camera(parameters.saccades, parameters.seed)
    sums = Sums(), Sums()
    for pair in read_pairs(Path(parameters.nmnist), Path(parameters.mnist), camera, parameters.samples):
        for of_kind, recording in zip(sums, pair, strict=True):
            of_kind.add(recording)
    real, simulated = (of_kind.statistics() for of_kind in sums)
    return SaccadesResult(
        parameters=parameters,
        provenance=provenance(),
        agreement=compare(real, simulated),
        real=real,
        simulated=simulated,
    )


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.saccades", __doc__)
    parser.add_argument("parameters", type=Path, help="JSON file: the key saccades of a configuration")
    options = parser.parse_args()
    parameters = parse(SaccadesComparison, read_json(options.parameters), f"{options.parameters}: ")
    measure(parameters).write(options.output)
