"""Programs that get a wrong number of ranks, or too few processors, print one line and write no result."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.experiments.baselines import measure as baselines
from eprop_core.experiments.break_even import measure as break_even
from eprop_core.experiments.scaling import measure as scaling
from eprop_core.machine import processors
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.ranks import launch
from eprop_core.ranks.collective import raising_on_all_ranks
from eprop_core.ranks.communicator import SINGLE_RANK
from eprop_core.simulation import Simulation

N_CORES = len(os.sched_getaffinity(0))


def scale(
    directory: Path, n_started: int, *options: str, changed: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    values = changed or small.timing().model_dump(mode="json")
    (directory / "timing.json").write_text(json.dumps(values), encoding="utf-8")
    command = small.on_ranks(n_started, "eprop_core.experiments.scaling")
    command += [str(directory / "timing.json"), "--output", str(directory / "result.json"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_one_rank_needs_no_mpi() -> None:
    assert launch.join(1) is SINGLE_RANK
    assert SINGLE_RANK.allgather(5) == [5]
    assert (SINGLE_RANK.rank, SINGLE_RANK.size) == (0, 1)


@pytest.mark.parametrize("error", [ValueError, OSError, MemoryError])
def test_an_error_on_all_ranks_is_raised(error: type[Exception]) -> None:
    def fail() -> None:
        raise error("message")

    with pytest.raises(error, match="message"):
        raising_on_all_ranks(SINGLE_RANK, fail)
    assert raising_on_all_ranks(SINGLE_RANK, lambda: 5) == 5


@pytest.mark.parametrize(
    ("n_started", "n_expected", "message"),
    [
        (0, 0, "--ranks 0: at least one rank"),
        (1, 2, "--ranks 2: MPI started 1"),
        (2, 3, "--ranks 3: MPI started 2"),
        (N_CORES + 1, N_CORES + 1, f"{N_CORES + 1} ranks on a machine with {N_CORES} processor"),
    ],
)
def test_a_wrong_number_of_ranks_is_reported_in_one_line(
    tmp_path: Path, n_started: int, n_expected: int, message: str
) -> None:
    finished = scale(tmp_path, n_started, "--ranks", str(n_expected))
    assert finished.returncode != 0
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("module", ["scaling", "interconnect"])
def test_two_ranks_are_not_timed_on_one_processor(tmp_path: Path, module: str) -> None:
    command = small.on_ranks(2, f"eprop_core.experiments.{module}") + ["timing.json"] * (module == "scaling")
    command += ["--output", str(tmp_path / "result.json"), "--ranks", "2"]
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(own)})  # what is started inherits it
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    finally:
        os.sched_setaffinity(0, own)
    assert finished.returncode != 0
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: 2 ranks on a machine with 1 processor for them (CPU affinity): ")
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (scaling, ["timing.json"]),
        (break_even, ["point.json"]),
        (baselines, ["baseline.json", "--simulators", "nest.json"]),
    ],
    ids=["scaling", "break_even", "baselines"],
)
def test_no_program_is_timed_on_less_than_a_processor(
    program: ModuleType, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processors, "quotas", lambda: {(0, 1): 0.5})
    monkeypatch.setattr(sys, "argv", ["program", *arguments, "--output", "result.json"])
    with pytest.raises(
        launch.RanksError, match=r"^1 rank on a machine with 0\.5 processors .* \(CPU quota of a control"
    ):
        program.main()


class TwoRanks:
    """A communicator of two ranks; ``quotas`` are those of the other rank."""

    def __init__(self, quotas: dict[processors.Group, float]) -> None:
        self.quotas = quotas

    def allgather(self, value: Any) -> list[Any]:
        other = (value[0], self.quotas) if isinstance(value, tuple) and isinstance(value[0], set) else value
        return [value, other]

    def Free(self) -> None:
        """Does nothing."""


@pytest.mark.parametrize(
    ("own", "of_other", "message"),
    [
        ({}, {}, None),
        ({(0, 1): 2.0}, {(0, 1): 2.0}, None),
        ({(0, 1): 1.5}, {(0, 1): 1.5}, "2 ranks on a machine with 1.5 processors"),
        ({(0, 1): 1.0}, {(0, 2): 1.0}, None),  # a group for each
        ({(0, 1): 1.0}, {(0, 2): 0.9}, "1 rank on a machine with 0.9 processors"),
        ({(0, 1): 1.0, (0, 3): 1.5}, {(0, 2): 1.0, (0, 3): 1.5}, "2 ranks on a machine with 1.5 processors"),
    ],
)
def test_ranks_share_the_quotas_of_their_groups(
    own: dict[processors.Group, float],
    of_other: dict[processors.Group, float],
    message: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    communicator = TwoRanks(of_other)
    monkeypatch.setattr(launch, "on_this_machine", lambda _: communicator)
    monkeypatch.setattr(processors, "affinity", lambda: {0, 1})
    monkeypatch.setattr(processors, "quotas", lambda: own)
    if message is None:
        launch.check_processors(communicator)
        return
    with pytest.raises(launch.RanksError, match=message):
        launch.check_processors(communicator)


def test_a_missing_file_ends_all_ranks(tmp_path: Path) -> None:
    command = small.on_ranks(2, "eprop_core.experiments.scaling")
    command += [str(tmp_path / "none.json"), "--output", str(tmp_path / "result.json")]
    command += ["--ranks", "2", "--oversubscribe"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert finished.returncode != 0
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: ") and "none.json" in line


def test_an_error_of_one_rank_ends_all_ranks(tmp_path: Path) -> None:
    """A single weight is out of bounds, and only one rank has it."""
    values = small.timing().model_dump(mode="json") | {"destinations": "targets"}
    simulation = Simulation(parse(Network, values["network"]), seed=1)
    weights = np.sort(np.concatenate([simulation.weights(name).weight for name in ("input", "recurrent", "output")]))
    values["network"]["plasticity"]["optimizer"] |= {"weight_min": -1e9, "weight_max": weights[-2]}
    finished = scale(tmp_path, 2, "--ranks", "2", "--oversubscribe", changed=values)
    assert finished.returncode != 0
    assert "outside the optimizer's bounds" in finished.stderr.splitlines()[-1]
    assert not (tmp_path / "result.json").exists()
