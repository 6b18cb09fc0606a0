"""What the kernel of NEST holds and what its calls of ``Simulate`` are shown, under NEST's names and in its units."""

from typing import Any, NamedTuple

import numpy as np


class Nodes(NamedTuple):
    """The nodes of one model."""

    ids: np.ndarray
    """int64 (n,), ascending."""
    kind: str
    """NEST's ``element_type``: "neuron", "stimulator", "recorder" or another."""
    parameters: dict[str, np.ndarray]
    """By name, (n,); empty where the nodes have no e-prop."""


class Built(NamedTuple):
    """A network before its first step."""

    kernel: dict[str, Any]
    """Status of the kernel."""
    nodes: dict[str, Nodes]
    """By model."""
    connections: dict[str, np.ndarray]
    """Properties of all connections, (n,): source, target, synapse_model, weight, delay, receptor and, nan where there
    is none, tau_m_readout."""
    synapse_models: dict[str, dict[str, Any]]
    """Defaults of the models of these connections."""


class Call(NamedTuple):
    """One call of ``Simulate`` or ``Run``."""

    begin: float
    """ms"""
    end: float
    """ms"""
    generators: dict[int, dict[str, Any]]
    """Settings of the spike generators and step rate generators at its beginning, by id."""
    optimizers: dict[str, dict[str, Any]]
    """Optimizers at its beginning, by synapse model."""
