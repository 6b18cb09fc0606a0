"""The page on files of networks: its program reads weights with h5py alone, and all names exist."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation

PAGE = (Path(__file__).parents[2] / "docs" / "how_to" / "networks.md").read_text(encoding="utf-8")
NETWORK = parse(Network, {"n_input": 3, "n_recurrent": 7, "n_readout": 2})


def test_ten_lines_read_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    simulation = Simulation(NETWORK)
    simulation.save("network.h5")
    (program,) = re.findall(r"```python\n(import h5py\n.*?)```", PAGE, re.DOTALL)
    assert len([line for line in program.splitlines() if line]) <= 10
    variables: dict[str, object] = {}
    exec(program, variables)
    source, target, weight = simulation.weights("recurrent")
    expected = np.zeros((7, 7))
    expected[target, source] = weight
    np.testing.assert_array_equal(variables["matrix"].toarray(), expected)  # type: ignore[attr-defined]


def test_the_layout_is_described(tmp_path: Path) -> None:
    """Each name in a file is in the table."""
    Simulation(NETWORK).save(tmp_path / "network.h5")
    table = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    described = set(re.findall(r"`@?([\w/…]+)`", " ".join(table)))
    (of_neurons,) = re.findall(r"; NAME is (.*)\|", PAGE)
    last_names = {name.rpartition("/")[2] for name in described} | set(re.findall(r"`(\w+)`", of_neurons))
    with h5py.File(tmp_path / "network.h5") as file:
        assert set(file.attrs) <= described
        datasets: list[str] = []
        file.visititems(lambda name, item: datasets.append(name) if isinstance(item, h5py.Dataset) else None)
    assert len(datasets) > 20
    assert {name.rpartition("/")[2] for name in datasets} <= last_names
