"""The estimated sizes of files are those of real ones."""

from pathlib import Path
from typing import Any

import pytest

from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from eprop_core.storage.file_size import estimate_checkpoint, estimate_network_file

SMALL: dict[str, Any] = {"n_input": 100, "n_recurrent": 50, "n_readout": 2}
DENSE = SMALL | {"n_recurrent": 300}
SPARSE = SMALL | {
    "n_input": 2000,
    "n_recurrent": 500,
    "input": {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.1}},
    "recurrent": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 20}},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "small": SMALL,
    "a piece more than one chunk": SMALL | {"n_input": 1400},
    "dense": DENSE,
    "sparse": SPARSE,
    "many neurons": SMALL | {"n_recurrent": 70_000, "recurrent": SPARSE["recurrent"], "n_input": 5},
    "symmetric feedback": DENSE | {"feedback": {"kind": "symmetric"}},
    "static input": SPARSE | {"input": SPARSE["input"] | {"plastic": False}},
    "adaptive feedback, Adam per sample": DENSE
    | {"feedback": {"kind": "adaptive"}, "plasticity": {"optimizer": {"algorithm": "adam"}, "update": "sample"}},
    "adaptive thresholds, Adam per step": SPARSE
    | {"neuron": {"adaptation": {"beta": 0.1, "tau": 100.0}}, "plasticity": {"optimizer": {"algorithm": "adam"}}},
    "decays of neurons": SPARSE | {"neuron": {"tau_m": {"low": 10.0, "high": 20.0}}},
}


@pytest.mark.parametrize("values", NETWORKS.values(), ids=NETWORKS.keys())
def test_estimated_sizes_are_close_to_those_of_files(values: dict[str, Any], tmp_path: Path) -> None:
    network = parse(Network, values)
    simulation = Simulation(network)
    simulation.save(tmp_path / "network.h5")
    simulation.save_checkpoint(tmp_path / "checkpoints")
    (checkpoint,) = (tmp_path / "checkpoints").iterdir()
    for path, estimate in (
        (tmp_path / "network.h5", estimate_network_file(network)),
        (checkpoint, estimate_checkpoint(network)),
    ):
        assert estimate == pytest.approx(path.stat().st_size, rel=0.1), path
