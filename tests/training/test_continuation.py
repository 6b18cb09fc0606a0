"""A training that is ended, and goes on from a checkpoint on another number of ranks, has the result of a whole one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import small
from eprop_core.experiments.studies.measure import Kept, measure
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import StudyResult
from eprop_core.interrupts import DeferredTermination, Terminated
from eprop_core.parsing import parse
from eprop_core.ranks.communicator import SINGLE_RANK
from eprop_core.simulation import CheckpointWarning, Simulation
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.training import continuation
from eprop_core.training.continuation import Checkpoints
from thread_ranks import on_thread_ranks
from trainings import assert_same_networks, assert_same_training, untimed


def samples(n_samples: int, seed: int = 1) -> DatasetClassification:
    return DatasetClassification(small.dataset(n_samples, seed), small.WINDOW)


LEARNT, TESTED = samples(200), samples(30, seed=2)


def plain() -> TaskParameters:
    return small.task(epochs=2)


def rewired() -> TaskParameters:
    values = plain().model_dump()
    values["network"]["input"]["fixed_signs"] = True
    values["training"]["rewiring"] = {"projections": ["input"], "groups": 2, "temperature": 1e-3, "l1": 1e-3}
    return parse(TaskParameters, values)


def batches() -> TaskParameters:
    values = plain().model_dump()
    values["network"]["plasticity"] |= {"update": "sample", "batch_size": 7, "reset_at_samples": True}
    return parse(TaskParameters, values)


def controlled() -> TaskParameters:
    """The best network is that of the third group; from then on the learning rate is too large."""
    schedule = {"kind": "list", "factors": [1.0, 20.0], "samples": [0, 150]}
    values = small.task(epochs=4, validation_share=0.2, groups_per_validation=1, patience=4, keep="best").model_dump()
    values["training"]["learning_rate_schedule"] = schedule
    return parse(TaskParameters, values)


class KilledError(Exception):
    """Takes the place of a signal that no program survives."""


def train(parameters: TaskParameters, directory: Path, communicator: Any, lives: int | None) -> StudyResult:
    """Train until ``lives`` more groups have been shown, with a checkpoint after each of them."""
    checkpoints = Checkpoints(
        directory / "checkpoints", 0.0, {"task": parameters.model_dump(mode="json")}, communicator
    )
    write = checkpoints.write_if_due
    left = [lives]

    def write_and_end(*arguments: Any) -> None:
        write(*arguments)
        if left[0] is not None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError

    checkpoints.write_if_due = write_and_end  # type: ignore[method-assign]
    return measure(parameters, LEARNT, TESTED, 1, communicator, Kept(directory / "network.h5", checkpoints=checkpoints))


@pytest.mark.parametrize("ranks", [(1, 1, 1), (1, 2, 1), (2, 3, 2)], ids=str)
@pytest.mark.parametrize(
    "parameters", [plain, rewired, batches, controlled], ids=lambda parameters: parameters.__name__
)
def test_an_ended_training_has_the_result_of_a_whole_one(parameters: Any, ranks: Any, tmp_path: Path) -> None:
    task = parameters()
    expected = measure(task, LEARNT, TESTED, seed=1, kept=Kept(tmp_path / "expected.h5"))
    assert len(expected.curve) == (7 if parameters is controlled else 8)
    for n_ranks, lives in zip(ranks[:2], (3, 2), strict=True):
        with pytest.raises(KilledError):
            on_thread_ranks(n_ranks, lambda c, lives=lives: train(task, tmp_path, c, lives))
    for result in on_thread_ranks(ranks[2], lambda c: train(task, tmp_path, c, None)):
        assert untimed(result) == untimed(expected)
    assert_same_networks(tmp_path / "network.h5", tmp_path / "expected.h5")


def test_the_best_network_is_not_the_last() -> None:
    result = measure(controlled(), LEARNT, TESTED, seed=1)
    assert (result.samples.learned, result.samples.shown) == (150, 310)


def test_the_best_network_of_the_checkpoint_before_is_still_there(tmp_path: Path) -> None:
    """The latest checkpoint is damaged, after the best network has changed with it."""
    task = controlled()
    expected = measure(task, LEARNT, TESTED, seed=1)
    with pytest.raises(KilledError):
        train(task, tmp_path, SINGLE_RANK, 3)  # the best network changes in the second and the third group
    *_, latest = sorted((tmp_path / "checkpoints").glob("checkpoint-*.h5"))
    latest.write_bytes(latest.read_bytes()[:1000])
    with pytest.warns(CheckpointWarning, match="the checkpoint before it is used"):
        result = train(task, tmp_path, SINGLE_RANK, None)
    assert untimed(result) == untimed(expected)


def test_a_kill_between_best_network_and_checkpoint_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = controlled()
    expected = measure(task, LEARNT, TESTED, seed=1)
    with pytest.raises(KilledError):
        train(task, tmp_path, SINGLE_RANK, 2)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        write = Checkpoints._write_best

        def write_and_end(*arguments: Any) -> None:
            write(*arguments)
            raise KilledError

        patch.setattr(Checkpoints, "_write_best", write_and_end)
        train(task, tmp_path, SINGLE_RANK, None)
    assert untimed(train(task, tmp_path, SINGLE_RANK, None)) == untimed(expected)


def test_best_networks_of_older_checkpoints_are_removed(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(controlled(), tmp_path, SINGLE_RANK, 5)
    assert [path.name for path in (tmp_path / "checkpoints").glob("best-*")] == ["best-150"]


def test_a_training_whose_best_network_is_damaged_starts_again(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(controlled(), tmp_path, SINGLE_RANK, 4)
    (best,) = (tmp_path / "checkpoints" / "best-150").iterdir()
    best.write_bytes(b"")
    with pytest.warns(CheckpointWarning, match=r"best-150.*; training starts from the beginning"):
        result = train(controlled(), tmp_path, SINGLE_RANK, None)
    assert untimed(result) == untimed(measure(controlled(), LEARNT, TESTED, seed=1))


def test_a_checkpoint_of_another_training_is_not_continued(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(small.task(epochs=3), tmp_path, SINGLE_RANK, 1)
    with pytest.warns(CheckpointWarning, match="another training, or of other code; training starts from the"):
        result = train(plain(), tmp_path, SINGLE_RANK, None)
    assert untimed(result) == untimed(measure(plain(), LEARNT, TESTED, seed=1))


def test_a_checkpoint_of_other_code_is_not_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KilledError):
        train(plain(), tmp_path, SINGLE_RANK, 1)
    monkeypatch.setattr(continuation, "_hash_of_code", lambda: "other code")
    with pytest.warns(CheckpointWarning, match="of other code"):
        train(plain(), tmp_path, SINGLE_RANK, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_a_training_after_the_group(number: signal.Signals, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 1e9, {}, SINGLE_RANK)

    class Sent(DeferredTermination):
        def __enter__(self) -> Any:
            entered = super().__enter__()
            os.kill(os.getpid(), number)
            return entered

    before = signal.getsignal(number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eprop_core.training.loop.DeferredTermination", Sent)
        with pytest.raises(Terminated, match=rf"^ended by {number.name} after 50 samples; the same command goes on"):
            measure(plain(), LEARNT, TESTED, 1, SINGLE_RANK, Kept(checkpoints=checkpoints))
    assert signal.getsignal(number) is before
    result = measure(plain(), LEARNT, TESTED, 1, SINGLE_RANK, Kept(checkpoints=checkpoints))
    assert untimed(result) == untimed(measure(plain(), LEARNT, TESTED, seed=1))


def test_the_same_command_goes_on_after_a_signal(tmp_path: Path) -> None:
    """At any moment: before the training, within it, or after it."""
    task = small.task(epochs=20, checkpoint_minutes=0.001, snapshots=[1800, 0], keep="best", patience=20)
    (tmp_path / "task.json").write_text(json.dumps(task.model_dump(mode="json")))
    for name, data in (("train", small.dataset(200)), ("test", small.dataset(30, seed=2))):
        data.save(tmp_path / f"{name}.npz")

    def start(output: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "eprop_core", "studies", "task.json", "--data", ".", "--output", output]
        return subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)

    def finish(program: subprocess.Popen[str]) -> tuple[int, str]:
        _, errors = program.communicate(timeout=300)
        return program.returncode, errors

    assert finish(start("whole.json"))[0] == 0
    ends = []
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1):
        program = start("continued.json")
        deadline = time.monotonic() + 100.0
        while (
            program.poll() is None
            and not list(tmp_path.glob("continued.checkpoints/*.h5"))
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        time.sleep(0.1)
        program.send_signal(number)
        ends.append(finish(program))
    assert finish(start("continued.json"))[0] == 0, ends
    assert any("ended by SIG" in errors for _, errors in ends), ends
    assert_same_training(tmp_path / "whole.json", tmp_path / "continued.json")
    assert Simulation.load(tmp_path / "whole.h5").notes["learning_window"] == small.WINDOW
    for name in ("whole", "continued"):
        snapshots = sorted(path.name for path in (tmp_path / f"{name}.snapshots").iterdir())
        assert snapshots == ["0.h5", "1800.h5"]
    for name in snapshots:
        assert_same_networks(tmp_path / "continued.snapshots" / name, tmp_path / "whole.snapshots" / name)
    assert not list(tmp_path.glob("*.checkpoints"))
