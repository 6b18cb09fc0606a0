"""Commands on networks in files: what they print, their scores, and one line for what they cannot use."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

import small
from eprop_core import __main__ as program
from eprop_core.commands import describe, evaluate, info
from eprop_core.experiments.studies import measure as studies
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.ranks.communicator import SINGLE_RANK
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import DatasetClassification


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned, the data that it is tested with, and a checkpoint."""
    directory = tmp_path_factory.mktemp("networks")
    data = small.dataset(60)
    data.save(directory / "test.npz")
    simulation = trained()
    simulation.save(directory / "network.h5", {"learning_window": small.WINDOW})
    simulation.save_checkpoint(directory / "checkpoints")
    return directory


def trained() -> Simulation:
    task = DatasetClassification(small.dataset(40, seed=2), small.WINDOW)
    network = small.task().network_for(task.n_input, task.n_readout)
    simulation = Simulation(network, seed=7)
    simulation.run(task.stimulus(np.arange(40)))
    return simulation


def test_a_network_is_scored_as_in_its_training(directory: Path) -> None:
    task = DatasetClassification(small.dataset(60), small.WINDOW)
    expected, n_operations = studies.evaluate(trained(), task, np.arange(60), 25, SINGLE_RANK)
    result = evaluate.score(directory / "network.h5", directory / "test.npz", None, 25, SINGLE_RANK)
    assert result.learning_window == small.WINDOW
    assert result.score.loss == expected.loss
    assert (result.score.samples, result.score.correct) == (60, expected.n_correct)
    assert result.effective_accumulates_per_sample == n_operations / 60


def test_a_description_names_populations_projections_and_origin(directory: Path) -> None:
    lines = "\n".join(describe.describe(directory / "network.h5"))
    simulation = trained()
    assert "network of eprop-core, layout 1" in lines
    assert "populations: 100 input, 40 recurrent, 10 readout" in lines
    assert "seed: 7" in lines
    assert '"learning_window": 10' in lines
    weight = simulation.weights("input").weight
    row = next(line.split() for line in lines.splitlines() if line.startswith("input "))
    assert int(row[1]) == len(weight)
    assert [float(number) for number in row[4:8]] == pytest.approx(
        [weight.mean(), weight.std(), weight.min(), weight.max()], rel=1e-4
    )
    checkpoint = "\n".join(describe.describe(directory / "checkpoints" / "checkpoint-000001.h5"))
    assert "checkpoint of eprop-core, layout 1" in checkpoint
    assert f"state: after step {40 * small.N_STEPS}, written by 1 rank\n" in checkpoint


def test_the_deviation_of_huge_weights_is_infinite() -> None:
    assert describe.Weights.of(iter([np.array([1e300, -1e300])])).deviation == np.inf


def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "eprop_core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_all_commands_are_listed() -> None:
    for arguments in ((), ("--help",)):
        listed = run(*arguments)
        assert listed.returncode == 0
        for command, (_, description) in program.COMMANDS.items():
            assert f"  {command} " in listed.stdout
            assert description in listed.stdout


@pytest.mark.parametrize("command", program.COMMANDS)
def test_each_command_has_help(command: str) -> None:
    helped = run(command, "--help")
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.startswith("usage: ")


@pytest.mark.parametrize("output", ["", ".", "/", ".."])
def test_an_output_without_a_name_is_refused(output: str) -> None:
    refused = run("studies", "task.json", "--output", output)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].endswith(f"argument --output: expected the name of a file, not '{output}'")


def test_programs_print_and_write_their_results(directory: Path, tmp_path: Path) -> None:
    output = tmp_path / "score.json"
    scored = run("evaluate", directory / "network.h5", "--data", directory, "--output", output)
    assert scored.returncode == 0, scored.stderr
    result = json.loads(output.read_text())
    assert scored.stdout.startswith(f"60 samples: accuracy {result['score']['accuracy']:.4f}, loss ")
    assert "evaluation: 60 of 60" in scored.stderr or "evaluation: 1 of 1" in scored.stderr
    refused = run("evaluate", directory / "network.h5", "--data", directory, "--learning-window", "0")
    assert refused.returncode == 1
    assert "learning window = 0: must be 1 to" in refused.stderr
    described = run("describe", directory / "network.h5")
    assert described.returncode == 0
    assert "populations: " in described.stdout


def test_values_of_variables_do_not_control_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPROP_BENCH_DATA", "a\nb\x1b[31m")
    (line,) = [line for line in info.info() if line.startswith("EPROP_BENCH_DATA")]
    assert line == "EPROP_BENCH_DATA: a\\nb\\x1b[31m"


@pytest.mark.parametrize("arguments", [["info"], ["describe", "--help"]])
def test_output_may_be_cut_off(arguments: list[str]) -> None:
    """As by ``head``, which reads no more than it prints."""
    command = [sys.executable, "-m", "eprop_core", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_output_may_be_closed() -> None:
    command = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "eprop_core", "info"]
    finished = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_a_network_is_exported_to_nir(tmp_path: Path) -> None:
    values = {"n_input": 3, "n_recurrent": 4, "n_readout": 2, "neuron": {"V_reset": 0.0}}
    simulation = Simulation(parse(Network, values), seed=1)
    simulation.save(tmp_path / "network.h5")
    exported = run("export", "nir", tmp_path / "network.h5", tmp_path / "graph.nir", "--integration", "euler")
    assert exported.returncode == 0, exported.stderr
    graph = nir.read(tmp_path / "graph.nir")
    source, target, weight = simulation.weights("output")
    np.testing.assert_array_equal(graph.nodes["output_weights"].weight[target, source], weight)
    assert graph.metadata["integration"] == "euler"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("describe", "{0}/test.npz"), "test.npz: damaged, or not a network file"),
        (("describe", "{0}/none.h5"), "none.h5: no such file"),
        (("evaluate", "{0}/network.h5", "--data", "{0}/none"), "none: no such file"),
        (("evaluate", "{0}/test.npz", "--data", "{0}"), "test.npz: damaged, or not a network file"),
        (("evaluate", "{0}/network.h5", "--data", "{0}", "--learning-window", "41"), "must be 1 to 40"),
        (("evaluate", "{0}/network.h5", "--data", "{0}", "--samples-per-group", "0"), "at least one is needed"),
        (("export", "nir", "{0}/none.h5", "{0}/graph.nir"), "none.h5: no such file"),
        (("export", "nir", "{0}/network.h5", "{0}/graph.nir"), "NIR does not express neuron.V_reset = None"),
        (("paint",), "paint: no such command"),
    ],
)
def test_wrong_input_ends_with_one_line(arguments: tuple[str, ...], message: str, directory: Path) -> None:
    done = run(*(argument.format(directory) for argument in arguments))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_data_of_another_size_are_refused(directory: Path, tmp_path: Path) -> None:
    small.dataset(10).select_channels(np.arange(99)).save(tmp_path / "test.npz")
    done = run("evaluate", directory / "network.h5", "--data", tmp_path)
    assert done.returncode == 1
    assert "has 99 channels; the network has n_input = 100" in done.stderr
