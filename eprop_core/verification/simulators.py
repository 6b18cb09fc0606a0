"""This project's simulators, as they are compared: event-driven, time-driven, and the reference implementation."""

from collections.abc import Mapping

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.projections import projections
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate as simulate_time_driven
from eprop_core.verification import bellec_model, reference
from eprop_core.verification.bellec_problem import in_absolute_time
from eprop_core.verification.comparison import Outcome
from eprop_core.verification.random_problem import Problem, neuron_values


def simulate(problem: Problem) -> Outcome:
    """Simulate event-driven, on this rank alone."""
    network, connections, stimulus = problem
    simulation = Simulation(network, connections=connections, neuron_values=neuron_values(network))
    recording = simulation.run(stimulus)
    return Outcome(
        recording.spike_steps,
        recording.spike_neurons,
        {"readout": recording.readout, "error": recording.error},
        {spec.name: simulation.weights(spec.name) for spec in projections(problem.network)},
    )


def event_driven(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
    """Simulate all problems event-driven; learning signals are the errors sent through fixed feedback weights."""
    outcomes = {}
    for name, problem in problems.items():
        outcome = simulate(problem)
        if problem.network.feedback.kind == "random":
            signal = learning_signal(outcome.signals["error"][1:-1], problem)
            outcome = outcome._replace(signals={**outcome.signals, "learning signal": signal})
        outcomes[name] = outcome
    return outcomes


def event_driven_bellec(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
    """Simulate samples event-driven; rows are those of the samples, each population's from its own start."""
    outcomes = {}
    for name, problem in problems.items():
        outcome, n_steps = simulate(in_absolute_time(problem)), problem.stimulus.n_steps
        within = outcome.spike_steps <= n_steps
        signals = {key: values[2 : n_steps + 2] for key, values in outcome.signals.items()}
        outcomes[name] = outcome._replace(
            spike_steps=outcome.spike_steps[within] - 1,
            spike_neurons=outcome.spike_neurons[within],
            signals=signals | {"learning signal": learning_signal(signals["error"], problem)},
        )
    return outcomes


def time_driven_model(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
    """Simulate all problems time-driven."""
    outcomes = {}
    for name, problem in problems.items():
        result = simulate_time_driven(*problem, neuron_values=neuron_values(problem.network))
        signals = {"readout": result.readout, "error": result.error}
        outcomes[name] = Outcome(
            result.spike_steps, result.spike_neurons, signals, result.weights, result.surrogate_gradient
        )
    return outcomes


def reference_implementation(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
    """Simulate all problems with the reference implementation, in plain Python."""
    outcomes = {}
    for name, problem in problems.items():
        result = reference.simulate(*problem, neuron_values=neuron_values(problem.network))
        signals = {"readout": result.readout, "error": result.error}
        outcomes[name] = Outcome(
            result.spike_steps, result.spike_neurons, signals, result.weights, result.surrogate_gradient
        )
    return outcomes


def reference_implementation_bellec(problems: Mapping[str, Problem]) -> dict[str, Outcome]:
    """Simulate samples with the model of Bellec et al. (2020)."""
    outcomes = {}
    for name, problem in problems.items():
        trained = bellec_model.train(*problem, problem.stimulus.n_samples)
        signals = {
            "readout": trained.readout,
            "error": trained.error,
            "learning signal": learning_signal(trained.error, problem),
        }
        steps, neurons = np.nonzero(trained.spikes)
        outcomes[name] = Outcome(steps, neurons, signals, trained.weights)
    return outcomes


def learning_signal(error: np.ndarray, problem: Problem) -> np.ndarray:
    """Return the sum of errors times feedback weights, float64 (n_steps, n_recurrent)."""
    network, feedback = problem.network, problem.connections["feedback"]
    return np.asarray(error @ dense(feedback, network.n_readout, network.n_recurrent))


def dense(connections: Connections, n_sources: int, n_targets: int) -> np.ndarray:
    """Return weights as a matrix (n_sources, n_targets)."""
    matrix = np.zeros((n_sources, n_targets))
    matrix[connections.source, connections.target] = connections.weight
    return matrix
