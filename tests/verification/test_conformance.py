"""The conformance set: right simulators are accepted, wrong ones rejected, and NEST gives its results again.

The last needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from conformance_set import SET, Results, check, differing, hints, problem_of, write_results
from eprop_core.parameters import Uniform
from eprop_core.recording.request import Record
from eprop_core.recording.time_series import Recorded
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.verification import variants
from eprop_core.verification.bellec_problem import VARIANTS
from eprop_core.verification.comparison import Outcome
from eprop_core.verification.conformance.cases import BELLEC, E_PROP_PLUS, FIRST, cases
from eprop_core.verification.conformance.file import TOLERANCES, outcomes
from eprop_core.verification.conformance.mistakes import EXAMPLE, LITERAL_MODEL, OF_BELLEC, OF_E_PROP_PLUS, Mistake
from eprop_core.verification.conformance.outcomes import learned
from eprop_core.verification.conformance.pitfalls import PITFALLS
from eprop_core.verification.conformance.shown import shown
from eprop_core.verification.nest import Nest
from eprop_core.verification.random_problem import Problem
from eprop_core.verification.simulators import event_driven_bellec, learning_signal
from live_nest import NEST_PYTHON, needs_nest

NO_MISTAKE = Mistake({}, "")
LOST = "samples-spikes-in-the-first-step"
"""The literal model of Bellec et al. does not lose the spikes that NEST loses."""


@pytest.fixture(scope="module")
def conformance_set() -> Iterator[h5py.File]:
    with h5py.File(SET) as file:
        yield file


def cases_of(conformance_set: h5py.File, rule: str) -> dict[str, h5py.Group]:
    names = json.loads(conformance_set.attrs["cases"])
    return {
        name: conformance_set["cases"][name] for name in names if conformance_set["cases"][name].attrs["rule"] == rule
    }


def simulated(case: h5py.Group) -> Results:
    """Results of the event-driven simulation."""
    network, connections, stimulus = problem = problem_of(case)
    if case.attrs["rule"] == BELLEC:
        return of_samples(event_driven_bellec({"": problem})[""])
    drawn = {name for name in ("tau_m", "V_th") if isinstance(getattr(network.neuron, name), Uniform)}
    values = {name: case[f"neurons/{name}"][:] for name in drawn}
    simulation = Simulation(network, connections=connections, neuron_values=values)
    pairs = {
        name: list(zip(connections[name].source.tolist(), connections[name].target.tolist(), strict=True))
        for name in learned(problem)
    }
    record = Record(range(network.n_recurrent), pairs)
    recording = simulation.run(longer(stimulus), record)
    n_steps, recorded = stimulus.n_steps, recording.recorded
    assert recorded is not None
    signals = {"readout": recording.readout[:n_steps], "error": recording.error[:n_steps]}
    if "learning_signal" in recorded.neurons:  # where neurons learn
        # They are recorded by the step to whose spikes they belong; the set has the step of their arrival.
        delay = network.output.delay + network.feedback.delay
        of_spikes = recorded.neurons["learning_signal"].values[: n_steps - delay]
        signals["learning_signal"] = np.vstack([np.zeros((delay, network.n_recurrent)), of_spikes])
    within = recording.spike_steps < n_steps
    spikes = {"spike_steps": recording.spike_steps[within], "spike_neurons": recording.spike_neurons[within]}
    weights = {f"weights/{name}": weights_over_time(recorded, simulation, name, n_steps) for name in pairs}
    return spikes | signals | weights


def longer(stimulus: Stimulus) -> Stimulus:
    """The stimulus with some more steps: a learning signal is recorded when the synapses process its step."""
    more, n_readout = 10, stimulus.target.shape[1]
    return replace(
        stimulus,
        n_steps=stimulus.n_steps + more,
        target=np.vstack([stimulus.target, np.zeros((more, n_readout))]),
        learning_window=np.append(stimulus.learning_window, np.zeros(more, bool)),
    )


def weights_over_time(recorded: Recorded, simulation: Simulation, projection: str, n_steps: int) -> np.ndarray:
    """Weights at the end of each step, or at the end of the run where they are static and not recorded."""
    series = recorded.synapses.get(projection, {})
    return series["weight"].values[:n_steps] if "weight" in series else simulation.weights(projection).weight


def of_samples(outcome: Outcome) -> Results:
    signals = {name.replace(" ", "_"): np.asarray(values) for name, values in outcome.signals.items()}
    weights = {f"weights/{name}": outcome.weights[name].weight for name in ("input", "recurrent", "output")}
    return {"spike_steps": outcome.spike_steps, "spike_neurons": outcome.spike_neurons, **signals, **weights}


def test_the_event_driven_simulation_is_accepted(conformance_set: h5py.File, tmp_path: Path) -> None:
    results = {name: simulated(case) for name, case in conformance_set["cases"].items()}
    write_results(tmp_path / "results.h5", results)
    checked = check(tmp_path / "results.h5")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.endswith(f"{len(results)} of {len(results)} cases are equal\n")


@pytest.mark.parametrize(("dtype", "precision"), [(np.float64, "double"), (np.float32, "single")])
def test_an_independent_implementation_is_accepted(
    dtype: type, precision: str, conformance_set: h5py.File, tmp_path: Path
) -> None:
    example = NO_MISTAKE.made_in(EXAMPLE)
    results = {name: example.simulate(case, dtype) for name, case in cases_of(conformance_set, E_PROP_PLUS).items()}
    assert next(iter(results.values()))["weights/input"].dtype == dtype
    write_results(tmp_path / "results.h5", results)
    checked = check(tmp_path / "results.h5", "--precision", precision)
    assert checked.stdout.count(": equal\n") == len(results) > 100
    if dtype is np.float32:
        assert len(differing(check(tmp_path / "results.h5").stdout)) > 100


SOME = (
    *("V_min0.0-exponential", "dt-0.25", "no-feedback", "readout-at-E_L", "weight-bounds", "adaptation-cutoff"),
    *("delays-4-8-7-9-cutoff-35", "delays-6-5-2-2-cutoff-10", "symmetric-feedback-unit", "adaptive-feedback-unit"),
    *("cross-entropy", "fixed-signs", "static-output", "decaying-feedback-unit", "adaptive-feedback-unit-bounded"),
    *(
        "eprop_iaf_psc_delta-exponential-gradient_descent",
        "refractory-0.3-dt-0.1",
        "cutoff-5",
        "adam-each-step-cutoff",
        "kappa-0.9-0.9",
    ),
)
"""Cases of e-prop+, beside the first ones, that show each mistake."""


@pytest.mark.parametrize("name", ["none", *OF_E_PROP_PLUS])
def test_wrong_implementations_of_e_prop_plus_are_rejected(
    name: str, conformance_set: h5py.File, tmp_path: Path
) -> None:
    mistake = OF_E_PROP_PLUS.get(name, NO_MISTAKE)
    wrong = mistake.made_in(EXAMPLE)
    chosen = [*FIRST, *SOME]
    with np.errstate(all="ignore"):
        results = {case: wrong.simulate(conformance_set["cases"][case]) for case in chosen}
    assert_rejected(mistake, results, tmp_path)


def test_a_spike_that_is_listed_twice_is_too_many(conformance_set: h5py.File, tmp_path: Path) -> None:
    case = conformance_set["cases/neurons"]
    result = simulated(case)
    twice = {name: np.repeat(result[name], 2) for name in ("spike_steps", "spike_neurons")}
    write_results(tmp_path / "results.h5", {"neurons": result | twice})
    assert "has a spike too many" in check(tmp_path / "results.h5", "--cases", "neurons").stdout


@pytest.mark.parametrize("name", ["none", *OF_BELLEC])
def test_wrong_implementations_of_the_rule_of_bellec_et_al_are_rejected(
    name: str, conformance_set: h5py.File, tmp_path: Path
) -> None:
    mistake = OF_BELLEC.get(name, NO_MISTAKE)
    wrong = mistake.made_in(LITERAL_MODEL)
    results = {}
    for case, group in cases_of(conformance_set, BELLEC).items():
        if case != LOST:
            problem = problem_of(group)
            results[case] = literally(wrong.train(*problem, problem.stimulus.n_samples), problem)
    assert_rejected(mistake, results, tmp_path)


def literally(trained: Any, problem: Problem) -> Results:
    steps, neurons = np.nonzero(trained.spikes)
    signals = {"readout": trained.readout, "error": trained.error}
    return of_samples(
        Outcome(steps, neurons, signals | {"learning signal": learning_signal(trained.error, problem)}, trained.weights)
    )


def assert_rejected(mistake: Mistake, results: dict[str, Results], directory: Path) -> None:
    """A mistake must be among the pitfalls that the checker names first; without one, all cases must be equal."""
    write_results(directory / "results.h5", results)
    checked = check(directory / "results.h5")
    assert checked.stderr == ""
    assert checked.returncode == 1
    found = differing(checked.stdout)
    assert len(found) + checked.stdout.count(": equal\n") == len(results)
    if mistake is NO_MISTAKE:
        assert not found
    else:
        (named,) = hints(checked.stdout).items()
        assert named[0] == found[0]
        assert mistake.pitfall in named[1], checked.stdout


def test_every_pitfall_is_that_of_a_case(conformance_set: h5py.File) -> None:
    of_cases = {one for case in conformance_set["cases"].values() for one in json.loads(case.attrs["pitfalls"])}
    assert json.loads(conformance_set.attrs["pitfalls"]) == {name: pitfall.text for name, pitfall in PITFALLS.items()}
    assert of_cases == PITFALLS.keys()
    for case in conformance_set["cases"].values():
        assert set(json.loads(case.attrs["rules_out"])) <= set(json.loads(case.attrs["pitfalls"]))


@pytest.mark.parametrize("name", ["no-feedback", "all-learn-cutoff", "samples-refractory-3"])
def test_pitfalls_of_a_case_are_those_whose_mistakes_change_it(name: str, conformance_set: h5py.File) -> None:
    case, chosen = conformance_set["cases"][name], {case.name: case for case in cases()}[name]
    problem = problem_of(case)
    found = shown(case, problem, chosen.pitfalls(problem.network), TOLERANCES["double"], TOLERANCES["single"])
    assert found == tuple(json.loads(case.attrs[kind]) for kind in ("pitfalls", "rules_out"))


def test_a_case_that_a_mistake_does_not_change_does_not_rule_it_out(conformance_set: h5py.File) -> None:
    ruled_out = {
        name: json.loads(conformance_set["cases"][name].attrs["rules_out"]) for name in ("no-feedback", "all-learn")
    }
    assert "eligibility filter" in ruled_out["all-learn"]
    assert "eligibility filter" not in ruled_out["no-feedback"]


def test_the_set_has_every_kind_of_variant(conformance_set: h5py.File) -> None:
    names = set(json.loads(conformance_set.attrs["cases"]))
    assert set(variants.FEATURES | variants.COMBINATIONS) <= names
    assert {f"samples-{name}" for name in VARIANTS if not name.startswith("random-")} <= names
    networks = [json.loads(case.attrs["network"]) for case in cases_of(conformance_set, E_PROP_PLUS).values()]
    models = {
        (
            one["neuron"]["V_reset"] is None,
            one["neuron"]["adaptation"] is None,
            one["neuron"]["surrogate_gradient"]["function"],
        )
        for one in networks
    }
    assert len(models) == 16
    assert {one["feedback"]["kind"] for one in networks} == {"random", "symmetric", "adaptive"}
    assert SET.stat().st_size < 6e6


def stored(conformance_set: h5py.File, name: str) -> dict[str, Any]:
    """The results of the set as those of a simulator."""
    found: dict[str, Any] = {}
    conformance_set[f"cases/{name}/results"].visititems(
        lambda quantity, values: found.update({quantity: values[:]}) if isinstance(values, h5py.Dataset) else None
    )
    return found


MALFORMED: dict[str, tuple[str, Any, str]] = {
    "a group": ("weights/input", None, "is a group"),
    "a scalar": ("weights/input", 1.0, "has the shape ()"),
    "empty": ("weights/input", h5py.Empty("f"), "is empty"),
    "another shape": ("weights/input", np.zeros(3), "has the shape (3,)"),
    "lists of lists": ("spike_steps", np.zeros((4, 2), int), "has the shape (4, 2)"),
    "numbers that are no integers": ("spike_steps", np.zeros(4), "has the type float64"),
    "lists of unequal length": ("spike_steps", np.zeros(1, int), "spike_steps has 1 values and spike_neurons"),
    "text": ("weights/input", "text", "has the type object"),
    "compound values": ("weights/input", np.zeros(3, [("a", int)]), "has the type"),
    "complex values": ("weights/input", np.zeros((150, 3), complex), "has the type complex128"),
    "a link": ("weights/input", h5py.SoftLink("/cases/output-learns/weights/input"), "is a link"),
    "a link of spikes to another file": ("spike_steps", h5py.ExternalLink("pipe", "/x"), "is a link"),
    "data in another file": ("weights/input", {"shape": 3, "external": [("pipe", 0, 24)]}, "lies in another file"),
    "a bomb": ("spike_steps", {"shape": 2**40, "chunks": 2**20}, "has 1099511627776 values"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_case_is_named_and_hides_no_other(what: str, conformance_set: h5py.File, tmp_path: Path) -> None:
    quantity, value, message = MALFORMED[what]
    path, right = tmp_path / "results.h5", stored(conformance_set, "neurons")
    os.mkfifo(tmp_path / "pipe")  # whoever opens it waits for ever
    write_results(path, {"neurons": right, "output-learns": stored(conformance_set, "output-learns")})
    with h5py.File(path, "a") as file:
        del file[f"cases/neurons/{quantity}"]
        if value is None:
            file.create_group(f"cases/neurons/{quantity}")
        elif isinstance(value, dict):
            file.create_dataset(f"cases/neurons/{quantity}", dtype="i8", **value)
        else:
            file[f"cases/neurons/{quantity}"] = value
    checked = check(path, "--cases", "*n*s")
    assert checked.returncode == 1
    assert checked.stderr == ""
    (line,) = (line for line in checked.stdout.splitlines() if line.startswith("neurons: "))
    assert line.startswith(f"neurons: not compared: {quantity} ")
    assert message in line
    assert "expected is" in line
    assert "output-learns: equal\n" in checked.stdout


def test_cases_that_are_no_groups_or_lack_what_is_required(conformance_set: h5py.File, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    with h5py.File(path, "w") as file:
        file["cases/neurons"] = np.zeros(3)
        file["cases/output-learns"] = h5py.SoftLink("/nowhere")
        file.create_group("cases/input-learns")
    checked = check(path)
    assert checked.stderr == ""
    assert checked.returncode == 1
    assert "neurons: not compared: cases/neurons is a data set; expected is a group" in checked.stdout
    assert "output-learns: not compared: cases/output-learns is a link; expected is an entry of" in checked.stdout
    assert "input-learns: not compared: spike_steps is missing; expected is a data set of integers" in checked.stdout
    assert "all-learn: no results\n" in checked.stdout
    assert "compared: nothing\n" in checked.stdout


def test_what_is_not_compared_is_said(conformance_set: h5py.File, tmp_path: Path) -> None:
    path, right = tmp_path / "results.h5", stored(conformance_set, "neurons")
    misspelt = right | {"readouts": right["readout"], "weights/inputs": right["weights/input"]}
    del misspelt["readout"]
    write_results(path, {"neurons": misspelt, "neuron\x1b[1m\n": right})
    checked = check(path, "--cases", "neurons")
    assert checked.returncode == 0
    for name in (r"cases/neuron\x1b[1m\n", "cases/*/readouts", "cases/*/weights/inputs"):
        assert f"warning: {name} is not compared" in checked.stdout
    assert checked.stdout.count("warning: ") == 3
    (compared,) = (line for line in checked.stdout.splitlines() if line.startswith("compared: "))
    assert compared.split(" ", 1)[1].split(", ") == [
        f"{name} in 1 cases"
        for name in ("spikes", "error", "learning_signal", "weights/input", "weights/recurrent", "weights/output")
    ]
    with h5py.File(path, "w") as file:
        file["case/neurons"] = 1.0
    assert "warning: the file has no group cases/NAME\n" in check(path).stdout


def test_values_that_are_not_numbers_are_named_without_hints(conformance_set: h5py.File, tmp_path: Path) -> None:
    right = stored(conformance_set, "all-learn")
    weights = right["weights/input"].copy()
    weights[7, 2] = np.nan
    write_results(tmp_path / "results.h5", {"all-learn": right | {"weights/input": weights}})
    output = check(tmp_path / "results.h5", "--cases", "all-learn").stdout
    assert re.search(r"differs first in weights/input, step 7, synapse from \d+ to \d+: NaN, not ", output)
    assert not hints(output)


def test_weights_at_the_end_differ_at_the_end(conformance_set: h5py.File, tmp_path: Path) -> None:
    right = stored(conformance_set, "all-learn")
    wrong = right | {"weights/input": right["weights/input"][-1] + 1.0}
    write_results(tmp_path / "results.h5", {"all-learn": wrong})
    assert "differs first in weights/input, at the end, synapse" in check(tmp_path / "results.h5").stdout


def test_files_that_cannot_be_read_end_with_one_line(conformance_set: h5py.File, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    write_results(path, {"neurons": stored(conformance_set, "neurons")})
    truncated, other = tmp_path / "truncated.h5", tmp_path / "other.h5"
    truncated.write_bytes(path.read_bytes()[:-2000])
    with h5py.File(other, "w") as file:
        file["x"] = 1.0
    for arguments, message in (
        ((tmp_path / "none.h5",), "no such file"),
        ((tmp_path,), "not an HDF5 file"),
        ((path, "--cases", "x"), "no case has such"),
        ((truncated,), "cannot be opened"),
        ((path, "--set", truncated), "cannot be opened"),
        ((path, "--set", other), "not a conformance set"),
        ((path, "--set", path), "not a conformance set"),
    ):
        checked = check(*arguments)
        (line,) = checked.stderr.splitlines()
        assert line.startswith("error: ")
        assert message in line
        assert checked.returncode == 1


@needs_nest
def test_nest_and_the_reference_give_the_results_of_the_set_again(conformance_set: h5py.File) -> None:
    chosen = {case.name: case for number, case in enumerate(cases()) if number % 12 == 0 or case.name == LOST}
    problems = {name: case.problem() for name, case in chosen.items()}
    for name, results in outcomes(chosen, problems, Nest(NEST_PYTHON)).items():
        stored = conformance_set["cases"][name]
        assert stored.attrs["source"] == ("NEST 3.10" if chosen[name].in_nest else "reference implementation")
        shown = problem_of(stored).stimulus
        np.testing.assert_array_equal(shown.input_steps, problems[name].stimulus.input_steps)
        np.testing.assert_array_equal(shown.target, problems[name].stimulus.target)
        for quantity, values in results.items():
            np.testing.assert_allclose(stored["results"][quantity][:], values, rtol=1e-13, atol=0, err_msg=quantity)
