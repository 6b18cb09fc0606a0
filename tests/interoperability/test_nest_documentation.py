"""The examples of ``docs/how_to/nest.md`` run in NEST, and do what the page says."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import eprop_core
from eprop_core import Network, Simulation, parse
from eprop_core.interoperability import nest_programs
from live_nest import NEST_PYTHON, needs_nest

pytestmark = needs_nest
PAGE = (Path(__file__).parents[2] / "docs" / "how_to" / "nest.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
STRONG = {"weights": {"scale": 3.0}}

BUILT = """
import nest
import numpy as np
from eprop_core import Simulation, to_nest

nest.ResetKernel()
nest.resolution = 1.0
populations = to_nest(Simulation.load("network.h5"))
populations.generators.set([{"spike_times": [3.0, 20.0, 40.0]}] * len(populations.generators))
spikes = nest.Create("spike_recorder")
nest.Connect(populations.recurrent, spikes)
duration, parrots = {"sim": 100.0}, populations.inputs
"""
"""A user's script, up to the lines that the page adds."""

SAME_SPIKES = """
events_sr = network.spikes(recording)
here = sorted(zip(events_sr["times"].tolist(), events_sr["senders"].tolist()))
in_nest = sorted(zip(spikes.events["times"].tolist(), spikes.events["senders"].tolist()))
recorded_until = max(time for time, _ in in_nest)  # the recorder gets a spike a step later
assert len(in_nest) > 20
assert [spike for spike in here if spike[0] <= recorded_until] == in_nest
"""


def run_in_nest(directory: Path, script: str, paths: list[str]) -> None:
    lines = ["import sys", f"sys.path[:0] = {paths[:1]!r}", f"sys.path += {paths[1:]!r}", script]
    (directory / "script.py").write_text("\n".join(lines), encoding="utf-8")
    nest_programs.call(NEST_PYTHON, "script", directory, directory)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a saved network."""
    sizes = {"n_input": 10, "n_recurrent": 8, "n_readout": 2}
    Simulation(parse(Network, sizes | {"input": STRONG, "recurrent": STRONG}), seed=1).save(tmp_path / "network.h5")
    monkeypatch.chdir(tmp_path)
    return tmp_path


WITH_PACKAGE = [str(Path(eprop_core.__file__).parents[1]), sysconfig.get_path("purelib")]


def example(first_words: str) -> str:
    """Return the only example that contains some words."""
    (found,) = [text for text in EXAMPLES if first_words in text]
    return found


def test_a_network_is_built_in_the_running_kernel(directory: Path) -> None:
    n_input_spikes = 2 * 10
    check = f"assert nest.local_spike_counter > 2 * {n_input_spikes}  # of generators and parrot neurons, and more"
    run_in_nest(directory, example("populations = to_nest(simulation)") + check, WITH_PACKAGE)


def test_an_exported_folder_builds_the_network_without_this_package(directory: Path) -> None:
    command = [sys.executable, "-m", "eprop_core", "export", "nest", "network.h5", "folder"]
    subprocess.run(command, check=True, capture_output=True)
    check = 'assert len(populations.recurrent) == 8\nassert "eprop_core" not in sys.modules'
    paths = [str(directory / "folder"), sysconfig.get_path("purelib")]
    run_in_nest(directory, example("populations = build(network, arrays)") + check, paths)


def test_a_script_of_nest_comes_over(directory: Path) -> None:
    read, shown = example('nest.Simulate(duration["sim"])  # the script\'s own lines'), example("events_sr = ")
    check = """
assert 2.0 < events_mm["times"].min() < 4.0
assert set(events_mm["senders"]) == set(populations.readouts.tolist())
"""
    run_in_nest(directory, BUILT + read + shown + check + SAME_SPIKES, WITH_PACKAGE)


def test_a_script_with_poisson_generators_comes_over(directory: Path) -> None:
    poisson = """
nest.rng_seed = 3  # with which no input spikes twice in a step
poisson = nest.Create("poisson_generator", params={"rate": 8.0})
nest.Connect(poisson, parrots)
from eprop_core import from_nest, recording_of_nest
"""
    read = example('recorder = nest.Create("spike_recorder")') + "recording = network.run(network.simulation())\n"
    run_in_nest(directory, BUILT + poisson + read + SAME_SPIKES, WITH_PACKAGE)
