import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.datasets.folds import fold
from eprop_core.errors import DatasetError

LABELS = np.array([0, 2, 1, 0, 0, 1, 2, 0, 0, 1, 0, 2, 2])


@pytest.fixture
def dataset() -> EventDataset:
    """Samples with one event each, whose channel is the sample's number."""
    samples = [(np.zeros(1, np.int32), np.array([number], np.int32)) for number in range(len(LABELS))]
    return EventDataset.from_samples(samples, LABELS, n_channels=len(LABELS), n_steps=1, n_classes=3)


def test_every_sample_is_tested_in_one_fold_and_learned_in_the_others(dataset: EventDataset) -> None:
    tested = []
    for index in range(4):
        learned, test = fold(dataset, 4, index)
        assert sorted([*learned.channels, *test.channels]) == list(range(len(LABELS)))
        for part in (learned, test):
            assert part.labels.tolist() == LABELS[part.channels].tolist()
        tested += test.channels.tolist()
    assert sorted(tested) == list(range(len(LABELS)))


@pytest.mark.parametrize("n_folds", [2, 4, 13])
def test_folds_have_equal_sizes_and_equal_classes(dataset: EventDataset, n_folds: int) -> None:
    tests = [fold(dataset, n_folds, index)[1] for index in range(n_folds)]
    sizes = [len(test) for test in tests]
    assert max(sizes) - min(sizes) <= 1
    by_class = np.array([np.bincount(test.labels, minlength=3) for test in tests])
    assert np.all(by_class.max(axis=0) - by_class.min(axis=0) <= 1)


def test_more_folds_than_samples_are_refused(dataset: EventDataset) -> None:
    with pytest.raises(DatasetError, match="13 samples cannot be dealt to 14 folds"):
        fold(dataset, 14, 0)
