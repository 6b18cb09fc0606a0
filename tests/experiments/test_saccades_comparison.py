from pathlib import Path

import numpy as np
import pytest

from eprop_core.errors import DatasetError
from eprop_core.experiments.saccades.measure import Recording, Sums, compare, measure
from eprop_core.experiments.saccades.parameters import SaccadesComparison
from eprop_core.experiments.saccades.result import Statistics

ON, OFF = 34**2 + 40, 40


def statistics(samples: list[Recording]) -> Statistics:
    sums = Sums()
    for recording in samples:
        sums.add(recording)
    return sums.statistics()


def test_statistics_count_events_by_saccade_pixel_and_time() -> None:
    one = np.array([1.5, 1.7, 110.0, 320.0]), np.array([ON, OFF, ON, ON])
    other = np.array([211.0]), np.array([OFF])
    gathered = statistics([one, other])
    assert gathered.events_per_sample == [4, 1]
    assert gathered.share_of_on_events == pytest.approx(3 / 5)
    assert gathered.events_per_saccade == [1.0, 0.5, 1.0]
    assert gathered.event_map[1][1][6] == 1.5
    assert np.sum(gathered.event_map) == 2.5
    assert np.flatnonzero(gathered.rate).tolist() == [1, 110, 211, 320]


def test_recordings_agree_with_themselves() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    samples = [(random.uniform(0, 315, n), random.integers(2312, size=n)) for n in (3000, 4000, 5000)]
    agreement = compare(statistics(samples), statistics(samples))
    assert agreement.ratio_of_events == 1
    assert agreement.ratio_of_events_by_saccade == [1, 1, 1]
    for name, value in agreement:
        if name.startswith("correlation"):
            np.testing.assert_allclose(value, 1, rtol=1e-12)


def test_recordings_without_events_have_no_share_ratio_or_correlation() -> None:
    nothing = np.zeros(0), np.zeros(0, np.int64)
    something = np.array([1.5, 110.0]), np.array([ON, OFF])
    assert statistics([nothing]).share_of_on_events is None
    agreement = compare(statistics([nothing, nothing]), statistics([something, something]))
    assert agreement.ratio_of_events is None
    assert agreement.ratio_of_events_by_saccade == [None] * 3
    assert agreement.correlation_of_events_per_sample is None
    agreement = compare(statistics([something]), statistics([nothing]))
    assert agreement.ratio_of_events == 0
    assert agreement.ratio_of_events_by_saccade == [0, 0, None]


@pytest.mark.needs_compiler
def test_recordings_and_simulations_of_the_same_images_are_measured(
    nmnist_directory: Path, mnist_directory: Path
) -> None:
    measured = measure(SaccadesComparison(nmnist=str(nmnist_directory), mnist=str(mnist_directory), samples=5))
    assert measured.real.events_per_sample == [3] * 10
    assert np.shape(measured.simulated.event_map) == (2, 34, 34)


def test_recordings_of_other_images_are_refused(nmnist_directory: Path, mnist_directory: Path) -> None:
    (nmnist_directory / "Train/3/00003.bin").rename(nmnist_directory / "Train/2/00003.bin")
    with pytest.raises(DatasetError, match=r"Train/2/00003\.bin does not belong to image 2"):
        measure(SaccadesComparison(nmnist=str(nmnist_directory), mnist=str(mnist_directory)))


@pytest.mark.needs_compiler
def test_the_default_simulation_agrees_with_nmnist(real_data: Path) -> None:
    """The calibration that the parameters promise: within 5 % in number, 0.95 in correlation."""
    parameters = SaccadesComparison(nmnist=str(real_data / "nmnist"), mnist=str(real_data / "mnist"), samples=300)
    agreement = measure(parameters).agreement
    on = agreement.share_of_on_events
    ratios = [agreement.ratio_of_events, *agreement.ratio_of_events_by_saccade, on.simulated / on.real]
    np.testing.assert_allclose(ratios, 1, atol=0.05)
    for name, value in agreement:
        if name.startswith("correlation"):
            assert np.min(value) > 0.95, name
