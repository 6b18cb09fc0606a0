"""Recordings in files."""

import signal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from eprop_core.errors import NetworkFileError
from eprop_core.parsing import ParameterError
from eprop_core.recording import recorder
from eprop_core.recording.recording import Recording, RunInterrupted
from eprop_core.recording.time_series import Recorded
from eprop_core.storage.recording_file import RecordingFile, read_recording
from recorded import RECORD, simulation, stimulus
from thread_ranks import on_thread_ranks


def write(path: Path, communicator: Any = None) -> Recording:
    """Record two runs; return what the same simulation records in memory."""
    simulated, in_memory = simulation(communicator), simulation(communicator)
    with RecordingFile(path, RECORD) as file:
        for _ in range(2):
            assert simulated.run(stimulus(), file).recorded is None
        assert not path.exists()
        if communicator is not None:
            communicator.Barrier()  # a rank that goes on may finish the file before the others have looked
    runs = [in_memory.run(stimulus(), RECORD) for _ in range(2)]
    parts = [run.recorded.shifted(number * stimulus().n_steps) for number, run in enumerate(runs) if run.recorded]
    return Recording(
        np.concatenate([run.spike_steps + number * stimulus().n_steps for number, run in enumerate(runs)]),
        np.concatenate([run.spike_neurons for run in runs]),
        np.zeros((0, 0)),
        np.zeros((0, 0)),
        Recorded.joined(parts),
    )


def assert_same(one: Recording, other: Recording) -> None:
    assert one.recorded is not None
    assert other.recorded is not None
    assert len(one.spike_steps) > 20
    np.testing.assert_array_equal(one.spike_steps, other.spike_steps)
    np.testing.assert_array_equal(one.spike_neurons, other.spike_neurons)
    np.testing.assert_array_equal(one.recorded.neuron_ids, other.recorded.neuron_ids)
    of_one = {("", quantity): series for quantity, series in one.recorded.neurons.items()}
    of_other = {("", quantity): series for quantity, series in other.recorded.neurons.items()}
    for name in one.recorded.synapses:
        of_one |= {(name, quantity): series for quantity, series in one.recorded.synapses[name].items()}
        of_other |= {(name, quantity): series for quantity, series in other.recorded.synapses[name].items()}
    assert of_one.keys() == of_other.keys()
    for key, series in of_one.items():
        np.testing.assert_array_equal(series.steps, of_other[key].steps)
        np.testing.assert_array_equal(series.values, of_other[key].values)


def test_a_file_holds_what_the_runs_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In several pieces, as in a long run."""
    monkeypatch.setattr(recorder, "VALUES_AT_ONCE", 100)
    in_memory = write(tmp_path / "recording.h5")
    assert_same(read_recording(tmp_path / "recording.h5"), in_memory)
    with h5py.File(tmp_path / "recording.h5") as file:
        assert file["neurons/membrane_voltage/values"].attrs["unit"] == "mV"


def test_all_ranks_write_one_file(tmp_path: Path) -> None:
    in_memory = write(tmp_path / "one.h5")
    on_thread_ranks(3, lambda communicator: write(tmp_path / "three.h5", communicator))
    assert_same(read_recording(tmp_path / "three.h5"), in_memory)


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_an_error_leaves_no_file(tmp_path: Path, n_ranks: int) -> None:
    def run(communicator: Any = None) -> None:
        simulated = simulation(communicator)
        with pytest.raises(ZeroDivisionError), RecordingFile(tmp_path / "recording.h5", RECORD) as file:
            simulated.run(stimulus(), file)
            raise ZeroDivisionError

    if n_ranks == 1:
        run()
    else:
        on_thread_ranks(n_ranks, run)
    assert not list(tmp_path.iterdir())


class Interrupted(RecordingFile):
    """Somebody presses Ctrl-C when the first values have been written."""

    def append(self, recorded: Recorded) -> None:
        super().append(recorded)
        if recorded.neurons["membrane_voltage"].steps[0] == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("default_interrupts")
def test_a_file_holds_what_was_recorded_before_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "VALUES_AT_ONCE", 200)
    simulated = simulation()
    with pytest.raises(RunInterrupted), Interrupted(tmp_path / "recording.h5", RECORD) as file:
        simulated.run(stimulus(100_000), file)
    recording = read_recording(tmp_path / "recording.h5")
    assert recording.recorded is not None
    assert 0 < simulated.step < 100_000
    assert recording.recorded.neurons["membrane_voltage"].steps.tolist() == list(range(simulated.step))


def test_a_file_that_cannot_be_written_is_an_error_on_all_ranks(tmp_path: Path) -> None:
    def run(communicator: Any) -> None:
        simulated = simulation(communicator)
        with (
            pytest.raises(OSError, match="recording"),
            RecordingFile(tmp_path / "no" / "recording.h5", RECORD) as file,
        ):
            simulated.run(stimulus(), file)

    on_thread_ranks(2, run)


def test_a_file_is_of_one_network_and_within_its_block(tmp_path: Path) -> None:
    file = RecordingFile(tmp_path / "recording.h5", RECORD)
    with pytest.raises(ParameterError, match="a run is recorded within the `with` block of its file"):
        simulation().run(stimulus(), file)
    with pytest.raises(ParameterError, match="holds the recording of another network"), file:
        simulation().run(stimulus(), file)
        simulation(dt=0.5).run(stimulus(), file)


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "recording.h5"
    write(path)
    content = path.read_bytes()
    random = np.random.default_rng(1)
    expected, n_refused = read_recording(path), 0
    for _ in range(60):
        changed = bytearray(content)
        changed[random.integers(len(content))] ^= 1 << random.integers(8)
        path.write_bytes(changed)
        try:
            recording = read_recording(path)
        except NetworkFileError as error:
            assert str(error).startswith(f"{path}: ")
            assert "\n" not in str(error)
            n_refused += 1
        else:
            assert_same(recording, expected)
    assert n_refused > 15
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(NetworkFileError, match="damaged, or not a recording file"):
        read_recording(path)
    simulation().save(path)
    with pytest.raises(NetworkFileError, match="not a recording of eprop-core"):
        read_recording(path)


@pytest.mark.parametrize("name", ["spikes/steps", "spikes/neurons", "neurons/ids", "neurons/membrane_voltage/steps"])
def test_numbers_that_no_simulation_records_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recording.h5"
    write(path)
    with h5py.File(path, "r+") as file:
        file[name][0] = -1
    with pytest.raises(NetworkFileError, match=f"{name}: "):
        read_recording(path)
