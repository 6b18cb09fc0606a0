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


BELLEC = """
import nest
from eprop_core import from_nest, recording_of_nest

rule, rest = "_bsshslm_2020", {"C_m": 1.0, "E_L": 0.0, "V_m": 0.0, "tau_m": 20.0}
nest.ResetKernel()
nest.resolution = 1.0
nest.set(eprop_reset_neurons_on_update=True, eprop_update_interval=50.0, eprop_learning_window=20.0)
generators, parrots = nest.Create("spike_generator", 2), nest.Create("parrot_neuron", 2)
generators.set([{"spike_times": [5.0, 9.0, 30.0, 61.0, 70.0]}, {"spike_times": [6.0, 10.0, 63.0, 72.0]}])
neurons = nest.Create(f"eprop_iaf{rule}", 3, rest | {"V_th": 1.0, "regular_spike_arrival": True})
readouts = nest.Create(f"eprop_readout{rule}", 1, rest)
targets = nest.Create("step_rate_generator", 1, {"amplitude_times": [2.0], "amplitude_values": [0.5]})
plastic = {"synapse_model": f"eprop_synapse{rule}", "delay": 1.0, "tau_m_readout": 20.0}
signals = {"synapse_model": f"eprop_learning_signal_connection{rule}", "delay": 1.0, "weight": 0.3}
rates = {"synapse_model": "rate_connection_delayed", "delay": 1.0, "receptor_type": 2}
nest.Connect(generators, parrots, "one_to_one")
nest.Connect(parrots, neurons, "all_to_all", plastic | {"weight": 0.9})
nest.Connect(neurons, neurons, {"rule": "all_to_all", "allow_autapses": False}, plastic | {"weight": 0.1})
nest.Connect(neurons, readouts, "all_to_all", plastic | {"weight": 0.4})
nest.Connect(readouts, neurons, "all_to_all", signals)
nest.Connect(targets, readouts, "one_to_one", rates)
names = ["readout_signal", "target_signal", "error_signal"]
multimeter = nest.Create("multimeter", 1, {"interval": 1.0, "record_from": names})
nest.Connect(multimeter, readouts)
with recording_of_nest() as recorded:
    nest.Simulate(110.0)
network = from_nest(recorded)
here, there = network.readouts(network.run(network.simulation())), multimeter.events
steps = {time: i for i, time in enumerate(here["times"].tolist())}
both = [(steps[time], i) for i, time in enumerate(there["times"].tolist()) if time in steps]
assert len(both) > 80
for name in names:
    pairs = [(here[name][i], there[name][j]) for i, j in both]
    assert max(abs(own - other) for own, other in pairs) < 1e-12
    assert sum(other == 0.0 for _, other in pairs) > 20 < sum(other != 0.0 for _, other in pairs)
"""


def test_signals_are_those_of_a_multimeter_in_and_beside_the_learning_window(directory: Path) -> None:
    run_in_nest(directory, BELLEC, WITH_PACKAGE)


def test_a_script_with_poisson_generators_comes_over(directory: Path) -> None:
    poisson = """
nest.rng_seed = 3  # with which no input spikes twice in a step
poisson = nest.Create("poisson_generator", params={"rate": 8.0})
nest.Connect(poisson, parrots)
from eprop_core import from_nest, recording_of_nest
"""
    read = example('recorder = nest.Create("spike_recorder")') + "recording = network.run(network.simulation())\n"
    run_in_nest(directory, BUILT + poisson + read + SAME_SPIKES, WITH_PACKAGE)
