"""One synapse over time, step by step and from constants: what the figure in ``docs/explanation/algorithm.md`` shows.

The reference implementation runs a small network. From the surrogate gradient and the learning signal of one of its
neurons, a synapse onto this neuron is computed in both ways: by the four lines of the rule in every step, and by the
formulas of ``docs/explanation/algorithm.md`` at events alone. :func:`check` raises an error unless the two ways agree
with each other and with the weight of the reference implementation.
"""

import math
from typing import NamedTuple

import numpy as np

from eprop_core.model.blocks import block_length
from eprop_core.network.connections import Connections
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.verification import reference

N_STEPS = 170
N_INPUT, N_READOUT = 40, 3
TAU_M, KAPPA, CUTOFF, LEARNING_RATE = 20.0, 0.95, 46, 1e-3
SPIKES = (10, 30, 62, 130)
"""Steps in which the source, input channel 0, emits a spike; all delays are one step."""
INPUT_PROBABILITY = 0.06
"""Spikes per step of the other input channels."""


class Neuron(NamedTuple):
    """Signals of the target neuron, which all its synapses share; float64 (N_STEPS,)."""

    surrogate_gradient: np.ndarray
    learning_signal: np.ndarray


class StepByStep(NamedTuple):
    """The synapse as the rule defines it; float64 (N_STEPS,)."""

    trace: np.ndarray
    filtered: np.ndarray
    gradient: np.ndarray
    """Since the last update, including the present step."""
    updates: np.ndarray
    """float64 (number of updates,): gradients that changed the weight."""


class Event(NamedTuple):
    """A step in which the synapse is touched."""

    step: int
    names: tuple[str, ...]
    """Of "spike", "activation", "block end" and "cutoff"."""


class FromConstants(NamedTuple):
    """The synapse as it is stored, and what follows from it; float64 (N_STEPS,) unless stated otherwise."""

    sums: np.ndarray
    """float64 (3, N_STEPS): U, A and Q at the start of each step."""
    stored: np.ndarray
    """float64 (3, N_STEPS): z, E and G after the events of each step; plain values while the source is inactive."""
    active: np.ndarray
    """bool: whether the source is active after the events of the step."""
    trace: np.ndarray
    filtered: np.ndarray
    gradient: np.ndarray
    updates: np.ndarray
    """float64 (number of updates,): gradients that changed the weight."""
    events: list[Event]


class Synapse(NamedTuple):
    """All that the figure shows."""

    neuron: Neuron
    step_by_step: StepByStep
    from_constants: FromConstants


def network() -> Network:
    """Return the network that the reference implementation runs."""
    return parse(
        Network,
        {
            "n_input": N_INPUT,
            "n_recurrent": 2,
            "n_readout": N_READOUT,
            "neuron": {"tau_m": TAU_M, "surrogate_gradient": {"function": "exponential"}},
            "plasticity": {
                "kappa": KAPPA,
                "kappa_reg": KAPPA,
                "cutoff": CUTOFF,
                "optimizer": {"learning_rate": LEARNING_RATE},
            },
        },
    )


def run_reference() -> tuple[Neuron, float]:
    """Return the course of the first recurrent neuron, and how much the weight from input channel 0 to it changed."""
    random = np.random.default_rng(29)
    n_steps = N_STEPS + 1  # the error of a step belongs to the spikes of the one before
    emitted = random.random((n_steps, N_INPUT)) < INPUT_PROBABILITY
    emitted[:, 0] = False
    emitted[SPIKES, 0] = True
    steps, channels = np.nonzero(emitted)
    time = np.arange(n_steps)[:, np.newaxis]
    target = np.sin(2.0 * np.pi * (time / np.array([80.0, 55.0, 34.0]) + random.random(N_READOUT)))
    stimulus = Stimulus(n_steps, steps, channels, target, np.ones(n_steps, bool))
    shapes = {"input": (N_INPUT, 2), "recurrent": (2, 2), "output": (2, N_READOUT), "feedback": (N_READOUT, 2)}
    connections = {}
    for name, shape in shapes.items():
        source, of = np.nonzero(~np.eye(2, dtype=bool) if name == "recurrent" else np.ones(shape, bool))
        scale = 1.0 if name == "feedback" else 0.2
        connections[name] = Connections(source, of, scale * random.standard_normal(len(source)))
    result = reference.simulate(network(), connections, stimulus)
    feedback = connections["feedback"]
    onto_first = feedback.weight[feedback.target == 0]  # ascending by source
    before, after = (_weight(of["input"]) for of in (connections, result.weights))
    return Neuron(result.surrogate_gradient[:-1, 0], result.error[1:] @ onto_first), after - before


def _weight(connections: Connections) -> float:
    """Return the weight from source 0 to target 0."""
    return float(connections.weight[(connections.source == 0) & (connections.target == 0)].item())


def step_by_step(neuron: Neuron) -> StepByStep:
    """Compute the four lines of the rule in every step, and the gradients that spikes turn into weight changes."""
    alpha = math.exp(-1.0 / TAU_M)
    trace, filtered, gradient = np.zeros((3, N_STEPS))
    updates = []
    z = e = g = 0.0
    last_emission = None
    for t in range(N_STEPS):
        if t in SPIKES:
            if last_emission is not None:
                updates.append(g)
            g, last_emission = 0.0, t
        active = last_emission is not None and t < last_emission + CUTOFF
        z = alpha * z + (t - 1 in SPIKES)
        e = KAPPA * e + (neuron.surrogate_gradient[t] * z if active else 0.0)
        g += neuron.learning_signal[t] * e if active else 0.0
        trace[t], filtered[t], gradient[t] = z, e, g
    return StepByStep(trace, filtered, gradient, np.array(updates))


def from_constants(neuron: Neuron) -> FromConstants:
    """Compute the constants at the events of the synapse; read the traces and the gradient of every step off them."""
    alpha = math.exp(-1.0 / TAU_M)
    length = block_length(alpha, KAPPA)
    psi, signal = neuron
    sums, stored, active = np.zeros((3, N_STEPS)), np.zeros((3, N_STEPS)), np.zeros(N_STEPS, bool)
    trace, filtered, gradient = np.zeros((3, N_STEPS))
    updates: list[float] = []
    events: list[Event] = []
    b = 0  # start of the block
    U = A = Q = 0.0
    z = E = G = 0.0
    is_active, last_emission = False, None
    for t in range(N_STEPS):
        names = []
        if is_active and last_emission is not None and t == last_emission + CUTOFF and t not in SPIKES:
            # U belongs to the last step that counts, t - 1; A and Q include its learning signal from here on.
            n = t - 1 - b
            includes = signal[t - 1] * KAPPA**n
            G += E * (A + includes) + z * (Q + includes * U)
            E, z = KAPPA**n * (E + z * U), z * alpha**n
            is_active = False
            names.append("cutoff")
        if t > 0:  # the neuron advances its sums to this step
            A += signal[t - 1] * KAPPA ** (t - 1 - b)
            Q += signal[t - 1] * KAPPA ** (t - 1 - b) * U
            U += psi[t] * (alpha / KAPPA) ** (t - b)
        if t - b == length:
            if is_active:
                G += E * A + z * Q
                E, z = KAPPA ** (t - b) * (E + z * U), z * alpha ** (t - b)
                names.append("block end")
            b, U, A, Q = t, 0.0, 0.0, 0.0
        sums[:, t] = U, A, Q
        trace[t] = z * alpha ** (t - b) if is_active else z * alpha ** _age(t, last_emission)
        if t in SPIKES:
            names.append("spike")
            if not is_active:
                names.append("activation")
                age = _age(t, last_emission)
                plain_trace, plain_filtered = z * alpha**age, E * KAPPA**age
                plain_filtered += psi[t] * plain_trace
                z = plain_trace * alpha ** (b - t)
                E = plain_filtered * KAPPA ** (b - t) - z * U
                G -= E * A + z * Q
            if last_emission is not None:
                updates.append(G + E * A + z * Q)
            G = -(E * A + z * Q)
            jump = alpha ** (b - t - 1)
            G += jump * U * A - jump * Q
            E -= jump * U
            z += jump
            is_active, last_emission = True, t
        filtered[t] = KAPPA ** (t - b) * (E + z * U) if is_active else E * KAPPA ** _age(t, last_emission)
        includes = signal[t] * KAPPA ** (t - b)
        gradient[t] = G + E * (A + includes) + z * (Q + includes * U) if is_active else G
        stored[:, t], active[t] = (z, E, G), is_active
        if names:
            events.append(Event(t, tuple(names)))
    return FromConstants(sums, stored, active, trace, filtered, gradient, np.array(updates), events)


def _age(t: int, last_emission: int | None) -> int:
    """Return the steps since the last one that counted for the gradient; 0 before the first spike."""
    return 0 if last_emission is None else t - last_emission - CUTOFF + 1


def check(synapse: Synapse, weight_change: float) -> None:
    """Raise an error unless both ways agree with each other and with the reference's weight.

    Within a block factors up to 100 multiply the rounding of sums, so the tolerance is 1e-12 of the largest value.
    """
    one, other = synapse.step_by_step, synapse.from_constants
    for name in ("trace", "filtered", "gradient", "updates"):
        expected = getattr(one, name)
        tolerance = 1e-12 * np.abs(expected).max()
        np.testing.assert_allclose(getattr(other, name), expected, rtol=0.0, atol=tolerance, err_msg=name)
    np.testing.assert_allclose(-LEARNING_RATE * one.updates.sum(), weight_change, rtol=1e-12)


def one_synapse() -> Synapse:
    """Compute the synapse in both ways, and check that they agree."""
    neuron, weight_change = run_reference()
    synapse = Synapse(neuron, step_by_step(neuron), from_constants(neuron))
    check(synapse, weight_change)
    return synapse
