"""Graphs of NIR: an independent interpreter of its equations gives the network's spikes and readouts, step by step."""

import re
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from eprop_core import Network, ParameterError, Simulation, Stimulus, parse, to_nir

N_STEPS = 400
SIZES = {"n_input": 20, "n_recurrent": 15, "n_readout": 2}
NEURON = {"V_reset": -0.1, "V_th": 0.6, "tau_m": 8.0}


def network(**changes: Any) -> Network:
    return parse(Network, SIZES | {"dt": 0.5, "neuron": NEURON} | changes)


def inputs() -> np.ndarray:
    return np.random.default_rng(1).random((N_STEPS, SIZES["n_input"])) < 0.05


def simulated(simulation: Simulation) -> tuple[np.ndarray, np.ndarray]:
    """Spikes, bool (n_steps, n_recurrent), and readouts without learning."""
    steps, channels = np.nonzero(inputs())
    stimulus = Stimulus(N_STEPS, steps, channels, np.zeros((N_STEPS, 2)), np.zeros(N_STEPS, bool))
    recording = simulation.frozen().run(stimulus)
    spikes = np.zeros((N_STEPS, SIZES["n_recurrent"]), bool)
    spikes[recording.spike_steps, recording.spike_neurons] = True
    return spikes, recording.readout


def interpreted(graph: nir.NIRGraph, network: Network, integration: str) -> tuple[np.ndarray, np.ndarray]:
    """Integrate the equations of a graph, with an input of 1 for one step for each spike.

    Input spikes are shown ``input.delay`` later, and readouts counted from ``output.delay`` on.
    """
    dt, nodes = graph.metadata["dt"], graph.nodes
    shown = np.zeros((N_STEPS, SIZES["n_input"]))
    shown[network.input.delay :] = inputs()[: -network.input.delay]

    def moved(node: Any, v: np.ndarray, current: np.ndarray) -> np.ndarray:
        rest = node.v_leak + node.r * current
        if integration == "euler":
            return v + dt / node.tau * (rest - v)
        return rest + (v - rest) * np.exp(-dt / node.tau)

    neurons, readouts, affine = nodes["neurons"], nodes["readouts"], nodes["input_weights"]
    v, z, y = np.zeros(len(neurons.tau)), np.zeros(len(neurons.tau)), readouts.v_leak
    spikes, answers = [], [readouts.v_leak] * network.output.delay
    for x in shown:
        v = moved(neurons, v, affine.weight @ x + affine.bias + nodes["recurrent_weights"].weight @ z)
        z = (v > neurons.v_threshold).astype(float)
        v = np.where(z > 0.0, neurons.v_reset, v)
        y = moved(readouts, y, nodes["output_weights"].weight @ z)
        spikes.append(z > 0.0)
        answers.append(y)
    return np.array(spikes), np.array(answers[:N_STEPS])


@pytest.mark.parametrize("integration", ["exact", "euler"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"neuron": NEURON | {"I_e": 0.05, "C_m": 2.0}},
        {"neuron": NEURON | {"tau_m": {"low": 4.0, "high": 20.0}, "V_th": {"low": 0.3, "high": 0.9}}},
        {"readout": {"E_L": 1.5}, "input": {"delay": 3}, "output": {"delay": 4}},
    ],
    ids=["plain", "constant current", "values per neuron", "delays"],
)
def test_a_graph_has_the_networks_spikes_and_readouts(integration: Any, changes: Any, tmp_path: Path) -> None:
    simulation = Simulation(network(**changes), seed=1)
    nir.write(tmp_path / "graph.nir", to_nir(simulation, integration))
    expected, readout = simulated(simulation)
    spikes, answers = interpreted(nir.read(tmp_path / "graph.nir"), simulation.network, integration)
    assert expected.sum() > 50
    np.testing.assert_array_equal(spikes, expected)
    np.testing.assert_allclose(answers, readout, rtol=0, atol=1e-12 * np.abs(readout).max())


def test_the_example_of_the_documentation_writes_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how_to" / "nir.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Simulation(network(), seed=1).save("network.h5")
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], {})
    assert nir.read(tmp_path / "network.nir").nodes.keys() >= {"neurons", "readouts"}


def test_the_other_integration_gives_other_spikes() -> None:
    simulation = Simulation(network(), seed=1)
    spikes, _ = interpreted(to_nir(simulation, "exact"), simulation.network, "euler")
    assert (spikes != simulated(simulation)[0]).any()


def test_a_graph_has_the_weights_that_were_learned() -> None:
    simulation = Simulation(network(plasticity={"optimizer": {"learning_rate": 1e-2}}), seed=1)
    steps, channels = np.nonzero(inputs())
    simulation.run(Stimulus(N_STEPS, steps, channels, np.ones((N_STEPS, 2)), np.ones(N_STEPS, bool)))
    source, target, weight = simulation.weights("output")
    learned = to_nir(simulation).nodes["output_weights"].weight
    np.testing.assert_array_equal(learned[target, source], weight)
    assert (learned != to_nir(Simulation(simulation.network, seed=1)).nodes["output_weights"].weight).any()


GROUPS: dict[str, Any] = {
    "groups": {"a": {"size": 10}, "b": {"size": 5}},
    "input": {"targets": {"a": {}, "b": {}}},
    "recurrent": {"pairs": {"a -> b": {}, "b -> b": {}}},
    "output": {"sources": ["b"]},
}


def test_a_graph_has_the_weights_between_groups() -> None:
    simulation = Simulation(network(**GROUPS), seed=1)
    weights = to_nir(simulation).nodes["recurrent_weights"].weight
    assert np.all(weights[:10] == 0.0)
    for pair in ("a -> b", "b -> b"):
        source, target, weight = simulation.weights(pair)
        np.testing.assert_array_equal(weights[target, source], weight)
    assert np.count_nonzero(weights) == 10 * 5 + 5 * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (GROUPS | {"recurrent": {"pairs": {"a -> b": {"delay": 2}}}}, "a -> b.delay = 2 (delays of recurrent"),
        (GROUPS | {"input": {"targets": {"a": {"delay": 2}}}}, "input -> a.delay = 2 (several delays of the input)"),
        ({"neuron": {}}, "neuron.V_reset = None (a spike that subtracts the threshold)"),
        ({"neuron": NEURON | {"t_ref": 2.0}}, "neuron.t_ref = 2.0 (refractoriness)"),
        ({"neuron": NEURON | {"V_min": -0.5}}, "neuron.V_min = -0.5 (a lower bound of the voltage)"),
        ({"neuron": NEURON | {"adaptation": {"beta": 0.1, "tau": 50.0}}}, "(adaptive thresholds)"),
        ({"neuron": NEURON | {"ignore_and_fire": {"rate": 20.0}}}, "(firing at a fixed rate)"),
        ({"recurrent": {"delay": 2}}, "recurrent.delay = 2 (delays of recurrent connections"),
    ],
)
def test_what_nir_does_not_express_is_refused_by_name(changes: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=r"^NIR does not express ") as refused:
        to_nir(Simulation(network(**changes), seed=1))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_integration_is_refused() -> None:
    with pytest.raises(ParameterError, match="integration = 'heun': must be one of exact, euler"):
        to_nir(Simulation(network(), seed=1), "heun")  # type: ignore[arg-type]
