"""Problems that are simulated by several MPI ranks together, and by one alone: with equal results, to the bit.

Communication intervals of one and of several steps, few neurons and many, full messages; two runs, and an evaluation.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.projections import projections
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator
from eprop_core.ranks.exchange_cost import Destinations
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.verification.findings import Difference
from eprop_core.verification.random_problem import Problem, random_problem

DESTINATIONS: tuple[Destinations, ...] = ("all", "targets")
RUNS = ("first run", "second run", "evaluation")


def drawn(problem: Problem, n_recurrent: int, n_readout: int, drive: float, **changes: Any) -> Problem:
    """The network with so many neurons and drawn connections; ``drive`` is their resting voltage over the threshold."""
    network, _, stimulus = problem
    values = network.model_dump() | {"n_recurrent": n_recurrent, "n_readout": n_readout}
    neuron = values["neuron"]
    neuron |= {"I_e": drive * neuron["V_th"] * neuron["C_m"] / neuron["tau_m"], "t_ref": 0.0}
    for name in PROJECTIONS:
        scale = neuron["V_th"] if name in ("input", "recurrent") else 1.0
        values[name]["weights"] = {"scale": 0.5 * scale, "divide_by": "sqrt_in_degree"}
    values["recurrent"]["connectivity"] = {"rule": "fixed_in_degree", "in_degree": 5}
    values["output"]["connectivity"] = {"rule": "pairwise_bernoulli", "probability": 0.5}
    target = np.tile(stimulus.target[:, :1], n_readout) + np.arange(n_readout)
    always = np.ones(stimulus.n_steps, np.bool_)
    stimulus = Stimulus(stimulus.n_steps, stimulus.input_steps, stimulus.input_channels, target, always)
    return Problem(parse(Network, values | changes), {}, stimulus)


def onto_the_first(problem: Problem) -> Problem:
    """All neurons project to the first ones alone, which one rank owns."""
    rng = np.random.default_rng(1)
    source, target = np.repeat(np.arange(10, 701), 2), rng.integers(0, 10, 2 * 691)
    return problem._replace(connections={"recurrent": Connections(source, target, 0.01 * rng.normal(size=len(source)))})


def problems() -> dict[str, Problem]:
    """Communication intervals of one and of several steps; few neurons, and many with full messages."""
    two_filters: dict[str, Any] = {"kappa": 0.9, "kappa_reg": 0.7, "c_reg": 2.0}
    one_filter: dict[str, Any] = {"kappa": 0.9, "kappa_reg": 0.9, "c_reg": 2.0}
    delay = {"input": 2, "recurrent": 4, "output": 3, "feedback": 2}
    small: dict[str, Any] = {
        "n_input": 12,
        "n_recurrent": 11,
        "n_readout": 2,
        "input_probability": 0.15,
        "I_e": 1.5,
        "learning_rate": 0.01,
    }
    adaptive: dict[str, Any] = {"adaptation": (0.3, 40.0, 0.6)}
    differing: dict[str, Any] = {"spread": 0.3, "spread_of_others": 0.6}
    each_step: dict[str, Any] = {
        "adam": {"optimize_each_step": True},
        "feedback": "adaptive",
        "weight_decay": 0.02,
        "delay": delay,
    }
    return {
        "small": random_problem(1, 200, **small, **two_filters),
        "small, delays": random_problem(2, 200, **small, **one_filter, delay=delay),
        # All neurons are driven beyond the threshold and spike together.
        "small, symmetric feedback": random_problem(
            2, 200, **small, **one_filter, delay=delay | {"feedback": 3}, feedback="symmetric"
        ),
        "full messages": drawn(random_problem(3, 30, **small, **one_filter, dt=1.0), 701, 3, drive=30.0),
        "full messages to one rank": onto_the_first(drawn(random_problem(6, 30, **small, dt=1.0), 701, 3, drive=30.0)),
        # More readouts' input than spikes.
        "many readouts": drawn(random_problem(4, 80, **small, **two_filters, delay=delay, dt=1.0), 53, 40, drive=1.2),
        # The last neurons adapt, which some ranks have none of.
        "adaptive, Adam": random_problem(7, 200, **small, **two_filters, **adaptive, adam={}),
        "adaptive feedback, Adam in each step": random_problem(6, 200, **small, **two_filters, **adaptive, **each_step),
        # Draws, and groups that lie on several ranks or share one.
        "groups": drawn_groups(random_problem(12, 200, **small, **one_filter, groups=(3, True))),
        "per sample": per_sample(random_problem(11, 200, **small, **one_filter, **adaptive, **differing)),
    }


def drawn_groups(problem: Problem) -> Problem:
    """The network of groups with drawn connections, whose weights let the voltages reach the threshold."""
    values = problem.network.model_dump()
    for name in LEARNING_PROJECTIONS:
        values[name]["weights"] = {"scale": 0.5 * values["neuron"]["V_th"], "divide_by": "nothing"}
    for pair in (*values["input"]["targets"].values(), *values["recurrent"]["pairs"].values()):
        pair |= {"weight_min": None, "weight_max": None}
    values["plasticity"]["optimizer"] |= {"weight_min": -100.0, "weight_max": 100.0}
    return Problem(parse(Network, values), {}, problem.stimulus)


def per_sample(problem: Problem) -> Problem:
    """Updates after each of five samples, resets between them, and feedback along the output."""
    values = problem.network.model_dump()
    values["plasticity"] |= {"update": "sample", "reset_at_samples": True, "rate_average": "sample"}
    values["feedback"]["kind"] = "symmetric"
    connections = {name: problem.connections[name] for name in LEARNING_PROJECTIONS}
    return Problem(parse(Network, values), connections, replace(problem.stimulus, n_samples=5))


def simulate(
    problem: Problem, communicator: Communicator = SINGLE_RANK, destinations: Destinations | None = None
) -> dict[str, np.ndarray]:
    """Return the results of two runs and an evaluation on all ranks; they are the same on every rank. Collective."""
    network, connections, stimulus = problem
    simulation = Simulation(
        network, seed=3, connections=connections, communicator=communicator, destinations=destinations
    )
    result: dict[str, Any] = {}
    for run in RUNS:
        recording = (simulation.frozen() if run == "evaluation" else simulation).run(stimulus)
        of_ranks = communicator.allgather(recording)
        steps = np.concatenate([r.spike_steps for r in of_ranks])
        neurons = np.concatenate([r.spike_neurons for r in of_ranks])
        order = np.lexsort((neurons, steps))
        result |= {f"{run} steps": steps[order], f"{run} neurons": neurons[order]}
        for name in ("readout", "error"):
            result[f"{run} {name}"] = getattr(recording, name)
            for other in of_ranks:
                np.testing.assert_array_equal(getattr(other, name), getattr(recording, name))
    for name in (spec.name for spec in projections(network)):
        source, target, weight = simulation.weights(name)
        result |= {f"{name} source": source, f"{name} target": target, f"{name} weight": weight}
    counts = communicator.allgather(simulation.counts)
    return result | {f"count of {name}": sum(own[name] for own in counts) for name in counts[0]}


def differences(communicator: Communicator) -> dict[str, list[Difference]]:
    """Compare what all ranks compute together with what this one computes alone, without MPI; collective."""
    result = {}
    for name, problem in problems().items():
        alone = simulate(problem)
        for destinations in DESTINATIONS:
            together = simulate(problem, communicator, destinations)
            result[f"{name}, spikes to {destinations}"] = [
                Difference(quantity=quantity, max_difference=_largest_difference(together, alone, keys), tolerance=0.0)
                for quantity, keys in _quantities(alone).items()
            ]
    return result


def _quantities(outcome: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is compared, and the parts of an outcome that belong to it."""
    names = [key.removesuffix(" weight") for key in outcome if key.endswith(" weight")]
    return {
        quantity: [key for key in outcome if key.endswith(ends)]
        for quantity, ends in {
            "spikes": (" steps", " neurons"),
            "readout": (" readout",),
            "error": (" error",),
            **{f"{name} weights": (f"{name} weight", f"{name} source", f"{name} target") for name in names},
        }.items()
    }


def _largest_difference(own: Mapping[str, Any], reference: Mapping[str, Any], keys: list[str]) -> float:
    """Return the largest difference, infinity where even the numbers of values differ."""
    if any(np.shape(own[key]) != np.shape(reference[key]) for key in keys):
        return float("inf")
    return max(float(np.abs(own[key] - reference[key]).max(initial=0.0)) for key in keys)
