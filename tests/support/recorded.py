"""A small simulation whose neurons and synapses are recorded."""

from typing import Any

import numpy as np

from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.recording.request import Record
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus

N_STEPS = 120
SIZES: dict[str, Any] = {"n_input": 6, "n_recurrent": 8, "n_readout": 2}
RECORD = Record(neurons=[4, 0], synapses={"input": [(2, 4), (0, 0)], "output": [(3, 1)]})


def simulation(communicator: Any = None, **changes: Any) -> Simulation:
    weights = {"input": {"weights": {"scale": 2.0}}}
    return Simulation(parse(Network, SIZES | weights | changes), seed=1, communicator=communicator)


def stimulus(n_steps: int = N_STEPS) -> Stimulus:
    random = np.random.default_rng(1)
    steps, channels = np.nonzero(random.random((n_steps, 6)) < 0.2)
    return Stimulus(n_steps, steps, channels, random.normal(size=(n_steps, 2)), np.ones(n_steps, bool))
