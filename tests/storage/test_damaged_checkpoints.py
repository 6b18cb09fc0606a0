"""A checkpoint that cannot be used is refused in one line, and the one before it is used."""

import shutil
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from continued import new_simulation
from damage import refusals_of_changed_bits
from eprop_core.errors import NetworkFileError
from eprop_core.measurement import process as measurement
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.simulation import CheckpointWarning, Simulation
from eprop_core.storage.generations import checkpoints
from eprop_core.verification.random_problem import Problem
from pieces import assert_same_bits
from small_problem import small_problem
from thread_ranks import on_thread_ranks

FIRST, SECOND, END = 70, 130, 200


@pytest.fixture(scope="module")
def problem() -> Problem:
    return small_problem(8, END, kappa=0.95, kappa_reg=0.95, c_reg=2.0, delay=dict.fromkeys(PROJECTIONS, 2))


@pytest.fixture(scope="module")
def written(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints, after different steps."""
    directory = tmp_path_factory.mktemp("written")
    simulation = new_simulation(problem)
    simulation.run(problem.stimulus.part(0, FIRST))
    simulation.save_checkpoint(directory, {"step": FIRST})
    simulation.run(problem.stimulus.part(FIRST, SECOND))
    simulation.save_checkpoint(directory, {"step": SECOND})
    return directory


@pytest.fixture
def directory(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "checkpoints"))


def assert_goes_on(simulation: Simulation, problem: Problem, step: int) -> None:
    """The simulation is in this step, and its rest equals that of one that was not interrupted."""
    assert simulation.step == step
    assert simulation.notes == {"step": step}
    expected = new_simulation(problem)
    expected.run(problem.stimulus.part(0, step))
    rest = problem.stimulus.part(step, END)
    recordings = expected.run(rest), simulation.run(rest)
    assert len(recordings[0].spike_steps) > 20
    assert_same_bits(expected, simulation, *recordings)


def test_the_latest_checkpoint_is_used(problem: Problem, directory: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_goes_on(Simulation.from_checkpoint(directory), problem, SECOND)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def not_finite(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["state/neurons/v"][2] = np.nan


def not_finite_in_synapses(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["state/synapses/input/eligibility"][2] = np.nan


def other_shape(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["state/neurons/rate"]
        file["state/neurons/rate"] = np.zeros(3)


def missing_source(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["state/sources/input/ids"][0] = 2**30


def without_state(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["state"]


def many_ranks(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["state"].attrs["n_ranks"] = 2**40


def newer(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["state"] = np.zeros(3)


def of_another_network(path: Path) -> None:
    other = path.parent / "other"
    Simulation(parse(Network, {"n_input": 2, "n_recurrent": 3, "n_readout": 1})).save_checkpoint(other)
    shutil.copy(other / "checkpoint-000001.h5", path)


def other_number(dataset: str, value: int) -> Callable[[Path], None]:
    """Change an integer that compiled code takes for a place in memory; its checksum fits."""

    def change(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            values = file[dataset][()]
            values[...] = value
            file[dataset][...] = values

    change.__name__ = f"{dataset} = {value}"
    return change


def unknown_source(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        ids = file["state/input_spikes/ids"][()]
        ids[-1] = 2**30
        file["state/input_spikes/ids"][...] = ids


def reversed_spikes(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["state/input_spikes/ids"][...] = file["state/input_spikes/ids"][()][::-1]


DAMAGES = {
    unknown_source: "state/input_spikes: spikes must be listed by step, with ids that ascend within 0 to",
    reversed_spikes: "state/input_spikes: spikes must be listed by step",
    other_number("state/input_spikes/ids", -1): "state/input_spikes: spikes must be listed by step",
    other_number("state/onto_neurons/0/running_sums/time_index", 2**30): "state/input: running_sums/time_index",
    other_number("state/onto_neurons/0/running_sums/time_index", -1): "state/input: running_sums/time_index",
    other_number("state/output/running_sums/block_start", 2**30): "state/output: running_sums/block_start",
    other_number("state/onto_neurons/0/running_sums/block_start", -1000): "state/input: running_sums/block_start",
    other_number("state/sources/recurrent/last_emission", 2**30): "state/sources/recurrent/last_emission",
    other_number("state/sources/output/state", -1): "state/sources/output/state",
    other_number("state/sources/input/optimized", 2**30): "state/sources/input/optimized",
    other_number("state/neurons/refractory", 2**30): "state/neurons/refractory",
    truncate: "damaged, or not a network file",
    empty: "damaged, or not a network file",
    not_finite: "state/neurons/v has a value that is not finite",
    not_finite_in_synapses: "state/synapses/input/eligibility has a value that is not finite",
    other_shape: "state/neurons/rate has the shape (3,); expected (15)",
    missing_source: "state/sources/input: lacks source",
    without_state: "is a network without state, no checkpoint",
    many_ranks: "state/sources/input/n_of_ranks has the shape (1,)",
    newer: "has the layout 99 of a newer version",
    foreign: "not a network of eprop-core",
    of_another_network: "is a checkpoint of another network",
}


@pytest.mark.parametrize("n_ranks", [1, 2])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_the_checkpoint_before_a_damaged_one_is_used(
    damage: Any, n_ranks: int, problem: Problem, directory: Path
) -> None:
    latest = checkpoints(directory)[0]
    damage(latest)

    def start(communicator: Any) -> Simulation:
        return Simulation.from_checkpoint(directory, network=problem.network, communicator=communicator)

    with pytest.warns(CheckpointWarning) as warned:
        simulations = on_thread_ranks(n_ranks, start)
    (message,) = [str(warning.message) for warning in warned]
    assert message.startswith(f"{latest}: {DAMAGES[damage]}")
    assert message.endswith("; the checkpoint before it is used")
    assert "\n" not in message
    if n_ranks == 1:
        assert_goes_on(simulations[0], problem, FIRST)
    for simulation in simulations:
        assert simulation.notes == {"step": FIRST}


def test_a_second_moment_below_zero_is_refused(tmp_path: Path) -> None:
    """Adam takes its root."""
    values = {"n_input": 4, "n_recurrent": 5, "n_readout": 2, "plasticity": {"optimizer": {"algorithm": "adam"}}}
    Simulation(parse(Network, values)).save_checkpoint(tmp_path)
    (path,) = checkpoints(tmp_path)
    Simulation.from_checkpoint(tmp_path)
    with h5py.File(path, "r+") as file:
        file["state/synapses/recurrent/moments_2"][3] = -1e-9
    with pytest.raises(NetworkFileError, match=r"000001\.h5: recurrent: a second moment of Adam is below 0$"):
        Simulation.from_checkpoint(tmp_path)


def test_two_damaged_checkpoints_are_an_error(directory: Path) -> None:
    for path in checkpoints(directory):
        truncate(path)
    with pytest.warns(CheckpointWarning), pytest.raises(NetworkFileError, match=r"000002.h5: damaged"):
        Simulation.from_checkpoint(directory)


def test_a_directory_without_checkpoints_is_an_error(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(NetworkFileError, match=f"^{directory}: there is no checkpoint$"):
            Simulation.from_checkpoint(directory)


def test_a_changed_bit_is_refused_or_changes_nothing(problem: Problem, directory: Path) -> None:
    latest, before = checkpoints(directory)
    before.unlink()
    n_tried = 60
    n_refused = refusals_of_changed_bits(
        latest,
        latest.read_bytes(),
        n_tried,
        lambda: Simulation.from_checkpoint(directory),
        lambda simulation: assert_goes_on(simulation, problem, SECOND),
    )
    assert n_refused > n_tried / 4


def test_the_latest_two_checkpoints_are_kept(problem: Problem, directory: Path) -> None:
    simulation = Simulation.from_checkpoint(directory)
    (directory / "checkpoint-000001.h5.new.part").mkdir()  # of a program that was killed
    simulation.save_checkpoint(directory)
    assert sorted(path.name for path in directory.iterdir()) == ["checkpoint-000002.h5", "checkpoint-000003.h5"]


def test_a_damaged_checkpoint_does_not_replace_the_one_before(problem: Problem, directory: Path) -> None:
    truncate(checkpoints(directory)[0])
    with pytest.warns(CheckpointWarning):
        simulation = Simulation.from_checkpoint(directory)
    simulation.save_checkpoint(directory)
    assert sorted(path.name for path in directory.iterdir()) == ["checkpoint-000001.h5", "checkpoint-000003.h5"]
    truncate(checkpoints(directory)[0])
    with pytest.warns(CheckpointWarning):
        assert_goes_on(Simulation.from_checkpoint(directory), problem, FIRST)


def test_a_checkpoint_is_a_network_too(problem: Problem, directory: Path) -> None:
    loaded, simulation = Simulation.load(checkpoints(directory)[0]), Simulation.from_checkpoint(directory)
    assert loaded.step == 0
    for name in PROJECTIONS:
        np.testing.assert_array_equal(loaded.weights(name).weight, simulation.weights(name).weight)


def test_saving_takes_little_memory(tmp_path: Path) -> None:
    """Beside what the network itself takes: arrays, and what HDF5 keeps."""
    values: dict[str, Any] = {"n_input": 100, "n_recurrent": 10_000, "n_readout": 2}
    values["recurrent"] = {"connectivity": {"rule": "fixed_in_degree", "in_degree": 200}}
    values["input"] = {"connectivity": {"rule": "fixed_in_degree", "in_degree": 20}}
    simulation = Simulation(parse(Network, values))
    simulation.save_checkpoint(tmp_path)  # loads what is compiled
    n_bytes = sum(simulation.counts[f"{name}_synapses"] * size for name, size in simulation.synapse_bytes.items())
    assert n_bytes > 5e7
    tracemalloc.start()
    simulation.save_checkpoint(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.1 * n_bytes
    measurement.reset_peak_memory()
    before = measurement.resident_memory()
    simulation.save_checkpoint(tmp_path)
    assert measurement.peak_memory() - before < 0.4 * n_bytes
