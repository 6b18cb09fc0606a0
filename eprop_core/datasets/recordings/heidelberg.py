"""The Spiking Heidelberg Digits and the Spiking Speech Commands, as they are published.

Cramer B, Stradmann Y, Schemmel J, Zenke F, 2022, IEEE Trans. Neural Netw. Learn. Syst. 33:2744.
"""

import sys
from pathlib import Path

from eprop_core.datasets.download import published
from eprop_core.datasets.events import Splits
from eprop_core.datasets.parameters import Events, Recordings, Shd, Ssc
from eprop_core.datasets.recordings import read as recordings
from eprop_core.errors import DatasetError

_N_CHANNELS = 700
_N_CLASSES = {"shd": 20, "ssc": 35}
_VERSIONS = {"shd": ((8156, 2264), (8332, 2088)), "ssc": ((75466, 20382),)}
"""Numbers of training and test samples in the files of the published versions."""


def read(parameters: Shd | Ssc) -> Splits:
    """Read SHD or SSC, and say which version it is. Nothing is chosen by test samples.

    Raises
    ------
    DatasetError
        If a download fails, or files are missing, damaged or of another layout.
    """
    name = parameters.name
    directory = published(name, parameters.path, parameters.address)
    speakers = parameters.validation_speakers if isinstance(parameters, Shd) else None
    splits = recordings.read(
        Events(
            name="events",
            train=_file(directory, f"{name}_train"),
            validation=_file(directory, f"{name}_valid") if speakers is None else None,
            validation_groups=None if speakers is None else list(speakers),
            test=_file(directory, f"{name}_test"),
            n_channels=_N_CHANNELS,
            n_classes=_N_CLASSES[name],
            **{key: getattr(parameters, key) for key in Recordings.model_fields},
        )
    )
    read = splits.notes["samples_in_files"]
    version = f"{read['train']} training and {read['test']} test samples"
    if (read["train"], read["test"]) not in _VERSIONS[name]:
        version += ", which is no published version"
    print(f"{name.upper()} of {version}", file=sys.stderr)
    return splits._replace(notes={**splits.notes, "version": version})


def _file(directory: Path, name: str) -> str:
    for file in (directory / f"{name}.h5", directory / f"{name}.h5.zip"):
        if file.is_file():
            return str(file)
    raise DatasetError(f"{directory}: no {name}.h5; expected it, or {name}.h5.zip as published")
