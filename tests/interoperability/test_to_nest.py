"""Networks that were trained here go on in NEST 3.10 as they do here; NEST is run live.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eprop_core
from agreement import assert_outcomes_agree
from eprop_core.interoperability import nest_programs
from eprop_core.interoperability.to_nest import write_for_nest
from eprop_core.network.connections import Connections
from eprop_core.network.projections import Role, projections, spiking_projections
from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from eprop_core.verification.bellec_problem import bellec_problem
from eprop_core.verification.nest import bellec_outcome, eprop_plus_outcome, load, stdp_outcome
from eprop_core.verification.random_problem import Problem, neuron_values, problem_of_variant
from eprop_core.verification.simulators import event_driven, event_driven_bellec
from eprop_core.verification.variants import OF_NEST, random_stdp
from live_nest import NEST_PYTHON, needs_nest

SUPPORT = Path(__file__).parents[1] / "support"
PACKAGES = sysconfig.get_path("purelib")
N_STEPS = 1000
# Both compute in double precision but sum in different orders, and learning amplifies rounding.
TOLERANCES = {"weights": 1e-9, "learning signal": 1e-11, "": 1e-12}  # of the largest value

EPROP_PLUS: dict[str, dict[str, Any]] = {
    "plain": OF_NEST["eprop_iaf-piecewise_linear-gradient_descent"],
    "adaptive": OF_NEST["eprop_iaf_adapt-exponential-adam"],
    "clamped": OF_NEST["eprop_iaf_psc_delta-arctan-gradient_descent"],
    "differing neurons": {"seed": 61, "spread": 0.3},
    "values per neuron": OF_NEST["values-per-neuron"],
    "values per neuron, clamped": OF_NEST["values-per-neuron-V_reset"],
    "bounds": OF_NEST["weight-bounds"],
    "static": OF_NEST["static-recurrent"],
    "two groups": OF_NEST["groups-2-166"],
    "three groups": OF_NEST["groups-3-166"],
}


def with_learning_rates(problem: Problem) -> Problem:
    """The problem with another learning rate in each projection."""
    network = problem.network
    rate = network.plasticity.optimizer.learning_rate
    factors = {Role.INPUT: 0.5, Role.OUTPUT: 2.0}
    for spec in spiking_projections(network):
        if spec.role in factors:
            network = network.with_learning_rate(factors[spec.role] * rate, spec.name)
    return problem._replace(network=network)


def with_signs_and_bounds(problem: Problem) -> Problem:
    """The problem with excitatory and inhibitory sources, and bounds for each projection that weights reach."""
    values = problem.network.model_dump()
    values["neuron"]["excitatory"] = list(range(0, problem.network.n_recurrent, 2))
    values["input"]["excitatory"] = 0.6
    n_excitatory = round(0.6 * problem.network.n_input)
    connections = dict(problem.connections)
    for name in LEARNING_PROJECTIONS:
        source, target, weight = connections[name]
        is_excitatory = source < n_excitatory if name == "input" else source % 2 == 0
        connections[name] = Connections(source, target, np.where(is_excitatory, 1.0, -1.0) * np.abs(weight))
        largest = float(np.abs(weight).max())
        values[name] |= {"weight_min": -1.1 * largest, "weight_max": 1.2 * largest}
        values[name]["learning_rate"] = 30.0 * problem.network.plasticity.optimizer.learning_rate
    return problem._replace(network=parse(Network, values), connections=connections)


def trained(problem: Problem, path: Path) -> Problem:
    """Learn from the stimulus of a problem and save the network; return the problem of what follows."""
    network, connections, stimulus = problem
    simulation = Simulation(network, connections=connections, neuron_values=neuron_values(network))
    simulation.run(stimulus)
    simulation.save(path)
    saved = Simulation.load(path)
    learned = {spec.name: saved.weights(spec.name) for spec in projections(network)}
    assert any(not np.array_equal(learned[name].weight, connections[name].weight) for name in connections)
    return problem._replace(connections=learned)


def in_nest(problem: Problem, program: str, folder: Path) -> dict[str, np.ndarray]:
    """Return what a program finds for an exported network that is shown the stimulus of ``problem``."""
    listed = [str(nest_programs.PROGRAMS), program, PACKAGES]
    (folder / "path.txt").write_text("\n".join(listed), encoding="utf-8")
    np.savez(folder / "stimulus.npz", **vars(problem.stimulus))
    nest_programs.call(NEST_PYTHON, "exported_to_nest", folder, SUPPORT)
    return load(folder / "result.npz")


@needs_nest
@pytest.mark.parametrize("name", EPROP_PLUS)
def test_an_exported_network_goes_on_in_nest_without_this_package(name: str, tmp_path: Path) -> None:
    drawn = with_learning_rates(problem_of_variant(EPROP_PLUS[name], N_STEPS))
    problem = trained(drawn, tmp_path / "trained.h5")
    folder = tmp_path / "exported"
    write_for_nest(tmp_path / "trained.h5", folder)
    expected = eprop_plus_outcome(in_nest(problem, "eprop_plus", folder), problem)

    own = event_driven({"": problem})[""]
    assert_outcomes_agree(problem, own, expected, TOLERANCES, least_spikes=50)


@needs_nest
def test_an_exported_network_with_stdp_goes_on_in_nest(tmp_path: Path) -> None:
    problem = trained(problem_of_variant(random_stdp(6), N_STEPS), tmp_path / "trained.h5")
    assert (problem.connections["recurrent"].weight == 0.0).any()
    folder = tmp_path / "exported"
    write_for_nest(tmp_path / "trained.h5", folder)
    expected = stdp_outcome(in_nest(problem, "stdp", folder), problem)

    own = event_driven({"": problem})[""]
    np.testing.assert_array_equal(own.spike_steps, expected.spike_steps)
    np.testing.assert_array_equal(own.spike_neurons, expected.spike_neurons)
    for name in LEARNING_PROJECTIONS:
        learned = own.weights[name].weight
        largest = np.abs(learned).max()
        np.testing.assert_allclose(learned, expected.weights[name].weight, rtol=0, atol=1e-12 * largest)
        assert np.array_equal(learned, problem.connections[name].weight) == (name == "output")


@needs_nest
@pytest.mark.parametrize("name", ["plain", "adaptive"])
def test_signs_and_bounds_of_projections_hold_in_nest(name: str, tmp_path: Path) -> None:
    problem = trained(with_signs_and_bounds(problem_of_variant(EPROP_PLUS[name], N_STEPS)), tmp_path / "trained.h5")
    folder = tmp_path / "exported"
    write_for_nest(tmp_path / "trained.h5", folder)
    expected = eprop_plus_outcome(in_nest(problem, "eprop_plus", folder), problem)

    own = event_driven({"": problem})[""]
    assert_outcomes_agree(problem, own, expected, TOLERANCES, least_spikes=50)
    n_stopped = {name: np.count_nonzero(weights.weight == 0.0) for name, weights in expected.weights.items()}
    assert sum(n_stopped.values()) > 0, n_stopped


@needs_nest
@pytest.mark.parametrize(
    "name",
    [
        "mean_squared_error-mixed-gradient_descent-batch-3",
        "cross_entropy-lif-adam-batch-1",
        "random-values-per-neuron",
    ],
)
def test_an_exported_network_of_bellec_goes_on_in_nest(name: str, tmp_path: Path) -> None:
    drawn = bellec_problem(name)
    network = parse(
        Network, drawn.network.model_dump() | {"neuron": {**drawn.network.neuron.model_dump(), "delayed_reset": True}}
    )
    problem = trained(with_learning_rates(drawn._replace(network=network)), tmp_path / "trained.h5")
    folder = tmp_path / "exported"
    write_for_nest(tmp_path / "trained.h5", folder)
    expected = bellec_outcome(in_nest(problem, "bellec", folder), problem)

    own = event_driven_bellec({"": problem})[""]
    assert_outcomes_agree(problem, own, expected, {"": 1e-10}, least_spikes=20)


@needs_nest
def test_a_simulation_is_built_beside_other_networks_of_the_running_kernel(tmp_path: Path) -> None:
    problem = trained(problem_of_variant(EPROP_PLUS["plain"], N_STEPS), tmp_path / "network.h5")
    sources = Path(eprop_core.__file__).parents[1]
    (tmp_path / "path.txt").write_text(f"{sources}\n{PACKAGES}", encoding="utf-8")
    np.savez(tmp_path / "stimulus.npz", **vars(problem.stimulus))
    nest_programs.call(NEST_PYTHON, "built_in_nest", tmp_path, SUPPORT)
    result = load(tmp_path / "result.npz")

    own = event_driven({"": problem})[""]
    kept = result["spike_steps"] < N_STEPS
    np.testing.assert_array_equal(result["spike_steps"][kept], own.spike_steps)
    np.testing.assert_array_equal(result["spike_neurons"][kept], own.spike_neurons)
    for name, weights in own.weights.items():
        largest = np.abs(weights.weight).max(initial=0.0)
        np.testing.assert_allclose(result[f"{name}_weight"], weights.weight, rtol=0, atol=1e-9 * largest)
    assert "set nest.resolution" in (tmp_path / "refused.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"recurrent.delay": 2}, "recurrent.delay"),
        ({"feedback.delay": 3}, "feedback.delay"),
        ({"feedback.kind": "symmetric"}, "feedback.kind"),
        ({"neuron.ignore_and_fire": {"rate": 5.0}}, "neuron.ignore_and_fire"),
        ({"readout.loss": "cross_entropy"}, "readout.loss"),
        ({"neuron.delayed_reset": True}, "neuron.delayed_reset"),
        ({"plasticity.reset_at_samples": True}, "plasticity.reset_at_samples"),
        ({"plasticity.update": "sample"}, "plasticity.reset_at_samples"),
        ({"recurrent.stdp": {}}, "neuron.V_reset"),
        ({"recurrent.stdp": {}, "neuron.V_reset": 0.0}, "input.plastic"),
        (
            {
                "recurrent.stdp": {},
                "input.stdp": {"tau_minus": 5.0},
                "output.plastic": False,
                "neuron.V_reset": 0.0,
            },
            "recurrent.stdp.tau_minus",
        ),
    ],
)
def test_what_nest_lacks_is_refused_by_name(changed: dict[str, Any], named: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {"n_input": 5, "n_recurrent": 4, "n_readout": 2}
    for key, value in changed.items():
        *groups, last = key.split(".")
        place = values
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    Simulation(parse(Network, values)).save(tmp_path / "network.h5")
    with pytest.raises(ParameterError, match=f"^{named}: "):
        write_for_nest(tmp_path / "network.h5", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_folder_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    Simulation(parse(Network, {"n_input": 5, "n_recurrent": 4, "n_readout": 2})).save(tmp_path / "network.h5")
    with pytest.raises(ParameterError, match="exists already"):
        write_for_nest(tmp_path / "network.h5", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["network.h5"]
