"""e-prop beside backpropagation through time: the same spikes, gradients that agree where theory says so, and search.

Backpropagation needs an environment as in ``simulators/snntorch/requirements.txt``; EPROP_BENCH_SNNTORCH_PYTHON names
its interpreter.
"""

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import small
from eprop_core import configuration
from eprop_core.datasets.events import EventDataset
from eprop_core.experiments.locality import accuracy, estimates, gradients
from eprop_core.experiments.locality.parameters import (
    METHODS,
    AccuracyParameters,
    GradientPoint,
    LearningRates,
    LearningRateSearch,
    check_comparable,
)
from eprop_core.experiments.locality.result import Alignment
from eprop_core.experiments.points import apply
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from small_results import PROJECT

PYTHON = os.environ.get("EPROP_BENCH_SNNTORCH_PYTHON")
needs_torch = pytest.mark.skipif(
    not PYTHON, reason="EPROP_BENCH_SNNTORCH_PYTHON does not name the interpreter of one with snnTorch"
)
TORCH = InstalledSimulator(
    label="snnTorch",
    computes="",
    variants=["training"],
    version="1.0",
    python=str(PYTHON),
    script=str(PROJECT / "simulators" / "snntorch" / "measure.py"),
)
TRAIN, TEST = small.dataset(300), small.dataset(50, seed=2)
ONE = LearningRates(1.0, 1.0)
EXACT = {
    "network.plasticity.kappa": math.exp(-1.0 / 10.0),  # as the readouts decay
    "network.plasticity.cutoff": None,
}
NO_RECURRENCE = {"network.recurrent.connectivity": {"rule": "pairwise_bernoulli", "probability": 0.0}}
STRONG_RECURRENCE = {"network.recurrent.weights.scale": 1.0}


def delays(delay: int) -> dict[str, Any]:
    return {f"network.{name}.delay": delay for name in PROJECTIONS}


def point(changes: dict[str, Any], samples: int = 5, trained_samples: int = 0) -> GradientPoint:
    task = small.task(validation_share=0.0).model_dump(mode="json")
    values = {"samples": samples, "trained_samples": trained_samples, "network.plasticity.c_reg": 0.0}
    return parse(GradientPoint, apply(task, values | changes))


def aligned(changes: dict[str, Any], **given: int) -> dict[str, Alignment]:
    """Return the alignments by kind of feedback."""
    return {one.feedback: one for one in gradients.measure(point(changes, **given), TRAIN, 1, TORCH)}


@needs_torch
@pytest.mark.parametrize("changes", [{}, delays(4), EXACT | STRONG_RECURRENCE], ids=["cutoff", "delays", "recurrence"])
def test_both_have_the_same_readouts(changes: dict[str, Any]) -> None:
    """And the same spikes, without which nothing is compared."""
    for alignment in aligned(changes).values():
        assert alignment.spikes > 500
        assert alignment.readout_difference < 1e-12


@needs_torch
@pytest.mark.parametrize("delay", [1, 2, 5])
def test_gradients_by_output_weights_are_equal(delay: int) -> None:
    """Whatever feedback and recurrence: no later spike depends on them."""
    for alignment in aligned(EXACT | STRONG_RECURRENCE | delays(delay)).values():
        assert alignment.output_difference is not None
        assert alignment.output_difference < 1e-9


@needs_torch
@pytest.mark.parametrize("delay", [1, 2, 5])
def test_e_prop_is_exact_without_recurrence(delay: int) -> None:
    """With symmetric feedback, a filter like that of the readouts, and no cutoff."""
    found = aligned(EXACT | NO_RECURRENCE | delays(delay))
    exact, random = found["symmetric"], found["random"]
    assert exact.input_cosine == pytest.approx(1.0, abs=1e-12)
    assert exact.all_cosine == pytest.approx(1.0, abs=1e-12)
    assert exact.recurrent_cosine is None  # there are no such weights
    assert random.input_cosine is not None
    assert abs(random.input_cosine) < 0.9


@needs_torch
def test_derivatives_by_input_weights_are_equal_without_recurrence() -> None:
    problem = gradients.problem_of(point(EXACT | NO_RECURRENCE), TRAIN, 1)
    expected = gradients.backpropagated(problem, TORCH).gradients["input"]
    learnt = gradients.learnt_gradient(problem, "symmetric").gradients["input"]
    np.testing.assert_allclose(learnt, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@needs_torch
def test_what_e_prop_leaves_out_lowers_the_cosine() -> None:
    with_recurrence = aligned(EXACT | STRONG_RECURRENCE)["symmetric"]
    for cosine in (with_recurrence.input_cosine, with_recurrence.recurrent_cosine):
        assert cosine is not None
        assert 0.0 < cosine < 0.999
    cut_off = aligned(EXACT | NO_RECURRENCE | {"network.plasticity.cutoff": 3})["symmetric"]
    for cosine in (cut_off.input_cosine, cut_off.output_cosine):
        assert cosine is not None
        assert cosine < 0.999


@needs_torch
def test_learning_comes_before_the_gradient() -> None:
    before, after = (aligned({}, trained_samples=n)["symmetric"] for n in (0, 100))
    assert before.spikes != after.spikes
    assert after.output_difference is not None


@needs_torch
def test_backpropagation_learns() -> None:
    parameters = accuracy_parameters(batch_size=5)
    learn = accuracy.learner("bptt", parameters, 1, TORCH)
    assert learn(TRAIN, TEST, 3, LearningRates(30.0, 1.0)) > 0.5 > 2 * learn(TRAIN, TEST, 1, LearningRates(1e-6, 1.0))


@needs_torch
def test_one_batch_takes_the_gradient_off_the_weights() -> None:
    """A training on one batch and the gradient of its samples, each of which starts at rest, are the same.

    A projection may have a learning rate of its own.
    """
    problem = gradients.problem_of(point({"network.output.learning_rate": 0.125}), TRAIN, 1)
    rates = {name: problem.network.optimizer(name).learning_rate for name in LEARNING_PROJECTIONS}
    assert rates["output"] == 0.125 != rates["input"]
    gradient = gradients.backpropagated(problem, TORCH).gradients
    learned = gradients.bptt.train(problem.save, TORCH, batch_size=5)
    for name, expected in gradient.items():
        change = problem.connections[name].weight - learned[f"{name}_weight"]
        np.testing.assert_allclose(change / rates[name], expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_a_cosine_has_a_sign_and_no_scale() -> None:
    one = np.array([1.0, 0.0, 2.0])
    assert gradients.cosine(one, 3.0 * one) == pytest.approx(1.0)
    assert gradients.cosine(one, -one) == pytest.approx(-1.0)
    assert gradients.cosine(one, np.array([0.0, 5.0, 0.0])) == 0.0
    assert gradients.cosine(one, 0.0 * one) is None


# Programs that take the place of backpropagation.


def program(directory: Path, lines: str) -> InstalledSimulator:
    (directory / "backpropagation.py").write_text(lines, encoding="utf-8")
    given = {"python": sys.executable, "script": str(directory / "measure.py")}
    return TORCH.model_copy(update=given)


def test_a_program_that_fails_gets_one_line(tmp_path: Path) -> None:
    failing = program(tmp_path, "import sys\nsys.exit(3)\n")
    with pytest.raises(SimulatorError, match=r"^snnTorch, backpropagation.py: ended with exit code 3$"):
        gradients.measure(point({}), TRAIN, 1, failing)


def test_other_spikes_are_not_compared(tmp_path: Path) -> None:
    silent = (
        "import sys\nimport numpy as np\nproblem = dict(np.load(sys.argv[1]))\n"
        "found = {f'{name}_gradient': problem[f'{name}_weight'] for name in ('input', 'recurrent', 'output')}\n"
        "np.savez(sys.argv[2], spike_steps=[0], spike_neurons=[0], readouts=0.0 * problem['target'], **found)\n"
    )
    with pytest.raises(SimulatorError, match=r"^snnTorch, backpropagation.py: has other spikes than this simulator$"):
        gradients.measure(point({}), TRAIN, 1, program(tmp_path, silent))


# Search.


def search_parameters(**given: Any) -> LearningRateSearch:
    values = {"validation_samples": 50, "epochs": 2, "factors": [1.0, 10.0, 100.0]}
    return parse(LearningRateSearch, values | given)


def accuracy_parameters(**given: Any) -> AccuracyParameters:
    task = small.task().model_dump(mode="json")
    task["network"]["plasticity"]["c_reg"] = 0.0
    return parse(AccuracyParameters, {"task": task, "search": search_parameters().model_dump()} | given)


def test_the_best_learning_rates_learn_all_samples() -> None:
    calls: list[tuple[int, int, int, LearningRates]] = []
    accuracies = {(1.0, 0.1): 0.25, (1.0, 1.0): 0.5, (10.0, 0.1): 0.75, (10.0, 1.0): 0.75}

    def learn(samples: EventDataset, others: EventDataset, epochs: int, rates: LearningRates) -> float:
        calls.append((len(samples), len(others), epochs, rates))
        return accuracies[rates]

    parameters = search_parameters(factors=[10.0, 1.0], output_factors=[1.0, 0.1])
    found = accuracy.search(learn, parameters.learning_rates("bptt"), parameters, 7, TRAIN, TEST, seed=1)
    assert (found.factor, found.output_factor) == (10.0, 0.1)  # the smallest of equally good ones
    assert {one[:2]: one[2] for one in found.tried} == accuracies
    assert [call[:3] for call in calls] == [(250, 50, 2)] * 4 + [(300, 50, 7)]
    assert calls[-1][3] == (10.0, 0.1)


def test_only_the_output_weights_have_a_further_factor() -> None:
    network = accuracy_parameters().task.network_before_data()
    scaled = LearningRates(10.0, 0.5).of(network)
    before, after = (
        {name: of.optimizer(name).learning_rate for name in LEARNING_PROJECTIONS} for of in (network, scaled)
    )
    assert after == {name: before[name] * (5.0 if name == "output" else 10.0) for name in LEARNING_PROJECTIONS}
    assert {
        rates.output_factor for rates in search_parameters(output_factors=[0.1]).learning_rates("event_counts")
    } == {1}


def test_validation_samples_are_not_learned() -> None:
    def learn(samples: EventDataset, others: EventDataset, _epochs: int, _rates: LearningRates) -> float:
        if others is not TEST:
            keys = [{tuple(map(bytes, sample)) for sample in part.samples()} for part in (samples, others)]
            assert len(keys[0] | keys[1]) == len(TRAIN)
        return 0.5

    accuracy.search(learn, [ONE], search_parameters(), 1, TRAIN, TEST, seed=1)


def test_too_few_samples_get_one_line() -> None:
    with pytest.raises(ParameterError, match=r"^search.validation_samples = 300: must be below 300, the training"):
        accuracy.search(lambda *_: 0.5, [ONE], search_parameters(validation_samples=300), 1, TRAIN, TEST, seed=1)
    with pytest.raises(ParameterError, match=r"^trained_samples = 301: must be at most 300, the training samples$"):
        gradients.problem_of(point({}, trained_samples=301), TRAIN, 1)


def test_event_counts_answer_where_channels_differ_by_class() -> None:
    counts = accuracy.event_counts(TEST)
    assert counts.shape == (50, 100)
    assert counts.sum() == sum(len(steps) for steps, _ in TEST.samples())
    assert accuracy.fit_event_counts(TRAIN, TEST, 1, ONE) > 0.95


@pytest.mark.parametrize("method", ["symmetric", "adaptive", "random"])
def test_every_kind_of_feedback_learns(method: Any) -> None:
    learn = accuracy.learner(method, accuracy_parameters(), 1, None)
    factor = 0.3 if method != "symmetric" else 30.0  # feedback weights are large where they are drawn
    fast, slow = LearningRates(factor, 1.0), LearningRates(1e-9, 1.0)
    assert learn(TRAIN, TEST, 5, fast) > 0.3 > 1.5 * learn(TRAIN, TEST, 1, slow)


def test_backpropagation_needs_its_program() -> None:
    with pytest.raises(ParameterError, match=r"^--simulator: needed for backpropagation through time$"):
        accuracy.learner("bptt", accuracy_parameters(), 1, None)


# Configuration.


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"plasticity": {"c_reg": 1.0}}, "network.plasticity.c_reg = 1.0: must be 0.0 to be compared"),
        ({"neuron": {"t_ref": 2.0}}, "network.neuron.t_ref = 2.0: must be 0.0 to be compared"),
        ({"neuron": {"adaptation": {"beta": 0.1, "tau": 20.0}}}, 'network.neuron.adaptation = "...": must be null'),
        (
            {"neuron": {"surrogate_gradient": {"function": "arctan"}}},
            'network.neuron.surrogate_gradient.function = "arctan": must be "piecewise_linear" to be compared',
        ),
        (
            {"plasticity": {"optimizer": {"algorithm": "adam"}}},
            'network.plasticity.optimizer.algorithm = "adam": must be "gradient_descent" to be compared',
        ),
        ({"output": {"optimizer": {"learning_rate": 1.0}}}, 'network.output.optimizer = "...": must be null to be'),
        ({"output": {"fixed_signs": True}}, "network.output.fixed_signs = true: must be null to be compared"),
        ({"input": {"plastic": False}}, "network.input.plastic = false: must be true to be compared"),
        ({"neuron": {"tau_m": {"low": 5.0, "high": 9.0}}}, "network.neuron.tau_m: must be one value for all neurons"),
    ],
)
def test_other_networks_are_refused(changes: dict[str, Any], line: str) -> None:
    network = parse(Network, {"n_input": 2, "n_recurrent": 3, "n_readout": 1} | changes)
    with pytest.raises(ParameterError) as error:
        check_comparable(network)
    assert str(error.value).startswith(line)


@pytest.fixture
def values() -> dict[str, Any]:
    text = (PROJECT / "config" / "locality.yaml").read_text(encoding="utf-8")
    return dict(json.loads(json.dumps(yaml.safe_load(text))))  # without parts that are the same object


def _set_task(values: dict[str, Any]) -> None:
    values["locality"]["task"] = "digit"


def _set_rate(values: dict[str, Any]) -> None:
    values["tasks"]["digits"]["network"]["plasticity"]["c_reg"] = 6.7


def _set_samples(values: dict[str, Any]) -> None:
    values["locality"]["search"]["validation_samples"] = 1437


def _set_series(values: dict[str, Any]) -> None:
    values["locality"]["gradients"]["series"] = {"cutoff": {"network.plasticity.cutoff": [5, None, 5]}}


def _set_words(values: dict[str, Any]) -> None:
    values["locality"]["gradients"]["series"] = {"kind": {"network.feedback.kind": ["random", "symmetric"]}}


def _set_neurons(values: dict[str, Any]) -> None:
    values["locality"]["gradients"]["series"] = {"rest": {"network.neuron.t_ref": [0.0, 2.0]}}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (_set_task, "locality.task: no task 'digit'; there are digits"),
        (_set_rate, "locality.task: digits: network.plasticity.c_reg = 6.7: must be 0.0"),
        (_set_samples, "locality.task: digits: search.validation_samples = 1437: must be below its 1437 training"),
        (_set_series, "locality.gradients.series.cutoff: network.plasticity.cutoff = 5 comes twice"),
        (_set_words, 'locality.gradients: series.kind: network.feedback.kind = "random": has no place on an axis'),
        (_set_neurons, "locality.gradients.series.rest: network.neuron.t_ref = 2.0: must be 0.0"),
    ],
)
def test_a_wrong_configuration_gets_one_line(
    values: dict[str, Any], change: Callable[[dict[str, Any]], None], line: str
) -> None:
    assert configuration.load(values, "my.yaml").locality is not None
    change(values)
    with pytest.raises(ParameterError) as error:
        configuration.load(values, "my.yaml")
    (only,) = str(error.value).splitlines()
    assert only.startswith(f"my.yaml: {line}")


def _with(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *sections, key = path.split("/")
    section = values
    for name in sections:
        section = section.setdefault(name, {})
    section[key] = value
    return values


RANDOM = {"rule": "fixed_in_degree", "in_degree": 10, "allow_multapses": True}


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "tasks/digits/training/rewiring",
            {"projections": ["input"]},
            ".task: digits: training.rewiring: must be null",
        ),
        (
            "tasks/digits/training/learning_rate_schedule",
            {"kind": "list", "factors": [0.5]},
            ".task: digits: training.learning_rate_schedule: must be constant",
        ),
        ("tasks/digits/training/folds", 3, ".task: digits: training.folds: must be null"),
        ("tasks/digits/training/keep", "best", '.task: digits: training.keep: must be "last"'),
        ("tasks/digits/network/plasticity/update", "sample", ".task: digits: network.plasticity.update"),
        (
            "tasks/digits/network/plasticity/reset_at_samples",
            True,
            ".task: digits: network.plasticity.reset_at_samples",
        ),
        ("tasks/digits/network/recurrent/connectivity", RANDOM, ".task: digits: network.recurrent.connectivity.allow"),
        (
            "tasks/digits/network/plasticity/optimizer/learning_rate",
            1e308,
            ".task: digits: search: learning rates multiplied by 3 and 0.03: ",
        ),
        ("locality/gradients/samples", 1438, ".gradients.series.cutoff: samples = 1438: must be at most 1437"),
        (
            "locality/gradients/series",
            {"a": {"trained_samples": [0, 1438]}},
            ".gradients.series.a: trained_samples = 1438",
        ),
        (
            "locality/gradients/series",
            {"a": {"training.epochs": [1, 2]}},
            ".gradients.series.a: training.epochs: does not change a gradient",
        ),
    ],
)
def test_what_has_no_effect_or_no_room_is_refused(values: dict[str, Any], key: str, value: Any, line: str) -> None:
    if "rewiring" in key:
        values["tasks"]["digits"]["network"]["input"]["fixed_signs"] = True
    values["locality"]["gradients"]["series"] = {"cutoff": {"network.plasticity.cutoff": [5, None]}}
    with pytest.raises(ParameterError) as error:
        configuration.load(_with(values, key, value), "my.yaml")
    assert str(error.value).splitlines()[0].startswith(f"my.yaml: locality{line}")


def test_in_degrees_of_data_that_are_not_read_are_allowed(values: dict[str, Any]) -> None:
    values["tasks"]["digits"]["dataset"] = {
        "name": "events",
        "train": "my.h5",
        "test_share": 0.2,
        "n_steps": 50,
        "duration": 1.0,
    }
    values["tasks"]["digits"]["network"]["input"]["connectivity"] = {"rule": "fixed_in_degree", "in_degree": 10}
    values["locality"]["gradients"]["series"] = {"cutoff": {"network.plasticity.cutoff": [5, None]}}
    assert configuration.load(values, "my.yaml").locality is not None


@pytest.mark.parametrize("value", [2, 4])
def test_delays_are_learned_by_all_methods(values: dict[str, Any], value: int) -> None:
    delays = _with(values, "tasks/digits/network/recurrent/delay", value)
    assert configuration.load(delays, "my.yaml").locality is not None


def test_event_counts_of_one_class_get_one_line() -> None:
    alone = TRAIN.subset(np.flatnonzero(TRAIN.labels == TRAIN.labels[0]))
    with pytest.raises(ParameterError, match=f"^the {len(alone)} samples to learn from are all of one class"):
        accuracy.fit_event_counts(alone, TEST, 1, 1.0)


def test_estimated_memory_follows_what_is_shown() -> None:
    """Measured for `config/locality.yaml`: 995 MB of a training and 446 MB of gradients, of all processes."""
    loaded = configuration.load(yaml.safe_load((PROJECT / "config" / "locality.yaml").read_text()), "locality.yaml")
    experiment = loaded.locality
    assert experiment is not None
    task = loaded.tasks[experiment.task]
    training = AccuracyParameters(task=task, search=experiment.search, batch_size=experiment.batch_size)
    n_bytes_of_data = 6_300_000
    assert 0.75 * 995e6 < estimates.memory_of_training(training, n_bytes_of_data) < 1.25 * 995e6
    gradient = experiment.gradients.at(task, experiment.gradients.all_points()[0])
    assert 0.75 * 446e6 < estimates.memory_of_gradients(gradient, n_bytes_of_data) < 1.3 * 446e6
    more = gradient.model_copy(update={"samples": 10 * gradient.samples})
    added = estimates.memory_of_gradients(more) - estimates.memory_of_gradients(gradient)
    assert added > 9 * gradient.samples * task.dataset.n_steps * 8 * (512 + 100)  # inputs and neurons in each step


def test_all_methods_have_names() -> None:
    assert len(set(METHODS.values())) == len(METHODS) == 5
