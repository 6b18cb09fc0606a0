"""Results have the same bits on any number of MPI ranks, and an error on one rank ends the others."""

import importlib.util
import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import eprop_core
from eprop_core.network.connections import Range
from eprop_core.network.features import communication_interval
from eprop_core.network.projections import spiking_projections
from eprop_core.simulation import Simulation
from eprop_core.verification.ranks import DESTINATIONS, RUNS, problems, simulate
from ranks_program import SUMMED

MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
pytestmark = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="needs mpi4py and the program mpiexec"
)

PROGRAM = Path(__file__).parents[1] / "support" / "ranks_program.py"
N_RANKS = (1, 2, 3, 5)
TIMEOUT = 600.0
"""Seconds: ends a test that hangs. Kernels may have to be compiled first."""


def mpiexec(
    n_ranks: int, *arguments: str, program: Path = PROGRAM, timeout: float = TIMEOUT
) -> subprocess.CompletedProcess[str]:
    packages = str(Path(eprop_core.__file__).parents[1])
    return subprocess.run(
        [str(MPIEXEC), "-n", str(n_ranks), sys.executable, "-m", "mpi4py", str(program), *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([packages, os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, np.ndarray]]:
    """Results of all problems on one rank, without MPI."""
    return {name: simulate(problem) for name, problem in problems().items()}


@pytest.fixture(scope="module", params=N_RANKS, ids="{} ranks".format)
def together(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Results of all problems on some ranks, by problem and way of the exchange."""
    output = tmp_path_factory.mktemp("ranks") / "results.npz"
    done = mpiexec(request.param, "simulate", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    results: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    with np.load(output) as saved:
        for name in saved:
            problem, way, key = name.split("/")
            results.setdefault((problem, way), {})[key] = saved[name]
    return results


def test_problems_spike_learn_and_overfill_messages(alone: dict[str, dict[str, np.ndarray]]) -> None:
    intervals, most_spikes, most_currents = set(), 0, 0
    for name, (network, connections, _) in problems().items():
        result = alone[name]
        interval = communication_interval(network)
        intervals.add(interval)
        most_currents = max(most_currents, interval * network.n_readout)
        for run in RUNS:
            steps, neurons = result[f"{run} steps"], result[f"{run} neurons"]
            assert len(steps) > 50
            assert result[f"{run} error"].any()
            for n_ranks in N_RANKS:
                first, last, _ = Range.of_rank(network.n_recurrent, 0, n_ranks)
                own = (neurons >= first) & (neurons < last)
                assert own.any()
                if n_ranks == max(N_RANKS):
                    most_spikes = max(most_spikes, np.bincount(steps[own] // interval).max())
        initial = Simulation(network, seed=3, connections=connections)
        for projection in (spec.name for spec in spiking_projections(network) if spec.plastic):
            assert np.any(initial.weights(projection).weight != result[f"{projection} weight"])
    assert min(intervals) == 1
    assert max(intervals) > 1
    # Messages have no room for spikes at first; and some have more readouts' input than a bunch of spikes.
    assert most_spikes > 128
    assert most_currents > 64


@pytest.mark.parametrize(
    ("problem", "way"),
    [
        *product(problems(), DESTINATIONS),
        *((problem, f"{destinations}, summed") for problem, destinations in product(SUMMED, DESTINATIONS)),
    ],
)
def test_results_have_the_same_bits_on_any_number_of_ranks(
    problem: str,
    way: str,
    alone: dict[str, dict[str, np.ndarray]],
    together: dict[tuple[str, str], dict[str, np.ndarray]],
) -> None:
    result, expected = together[problem, way], alone[problem]
    assert set(result) == set(expected)
    for key, values in expected.items():
        np.testing.assert_array_equal(result[key], values, err_msg=key)


@pytest.mark.parametrize(("n_before", "n_after"), [(1, 2), (2, 3), (3, 1)])
def test_checkpoints_continue_on_another_number_of_ranks(
    n_before: int, n_after: int, alone: dict[str, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    """``tests/storage`` has more of such tests, in which threads take the place of processes."""
    begun = mpiexec(n_before, "begin", str(tmp_path))
    assert begun.returncode == 0, begun.stdout + begun.stderr
    continued = mpiexec(n_after, "continue", str(tmp_path), str(tmp_path / "results.npz"))
    assert continued.returncode == 0, continued.stdout + continued.stderr
    with np.load(tmp_path / "results.npz") as results:
        of_second_run = ("second run readout", "second run error", " weight")
        assert set(results) == {f"{name}/{key}" for name in alone for key in alone[name] if key.endswith(of_second_run)}
        for name in results:
            problem, key = name.split("/")
            np.testing.assert_array_equal(results[name], alone[problem][key], err_msg=name)


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_a_rank_that_fails_ends_all_ranks(n_ranks: int) -> None:
    """Otherwise the other ranks would wait for it in an exchange for ever."""
    done = mpiexec(n_ranks, "fail")
    assert done.returncode != 0
    assert "NotFiniteError: step 21: the voltage of recurrent neuron 4 is not finite" in done.stderr


def test_all_ranks_raise_the_error_of_one() -> None:
    """A program that catches it can therefore go on with all ranks."""
    done = mpiexec(3, "fail-and-catch")
    assert done.returncode == 0, done.stdout + done.stderr
    message = "step 21: the voltage of recurrent neuron 4 is not finite"
    assert all(f"rank {rank}: {message}" in done.stdout for rank in range(3))


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_an_interrupt_stops_all_ranks_in_one_step(n_ranks: int) -> None:
    done = mpiexec(n_ranks, "interrupt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": 67 interrupts") == n_ranks


@pytest.mark.parametrize(
    ("how", "message"),
    [("interrupt", "KeyboardInterrupt"), ("exit", "this rank has ended"), ("driver", "has ended")],
)
def test_a_rank_that_ends_while_mpi_starts_ends_all_ranks(how: str, message: str) -> None:
    done = mpiexec(2, how, program=PROGRAM.with_name("ends_early.py"), timeout=120.0)
    assert done.returncode != 0
    assert message in done.stderr


def test_more_ranks_than_neurons_are_refused() -> None:
    done = mpiexec(3, "crowd")
    assert done.returncode != 0
    assert "ParameterError: 3 ranks are more than the 2 recurrent neurons\n" in done.stderr
