"""Programs of ``test_ranks.py``, run on several ranks: ``python -m mpi4py ranks_program.py COMMAND [OUTPUT]``.

simulate OUTPUT   simulate all problems; rank 0 saves what came out
fail              one rank meets a voltage that is not finite
crowd             a network of two neurons
"""

import sys
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from eprop_core.connectivity import Connections
from eprop_core.network import PROJECTIONS
from eprop_core.parameters import Network, parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from random_problem import Problem, random_problem

DESTINATIONS = ("all", "targets")
RUNS = ("first run", "second run", "evaluation")


def drawn(problem: Problem, n_recurrent: int, n_readout: int, drive: float, **changes: Any) -> Problem:
    """The network with so many neurons and drawn connections; ``drive`` is their resting voltage over the threshold."""
    network, _, stimulus = problem
    values = network.model_dump() | {"n_recurrent": n_recurrent, "n_readout": n_readout}
    values["neuron"] |= {"I_e": drive * network.neuron.V_th * network.neuron.C_m / network.neuron.tau_m, "t_ref": 0.0}
    for name in PROJECTIONS:
        scale = network.neuron.V_th if name in ("input", "recurrent") else 1.0
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
    two_filters = {"kappa": 0.9, "kappa_reg": 0.7, "c_reg": 2.0}
    one_filter = {"kappa": 0.9, "kappa_reg": 0.9, "c_reg": 2.0}
    delay = {"input": 2, "recurrent": 4, "output": 3, "feedback": 2}
    small = {
        "n_input": 12,
        "n_recurrent": 11,
        "n_readout": 2,
        "input_probability": 0.15,
        "I_e": 1.5,
        "learning_rate": 0.01,
    }
    adaptive = {"adaptation": (0.3, 40.0, 0.6)}
    each_step = {"adam": {"optimize_each_step": True}, "feedback": "adaptive", "weight_decay": 0.02, "delay": delay}
    return {
        "small": random_problem(1, 200, **small, **two_filters),
        "small, delays": random_problem(2, 200, **small, **one_filter, delay=delay),
        # All neurons are driven beyond the threshold and spike together.
        "full messages": drawn(random_problem(3, 30, **small, **one_filter, dt=1.0), 701, 3, drive=30.0),
        "full messages to one rank": onto_the_first(drawn(random_problem(6, 30, **small, dt=1.0), 701, 3, drive=30.0)),
        # Currents of so many readouts and steps alone exceed the initial room.
        "many readouts": drawn(random_problem(4, 80, **small, **two_filters, delay=delay, dt=1.0), 53, 40, drive=1.2),
        # The last neurons adapt, which some ranks have none of.
        "adaptive, Adam": random_problem(7, 200, **small, **one_filter, **adaptive, adam={}),
        "adaptive feedback, Adam in each step": random_problem(6, 200, **small, **one_filter, **adaptive, **each_step),
        "per sample": per_sample(random_problem(11, 200, **small, **one_filter, **adaptive, spread=0.3)),
    }


def per_sample(problem: Problem) -> Problem:
    """Updates after each of five samples, resets between them, and feedback along the output."""
    values = problem.network.model_dump()
    values["plasticity"] |= {"update": "sample", "reset_at_samples": True, "rate_average": "sample"}
    values["feedback"]["kind"] = "symmetric"
    return problem._replace(network=parse(Network, values), stimulus=replace(problem.stimulus, n_samples=5))


def simulate(problem: Problem, communicator: Any = None, destinations: Any = None) -> dict[str, np.ndarray]:
    """What comes out of two runs and an evaluation, on all ranks together; the same on every rank."""
    network, connections, stimulus = problem
    simulation = Simulation(
        network, seed=3, connections=connections, communicator=communicator, destinations=destinations
    )
    result: dict[str, Any] = {}
    for run in RUNS:
        recording = (simulation.frozen() if run == "evaluation" else simulation).run(stimulus)
        of_ranks = [recording] if communicator is None else communicator.allgather(recording)
        steps = np.concatenate([r.spike_steps for r in of_ranks])
        neurons = np.concatenate([r.spike_neurons for r in of_ranks])
        order = np.lexsort((neurons, steps))
        result |= {f"{run} steps": steps[order], f"{run} neurons": neurons[order]}
        for name in ("readout", "error"):
            result[f"{run} {name}"] = getattr(recording, name)
            for other in of_ranks:
                np.testing.assert_array_equal(getattr(other, name), getattr(recording, name))
    for name in PROJECTIONS:
        source, target, weight = simulation.weights(name)
        result |= {f"{name} source": source, f"{name} target": target, f"{name} weight": weight}
    counts = [simulation.counts] if communicator is None else communicator.allgather(simulation.counts)
    return result | {f"count of {name}": sum(own[name] for own in counts) for name in counts[0]}


def fail(communicator: Any) -> None:
    """Neuron 4 of 5, which lives on the last rank, gets more input than a double can hold."""
    network = parse(Network, {"n_input": 2, "n_recurrent": 5, "n_readout": 1, "input": {"plastic": False}})
    connections = {"input": Connections(np.array([0, 1]), np.array([4, 4]), np.array([1e308, 1e308]))}
    simulation = Simulation(network, connections=connections, communicator=communicator)
    both = np.array([0, 1])
    simulation.run(Stimulus(10_000, np.array([20, 20]), both, np.zeros((10_000, 1)), np.ones(10_000, bool)))


def main() -> None:
    from mpi4py import MPI

    world, command = MPI.COMM_WORLD, sys.argv[1]
    if command == "simulate":
        results = {
            f"{name}/{destinations}/{key}": value
            for (name, problem), destinations in product(problems().items(), DESTINATIONS)
            for key, value in simulate(problem, world, destinations).items()
        }
        if world.rank == 0:
            np.savez(sys.argv[2], **results)
    elif command == "fail":
        fail(world)
    elif command == "crowd":
        Simulation(parse(Network, {"n_input": 2, "n_recurrent": 2, "n_readout": 1}), communicator=world)


if __name__ == "__main__":
    main()
