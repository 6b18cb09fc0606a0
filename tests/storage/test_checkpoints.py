"""A simulation that continues from a checkpoint equals one that was never interrupted, to the bit, on any ranks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from continued import assert_equal, continued, new_simulation, uninterrupted
from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.network.projections import spiking_projections
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.verification.random_problem import Problem, problem_of_variant, random_problem
from eprop_core.verification.ranks import per_sample, problems
from eprop_core.verification.variants import BEYOND_NEST

N_STEPS = 200
RANKS = ([1, 1], [1, 2], [2, 1], [2, 3], [3, 1], [2, 3, 1])


def check(problem: Problem, directory: Path, ranks: list[int], seed: int) -> None:
    """Interrupt a run at random steps; where samples matter, at the ends of samples."""
    n_samples = problem.stimulus.n_samples if problem.network.plasticity.counts_samples else problem.stimulus.n_steps
    cuts = np.sort(np.random.default_rng(seed).choice(np.arange(1, n_samples), len(ranks) - 1, replace=False))
    initial = new_simulation(problem)
    plastic = [spec.name for spec in spiking_projections(problem.network) if spec.plastic]
    before = {name: initial.weights(name) for name in plastic}
    expected = uninterrupted(problem)
    assert len(expected.recording.spike_steps) > 20
    changes = [expected.weights[name].weight != before[name].weight for name in plastic]
    assert not plastic or np.concatenate(changes).any()
    steps = (cuts * problem.stimulus.n_steps // n_samples).tolist()
    assert_equal(continued(problem, directory, steps, ranks), expected)


@pytest.mark.parametrize("ranks", RANKS, ids=str)
@pytest.mark.parametrize("name", problems())
def test_problems_of_ranks_continue(name: str, ranks: list[int], tmp_path: Path) -> None:
    check(problems()[name], tmp_path, ranks, seed=len(name))


@pytest.mark.parametrize("name", np.random.default_rng(1).permutation(list(BEYOND_NEST))[::2].tolist())
def test_half_of_the_variants_continue(name: str, tmp_path: Path) -> None:
    """All of them take minutes; which ones is random, as neighbours in the list differ in one feature."""
    number = list(BEYOND_NEST).index(name)
    problem = problem_of_variant(BEYOND_NEST[name], N_STEPS)
    always = np.ones(N_STEPS, np.bool_)
    problem = problem._replace(stimulus=replace(problem.stimulus, learning_window=always))
    check(problem, tmp_path, RANKS[number % len(RANKS)], seed=number)


SAMPLES: dict[str, dict[str, Any]] = {
    "batches": {"update": "sample", "batch_size": 3},
    "batches and resets": {"update": "sample", "batch_size": 2, "reset_at_samples": True},
    "resets": {"reset_at_samples": True},
    "resets and rates of samples": {
        "update": "sample",
        "batch_size": 2,
        "reset_at_samples": True,
        "rate_average": "sample",
    },
}


@pytest.mark.parametrize("optimizer", [{}, {"adam": {}, "learning_rate": 1e-3}], ids=["gradient_descent", "adam"])
@pytest.mark.parametrize("feedback", ["random", "symmetric", "adaptive"])
@pytest.mark.parametrize("name", SAMPLES)
def test_samples_and_batches_continue(name: str, feedback: str, optimizer: dict[str, Any], tmp_path: Path) -> None:
    settings: dict[str, Any] = {"n_recurrent": 13, "n_input": 12, "n_readout": 2, "I_e": 1.5, "input_probability": 0.1}
    settings |= {"kappa": 0.9, "kappa_reg": 0.9, "c_reg": 2.0, "feedback": feedback}
    problem = random_problem(11, 240, **settings, **optimizer)
    values = problem.network.model_dump()
    values["plasticity"] |= SAMPLES[name]
    network = parse(Network, values)
    problem = problem._replace(network=network, stimulus=replace(problem.stimulus, n_samples=12))
    ranks = [[2, 3, 1], [1, 2], [3, 1]][len(name) % 3]
    check(problem, tmp_path, ranks, seed=len(feedback))


def test_the_rule_of_bellec_continues_within_a_batch(tmp_path: Path) -> None:
    problem = per_sample(random_problem(11, 200, n_recurrent=15, n_input=12, n_readout=2, I_e=1.5))
    check(problem, tmp_path, [2, 1, 3], seed=1)


@pytest.mark.parametrize("ranks", [[1, 2, 1], [2, 3], [3, 1]], ids=str)
@pytest.mark.parametrize("n_recurrent", [20, 50])
@pytest.mark.parametrize(
    "changes",
    [{}, {"update": "sample", "batch_size": 3, "reset_at_samples": True}, {"kappa": 0.0, "kappa_reg": 0.0}],
    ids=str,
)
def test_rows_continue(n_recurrent: int, ranks: list[int], changes: dict[str, Any], tmp_path: Path) -> None:
    """Synapses in rows on some numbers of ranks may be in lists on others, which have fewer neurons each."""
    values: dict[str, Any] = {"n_input": 12, "n_recurrent": n_recurrent, "n_readout": 2, "neuron": {"V_th": 0.6}}
    values["input"] = {"weights": {"scale": 2.0}}
    values["plasticity"] = {"kappa": 0.9, "cutoff": 20, "optimizer": {"learning_rate": 1e-4}} | changes
    network = parse(Network, values)
    n_samples = 12 if network.plasticity.counts_samples else 1
    stimulus = replace(poisson_stimulus(network, 30.0, seed=4, first_step=0, n_steps=240), n_samples=n_samples)
    problem = Problem(network, {}, stimulus)
    assert new_simulation(problem)._synapses("input").in_rows
    check(problem, tmp_path, ranks, seed=n_recurrent)
