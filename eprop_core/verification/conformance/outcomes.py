"""The results of the conformance set's cases, from NEST or from the reference implementation.

Results are arrays by the names that they have in the file: ``spike_steps`` and ``spike_neurons``; ``readout``,
``error`` and ``learning_signal``, float64 (n_steps, n); ``weights/<projection>``, float64 (n_steps, n_synapses) at the
end of each step, or (n_synapses,) at the end of the run. NaN marks values that are not known.
"""

from collections.abc import Mapping

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS
from eprop_core.verification import reference
from eprop_core.verification.comparison import Outcome
from eprop_core.verification.conformance.cases import BELLEC, E_PROP_PLUS, Case
from eprop_core.verification.nest import Arrays, Nest, bellec_outcome
from eprop_core.verification.random_problem import Problem, neuron_values


def of_reference(case: Case, problem: Problem) -> Arrays:
    """Return the results of the reference implementation."""
    if case.rule == BELLEC:
        return _of_outcome(case.reference({"": problem})[""])
    result = reference.simulate(*problem, neuron_values=neuron_values(problem.network))
    signals = {"readout": result.readout, "error": result.error, "learning_signal": result.learning_signal}
    weights = {name: result.weights_over_time[name] for name in learned(problem)}
    return _results(result.spike_steps, result.spike_neurons, signals, weights)


def of_nest(nest: Nest, cases: Mapping[str, Case], problems: Mapping[str, Problem]) -> dict[str, Arrays]:
    """Return NEST's results of all cases."""
    outcomes: dict[str, Arrays] = {}
    for rule, program, convert in ((E_PROP_PLUS, "eprop_plus", _of_e_prop_plus), (BELLEC, "bellec", _of_bellec)):
        own = {name: problem for name, problem in problems.items() if cases[name].rule == rule}
        outcomes |= {name: convert(result, own[name]) for name, result in nest.run(program, own).items()}
    return outcomes


def learned(problem: Problem) -> list[str]:
    """Return the projections whose weights are results: feedback weights if they are adaptive."""
    adaptive = problem.network.feedback.kind == "adaptive"
    return [*LEARNING_PROJECTIONS, *(["feedback"] if adaptive else [])]


def _results(
    steps: np.ndarray, neurons: np.ndarray, signals: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray]
) -> Arrays:
    of_projections = {f"weights/{name}": values for name, values in weights.items()}
    return {"spike_steps": steps, "spike_neurons": neurons, **signals, **of_projections}


def _of_e_prop_plus(result: Arrays, problem: Problem) -> Arrays:
    signals = {name: result[name] for name in ("readout", "error")}
    # NEST records 0 as long as no spike has reached a neuron.
    signals["learning_signal"] = np.where(result["learning_signal"] == 0.0, np.nan, result["learning_signal"])
    weights = {name: _weights_over_time(result, name, problem) for name in LEARNING_PROJECTIONS}
    return _results(result["spike_steps"], result["spike_neurons"], signals, weights)


def _of_bellec(result: Arrays, problem: Problem) -> Arrays:
    return _of_outcome(bellec_outcome(result, problem))


def _of_outcome(outcome: Outcome) -> Arrays:
    """Return the results of the rule of Bellec et al.; signals that are masked are not known."""
    signals = {name.replace(" ", "_"): np.ma.filled(values, np.nan) for name, values in outcome.signals.items()}
    weights = {name: outcome.weights[name].weight for name in LEARNING_PROJECTIONS}
    return _results(outcome.spike_steps, outcome.spike_neurons, signals, weights)


def _weights_over_time(result: Arrays, name: str, problem: Problem) -> np.ndarray:
    """Return the weights at the end of each step, from those that each spike has found."""
    connections, n_steps = problem.connections[name], problem.stimulus.n_steps
    weights = np.tile(connections.weight, (n_steps, 1))
    number = {pair: k for k, pair in enumerate(_pairs(connections))}
    columns = (result[f"{name}_sent_{column}"] for column in ("steps", "sources", "targets", "weights"))
    sent = sorted(zip(*(column.tolist() for column in columns), strict=True))
    for step, source, target, weight in sent:
        weights[step + 1 :, number[source, target]] = weight
    return weights


def _pairs(connections: Connections) -> list[tuple[int, int]]:
    return list(zip(connections.source.tolist(), connections.target.tolist(), strict=True))
