"""The range of the initial weights of a projection, and bounds that would exclude some of these weights."""

import copy
import math
from typing import Any

import pytest

from eprop_core.network.initial_weights import check_initial_weights, extent, largest_draw
from eprop_core.network.projections import spiking_projections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation

SIZES = {"n_input": 100, "n_recurrent": 60, "n_readout": 10}
GROUPS: dict[str, Any] = {
    "groups": {"a": {"size": 40, "excitatory": True}, "b": {"size": 20, "excitatory": False}},
    "recurrent": {"pairs": {"a -> b": {"weights": {"scale": 3.0}}, "b -> a": {"weights": {"inhibitory_factor": 4.0}}}},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "both signs": {},
    "scaled": {"input": {"weights": {"scale": -2.0, "divide_by": "sqrt_mean_fan"}}},
    "excitatory": {"neuron": {"excitatory": 1.0}, "input": {"excitatory": 1.0}},
    "inhibitory": {"neuron": {"excitatory": []}, "recurrent": {"weights": {"inhibitory_factor": 0.5}}},
    "mixed": {"neuron": {"excitatory": 0.5}, "recurrent": {"weights": {"inhibitory_factor": 3.0}}},
    "some": {"input": {"excitatory": [3, 4], "connectivity": {"rule": "fixed_in_degree", "in_degree": 50}}},
    "groups": GROUPS,
}


@pytest.mark.parametrize("distribution", ["uniform", "constant", "normal"])
@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_drawn_from_all_of_the_extent(name: str, distribution: str) -> None:
    values: dict[str, Any] = {**SIZES, **{key: dict(section) for key, section in NETWORKS[name].items()}}
    for name in ("input", "recurrent", "output"):
        own = values.setdefault(name, {})
        own["weights"] = own.get("weights", {}) | {"distribution": distribution}
    network = parse(Network, values)
    simulation = Simulation(network, seed=7)
    for projection in spiking_projections(network):
        low, high = extent(network, projection)
        weight = simulation.weights(projection.name).weight
        assert len(weight) >= 60
        assert low <= weight.min() and weight.max() <= high
        filled = (weight.max() - weight.min()) / (high - low) if high > low else 1.0
        assert filled > {"uniform": 0.9, "constant": 0.999, "normal": 0.2}[distribution]
        if distribution == "constant":
            assert {weight.min(), weight.max()} == {low, high}


@pytest.mark.parametrize("n", [1, 1000, 10**7])
def test_one_of_a_million_networks_has_a_larger_normal_number(n: int) -> None:
    share_of_larger = 0.5 * math.erfc(largest_draw("normal", n) / math.sqrt(2.0))
    assert n * share_of_larger == pytest.approx(1e-6, rel=1e-6)


ONE_KEY = {
    "network.plasticity.optimizer.weight_max": {"plasticity": {"optimizer": {"weight_max": 0.5}}},
    "network.output.weight_min": {"output": {"weight_min": -0.5}},
    "network.recurrent.optimizer.weight_min": {"recurrent": {"optimizer": {"weight_min": 0.1}}},
    "network.input.stdp.weight_max": {"input": {"stdp": {"weight_max": 0.5}}},
    "network.recurrent.pairs.a -> b.weight_max": GROUPS | {"recurrent": {"pairs": {"a -> b": {"weight_max": 0.5}}}},
    "network.input.weight_max": GROUPS | {"input": {"weight_max": 0.5, "targets": {"a": {}, "b": {"weight_max": 9.0}}}},
    "network.input.targets.b.optimizer.weight_max": GROUPS
    | {"input": {"weight_max": 9.0, "targets": {"a": {}, "b": {"optimizer": {"weight_max": 0.5}}}}},
}


@pytest.mark.parametrize("key", ONE_KEY)
def test_a_bound_must_hold_all_weights_that_may_be_drawn(key: str) -> None:
    """The message names the key of the bound, and a value that is enough."""
    values = copy.deepcopy(SIZES | ONE_KEY[key])
    with pytest.raises(ParameterError) as error:
        check_initial_weights(parse(Network, values))
    message = str(error.value)
    assert message.startswith(f"{key} = ")
    allowed = float(message.partition("must be at ")[2].partition(" ")[2].partition(",")[0])
    section: Any = values
    *parents, last = key.removeprefix("network.").split(".")
    for parent in parents:
        section = section[parent]
    section[last] = allowed
    check_initial_weights(parse(Network, values))
    section[last] = allowed * 0.998
    with pytest.raises(ParameterError):
        check_initial_weights(parse(Network, values))


@pytest.mark.parametrize(
    "changes",
    [
        {"input": {"weight_max": 0.1, "plastic": False}},
        {"input": {"weight_max": 0.1, "connectivity": {"rule": "pairwise_bernoulli", "probability": 0.0}}},
        {"input": {"weight_min": 0.0, "excitatory": 1.0}},
        {"input": {"weight_min": 0.1, "weight_max": 0.1, "weights": {"distribution": "constant"}}},
        {"input": {"weight_min": 0.0, "weight_max": 0.0, "weights": {"scale": 0.0}}},
        {"input": {"weight_max": 0.1732051, "weight_min": -0.1732051, "weights": {"distribution": "uniform"}}},
    ],
)
def test_other_bounds_are_allowed(changes: dict[str, Any]) -> None:
    check_initial_weights(parse(Network, SIZES | changes))


def test_weights_that_depend_on_unknown_sizes_are_left_out() -> None:
    network = parse(Network, SIZES | {"input": {"weight_max": 0.1}})
    check_initial_weights(network, sizes_are_known=False)
    with_known_scale = {"input": {"weight_max": 0.1, "weights": {"divide_by": "nothing"}}}
    for changes in (with_known_scale, {"recurrent": {"weight_max": 0.1}}):
        with pytest.raises(ParameterError):
            check_initial_weights(parse(Network, SIZES | changes), sizes_are_known=False)
