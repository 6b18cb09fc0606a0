"""The networks that the time-driven model computes."""

import json
from operator import attrgetter

from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError

COMPUTED = {
    "neuron.ignore_and_fire": None,
    "neuron.delayed_reset": False,
    "plasticity.update": "spike",
    "plasticity.reset_at_samples": False,
}
"""Values, by parameter path, of the networks that this model computes; it knows no others."""


def check_network(network: Network) -> None:
    """Raise a :class:`ParameterError` for a network that this model does not compute."""
    for path, value in COMPUTED.items():
        if attrgetter(path)(network) != value:
            raise ParameterError(f"{path}: must be {json.dumps(value)} for the time-driven model")
