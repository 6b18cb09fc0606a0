"""The networks that the time-driven model supports."""

import json
from operator import attrgetter

from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.time_driven.optimizers import OPTIMIZERS

COMPUTED = {
    "neuron.ignore_and_fire": None,
    "neuron.delayed_reset": False,
    "plasticity.update": "spike",
    "plasticity.reset_at_samples": False,
    "input.stdp": None,
    "recurrent.stdp": None,
}
"""The only values, by parameter path, that the time-driven model supports."""


def check_optimizer(network: Network) -> None:
    """Raise a :class:`ParameterError` if the time-driven model lacks the network's optimizer."""
    optimizer = network.plasticity.optimizer
    if type(optimizer) not in OPTIMIZERS:
        raise ParameterError(
            f"network.plasticity.optimizer.algorithm = {optimizer.algorithm}: the time-driven model lacks it "
            "(eprop_core/time_driven/optimizers.py: OPTIMIZERS)"
        )


def check_network(network: Network) -> None:
    """Raise a :class:`ParameterError` if the time-driven model does not support the network."""
    check_optimizer(network)
    for path, value in COMPUTED.items():
        if attrgetter(path)(network) != value:
            raise ParameterError(f"{path}: must be {json.dumps(value)} for the time-driven model")
    for name, projection in network.learning_projections().items():
        if projection.stdp is not None:
            raise ParameterError(f"{name}.stdp: must be null for the time-driven model")
