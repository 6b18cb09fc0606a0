"""Write synthetic spoken digits as spikes of a simulated cochlea: ``train.h5`` and ``test.h5`` in the layout of SHD.

Stands in for the Spiking Heidelberg Digits (Cramer et al. 2022, doi:10.1109/TNNLS.2020.3044364) where these cannot be
had. Nobody has spoken these words: a word is a sequence of three vowels, each with two formants. A speaker scales
the formants (the length of a vocal tract) and the durations; each recording varies both a little. A bank of gammatone
filters, equally spaced on the scale of equivalent rectangular bandwidths, receives the vowels; the spikes of a filter
are a Poisson process whose rate is the compressed energy in it.

The last four words have the same vowels in different orders. Vowels do not blend into each other, so that the number
of spikes of each filter says nothing about the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from eprop_core.files.arguments import Parser
from eprop_core.machine.whole_file import whole_file

VOWELS = {  # formants in Hz, about those of Peterson and Barney (1952)
    "i": (270.0, 2290.0),
    "e": (530.0, 1840.0),
    "a": (730.0, 1090.0),
    "o": (570.0, 840.0),
    "u": (300.0, 870.0),
    "r": (490.0, 1350.0),
}

WORDS = ("ioa", "eru", "aei", "oro", "uiu", "rae", "iau", "aui", "uia", "iua")

ORDERED = (6, 7, 8, 9)
"""Words with the same vowels, which differ only in their order."""

VOWEL_DURATION, GAP = 0.12, 0.02
"""Seconds of a vowel, and between two."""

ONSET = 0.02
"""Seconds before the first vowel."""

LOWEST, HIGHEST = 150.0, 4000.0
"""Hz, centre frequencies of the first and the last filter."""

LARGEST_RATE, SPONTANEOUS_RATE = 150.0, 1.0
"""Spikes per second of a filter at the centre of a formant, and without sound."""

COMPRESSION = 0.5
"""Exponent of the rate as a function of the energy."""

SECOND_FORMANT = 0.6
"""Energy of the second formant relative to the first."""


@dataclass(frozen=True)
class Recordings:
    """Recordings of several speakers."""

    times: list[np.ndarray]
    """Of each recording, float64 (n_spikes,), s, ascending."""
    units: list[np.ndarray]
    """Of each recording, int64 (n_spikes,), the filters that spike."""
    labels: np.ndarray
    """int64 (n,), 0 to 9."""
    speakers: np.ndarray
    """int64 (n,)"""

    def of_speakers(self, chosen: Sequence[int]) -> "Recordings":
        """Return the recordings of some speakers."""
        numbers = np.flatnonzero(np.isin(self.speakers, chosen)).tolist()
        return Recordings(
            [self.times[n] for n in numbers],
            [self.units[n] for n in numbers],
            self.labels[numbers],
            self.speakers[numbers],
        )

    def write(self, path: Path) -> None:
        """Write a file in the layout of SHD, which appears complete or not at all."""
        with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
            for name, values, dtype in (("times", self.times, np.float32), ("units", self.units, np.uint16)):
                dataset = file.create_dataset(f"spikes/{name}", (len(values),), h5py.vlen_dtype(dtype))
                for number, of_recording in enumerate(values):
                    dataset[number] = of_recording.astype(dtype)
            file["labels"] = self.labels.astype(np.uint8)
            file["extra/speaker"] = self.speakers.astype(np.uint16)
            file["extra/keys"] = np.array([f"synthetic: {word}" for word in WORDS], "S16")


def spoken(n_speakers: int, per_word: int, *, n_filters: int = 128, seed: int = 1) -> Recordings:
    """Return recordings of all words.

    Parameters
    ----------
    n_speakers
        Number of speakers.
    per_word
        Recordings of each word by each speaker.
    n_filters
        Filters of the cochlea.
    seed
        Seed of all random draws. A recording depends on it, its speaker, its word and its number alone.
    """
    times, units, labels, speakers = [], [], [], []
    for speaker in range(n_speakers):
        voice = np.random.default_rng([seed, 0, speaker])
        formants, duration = voice.uniform(0.85, 1.18), voice.uniform(0.85, 1.15)
        for label, word in enumerate(WORDS):
            for number in range(per_word):
                random = np.random.default_rng([seed, 1, speaker, label, number])
                of_recording = _word(word, formants, duration, n_filters, random)
                times.append(of_recording[0])
                units.append(of_recording[1])
                labels.append(label)
                speakers.append(speaker)
    return Recordings(times, units, np.array(labels), np.array(speakers))


def _word(
    word: str, formants: float, duration: float, n_filters: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return times (s, ascending) and filters of the spikes of one word."""
    centres = _centre_frequencies(n_filters)
    duration *= random.uniform(0.9, 1.1)
    times, units = [], []
    begin = ONSET * random.uniform(0.5, 1.5)
    for vowel in word:
        heard = np.array(VOWELS[vowel]) * formants * random.normal(1.0, 0.03, 2)
        length = VOWEL_DURATION * duration
        n_spikes = random.poisson(_rates(centres, heard) * length)
        times.append(begin + length * random.random(n_spikes.sum()))
        units.append(np.repeat(np.arange(n_filters), n_spikes))
        begin += length + GAP * duration
    n_spontaneous = random.poisson(SPONTANEOUS_RATE * begin, n_filters)
    times.append(begin * random.random(n_spontaneous.sum()))
    units.append(np.repeat(np.arange(n_filters), n_spontaneous))
    all_times, all_units = np.concatenate(times), np.concatenate(units)
    order = np.argsort(all_times, kind="stable")
    return all_times[order], all_units[order]


def _centre_frequencies(n: int) -> np.ndarray:
    """Return centre frequencies, Hz, equally spaced on the ERB-rate scale (Glasberg and Moore 1990)."""
    low, high = (21.4 * np.log10(1.0 + 0.00437 * frequency) for frequency in (LOWEST, HIGHEST))
    return np.asarray((10.0 ** (np.linspace(low, high, n) / 21.4) - 1.0) / 0.00437)


def _rates(centres: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Return the rates of all filters, spikes/s, while two formants (Hz) are heard.

    The energy that a gammatone filter of fourth order lets pass falls as (1 + (distance / bandwidth)^2)^-4.
    """
    bandwidth = 1.019 * 24.7 * (1.0 + 0.00437 * centres)
    distance = (heard[:, np.newaxis] - centres) / bandwidth
    energy = np.array([1.0, SECOND_FORMANT]) @ (1.0 + distance**2) ** -4.0
    return np.asarray(LARGEST_RATE * energy**COMPRESSION)


def main() -> None:
    """Run the command line."""
    parser = Parser(prog="python -m eprop_core.datasets.synthetic_speech", description=__doc__)
    parser.add_argument("directory", type=Path, help="receives train.h5 and test.h5")
    parser.add_argument("--speakers", type=int, default=12, help="of which a quarter is in test.h5 alone (default: 12)")
    parser.add_argument("--per-word", type=int, default=12, help="recordings of a word by a speaker (default: 12)")
    parser.add_argument("--filters", type=int, default=128, help="filters of the cochlea (default: 128)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all random draws (default: 1)")
    options = parser.parse_args()
    if min(options.speakers - 3, options.per_word, options.filters) < 1 or options.seed < 0:
        parser.error("at least 4 speakers, 1 recording per word, 1 filter, and a seed from 0 on are needed")
    samples = spoken(options.speakers, options.per_word, n_filters=options.filters, seed=options.seed)
    n_test = max(1, options.speakers // 4)
    options.directory.mkdir(parents=True, exist_ok=True)
    samples.of_speakers(range(options.speakers - n_test)).write(options.directory / "train.h5")
    samples.of_speakers(range(options.speakers - n_test, options.speakers)).write(options.directory / "test.h5")


if __name__ == "__main__":
    main()
