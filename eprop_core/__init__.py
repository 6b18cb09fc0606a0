"""Event-driven eligibility propagation in recurrent spiking networks, on one core or many ranks."""

from eprop_core.connectivity import Connections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import NotFiniteError, Recording, RunInterrupted, Simulation
from eprop_core.stimulus import Stimulus, StimulusError

__all__ = [
    "Connections",
    "Network",
    "NotFiniteError",
    "ParameterError",
    "Recording",
    "RunInterrupted",
    "Simulation",
    "Stimulus",
    "StimulusError",
    "parse",
]
