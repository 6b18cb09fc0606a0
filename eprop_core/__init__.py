"""Event-driven eligibility propagation in recurrent spiking networks, on one core or many ranks."""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eprop_core.errors import InsufficientMemoryError, NetworkFileError, NotFiniteError
    from eprop_core.interoperability.from_nest import from_nest, recording_of_nest
    from eprop_core.interoperability.nir_graph import to_nir
    from eprop_core.interoperability.to_nest import to_nest
    from eprop_core.network.connections import Connections
    from eprop_core.parameters import Network
    from eprop_core.parsing import ParameterError, parse
    from eprop_core.recording.recording import Recording, RunInterrupted
    from eprop_core.recording.request import Record
    from eprop_core.simulation import Simulation
    from eprop_core.stimulus import Stimulus, StimulusError
    from eprop_core.storage.recording_file import RecordingFile, read_recording
    from eprop_core.training.loop import train
    from eprop_core.training.parameters import TrainingParameters

__all__ = [
    "Connections",
    "InsufficientMemoryError",
    "Network",
    "NetworkFileError",
    "NotFiniteError",
    "ParameterError",
    "Record",
    "Recording",
    "RecordingFile",
    "RunInterrupted",
    "Simulation",
    "Stimulus",
    "StimulusError",
    "TrainingParameters",
    "from_nest",
    "parse",
    "read_recording",
    "recording_of_nest",
    "to_nest",
    "to_nir",
    "train",
]

_MODULES = {
    "Connections": "network.connections",
    "InsufficientMemoryError": "errors",
    "Network": "parameters",
    "NetworkFileError": "errors",
    "NotFiniteError": "errors",
    "ParameterError": "parsing",
    "Record": "recording.request",
    "Recording": "recording.recording",
    "RecordingFile": "storage.recording_file",
    "RunInterrupted": "recording.recording",
    "Simulation": "simulation",
    "Stimulus": "stimulus",
    "StimulusError": "stimulus",
    "TrainingParameters": "training.parameters",
    "from_nest": "interoperability.from_nest",
    "parse": "parsing",
    "read_recording": "storage.recording_file",
    "recording_of_nest": "interoperability.from_nest",
    "to_nest": "interoperability.to_nest",
    "to_nir": "interoperability.nir_graph",
    "train": "training.loop",
}
"""Modules of the public names, imported on first use, so that reading parameters does not import the compiler."""


def __getattr__(name: str) -> Any:
    """Import a public name, or return the version of the installed package."""
    if name == "__version__":
        return importlib.metadata.version("eprop-core")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *__all__})
