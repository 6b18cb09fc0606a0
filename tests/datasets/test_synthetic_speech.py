"""Synthetic spoken digits: the layout of SHD, and words that differ in their order alone."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from eprop_core.datasets.parameters import SyntheticSpeech
from eprop_core.datasets.recordings.synthetic_speech import read
from eprop_core.datasets.synthetic_speech import ORDERED, WORDS, spoken
from eprop_core.errors import DatasetError

N_FILTERS = 64


def accuracy_of_a_linear_readout_of_counts(words: tuple[int, ...], seed: int) -> float:
    """Accuracy on speakers that were held out."""
    samples = spoken(12, 8, n_filters=N_FILTERS, seed=seed)
    chosen = np.isin(samples.labels, words)
    counts = np.array([np.bincount(units, minlength=N_FILTERS) for units in samples.units])[chosen]
    labels, is_train = samples.labels[chosen], samples.speakers[chosen] < 8
    scaler = StandardScaler().fit(counts[is_train])
    readout = LogisticRegression(C=0.1, max_iter=500).fit(scaler.transform(counts[is_train]), labels[is_train])
    return float(readout.score(scaler.transform(counts[~is_train]), labels[~is_train]))


def test_counts_say_nothing_about_the_order_of_vowels() -> None:
    assert all(sorted(WORDS[word]) == sorted(WORDS[ORDERED[0]]) for word in ORDERED)
    assert len({WORDS[word] for word in ORDERED}) == len(ORDERED)
    accuracy = np.mean([accuracy_of_a_linear_readout_of_counts(ORDERED, seed) for seed in range(6)])
    assert abs(accuracy - 1.0 / len(ORDERED)) < 0.05


def test_counts_tell_the_other_words_apart() -> None:
    others = tuple(word for word in range(len(WORDS)) if word not in ORDERED)
    assert accuracy_of_a_linear_readout_of_counts(others, 1) > 0.9


def test_a_recording_depends_on_its_speaker_word_and_number_alone() -> None:
    few, many = spoken(2, 2), spoken(3, 3)
    (number,) = np.flatnonzero((many.speakers == 1) & (many.labels == 4))[1:2]
    (same,) = np.flatnonzero((few.speakers == 1) & (few.labels == 4))[1:2]
    np.testing.assert_array_equal(few.times[same], many.times[number])
    np.testing.assert_array_equal(few.units[same], many.units[number])
    assert not np.array_equal(few.units[same], spoken(2, 2, seed=2).units[same])


def test_the_files_have_the_layout_of_shd(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "eprop_core.datasets.synthetic_speech", str(tmp_path)]
    subprocess.run([*program, "--speakers", "5", "--per-word", "2", "--filters", "40"], check=True)
    speakers = []
    for name, n_speakers in (("train", 4), ("test", 1)):
        with h5py.File(tmp_path / f"{name}.h5") as file:
            assert len(file["labels"]) == len(file["spikes/times"]) == 20 * n_speakers
            times, units = file["spikes/times"][0], file["spikes/units"][0]
            assert (times.dtype, units.dtype) == (np.float32, np.uint16)
            assert np.all(np.diff(times) >= 0.0)
            assert 0.0 < times[-1] < 1.0
            assert units.max() < 40
            assert len(file["extra/keys"]) == 10
            speakers.append(set(file["extra/speaker"][:].tolist()))
    assert not speakers[0] & speakers[1]


def test_wrong_options_are_refused_in_one_line(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "eprop_core.datasets.synthetic_speech", str(tmp_path), "--speakers", "2"]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "at least 4 speakers" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize("beyond", ["cut", "error"])
def test_a_duration_without_events_is_refused_without_naming_a_temporary_file(beyond: Any) -> None:
    parameters = SyntheticSpeech(
        name="synthetic_speech", duration=1e-6, align="start", events_beyond=beyond, n_filters=2, samples_per_word=1
    )
    with pytest.raises(DatasetError, match=r"^synthetic_speech: train\.h5: "):
        read(parameters)


def test_words_take_time() -> None:
    samples = spoken(2, 2)
    assert [len(times) for times in samples.times] == [len(units) for units in samples.units]
    assert np.median([times[-1] for times in samples.times]) == pytest.approx(0.43, abs=0.1)
