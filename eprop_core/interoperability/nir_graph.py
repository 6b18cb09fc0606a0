"""Networks as graphs of the Neuromorphic Intermediate Representation, NIR (Pedersen et al. 2024, Nat. Commun. 15:8122).

NIR has differential equations, without steps: a leaky integrate-and-fire neuron that a spike sets to a value, leaky
integrators, and linear maps. ``docs/how_to/nir.md`` says what of a network that leaves out, and how a reader gets
the same spikes.
"""

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.projections import Role, spiking_projections
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError

if TYPE_CHECKING:
    from eprop_core.simulation import Simulation

Integration = Literal["exact", "euler"]
INTEGRATIONS: tuple[Integration, ...] = ("exact", "euler")

_EXPRESSED: dict[str, tuple[object, str]] = {
    "neuron.t_ref": (0.0, "refractoriness"),
    "neuron.V_min": (None, "a lower bound of the voltage"),
    "neuron.adaptation": (None, "adaptive thresholds"),
    "neuron.ignore_and_fire": (None, "firing at a fixed rate"),
}
"""The only value of a parameter that NIR expresses, and what it lacks for the others."""


def to_nir(simulation: "Simulation", integration: Integration = "exact") -> Any:
    """Return a network as a ``nir.NIRGraph``, which ``nir.write`` writes; needs the extra ``nir``. Collective.

    Its nodes are "input", "input_weights", "neurons", "recurrent_weights", "output_weights", "readouts" and "output".
    Times are in s, voltages in mV; an input of 1 for one step is a spike.

    Parameters
    ----------
    simulation
        Simulation whose network is returned, with the weights of :meth:`Simulation.frozen`.
    integration
        How the reader integrates. "exact": over a step of constant input; the time constants are those of the network.
        "euler": by v + dt / tau (v_leak - v + r I); time constants of dt / (1 - alpha) then make the same steps.

    Raises
    ------
    ParameterError
        The network has a feature that NIR does not express, the integration is unknown, or nir is not installed.
    """
    if integration not in INTEGRATIONS:
        raise ParameterError(f"integration = {integration!r}: must be one of {', '.join(INTEGRATIONS)}")
    network = simulation.network
    _check(network)
    try:
        import nir
    except ModuleNotFoundError:
        raise ParameterError("nir is not installed: pip install '.[nir]' in a clone") from None

    frozen = simulation.frozen()
    weights: dict[str, Any] = dict.fromkeys(LEARNING_PROJECTIONS, 0.0)
    for spec in spiking_projections(network):
        weights[spec.role.value] += _dense(frozen.weights(spec.name), spec.target.size, spec.source.size)
    values = simulation.neuron_values()
    tau, decay = _time_constant(values["tau_m"], network.dt, integration)
    tau_readout, decay_readout = _time_constant(
        np.full(network.n_readout, network.readout.tau_m), network.dt, integration
    )
    current = values["tau_m"] / values["C_m"] * (1.0 - decay) * network.neuron.I_e
    nodes = {
        "input": nir.Input({"input": np.array([network.n_input])}),
        "input_weights": nir.Affine(weights["input"], current),
        "neurons": nir.LIF(
            tau=tau,
            r=1.0 / (1.0 - decay),
            v_leak=np.zeros(network.n_recurrent),
            v_threshold=values["V_th"],
            v_reset=np.full(network.n_recurrent, network.neuron.V_reset),
        ),
        "recurrent_weights": nir.Linear(weights["recurrent"]),
        "output_weights": nir.Linear(weights["output"]),
        "readouts": nir.LI(
            tau=tau_readout,
            r=1.0 / (1.0 - decay_readout),
            v_leak=np.full(network.n_readout, network.readout.E_L),
        ),
        "output": nir.Output({"output": np.array([network.n_readout])}),
    }
    edges = [
        ("input", "input_weights"),
        ("input_weights", "neurons"),
        ("neurons", "recurrent_weights"),
        ("recurrent_weights", "neurons"),
        ("neurons", "output_weights"),
        ("output_weights", "readouts"),
        ("readouts", "output"),
    ]
    return nir.NIRGraph(nodes, edges, metadata={"dt": 1e-3 * network.dt, "integration": integration})


def _check(network: Network) -> None:
    lacking = [
        f"{path} = {attrgetter(path)(network)} ({feature})"
        for path, (expressed, feature) in _EXPRESSED.items()
        if attrgetter(path)(network) != expressed
    ]
    for spec in spiking_projections(network):
        if spec.role is Role.RECURRENT and spec.parameters.delay != 1:
            delays = "delays of recurrent connections; a reader delays a cycle by one step"
            lacking.append(f"{spec.name}.delay = {spec.parameters.delay} ({delays})")
        if spec.role is Role.INPUT and spec.parameters.delay != network.input.delay:
            lacking.append(f"{spec.name}.delay = {spec.parameters.delay} (several delays of the input)")
    if network.neuron.V_reset is None:
        lacking.insert(0, "neuron.V_reset = None (a spike that subtracts the threshold)")
    if lacking:
        raise ParameterError(f"NIR does not express {'; '.join(lacking)}")


def _time_constant(tau: np.ndarray, dt: float, integration: Integration) -> tuple[np.ndarray, np.ndarray]:
    """Return time constants (s) that make a reader's steps those of the network, and the decays per step."""
    decay = np.exp(-dt / tau)
    return 1e-3 * (tau if integration == "exact" else dt / (1.0 - decay)), decay


def _dense(connections: Connections, n_targets: int, n_sources: int) -> np.ndarray:
    matrix = np.zeros((n_targets, n_sources))
    np.add.at(matrix, (connections.target, connections.source), connections.weight)
    return matrix
