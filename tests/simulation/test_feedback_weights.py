"""A learning signal uses the feedback weight of the step in which its error arrives.

Most networks have one input channel, one neuron and one readout, so that each number can be computed by hand.
"""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from eprop_core.network.connections import Connections
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.random_problem import random_problem

SMALL: dict[str, Any] = {"n_input": 6, "n_recurrent": 8, "n_readout": 3}
LEARNING_RATE = 0.1
ONE = np.zeros(1, int)
NO_CONNECTION = Connections(ONE[:0], ONE[:0], np.zeros(0))


def connected(weight: float) -> Connections:
    return Connections(ONE, ONE, np.array([weight]))


def input_gradient(kind: str, delay: dict[str, int], error_step: int, spikes: list[int], n_steps: int = 120) -> Any:
    """Return the feedback weights that both simulators used, and the output weight at the end.

    A feedback weight is the change of the input weight, divided by eligibility and error.

    Input spikes arrive in the steps ``spikes``; the first one drives the neuron beyond its threshold. The only error is
    that of step ``error_step``, three steps after the first spike plus the output delay. Without filters and recurrence
    the gradient is error * B * psi * trace.
    """
    window = np.zeros(n_steps, bool)
    window[error_step] = True
    values = {
        "n_input": 1,
        "n_recurrent": 1,
        "n_readout": 1,
        "neuron": {"V_th": 0.5},
        "plasticity": {"kappa": 0.0, "kappa_reg": 0.0, "cutoff": None, "optimizer": {"learning_rate": LEARNING_RATE}},
        "feedback": {"kind": kind, "delay": delay.get("feedback", 1)},
    }
    for name in ("input", "recurrent", "output"):
        values[name] = {"delay": delay.get(name, 1)}
    connections = {"input": connected(0.6), "recurrent": NO_CONNECTION, "output": connected(1.0)}
    if kind == "adaptive":
        connections["feedback"] = connected(1.0)
    emitted = np.array(spikes) - delay.get("input", 1)
    stimulus = Stimulus(n_steps, emitted, np.zeros(len(spikes), int), np.full((n_steps, 1), -1.0), window)
    network = parse(Network, values)
    simulation = Simulation(network, connections=connections)
    recording = simulation.run(stimulus)
    twin = simulate(network, connections, stimulus)
    index = error_step - delay.get("output", 1)
    since = index - spikes[0]
    decay = math.exp(-1 / 20)
    voltage = (0.6 - 0.5) * decay**since
    assert recording.spike_steps[0] == spikes[0]
    psi = 0.5 * max(0.0, 1.0 - abs(voltage - 0.5) / 0.5)
    used = []
    for weight, error in (
        (simulation.weights("input").weight[0], recording.error),
        (twin.weights["input"].weight[0], twin.error),
    ):
        assert error[error_step, 0] != 0.0
        used.append((0.6 - weight) / LEARNING_RATE / (psi * decay**since) / error[error_step, 0])
    return used, simulation.weights("output").weight[0]


@pytest.mark.parametrize("kind", ["symmetric", "adaptive"])
@pytest.mark.parametrize("input_delay", [1, 2, 5, 20])
@pytest.mark.parametrize("feedback_delay", [1, 3])
def test_an_update_after_the_arrival_does_not_change_the_signal(
    kind: str, input_delay: int, feedback_delay: int
) -> None:
    """The output weight is 1 until the neuron's second spike reaches the readout, after the error has arrived."""
    delay = {"input": input_delay, "feedback": feedback_delay}
    # The error of step 23 arrives in step 23 + feedback_delay; the next spike is emitted then, and arrives one later.
    used, updated = input_gradient(kind, delay, 23, [20, 23 + feedback_delay, 90])
    assert abs(updated - 1.0) > 0.01
    np.testing.assert_allclose(used, 1.0, rtol=1e-9)


@pytest.mark.parametrize("kind", ["symmetric", "adaptive"])
@pytest.mark.parametrize("input_delay", [1, 5, 20])
@pytest.mark.parametrize("feedback_delay", [3, 6])
def test_an_update_in_the_step_of_the_arrival_changes_the_signal(
    kind: str, input_delay: int, feedback_delay: int
) -> None:
    """A spike that reaches the readout in the step in which the error arrives updates the weight before it is read."""
    delay = {"input": input_delay, "feedback": feedback_delay}
    used, updated = input_gradient(kind, delay, 23, [20, 22 + feedback_delay, 90])
    assert abs(updated - 1.0) > 0.01
    np.testing.assert_allclose(used, updated, rtol=1e-9)


@pytest.mark.parametrize("kind", ["symmetric", "adaptive"])
@pytest.mark.parametrize("output_delay", [1, 6])
def test_the_delay_of_a_projection_without_synapses_changes_nothing(kind: str, output_delay: int) -> None:
    """It changes only the communication interval."""
    used = [
        input_gradient(kind, {"recurrent": recurrent, "output": output_delay}, 22 + output_delay, [20, 26, 90])
        for recurrent in (1, 3, 6)
    ]
    assert used[0] == used[1] == used[2]


def test_explicit_symmetric_feedback_is_refused() -> None:
    """The weights are those of the output; explicit ones would be ignored."""
    network, connections, _ = random_problem(4, 10, feedback="symmetric", **SMALL)
    source, target, weight = connections["output"]
    given = connections | {"feedback": Connections(target, source, weight)}
    with pytest.raises(ParameterError, match=r"connections\['feedback'\]: symmetric feedback .* must not be given$"):
        Simulation(network, connections=given)
    simulation = Simulation(network, connections=connections)
    with pytest.raises(ParameterError, match="symmetric feedback"):
        simulation.reconnect(given)
    simulation.reconnect({})


@pytest.mark.parametrize("output", ["given", "drawn"])
@pytest.mark.parametrize("wrong", ["missing", "additional", "another", "doubled"])
def test_adaptive_feedback_must_reverse_the_output(output: str, wrong: str) -> None:
    """Each feedback connection needs an output connection between the same two neurons, and vice versa."""
    network, connections, _ = random_problem(4, 10, feedback="adaptive", **SMALL)
    if output == "drawn":
        values = network.model_dump() | {"output": {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.5}}}
        network = parse(Network, values)
        connections = {"feedback": Simulation(network).weights("feedback")}
    shuffled = Connections(*(part[::-1] for part in connections["feedback"]))
    simulation = Simulation(network, connections=connections | {"feedback": shuffled})
    source, target, weight = shuffled
    order = np.lexsort((source, target))
    np.testing.assert_array_equal(simulation.weights("feedback").weight, weight[order])

    taken = set(zip(shuffled.source.tolist(), shuffled.target.tolist(), strict=True))
    free = next(pair for pair in product(range(network.n_readout), range(network.n_recurrent)) if pair not in taken)
    first = 1 if wrong in ("missing", "another") else 0
    source, target, weight = (part[first:] for part in shuffled)
    if wrong != "missing":
        added = (source[0], target[0]) if wrong == "doubled" else free
        source, target, weight = (
            np.append(part, new) for part, new in zip((source, target, weight), (*added, 1.0), strict=True)
        )
    given = connections | {"feedback": Connections(source, target, weight)}
    message = r"connections\['feedback'\]: adaptive feedback must reverse the pairs of the output$"
    with pytest.raises(ParameterError, match=message):
        Simulation(network, connections=given)


def test_each_connection_of_a_multapse_has_its_own_feedback() -> None:
    """The weights of a network are the same after its connections have been listed and given again."""
    values = random_problem(4, 10, feedback="adaptive", **SMALL).network.model_dump()
    values["output"]["connectivity"] = {"rule": "fixed_in_degree", "in_degree": 30, "allow_multapses": True}
    network = parse(Network, values)
    drawn = Simulation(network)
    connections = {name: drawn.weights(name) for name in PROJECTIONS}
    pairs = set(zip(*connections["feedback"][:2], strict=True))
    assert len(pairs) < len(connections["feedback"].weight)
    source, target, weight = connections["feedback"]
    connections["feedback"] = Connections(source, target, weight + np.arange(len(weight)))
    again = Simulation(network, connections=connections)
    np.testing.assert_array_equal(again.weights("feedback").weight, connections["feedback"].weight)
