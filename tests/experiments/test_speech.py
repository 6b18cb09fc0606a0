"""A recurrent network tells words apart that differ in the order of their vowels alone."""

from pathlib import Path

import numpy as np
import yaml

from eprop_core import configuration
from eprop_core.datasets.recordings.synthetic_speech import read
from eprop_core.datasets.synthetic_speech import ORDERED
from eprop_core.experiments.studies.measure import Kept, measure
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.training.evaluation import evaluate

CONFIGURATION = Path(__file__).parents[2] / "config" / "speech.yaml"


def test_a_recurrent_network_hears_the_order_of_vowels(tmp_path: Path) -> None:
    """By 20 points more than chance, which is all that the numbers of spikes tell, on speakers that were held out."""
    configured = configuration.load(yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8")), CONFIGURATION.name)
    smaller = {"n_speakers": 6, "n_test_speakers": 3, "validation_speakers": [5], "samples_per_word": 10}
    changes = {f"dataset.{key}": value for key, value in smaller.items()} | {"training.epochs": 4}
    parameters = configured.point("speech", changes)
    splits = read(parameters.dataset)
    window = parameters.training.learning_window
    learnt = DatasetClassification(splits.train, window, validation=splits.validation)
    tested = DatasetClassification(splits.test, window)
    measure(parameters, learnt, tested, seed=1, kept=Kept(tmp_path / "network.h5"))
    ordered = np.flatnonzero(np.isin(splits.test.labels, ORDERED))
    score, _ = evaluate(Simulation.load(tmp_path / "network.h5"), tested, ordered, 100)
    assert len(ordered) == 3 * 4 * 10
    assert score.accuracy is not None
    assert score.accuracy > 1.0 / len(ORDERED) + 0.20
