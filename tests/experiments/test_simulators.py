"""A simulator takes part by one folder: the example of ``docs/how_to/simulators.md``, and folders that are refused."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import small
from eprop_core import configuration
from eprop_core.experiments.baselines import measure as baselines
from eprop_core.experiments.baselines import nest_scaling
from eprop_core.experiments.baselines.agreement import agreement, check_outputs, read_outputs
from eprop_core.experiments.baselines.parameters import PoissonBaseline
from eprop_core.experiments.baselines.problem import Problem, changing_problem, poisson_problem
from eprop_core.experiments.scaling import measure as scaling
from eprop_core.experiments.scaling.parameters import Scaling
from eprop_core.interoperability import simulators
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from live_nest import NEST_PYTHON, needs_nest
from small_results import PROJECT
from workflow.lib import simulator_folders
from workflow.scripts.scaling import collect
from workflow.scripts.scaling.numbers import by_repeat

NETWORK = small.timing().network.model_dump(mode="json")
NETWORK["plasticity"]["optimizer"]["learning_rate"] = 1e-9
BASELINE = {"network": NETWORK, "input_rate": 100.0, "n_steps": 150, "n_steps_warm_up": 50}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the documentation describes."""
    text = (PROJECT / "docs" / "how_to" / "simulators.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"^`(simulators/[\w./]+)`:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return tmp_path / "simulators" / "delta_rule"


@pytest.fixture
def problem() -> Problem:
    return poisson_problem(parse(PoissonBaseline, BASELINE))


def program(folder: Path, text: str) -> InstalledSimulator:
    """A simulator whose program does no more than ``text`` says."""
    (folder / "measure.py").write_text(f"import sys\nif '--version' in sys.argv: print('banner\\n2.5\\n')\n{text}\n")
    return simulators.installed(folder, sys.executable)


def test_the_example_takes_part(folder: Path, problem: Problem) -> None:
    example = simulators.installed(folder, sys.executable)
    assert (example.label, example.version, example.variants) == ("delta rule", "1.0", ["plastic", "static"])
    taking_part = baselines.simulators([example], 40)
    processes, left_out = baselines.compare({"events": problem}, taking_part, repeats=1)
    assert not left_out
    measured = {(process.simulator, process.variant): process for process in processes}
    for variant in ("plastic", "static"):
        here, there = measured["eprop_core", variant], measured["delta rule", variant]
        for count in ("neurons", "synapses", "n_steps", "spikes", "synaptic_events"):
            assert getattr(there, count) == getattr(here, count), count
    agrees = baselines.compare_outputs({"events": problem}, taking_part)["delta rule"]
    assert agrees.equal_spikes == 1.0  # the learning rate is small
    assert agrees.readout_difference is not None and agrees.readout_difference < 1e-6
    assert agrees.weight_difference is not None and 1e-3 < agrees.weight_difference < 10  # another rule


def test_the_first_run_is_the_same_with_and_without_the_workflow(tmp_path: Path) -> None:
    text = (PROJECT / "docs" / "how_to" / "simulators.md").read_text(encoding="utf-8").partition("## A first run")[2]
    configured = configuration.load(yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0]), "own.yaml")
    file = tmp_path / "own.json"
    file.write_text(text.partition("```json\n")[2].partition("```")[0], encoding="utf-8")
    own, problems, _ = baselines.read(file, None)
    assert own.model_copy(update={"simulators": ["delta_rule"]}) == configured.baselines["tiny"]
    assert list(problems) == ["events"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("simulator.json", None, "no simulator; expected a folder with simulator.json"),
        (
            "simulator.json",
            {"label": "x", "computes": "y", "variants": ["dense"]},
            "variants.0 = .dense.: Input should be",
        ),
        ("simulator.json", {"label": "x", "computes": "y", "variants": []}, "variants"),
        ("measure.py", None, "script = 'measure.py': no such file"),
        ("requirements.txt", None, "requirements = 'requirements.txt': no such file"),
    ],
)
def test_a_wrong_folder_is_refused(folder: Path, file: str, content: object, message: str) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(json.dumps(content))
    with pytest.raises(ParameterError, match=message):
        simulators.described(folder)


@pytest.mark.parametrize(("label", "owner"), [("delta rule", "simulators/delta_rule"), ("eprop_core", "this")])
def test_a_label_that_another_simulator_has_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, label: str, owner: str
) -> None:
    monkeypatch.setattr(simulator_folders, "ROOT", folder.parents[1])
    mine = folder.with_name("mine")
    shutil.copytree(folder, mine)
    described = json.loads((folder / "simulator.json").read_text())
    (mine / "simulator.json").write_text(json.dumps(described | {"label": label}))
    message = f"^simulator mine: {mine}/simulator.json: label = '{label}': is the label of {owner}"
    with pytest.raises(SystemExit, match=message):
        simulator_folders.folder("mine")
    (mine / "simulator.json").write_text(json.dumps(described | {"label": "mine"}))
    assert simulator_folders.folder("mine") == mine
    (mine / "simulator.json").write_text("{")  # another folder may be unfinished
    assert simulator_folders.folder("delta_rule") == folder


def test_installed_simulators_with_one_label_are_refused(folder: Path, tmp_path: Path) -> None:
    found = simulators.installed(folder, sys.executable)
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    for file in (one, two):
        file.write_text(found.model_dump_json())
    assert baselines.read_simulators([one]) == [found]
    with pytest.raises(ParameterError, match=f"^{two}: label = 'delta rule': is the label of {one}, too$"):
        baselines.read_simulators([one, two])
    one.write_text(found.model_copy(update={"label": "eprop_core"}).model_dump_json())
    with pytest.raises(ParameterError, match=f"^{one}: label = 'eprop_core': is the label of this simulator, too$"):
        baselines.read_simulators([one])


def test_the_version_is_the_last_line(folder: Path) -> None:
    assert program(folder, "").version == "2.5"
    with pytest.raises(SimulatorError, match="exit code 3"):
        program(folder, "sys.exit(3)")


def test_a_program_that_prints_no_version_gets_one_line(folder: Path) -> None:
    (folder / "measure.py").write_text("print()")
    with pytest.raises(SimulatorError, match=r"measure.py --version printed nothing to stdout; expected a version"):
        simulators.installed(folder, sys.executable)


def test_the_variable_of_a_wrong_interpreter_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "measure.py").write_text("import a_simulator_that_is_missing")
    monkeypatch.setenv("EPROP_BENCH_DELTA_RULE_PYTHON", sys.executable)
    message = f"^EPROP_BENCH_DELTA_RULE_PYTHON = {sys.executable}: .*--version ended with exit code 1"
    with pytest.raises(SimulatorError, match=message):
        simulators.installed(folder, sys.executable)
    monkeypatch.setenv("EPROP_BENCH_DELTA_RULE_PYTHON", "/no/python")
    message = "^EPROP_BENCH_DELTA_RULE_PYTHON = /no/python: No such file or directory; expected a Python that has delta"
    with pytest.raises(SimulatorError, match=message):
        simulators.installed(folder, "/no/python")
    with pytest.raises(SimulatorError, match=r"^/other/python: No such file"):
        simulators.installed(folder, "/other/python")


def test_a_reason_stands_in_place_of_a_measurement(folder: Path, problem: Problem) -> None:
    reason = '{"not_measured": "needs 27 GB"}'
    other = program(folder, f"if '--version' not in sys.argv: open(sys.argv[3], 'w').write('{reason}')")
    processes, left_out = baselines.compare({"events": problem}, baselines.simulators([other], 40), repeats=2)
    assert left_out == {f"delta rule, {variant}": "needs 27 GB" for variant in ("plastic", "static")}
    assert {process.simulator for process in processes} == {"eprop_core"}
    assert baselines.compare_outputs({"events": problem}, baselines.simulators([other], 40)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("'--version' in sys.argv or sys.exit(2)", "delta rule, plastic: ended with exit code 2"),
        ("", "delta rule, plastic: ended without writing its result"),
        (
            "'--version' in sys.argv or open(sys.argv[3], 'w').write('{}')",
            "its result: .*required",
        ),
    ],
)
def test_a_wrong_program_ends_with_one_line(folder: Path, problem: Problem, text: str, message: str) -> None:
    taking_part = baselines.simulators([program(folder, text)], 40)[1:2]
    with pytest.raises(SimulatorError, match=message):
        baselines.compare({"events": problem}, taking_part, repeats=1)


def test_outputs_are_compared(tmp_path: Path) -> None:
    before = {"output_weight": np.array([1.0, 1.0, 1.0])}
    own = {
        "spike_steps": np.array([0, 1, 1]),
        "spike_neurons": np.array([5, 5, 6]),
        "readouts": np.array([[1.0], [-4.0]]),
        "output_weight": np.array([1.0, 3.0, 1.5]),
    }
    other = own | {"spike_steps": np.array([0, 1, 2]), "readouts": np.array([[1.5], [-4.0]])}
    found = agreement(own, other | {"output_weight": np.array([1.0, 2.5, 1.5])}, before, "x")
    assert found.equal_spikes == pytest.approx(2 / 4)
    assert found.readout_difference == pytest.approx(0.5 / 4)
    assert found.weight_difference == pytest.approx(0.5 / 2)
    assert agreement(own, {}, before, "x").model_dump() == dict.fromkeys(found.model_dump())
    for n in (0, 2):
        message = rf"^x: its outputs: output_weight has shape \({n},\); expected \(3,\)$"
        with pytest.raises(SimulatorError, match=message):
            agreement(own, {"output_weight": np.ones(n)}, before, "x")
    np.savez(tmp_path / "other.npz", spikes=np.ones(2))
    with pytest.raises(SimulatorError, match="outputs have 'spikes'; expected some of spike_steps"):
        read_outputs(tmp_path / "other.npz", "x")
    with pytest.raises(SimulatorError, match="missing"):
        read_outputs(tmp_path / "none.npz", "x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spike_steps": ["a", "b"]}, "spike_steps has the type <U1; expected integers"),
        ({"spike_steps": [1.0, 2.0]}, "spike_steps has the type float64; expected integers"),
        ({"output_weight": [True]}, "output_weight has the type bool; expected numbers"),
        ({"readouts": [1j]}, "readouts has the type complex128; expected numbers"),
        (
            {"spike_steps": [1]},
            r"spike_steps has shape \(1,\) and spike_neurons \(2,\); expected one step and one neuron",
        ),
        ({"spike_steps": [[1]], "spike_neurons": [[1]]}, r"spike_steps has shape \(1, 1\)"),
        ({"spike_neurons": [1, 60]}, "spike_neurons has 60; expected 0 to 59"),
        ({"spike_neurons": [-1, 1]}, "spike_neurons has -1; expected 0 to 59"),
        ({"spike_steps": [3, 200]}, "spike_steps has 200; expected 0 to 199"),
        ({"spike_steps": None}, "spike_neurons without spike_steps; expected both or none"),
        ({"spike_neurons": None}, "spike_steps without spike_neurons; expected both or none"),
        ({"readouts": [0.0, np.inf]}, "readouts: 1 of 2 values are not finite, the first is inf"),
        ({"output_weight": [np.nan]}, "output_weight: 1 of 1 values are not finite, the first is nan"),
    ],
)
def test_wrong_outputs_get_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    outputs = {"spike_steps": [1, 2], "spike_neurons": [3, 4], "readouts": [0.0], "output_weight": [0.5]} | changes
    np.savez(tmp_path / "x.npz", **{name: np.array(values) for name, values in outputs.items() if values is not None})
    with pytest.raises(SimulatorError, match=f"^x: its outputs: {message}"):
        check_outputs(read_outputs(tmp_path / "x.npz", "x"), "x", 200, 60)


def test_outputs_of_another_network_are_refused(folder: Path, problem: Problem) -> None:
    file = folder / "measure.py"
    text = file.read_text()
    written = '"spike_neurons": neurons'
    assert written in text
    file.write_text(text.replace(written, '"spike_neurons": neurons + 60'))
    taking_part = baselines.simulators([simulators.installed(folder, sys.executable)], 40)
    with pytest.raises(SimulatorError, match=r"^delta rule: its outputs: spike_neurons has \d+; expected 0 to 59$"):
        baselines.compare_outputs({"events": problem}, taking_part)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"neurons": 59}, "neurons = 59; the problem has 60"),
        ({"synapses": 1}, "synapses = 1; the problem has 1860"),
        ({"n_steps": 200}, "n_steps = 200; the problem has 150"),
        ({"threads": 2}, "threads = 2: must be at most 1"),
        ({"threads": 0}, "threads: Input should be greater than or equal to 1"),
        ({"spikes": -1}, "spikes: Input should be greater than or equal to 0"),
        ({"spikes": 9001}, "spikes = 9001: must be at most 9000, one per neuron and step"),
        ({"synaptic_events": -5}, "synaptic_events: Input should be greater than or equal to 0"),
        ({"seconds": -1.0}, r"seconds = -1\.0: must be above 0"),
    ],
)
def test_counts_are_those_of_the_problem(folder: Path, problem: Problem, changes: dict[str, Any], message: str) -> None:
    file = folder / "measure.py"
    text = file.read_text()
    written = "        json.dump(measurement, file)"
    assert written in text
    file.write_text(text.replace(written, f"        json.dump(measurement | {changes}, file)"))
    taking_part = baselines.simulators([simulators.installed(folder, sys.executable)], 40)[1:2]
    with pytest.raises(SimulatorError, match=f"^delta rule, plastic: its result: .*{message}"):
        baselines.compare({"events": problem}, taking_part, repeats=1)


def test_threads_are_recorded_like_ranks(folder: Path, tmp_path: Path) -> None:
    """Whatever takes the place of NEST: a record for all threads, and counts of the same network."""
    timing = small.timing(repeats=2)
    assert timing.simulated_by_nest(2) == ["eprop_plus", "static"]
    found = nest_scaling.measure(timing, simulators.installed(folder, sys.executable), 2, 1, tmp_path)
    assert (found.ranks, set(found.variants)) == (2, {"nest_threads_eprop_plus", "nest_threads_static"})
    here = scaling.measure(timing, seed=1)
    for name, variant in here.variants.items():
        there = found.variants[f"nest_threads_{name}"]
        assert there.network == variant.network and there.model_time_s == variant.model_time_s
        for (record,) in there.repeats:
            assert record.counts.synapses == variant.repeats[0][0].counts.synapses
            assert record.counts.synaptic_events > 0 and record.times_s.plasticity == 0


LAUNCHER = """
import os, subprocess, sys
for rank in range(int(sys.argv[1])):
    subprocess.run(sys.argv[2:], env=os.environ | {"RANK": str(rank)}, check=True)
"""
OF_RANK = """
import json, os
if sys.argv[1:] == ["--mpi"]: print("banner\\nTrue")
elif "--version" not in sys.argv:
    rank = int(os.environ["RANK"])
    counts = {"neurons": 3 + rank, "synapses": 10 + rank, "n_steps": 1, "spikes": 5, "synaptic_events": 50}
    times = {"seconds": 1.0 + rank, "processor_s": 1.0, "update_s": 0.5, "wait_s": 0.1 * rank}
    rest = {"memory_bytes": 1000 * (rank + 1), "threads": 1, "host": f"node{rank}"}
    open(sys.argv[3] + (f".{rank}" if rank else ""), "w").write(json.dumps(counts | times | rest))
"""


def test_ranks_of_nest_are_recorded_like_own(folder: Path, tmp_path: Path) -> None:
    """Whatever takes the place of NEST and of the launcher: a record for each rank, and times of the slowest."""
    launcher = [sys.executable, "-c", LAUNCHER, "2"]
    found = nest_scaling.measure(small.timing(repeats=2), program(folder, OF_RANK), 2, 1, tmp_path, "ranks", launcher)
    assert found.provenance.hosts == ["node0", "node1"]
    table = by_repeat(pd.DataFrame(collect.rows(found, "nest", None)))
    assert list(table["variant"].unique()) == ["nest_ranks_eprop_plus", "nest_ranks_static"]
    assert list(table["repeat"]) == [1, 2, 1, 2]
    expected = {"neurons": 7, "synapses": 21, "spikes": 10, "synaptic_events": 100, "propagation_s": 2.0}
    expected |= {"update_s": 0.5, "wait_s": 0.05, "peak_memory_bytes": 2000}
    for column, value in expected.items():
        assert list(table[column]) == pytest.approx([value] * 4), column


def test_ranks_of_nest_without_mpi_are_left_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nest = program(folder, "if '--mpi' in sys.argv: print(False)")
    found = nest_scaling.measure(small.timing(), nest, 2, 1, tmp_path, "ranks", ["mpiexec", "-n", "2"])
    assert found.variants == {} and collect.rows(found, "nest", None) == []
    (line,) = capsys.readouterr().out.splitlines()
    assert "2.5" in line and "was built without MPI: its 2 MPI ranks are left out" in line


def test_networks_that_nest_cannot_simulate_are_refused() -> None:
    values = small.timing(ignore_and_fire=True).model_dump(mode="json") | {"ranks": [1], "nest_threads": [1]}
    with pytest.raises(ParameterError, match=r"neuron.ignore_and_fire.*to be compared with NEST"):
        parse(Scaling, values)
    values["variants"] = {"real": {"network.neuron.ignore_and_fire": None}, "static": small.STATIC}
    assert parse(Scaling, values).simulated_by_nest(1) == ["real"]


@needs_nest
def test_nest_has_the_same_events_on_two_threads(tmp_path: Path) -> None:
    timing = small.timing()
    nest = simulators.installed(PROJECT / "simulators" / "nest", NEST_PYTHON)
    measured = (nest_scaling.measure(timing, nest, n, 1, tmp_path) for n in (1, 2))
    one, two = (of.variants["nest_threads_eprop_plus"].repeats for of in measured)
    ((of_one,),), ((of_two,),) = one, two
    assert of_one.counts == of_two.counts
    assert of_one.counts.synaptic_events > 0


@needs_nest
def test_nest_has_the_same_events_on_two_ranks(tmp_path: Path) -> None:
    """Sums over ranks are equal to those of two threads, and to those of this simulator."""
    timing = small.timing()
    nest = simulators.installed(PROJECT / "simulators" / "nest", NEST_PYTHON)
    if not nest_scaling.has_mpi(nest):
        pytest.skip("the NEST that EPROP_BENCH_NEST_PYTHON names was built without MPI")
    here = scaling.measure(timing, seed=1)
    of_threads = nest_scaling.measure(timing, nest, 2, 1, tmp_path)
    of_ranks = nest_scaling.measure(timing, nest, 2, 1, tmp_path, "ranks", ["mpiexec", "-n", "2"])
    alone = nest_scaling.measure(timing, nest, 1, 1, tmp_path, "ranks")
    assert set(of_ranks.variants) == {f"nest_ranks_{name}" for name in here.variants}
    for name, variant in here.variants.items():
        ((threads,),) = of_threads.variants[f"nest_threads_{name}"].repeats
        (ranks,) = of_ranks.variants[f"nest_ranks_{name}"].repeats
        assert [one.rank for one in ranks] == [0, 1]
        for count in ("neurons", "synapses", "spikes", "synaptic_events"):
            of_each = [getattr(one.counts, count) for one in ranks]
            assert min(of_each) > 0, (name, count)
            assert sum(of_each) == getattr(threads.counts, count), (name, count)
        assert sum(one.counts.synapses for one in ranks) == variant.repeats[0][0].counts.synapses
        assert all(one.peak_memory_bytes > 0 for one in ranks)
        ((one,),) = alone.variants[f"nest_ranks_{name}"].repeats
        assert one.counts.synaptic_events == threads.counts.synaptic_events


@needs_nest
def test_a_launcher_that_starts_no_ranks_is_refused(
    problem: Problem, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nest = simulators.installed(PROJECT / "simulators" / "nest", NEST_PYTHON)
    problem.save(tmp_path / "problem.npz", ranks=2)
    alone = baselines.Simulator(nest.label, "plastic", nest.command)
    with pytest.raises(SimulatorError, match="NEST, plastic: ended with exit code 1"):
        baselines.run_ranks(alone, tmp_path / "problem.npz", 2)
    assert "NEST has 1 MPI rank(s) in place of 2: the launcher must be of the MPI library" in capfd.readouterr().err


def test_memory_is_measured_over_a_run_whose_input_changes() -> None:
    """Half of the channels are silent until the middle, the others from there on; NEST counts the same events."""
    baseline = parse(PoissonBaseline, BASELINE | {"memory_steps": 100, "repeats": 2})
    problem = changing_problem(baseline, 100)
    late = problem.stimulus.input_steps >= 50
    assert problem.stimulus.input_channels[late].max() < 20 <= problem.stimulus.input_channels[~late].min()
    assert late.any() and not late.all()
    others = [simulators.installed(PROJECT / "simulators" / "nest", NEST_PYTHON)] if NEST_PYTHON else []
    taking_part = [one for one in baselines.simulators(others, 40) if one.variant == "memory"]
    processes, _ = baselines.compare({"events": poisson_problem(baseline), "memory": problem}, taking_part, repeats=2)
    assert [process.simulator for process in processes] == ["eprop_core", "NEST"][: 1 + len(others)]  # once
    simulation = Simulation(problem.network, seed=problem.seed)
    simulation.run(problem.stimulus)
    for process in processes:
        assert process.memory_over_time_bytes is not None and len(process.memory_over_time_bytes) == 20
        assert (process.spikes, process.n_steps) == (simulation.counts["spikes"], 100)
        assert process.synaptic_events == simulation.counts["synaptic_events"]
