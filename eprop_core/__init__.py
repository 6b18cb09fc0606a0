"""Event-driven eligibility propagation in recurrent spiking networks, on one core or many ranks."""

import importlib
import importlib.metadata
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eprop_core.errors import InsufficientMemoryError, NetworkFileError, NotFiniteError
    from eprop_core.interoperability.from_nest import from_nest, recording_of_nest
    from eprop_core.interoperability.nir_graph import to_nir
    from eprop_core.interoperability.to_nest import to_nest
    from eprop_core.network.connections import Connections
    from eprop_core.parameters import Network
    from eprop_core.parsing import ParameterError, parse
    from eprop_core.poisson import PoissonStimulus, poisson_input
    from eprop_core.recording.recording import Recording, RunInterrupted
    from eprop_core.recording.request import Record
    from eprop_core.simulation import Simulation
    from eprop_core.stimulus import Stimulus, StimulusError
    from eprop_core.storage.recording_file import RecordingFile, read_recording
    from eprop_core.teacher import CompiledErrorTeacher, ErrorTeacher, TargetTeacher
    from eprop_core.training.loop import train
    from eprop_core.training.parameters import TrainingParameters

__all__ = [
    "CompiledErrorTeacher",
    "Connections",
    "ErrorTeacher",
    "InsufficientMemoryError",
    "Network",
    "NetworkFileError",
    "NotFiniteError",
    "ParameterError",
    "PoissonStimulus",
    "Record",
    "Recording",
    "RecordingFile",
    "RunInterrupted",
    "Simulation",
    "Stimulus",
    "StimulusError",
    "TargetTeacher",
    "TrainingParameters",
    "from_nest",
    "parse",
    "poisson_input",
    "read_recording",
    "recording_of_nest",
    "to_nest",
    "to_nir",
    "train",
]

_MODULES = {
    "CompiledErrorTeacher": "teacher",
    "Connections": "network.connections",
    "ErrorTeacher": "teacher",
    "InsufficientMemoryError": "errors",
    "Network": "parameters",
    "NetworkFileError": "errors",
    "NotFiniteError": "errors",
    "ParameterError": "parsing",
    "PoissonStimulus": "poisson",
    "Record": "recording.request",
    "Recording": "recording.recording",
    "RecordingFile": "storage.recording_file",
    "RunInterrupted": "recording.recording",
    "Simulation": "simulation",
    "Stimulus": "stimulus",
    "StimulusError": "stimulus",
    "TargetTeacher": "teacher",
    "TrainingParameters": "training.parameters",
    "from_nest": "interoperability.from_nest",
    "parse": "parsing",
    "poisson_input": "poisson",
    "read_recording": "storage.recording_file",
    "recording_of_nest": "interoperability.from_nest",
    "to_nest": "interoperability.to_nest",
    "to_nir": "interoperability.nir_graph",
    "train": "training.loop",
}
"""Modules of the public names, imported on first use, so that reading parameters does not import the compiler."""


def _replace_unusable_settings() -> None:
    """Replace settings with which numba cannot be imported, or complains; compiled code here has one thread."""
    threads = os.environ.get("NUMBA_NUM_THREADS", "1")
    if not (threads.isascii() and threads.isdigit() and len(threads) < 10 and int(threads) >= 1):
        os.environ["NUMBA_NUM_THREADS"] = "1"
    if os.environ.get("NUMBA_DISABLE_JIT") not in {None, "0", "1"}:
        os.environ["NUMBA_DISABLE_JIT"] = "0"


_replace_unusable_settings()


def __getattr__(name: str) -> Any:
    """Import a public name, or the pictures; or return the version of the installed package."""
    if name == "__version__":
        return importlib.metadata.version("eprop-core")
    if name == "plot":
        return importlib.import_module(f"{__name__}.plot")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *__all__, "__version__", "plot"})
