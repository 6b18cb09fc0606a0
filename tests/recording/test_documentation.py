"""The page on recordings: its programs run, and it lists all quantities and all names in a file."""

import re
from pathlib import Path

import h5py
import matplotlib as mpl
import pytest

import small
from eprop_core.recording.request import NEURON_QUANTITIES, SYNAPSE_QUANTITIES
from eprop_core.storage.recording_file import RecordingFile
from recorded import RECORD, simulation, stimulus

PAGE = (Path(__file__).parents[2] / "docs" / "how_to" / "recordings.md").read_text(encoding="utf-8")


def test_the_programs_draw_a_figure_and_write_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    simulation().save("network.h5")
    for directory in ("results/studies/digits-1", "results/datasets/digits-1"):
        Path(directory).mkdir(parents=True)
    trained = simulation(n_input=100, n_readout=10)
    trained.save("results/studies/digits-1/seed-1.h5", {"learning_window": small.WINDOW})
    small.dataset(10).save("results/datasets/digits-1/test.npz")
    variables: dict[str, object] = {}
    for program in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(program, variables)
    assert (tmp_path / "neurons.png").stat().st_size > 10_000
    recorded = variables["recording"].recorded  # type: ignore[attr-defined]
    assert recorded.neurons["membrane_voltage"].values.shape == (90, 3)


def test_all_quantities_are_listed_with_their_units() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*?) ?\|", PAGE, re.MULTILINE))
    assert rows == {**NEURON_QUANTITIES, **SYNAPSE_QUANTITIES}


def test_the_layout_is_described(tmp_path: Path) -> None:
    with RecordingFile(tmp_path / "recording.h5", RECORD) as file:
        simulation().run(stimulus(), file)
    described = set(re.findall(r"`@?([\w/]+)`", PAGE))
    with h5py.File(tmp_path / "recording.h5") as file:
        assert set(file.attrs) <= described
        datasets: list[str] = []
        file.visititems(lambda name, item: datasets.append(name) if isinstance(item, h5py.Dataset) else None)
    assert len(datasets) > 20
    assert {name.rpartition("/")[2] for name in datasets} <= {name.rpartition("/")[2] for name in described}
