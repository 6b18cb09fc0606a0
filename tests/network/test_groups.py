"""Groups of neurons: what is drawn between them and learned there, on any number of ranks, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core.commands.describe import describe
from eprop_core.errors import NetworkFileError
from eprop_core.experiments.compile import run_briefly
from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.network.connections import Connections
from eprop_core.network.features import kind, network_of
from eprop_core.network.memory_estimate import estimate_memory
from eprop_core.network.projections import projections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from eprop_core.training.parameters import Rewiring, check_rewirable
from thread_ranks import on_thread_ranks

SIZES = {"n_input": 20, "n_recurrent": 30, "n_readout": 3}
GROUPS: dict[str, Any] = {
    "excitatory": {"size": 21, "excitatory": True},
    "inhibitory": {"size": 9, "excitatory": False, "c_reg": 0.0, "V_th": {"low": 0.4, "high": 0.5}},
}
IDS = {"excitatory": range(21), "inhibitory": range(21, 30), "input": range(20)}
BALANCED: dict[str, Any] = {
    **SIZES,
    "groups": GROUPS,
    "plasticity": {"c_reg": 2.0, "optimizer": {"learning_rate": 1e-3}},
    "input": {"weights": {"scale": 3.0}, "targets": {"excitatory": {}, "inhibitory": {"delay": 3}}},
    "recurrent": {
        "connectivity": {"rule": "fixed_in_degree", "in_degree": 6},
        "weights": {"scale": 0.3, "divide_by": "sqrt_in_degree"},
        "delay": 2,
        "pairs": {
            "excitatory -> excitatory": {},
            "excitatory -> inhibitory": {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.5}},
            "inhibitory -> excitatory": {
                "weights": {"scale": 1.2, "distribution": "uniform"},
                "learning_rate": 1e-2,
                "weight_min": -0.9,
            },
            "inhibitory -> inhibitory": {"delay": 1, "plastic": False},
        },
    },
    "output": {"sources": ["excitatory"], "connectivity": {"rule": "fixed_in_degree", "in_degree": 15}},
    "feedback": {"targets": ["excitatory"]},
}
"""Two groups and all pairs of them."""


def changed(changes: dict[str, Any], values: dict[str, Any] = BALANCED) -> dict[str, Any]:
    """Return nested values with some of them replaced."""
    nested = {
        key: changed(value, values.get(key) or {}) if isinstance(value, dict) else value
        for key, value in changes.items()
    }
    return values | nested


def everything(simulation: Simulation) -> dict[str, np.ndarray]:
    names = [spec.name for spec in projections(simulation.network)]
    return {
        f"{name} {end}": values for name in names for end, values in simulation.weights(name)._asdict().items()
    } | simulation.neuron_values()


def assert_same(own: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert own.keys() == other.keys()
    for name, values in own.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_connections_are_drawn_between_the_groups_of_a_pair() -> None:
    simulation = Simulation(parse(Network, BALANCED))
    for name in ("input -> inhibitory", *BALANCED["recurrent"]["pairs"]):
        source, target = name.split(" -> ")
        drawn = simulation.weights(name)
        n_sources = len(IDS[source]) - (source == target)
        assert set(drawn.source) == set(IDS[source])
        assert set(drawn.target) == set(IDS[target])
        assert len(set(zip(drawn.source, drawn.target, strict=True))) == len(drawn.source)
        if source == target:
            assert not np.any(drawn.source == drawn.target)
        in_degree = np.bincount(drawn.target)[IDS[target].start :]
        if name == "excitatory -> inhibitory":
            assert 0.3 * n_sources < in_degree.mean() < 0.7 * n_sources
        else:
            assert np.all(in_degree == (n_sources if source == "input" else 6))
    assert set(simulation.weights("output").source) <= set(IDS["excitatory"])
    assert np.bincount(simulation.weights("output").target).tolist() == [15, 15, 15]
    assert set(simulation.weights("feedback").target) == set(IDS["excitatory"])


def test_weights_have_the_signs_of_their_group_and_the_scale_of_their_pair() -> None:
    simulation = Simulation(parse(Network, BALANCED))
    spread = {}
    for name in [*BALANCED["recurrent"]["pairs"], "output"]:
        weight = simulation.weights(name).weight
        assert np.all(weight < 0.0 if name.startswith("inhibitory") else weight > 0.0)
        spread[name] = np.sqrt(np.mean(weight**2))
    # The same random numbers with another scale.
    values = changed({"recurrent": {"pairs": {"inhibitory -> excitatory": {"weights": {"scale": 0.3}}}}})
    smaller = Simulation(parse(Network, values)).weights("inhibitory -> excitatory").weight
    np.testing.assert_allclose(4.0 * smaller, simulation.weights("inhibitory -> excitatory").weight, rtol=1e-14)
    assert 0.5 < spread["excitatory -> excitatory"] / (0.3 / np.sqrt(6)) < 1.5


def test_pairs_have_random_numbers_of_their_own() -> None:
    """Pairs of the same sizes and rules are independent, and do not depend on other pairs."""
    groups = {name: {"size": 10} for name in ("a", "b", "c")}
    pairs: dict[str, Any] = {f"{one} -> {other}": {} for one in groups for other in groups if one != other}
    values = SIZES | {"groups": groups, "recurrent": {"pairs": pairs}}
    simulation = Simulation(parse(Network, values))
    weights = [simulation.weights(name).weight for name in pairs]
    assert len({weight.tobytes() for weight in weights}) == len(pairs)
    correlation = np.corrcoef(weights) - np.eye(len(pairs))
    assert np.abs(correlation).max() < 0.4
    alone = Simulation(parse(Network, values | {"recurrent": {"pairs": {"c -> a": {}}}}))
    np.testing.assert_array_equal(alone.weights("c -> a").weight, simulation.weights("c -> a").weight)


def test_neurons_have_the_values_of_their_group() -> None:
    values = changed({"groups": {"excitatory": {"tau_m": 15.0}}})
    of_neurons = Simulation(parse(Network, values)).neuron_values()
    assert of_neurons["tau_m"].tolist() == 21 * [15.0] + 9 * [20.0]
    assert np.all(of_neurons["V_th"][:21] == 0.6)
    assert len(set(of_neurons["V_th"][21:])) == 9
    assert np.all((of_neurons["V_th"][21:] >= 0.4) & (of_neurons["V_th"][21:] < 0.5))


@pytest.mark.parametrize("connectivity", [{"rule": "all_to_all"}, {"rule": "fixed_in_degree", "in_degree": 7}], ids=str)
def test_one_group_of_all_neurons_is_the_network_without_groups(connectivity: dict[str, Any]) -> None:
    plain = SIZES | {
        "plasticity": BALANCED["plasticity"],
        "input": {"weights": {"scale": 3.0}, "connectivity": connectivity},
        "recurrent": {"connectivity": connectivity},
    }
    one_group = plain | {
        "groups": {"everyone": {"size": 30}},
        "input": plain["input"] | {"targets": {"everyone": {}}},
        "recurrent": plain["recurrent"] | {"pairs": {"everyone -> everyone": {}}},
        "output": {"sources": ["everyone"]},
        "feedback": {"targets": ["everyone"]},
    }
    results = []
    for values in (plain, one_group):
        simulation = Simulation(parse(Network, values), seed=4)
        recording = simulation.run(poisson_stimulus(simulation.network, 0.05, seed=1, first_step=0, n_steps=400))
        weights = [simulation.weights(spec.name) for spec in projections(simulation.network)]
        results.append((recording.spike_steps, recording.spike_neurons, recording.readout, recording.error, weights))
    assert len(results[0][0]) > 500
    for own, other in zip(*results, strict=True):
        np.testing.assert_equal(own, other)


def learned(values: dict[str, Any] = BALANCED, **arguments: Any) -> Simulation:
    simulation = Simulation(parse(Network, values), seed=7, **arguments)
    simulation.run(poisson_stimulus(simulation.network, 0.05, seed=1, first_step=0, n_steps=300))
    return simulation


def test_what_is_learned_does_not_depend_on_the_number_of_ranks() -> None:
    before, alone = everything(Simulation(parse(Network, BALANCED), seed=7)), learned()
    expected = everything(alone)
    for name in (spec.name for spec in projections(alone.network)):
        changes = not np.array_equal(before[f"{name} weight"], expected[f"{name} weight"])
        # Inhibitory neurons have neither feedback nor a rate regularization.
        assert changes == (name.endswith("-> excitatory") or name == "output"), name
    assert np.any(expected["inhibitory -> excitatory weight"] == 0.0)
    for n_ranks in (2, 3):
        for destinations in ("all", "targets"):
            for own in on_thread_ranks(
                n_ranks,
                lambda communicator, to=destinations: everything(learned(communicator=communicator, destinations=to)),
            ):
                assert_same(own, expected)


def test_files_and_copies_go_on_as_the_simulation_does(tmp_path: Path) -> None:
    simulation = learned()
    simulation.save_checkpoint(tmp_path / "checkpoints")
    simulation.save(tmp_path / "network.h5")
    others = [simulation.copy(), Simulation.from_checkpoint(tmp_path / "checkpoints")]
    assert_same(everything(Simulation.load(tmp_path / "network.h5")), everything(simulation))
    answers = [
        frozen.run(poisson_stimulus(frozen.network, 0.05, seed=2, first_step=0, n_steps=100)).readout
        for frozen in (simulation.frozen(), Simulation.load(tmp_path / "network.h5").frozen())
    ]
    np.testing.assert_array_equal(*answers)
    stimulus = poisson_stimulus(simulation.network, 0.05, seed=3, first_step=300, n_steps=300)
    recordings = [one.run(stimulus) for one in (simulation, *others)]
    for other, recording in zip(others, recordings[1:], strict=True):
        assert_same(everything(other), everything(simulation))
        np.testing.assert_array_equal(recording.spike_steps, recordings[0].spike_steps)


def test_a_file_is_loaded_only_with_the_groups_that_it_has(tmp_path: Path) -> None:
    Simulation(parse(Network, BALANCED)).save(tmp_path / "network.h5")
    groups = {"excitatory": {"size": 20}, "inhibitory": {"size": 10}}
    with pytest.raises(NetworkFileError, match="the given network has other groups"):
        Simulation.load(tmp_path / "network.h5", network=parse(Network, changed({"groups": groups})))


def test_the_learning_rate_of_a_pair_is_set_alone() -> None:
    simulation = Simulation(parse(Network, BALANCED))
    simulation.set_learning_rate(0.5, "excitatory -> excitatory")
    rates = {name: simulation.network.optimizer(name).learning_rate for name in BALANCED["recurrent"]["pairs"]}
    assert rates == {
        "excitatory -> excitatory": 0.5,
        "excitatory -> inhibitory": 1e-3,
        "inhibitory -> excitatory": 1e-2,
        "inhibitory -> inhibitory": 1e-3,
    }
    simulation.set_learning_rate(0.25)
    assert {simulation.network.optimizer(name).learning_rate for name in rates} == {0.25}


def test_explicit_connections_must_be_those_of_the_pair() -> None:
    network = parse(Network, BALANCED)
    given = Connections(np.array([0, 5]), np.array([21, 29]), np.array([0.1, 0.2]))
    simulation = Simulation(network, connections={"excitatory -> inhibitory": given})
    np.testing.assert_equal(simulation.weights("excitatory -> inhibitory"), given)
    wrong = given._replace(target=np.array([21, 20]))
    with pytest.raises(ParameterError, match=r"target\[1\] = 20: its groups have the ids 21 to 29"):
        Simulation(network, connections={"excitatory -> inhibitory": wrong})
    with pytest.raises(ParameterError, match="must be one of input -> excitatory, "):
        Simulation(network).weights("recurrent")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_recurrent": 31}, "groups: their sizes add up to 30, and n_recurrent is 31"),
        ({"groups": {"input": {"size": 1}}}, "groups: their sizes add up to 31"),
        (
            {"groups": {"inhibitory": {"size": 8}, "input": {"size": 1, "excitatory": True}}},
            "groups.input: is the name",
        ),
        ({"groups": {"a b": {"size": 1}}}, "groups.a b = 'a b': must begin with a letter and have letters"),
        ({"groups": {"inhibitory": {"excitatory": None}}}, "groups.inhibitory.excitatory: must be given, as for other"),
        ({"groups": {"inhibitory": {"beta": 0.1}}}, "groups.inhibitory.beta: needs neuron.adaptation"),
        ({"neuron": {"excitatory": 0.5}}, "neuron.excitatory: must be null where groups are excitatory or inhibitory"),
        ({"input": {"targets": {"exitatory": {}}}}, "input.targets: there is no group 'exitatory'; there are excitato"),
        ({"recurrent": {"pairs": {"excitatory": {}}}}, "recurrent.pairs: 'excitatory' must be two groups, `source -> "),
        ({"recurrent": {"pairs": {"excitatory -> one": {}}}}, "recurrent.pairs: there is no group 'one'; there are"),
        ({"recurrent": {"pairs": {"excitatory -> excitatory": {"dely": 1}}}}, "no such key; close to it: delay"),
        (
            {"recurrent": {"pairs": {"inhibitory -> inhibitory": {"connectivity": {"in_degree": 9}}}}},
            "recurrent.pairs.inhibitory -> inhibitory.connectivity.rule: Field required",
        ),
        (
            {"groups": {"excitatory": {"size": 25}, "inhibitory": {"size": 5}}},
            "inhibitory -> excitatory.connectivity.in_degree = 6 exceeds the 5 sources there are",
        ),
        (
            {"recurrent": {"pairs": {"excitatory -> excitatory": {"weight_min": 200.0}}}},
            "excitatory -> excitatory: weight_min = 200.0 must not exceed weight_max = 100.0",
        ),
        (
            {"recurrent": {"pairs": {"excitatory -> excitatory": {"fixed_signs": False}}}},
            "excitatory -> excitatory.fixed_signs: must not be false where sources are excitatory or inhibitory",
        ),
        (
            {"recurrent": {"pairs": {"excitatory -> excitatory": {"delay": 100}}}},
            "plasticity.cutoff = 100 must exceed excitatory -> excitatory.delay = 100",
        ),
        (
            {"plasticity": {"update": "sample"}},
            "input -> inhibitory.delay = 3: must be input.delay = 1 where samples update or reset",
        ),
        ({"output": {"sources": ["excitatory", "excitatory"]}}, "excitatory comes twice"),
        ({"output": {"sources": ["readouts"]}}, "output.sources: there is no group 'readouts'; there are"),
        ({"output": {"sources": []}}, "output.sources = []: must have entries, at least 1"),
        ({"feedback": {"kind": "symmetric"}}, "feedback.targets: symmetric feedback goes to the neurons with connec"),
        ({"groups": None}, "there is no group 'excitatory'; groups must be given"),
    ],
)
def test_what_is_wrong_gets_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        parse(Network, changed(changes))
    assert message in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_description_names_groups_and_pairs(tmp_path: Path) -> None:
    Simulation(parse(Network, BALANCED)).save(tmp_path / "network.h5")
    lines = list(describe(tmp_path / "network.h5"))
    assert "group excitatory: recurrent neurons 0 to 20, excitatory" in lines
    assert "group inhibitory: recurrent neurons 21 to 29, inhibitory" in lines
    (pair,) = (line for line in lines if line.startswith("inhibitory -> excitatory "))
    assert pair.split()[3:6] == ["126", "2", "ms"]


def test_connections_of_groups_are_not_rewired() -> None:
    network = parse(Network, BALANCED)
    for name in ("input", "recurrent", "output"):
        rewiring = parse(Rewiring, {"projections": [name]})
        with pytest.raises(ParameterError, match=f"{name} connects groups, which are not rewired"):
            check_rewirable(network, rewiring)


def test_networks_with_equally_many_bundles_are_compiled_together() -> None:
    network = parse(Network, BALANCED)
    assert kind(network) == kind(network_of("projections_2_2")) == "projections_2_2"
    one_input = parse(Network, changed({"input": {"targets": None}}))
    assert kind(one_input) == kind(network_of("dense-projections_1_2")) == "dense-projections_1_2"
    for name in ("dense-projections_2_1", "two_filters-projections_2_1", "projections_1_3"):
        assert kind(network_of(name)) == name


def test_what_is_compiled_for_a_network_of_groups_is_compiled_by_a_short_run() -> None:
    run_briefly(parse(Network, BALANCED))


def test_the_memory_of_a_network_of_groups_is_estimated() -> None:
    network = parse(Network, changed({"n_recurrent": 3000, "groups": {"excitatory": {"size": 2991}}}))
    few = estimate_memory(network)
    full = {"rule": "pairwise_bernoulli", "probability": 1.0}
    values = changed(
        {"recurrent": {"pairs": {"excitatory -> excitatory": {"connectivity": full}}}}, network.model_dump()
    )
    more = estimate_memory(parse(Network, values)) - few
    assert 20 * 2991**2 < more < 60 * 2991**2
