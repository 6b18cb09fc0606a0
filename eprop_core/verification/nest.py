"""Running problems in NEST; the programs in ``interoperability/nest/`` say what their files hold."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eprop_core.interoperability import nest_programs
from eprop_core.network.connections import Connections, Range
from eprop_core.network.neuron_values import firing_phases
from eprop_core.network.projections import spiking_projections
from eprop_core.verification.comparison import Outcome
from eprop_core.verification.random_problem import Problem, neuron_values

Arrays = dict[str, np.ndarray]


class Nest(NamedTuple):
    """An interpreter that has NEST."""

    python: str

    def eprop_plus(self, problems: Mapping[str, Problem]) -> dict[str, Outcome]:
        """Simulate e-prop+."""
        return self._outcomes("eprop_plus", problems, eprop_plus_outcome)

    def bellec(self, problems: Mapping[str, Problem]) -> dict[str, Outcome]:
        """Simulate the rule of Bellec et al. (2020); rows are steps of the samples, as in ``bellec_problem``."""
        return self._outcomes("bellec", problems, bellec_outcome)

    def stdp(self, problems: Mapping[str, Problem]) -> dict[str, Outcome]:
        """Simulate spike-timing-dependent plasticity."""
        return self._outcomes("stdp", problems, stdp_outcome)

    def run(self, program: str, problems: Mapping[str, Problem]) -> dict[str, Arrays]:
        """Run all problems in one process; return what the program wrote."""
        with self._files(program, problems) as files:
            return {name: load(file) for name, file in files.items()}

    def _outcomes(
        self, program: str, problems: Mapping[str, Problem], outcome_of: Callable[[Arrays, Problem], Outcome]
    ) -> dict[str, Outcome]:
        """Run all problems in one process; the other arrays that it wrote are in memory for one problem at a time."""
        with self._files(program, problems) as files:
            return {name: outcome_of(load(file), problems[name]) for name, file in files.items()}

    @contextmanager
    def _files(self, program: str, problems: Mapping[str, Problem]) -> Iterator[dict[str, Path]]:
        """Run all problems in one process; yield the files that the program wrote."""
        with tempfile.TemporaryDirectory(prefix="nest.") as directory:
            for name, problem in problems.items():
                np.savez(Path(directory) / f"{name}.problem.npz", **_listed(problem))  # type: ignore[arg-type]
            nest_programs.call(self.python, program, Path(directory))
            yield {name: Path(directory) / f"{name}.nest.npz" for name in problems}


def load(path: Path) -> Arrays:
    """Read a file that a program wrote."""
    with np.load(path) as file:
        return dict(file)


def _listed(problem: Problem) -> Arrays:
    network, connections, stimulus = problem
    listed = {
        f"{projection}_{key}": values
        for projection, explicit in connections.items()
        for key, values in explicit._asdict().items()
    }
    shown = {key: np.asarray(value) for key, value in vars(stimulus).items()}
    values = neuron_values(network)
    if network.firing_period:
        values["phase"] = firing_phases(network, 1, Range.whole(network.n_recurrent))  # of the default seed
    return {"network": np.array(network.model_dump_json())} | shown | listed | values


def _weights(result: Arrays, problem: Problem) -> dict[str, Connections]:
    weights = {}
    for spec in spiking_projections(problem.network):
        connections = Connections(*(result[f"{spec.role.value}_{key}"] for key in Connections._fields))
        own = _are_among(connections.source, spec.source_ids) & _are_among(connections.target, spec.target_ids)
        weights[spec.name] = Connections(*(values[own] for values in connections))
    return weights


def _are_among(ids: np.ndarray, parts: tuple[range, ...]) -> np.ndarray:
    return np.isin(ids, np.concatenate([np.array(part) for part in parts]))


def eprop_plus_outcome(result: Arrays, problem: Problem) -> Outcome:
    """Return the outcome that a result of the program ``eprop_plus`` holds."""
    # The error of step t + 1 belongs to history index t and arrives in step t + 2. NEST records 0 as long as no spike
    # has reached the neuron, since it keeps no history until then.
    learning_signal = np.ma.masked_equal(result["learning_signal"][2:], 0.0)
    signals = {"readout": result["readout"], "error": result["error"], "learning signal": learning_signal}
    return Outcome(
        result["spike_steps"],
        result["spike_neurons"],
        signals,
        _weights(result, problem),
        result["surrogate_gradient"],
    )


def stdp_outcome(result: Arrays, problem: Problem) -> Outcome:
    """Return the outcome that a result of the program ``stdp`` holds."""
    signals, unknown = {"readout": result["readout"]}, np.zeros_like(result["voltage"])
    return Outcome(result["spike_steps"], result["spike_neurons"], signals, _weights(result, problem), unknown)


def bellec_outcome(result: Arrays, problem: Problem) -> Outcome:
    """Return the outcome that a result of the program ``bellec`` holds."""
    steps, neurons = np.nonzero(result["spikes"])
    # NEST's low-pass filter of the eligibility trace has a factor (1 - kappa); its feedback weights make up for it.
    learning_signal = (1.0 - problem.network.plasticity.kappa) * np.ma.masked_equal(result["learning_signal"], 0.0)
    signals = {"error": result["error"], "learning signal": learning_signal}
    return Outcome(steps, neurons, signals, _weights(result, problem), result["surrogate_gradient"])
