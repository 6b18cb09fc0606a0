"""Networks that the programs of snnTorch and BrainTrace support; they report others as not measured."""

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest
import yaml

from eprop_core import configuration
from eprop_core.experiments.baselines.parameters import PoissonBaseline
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import parse
from small_results import PROJECT


@pytest.fixture(scope="module")
def dense() -> ModuleType:
    """Return the module that both programs import, which is no part of a package."""
    specification = importlib.util.spec_from_file_location("dense", PROJECT / "simulators" / "dense.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def written(**changes: Any) -> dict[str, Any]:
    """Return a network as the file of a problem holds it."""
    network = parse(Network, {"n_input": 20, "n_recurrent": 30, "n_readout": 2, **changes})
    return dict(json.loads(network.model_dump_json()))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"neuron": {"t_ref": 2.0}}, "network.neuron.t_ref is not 0.0"),
        ({"neuron": {"adaptation": {"beta": 0.1, "tau": 20.0}}}, "network.neuron.adaptation is not null"),
        (
            {"neuron": {"surrogate_gradient": {"function": "arctan"}}},
            'network.neuron.surrogate_gradient.function is not "piecewise_linear"',
        ),
        (
            {"plasticity": {"optimizer": {"algorithm": "adam"}}},
            'network.plasticity.optimizer.algorithm is not "gradient_descent"',
        ),
        ({"output": {"fixed_signs": True}}, "network.output.fixed_signs is not null"),
        ({"n_recurrent": 30_000}, "dense matrices would need 11 GB"),
    ],
)
def test_other_networks_are_not_measured(dense: ModuleType, changes: dict[str, Any], reason: str | None) -> None:
    assert dense.obstacle(written(**changes), bytes_per_pair=12) == reason


def test_networks_of_the_comparison_are_measured(dense: ModuleType) -> None:
    values = yaml.safe_load((PROJECT / "config" / "baselines.yaml").read_text(encoding="utf-8"))
    loaded = configuration.load(values, "baselines.yaml")
    networks = [of.network for of in loaded.baselines.values() if isinstance(of, PoissonBaseline)]
    networks += [task.network_before_data() for task in loaded.tasks.values()]
    assert len(networks) >= 3
    for network in networks:
        assert dense.obstacle(dict(json.loads(network.model_dump_json())), bytes_per_pair=0) is None


def test_each_projection_has_its_learning_rate(dense: ModuleType) -> None:
    changes = {"output": {"learning_rate": 0.25}, "recurrent": {"plastic": False}}
    rates = dense.learning_rates(written(plasticity={"optimizer": {"learning_rate": 0.5}}, **changes))
    assert rates == {"input": 0.5, "recurrent": 0.0, "output": 0.25}
    assert list(rates) == list(LEARNING_PROJECTIONS)
