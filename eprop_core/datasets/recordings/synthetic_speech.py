"""Synthetic spoken digits, written in the layout of SHD and read like any recordings."""

import tempfile
from pathlib import Path

from eprop_core.datasets.events import Splits
from eprop_core.datasets.parameters import Events, Recordings, SyntheticSpeech
from eprop_core.datasets.recordings import read as recordings
from eprop_core.datasets.synthetic_speech import WORDS, spoken
from eprop_core.errors import DatasetError


def read(parameters: SyntheticSpeech) -> Splits:
    """Make training, validation and test samples, each of other speakers.

    Raises
    ------
    DatasetError
        If none of the samples has an event.
    """
    n_speakers = parameters.n_speakers + parameters.n_test_speakers
    samples = spoken(n_speakers, parameters.samples_per_word, n_filters=parameters.n_filters, seed=parameters.seed)
    with tempfile.TemporaryDirectory(prefix="synthetic_speech.") as directory:
        train, test = (Path(directory) / f"{name}.h5" for name in ("train", "test"))
        samples.of_speakers(range(parameters.n_speakers)).write(train)
        samples.of_speakers(range(parameters.n_speakers, n_speakers)).write(test)
        events = Events(
            name="events",
            train=str(train),
            test=str(test),
            validation_groups=list(parameters.validation_speakers),
            n_channels=parameters.n_filters,
            n_classes=len(WORDS),
            **{key: getattr(parameters, key) for key in Recordings.model_fields},
        )
        try:
            splits = recordings.read(events)
        except DatasetError as error:  # names a file that is gone when a user reads the message
            raise DatasetError(str(error).replace(f"{directory}/", f"{parameters.name}: ")) from None
    return splits._replace(origins={}, notes={**splits.notes, "synthetic": "nobody has spoken these words"})
