import numpy as np
import pytest
from sklearn.datasets import load_digits

from eprop_core.datasets import digits
from eprop_core.datasets.events import EventDataset, Splits
from eprop_core.datasets.parameters import Digits, SmallSaccades

pytestmark = pytest.mark.needs_compiler


def event_counts(dataset: EventDataset) -> np.ndarray:
    counts = [np.bincount(dataset.sample(index)[1], minlength=dataset.n_channels) for index in range(len(dataset))]
    return np.array(counts)


def nearest_class_mean(splits: Splits) -> float:
    """Return the share of test samples whose nearest mean of a class of training samples has the right class."""
    train, test = event_counts(splits.train), event_counts(splits.test)
    means = np.array([train[splits.train.labels == label].mean(0) for label in range(10)])
    nearest = ((test[:, None] - means) ** 2).sum(2).argmin(1)
    return float((nearest == splits.test.labels).mean())


def test_the_digits_are_split_by_class_and_can_be_classified() -> None:
    splits = digits.read(Digits(name="digits", test_share=0.2))
    assert (len(splits.train), len(splits.test)) == (1437, 360)
    assert np.bincount(splits.test.labels).min() >= 35
    assert splits.train.n_channels == 2 * splits.sensor_size**2 == len(splits.sensor_channels)
    # The pixels of the images themselves give 0.9 in this way.
    assert nearest_class_mean(splits) > 0.8


def test_the_first_samples_of_each_split_are_taken() -> None:
    quick = SmallSaccades(saccade_duration=10.0, movement_onset=0.0, movement_duration=10.0)
    whole = digits.read(Digits(name="digits", saccades=quick))
    few = digits.read(Digits(name="digits", saccades=quick, train_samples=12, test_samples=11))
    for part, all_of, n in ((few.train, whole.train, 12), (few.test, whole.test, 11)):
        np.testing.assert_array_equal(part.labels, all_of.labels[:n])
        np.testing.assert_array_equal(part.channels, all_of.channels[: len(part.channels)])
    assert Digits(name="digits", train_samples=12).n_training_samples == 12
    with pytest.raises(ValueError, match="test_samples = 361: must not exceed the 360 samples that the data set has"):
        Digits(name="digits", test_samples=361)


def test_another_seed_draws_another_test_split(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = load_digits(return_X_y=True)
    monkeypatch.setattr(digits, "load_digits", lambda **_: (images[::8], labels[::8]))
    quick = SmallSaccades(saccade_duration=10.0, movement_onset=0.0, movement_duration=10.0)
    one, same, other = (digits.read(Digits(name="digits", seed=seed, saccades=quick)).test for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.steps, same.steps)
    np.testing.assert_array_equal(one.labels, same.labels)
    assert not np.array_equal(one.labels, other.labels)
