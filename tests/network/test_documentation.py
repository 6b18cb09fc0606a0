"""The page on groups of neurons: its networks are built, spike and learn."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.network.projections import projections
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate

PAGE = (Path(__file__).parents[2] / "docs" / "how_to" / "networks.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("number", range(2), ids=["balanced", "layered"])
def test_networks_of_groups_spike_and_learn(number: int) -> None:
    network = parse(Network, EXAMPLES[number])
    drawn = Simulation(network)
    connections = {spec.name: drawn.weights(spec.name) for spec in projections(network)}
    stimulus = poisson_stimulus(network, 0.02, seed=1, first_step=0, n_steps=500)
    result = simulate(network, connections, stimulus, neuron_values=drawn.neuron_values())
    rates = np.bincount(result.spike_neurons, minlength=network.n_recurrent) / 0.5
    for name in network.groups or ():
        (ids,) = network.ids([name])
        assert 1.0 < rates[ids.start : ids.stop].mean() < 100.0, name
    for spec in projections(network):
        changes = np.any(result.weights[spec.name].weight != connections[spec.name].weight)
        assert changes == spec.plastic, spec.name


def test_the_network_with_stdp_spikes_and_learns() -> None:
    (example,) = (given for given in EXAMPLES if "stdp" in given.get("recurrent", {}))
    network = parse(Network, {"n_input": 100, "n_recurrent": 12, "n_readout": 1} | example)
    simulation = Simulation(network)
    before = simulation.weights("recurrent").weight
    recording = simulation.run(poisson_stimulus(network, 0.02, seed=1, first_step=0, n_steps=1000))
    assert 1.0 < len(recording.spike_steps) / network.n_recurrent < 100.0
    learned = simulation.weights("recurrent").weight
    assert np.mean(learned != before) > 0.5


def test_ids_follow_the_order_of_the_groups() -> None:
    assert "`layer_2` has the neurons 40 to 69" in PAGE
    assert parse(Network, EXAMPLES[1]).ids(["layer_2"]) == (range(40, 70),)
