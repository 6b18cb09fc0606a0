"""The handwritten digits that come with scikit-learn (the test part of UCI's optical digits), as events."""

import hashlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from eprop_core.datasets.events import Splits
from eprop_core.datasets.origin import Origin
from eprop_core.datasets.parameters import Digits
from eprop_core.datasets.saccades import record


def read(parameters: Digits) -> Splits:
    """Return the digits as events. The seed draws the test split, which is stratified by class."""
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16.0
    train, test = train_test_split(
        np.arange(len(labels)),
        test_size=parameters.test_share,
        stratify=labels,
        random_state=np.random.RandomState(np.random.MT19937(parameters.seed)),
    )
    train, test = np.sort(train)[: parameters.train_samples], np.sort(test)[: parameters.test_samples]
    return Splits(
        train=record(
            images[train], labels[train], train, parameters.saccades, parameters.n_steps, parameters.seed, "train"
        ),
        test=record(images[test], labels[test], test, parameters.saccades, parameters.n_steps, parameters.seed, "test"),
        sensor_channels=np.arange(2 * parameters.saccades.sensor_size**2),
        sensor_size=parameters.saccades.sensor_size,
        origins={"sklearn.datasets.load_digits": _origin(images.tobytes() + labels.tobytes())},
    ).most_active(parameters.active_channels)


def _origin(content: bytes) -> Origin:
    return Origin("scikit-learn", 1, len(content), hashlib.sha256(content).hexdigest())
