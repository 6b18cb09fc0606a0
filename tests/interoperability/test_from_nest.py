"""Networks of NEST 3.10 come over: random ones, small ones with what is special, and scripts that NEST ships.

NEST is run live; EPROP_BENCH_NEST_PYTHON names the interpreter of an environment that has ``nest-simulator==3.10.0``.
"""

import json
import math
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eprop_core
from eprop_core.interoperability import nest_programs, nest_scripts
from eprop_core.interoperability.nest_neurons import surrogate_gradient
from eprop_core.interoperability.nest_snapshot import Call
from eprop_core.interoperability.nest_stimulus import _spike_steps
from eprop_core.network.connections import Connections
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.network.projections import projections, spiking_projections
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.verification.bellec_problem import bellec_problem, in_absolute_time
from eprop_core.verification.nest import load
from eprop_core.verification.random_problem import Problem, neuron_values, problem_of_variant
from eprop_core.verification.variants import OF_NEST
from live_nest import NEST_PYTHON, needs_nest
from thread_ranks import on_thread_ranks

SUPPORT = Path(__file__).parents[1] / "support"
N_STEPS = 1000

EPROP_PLUS: dict[str, dict[str, Any]] = {
    "plain": OF_NEST["eprop_iaf-piecewise_linear-gradient_descent"],
    "adaptive": OF_NEST["eprop_iaf_adapt-exponential-adam"],
    "clamped": OF_NEST["eprop_iaf_psc_delta-arctan-gradient_descent"],
    "differing-neurons": {"seed": 61, "spread": 0.3},
    "values-per-neuron": OF_NEST["values-per-neuron"],
    "optimizer-per-projection": OF_NEST["optimizer-per-projection"],
    "static": OF_NEST["static-recurrent"],
    "half-steps": OF_NEST["dt-0.5"],
    "no-cutoff": OF_NEST["cutoff-None"],
    "fixed-signs": OF_NEST["eprop_iaf-piecewise_linear-gradient_descent"] | {"seed": 62, "fixed_signs": True},
}
IN_GROUPS: dict[str, dict[str, Any]] = {
    "two-groups": OF_NEST["groups-2-166"],
    "three-groups": OF_NEST["groups-3-166"],
}
BELLEC = (
    "mean_squared_error-mixed-gradient_descent-batch-3",
    "cross_entropy-lif-adam-batch-1",
    "random-values-per-neuron",
)


def with_own_optimizers(problem: Problem) -> Problem:
    """The problem with another learning rate and other bounds in each projection."""
    values = problem.network.model_dump()
    rate = values["plasticity"]["optimizer"]["learning_rate"]
    for factor, name in ((0.5, "input"), (1.0, "recurrent"), (2.0, "output")):
        largest = np.abs(problem.connections[name].weight).max(initial=1e-3)
        values[name] |= {
            "learning_rate": factor * rate,
            "weight_min": -largest,
            "weight_max": (1.0 + 0.1 * factor) * largest,
        }
    bounds = {"weight_min": -1e3, "weight_max": 1e3}
    values["plasticity"]["optimizer"] |= bounds
    return problem._replace(network=parse(Network, values))


def problems() -> dict[str, Problem]:
    drawn = {name: with_own_optimizers(problem_of_variant(EPROP_PLUS[name], N_STEPS)) for name in EPROP_PLUS}
    drawn |= {name: problem_of_variant(variant, N_STEPS) for name, variant in IN_GROUPS.items()}
    for name in BELLEC:
        problem = bellec_problem(name)
        values = problem.network.model_dump()
        values["neuron"]["delayed_reset"] = True
        drawn[name] = with_own_optimizers(problem._replace(network=parse(Network, values)))
    return drawn


def folder_for_nest(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    folder = tmp_path_factory.mktemp(name)
    sources = Path(eprop_core.__file__).parents[1]
    (folder / "path.txt").write_text(f"{sources}\n{sysconfig.get_path('purelib')}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All problems in NEST and back; a folder for each."""
    folder = folder_for_nest(tmp_path_factory, "brought")
    for name, problem in problems().items():
        (folder / name).mkdir()
        values = neuron_values(problem.network)
        Simulation(problem.network, connections=problem.connections, neuron_values=values).save(
            folder / name / "network.h5"
        )
        np.savez(folder / name / "stimulus.npz", **vars(problem.stimulus))
    nest_programs.call(NEST_PYTHON, "brought_from_nest", folder, SUPPORT)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small networks in NEST, brought or refused."""
    folder = folder_for_nest(tmp_path_factory, "small")
    nest_programs.call(NEST_PYTHON, "small_in_nest", folder, SUPPORT)
    return folder


def brought_problem(folder: Path) -> tuple[Problem, dict[str, np.ndarray]]:
    """Return what came from NEST, and the neurons' values."""
    network = parse(Network, json.loads((folder / "network.json").read_text(encoding="utf-8")))
    arrays = load(folder / "brought.npz")
    connections = {
        spec.name: Connections(*(arrays[f"{spec.name}_{key}"] for key in Connections._fields))
        for spec in projections(network)
    }
    shown: dict[str, Any] = {
        key.removeprefix("stimulus_"): value for key, value in arrays.items() if key.startswith("stimulus_")
    }
    stimulus = Stimulus(**shown | {name: int(shown[name]) for name in ("n_steps", "n_samples")})
    values = {name: arrays[name] for name in PER_NEURON if name in arrays}
    return Problem(network, connections, stimulus), values


def comparable(network: Network) -> dict[str, Any]:
    """Parameters without those that differ in form only: what was drawn, and what a projection overrides."""
    values = network.model_dump()
    for name in PROJECTIONS:
        kept = {"delay": values[name]["delay"]}
        if name in LEARNING_PROJECTIONS and values[name]["plastic"]:
            kept["optimizer"] = network.optimizer(name).model_dump()
        values[name] = kept
    del values["plasticity"]["optimizer"]
    adaptation = values["neuron"]["adaptation"] or {"share": 0.0}
    adaptation["share"] = round(adaptation["share"] * network.n_recurrent)  # neurons
    surrogate = values["neuron"]["surrogate_gradient"]
    for part in (values["neuron"], values["plasticity"], adaptation, surrogate):
        for name in {spec.path.rpartition(".")[2] for spec in PER_NEURON.values()} & part.keys():
            if isinstance(part[name], dict):
                part[name] = "uniform"
    if values["plasticity"]["rate_average"] == "sample":
        del values["plasticity"]["kappa_reg"]  # has no meaning
    return values


def assert_same_values(one: Any, other: Any, place: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            assert_same_values(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, float):
        assert other == pytest.approx(one, rel=1e-12, abs=1e-300), place
    else:
        assert one == other, place


@needs_nest
@pytest.mark.parametrize("name", [*EPROP_PLUS, *BELLEC])
def test_a_network_comes_back_from_nest_with_its_parameters_and_weights(name: str, brought: Path) -> None:
    problem = problems()[name]
    (network, connections, _), values = brought_problem(brought / name)
    assert_same_values(comparable(problem.network), comparable(network))
    simulation = Simulation(problem.network, connections=problem.connections)
    for projection in PROJECTIONS:
        source, target, weight = simulation.weights(projection)  # sorted
        np.testing.assert_array_equal(connections[projection].source, source)
        np.testing.assert_array_equal(connections[projection].target, target)
        np.testing.assert_allclose(connections[projection].weight, weight, rtol=1e-14)
    adaptation, n = problem.network.neuron.adaptation, problem.network.n_recurrent
    for key, expected in neuron_values(problem.network).items():
        if key == "beta":
            expected[: n - round(adaptation.share * n)] = 0.0  # neurons that do not adapt
        np.testing.assert_allclose(values[key], expected, rtol=1e-14)


@needs_nest
@pytest.mark.parametrize("name", [*EPROP_PLUS, *IN_GROUPS, *BELLEC])
def test_a_stimulus_comes_back_from_nest(name: str, brought: Path) -> None:
    problem = problems()[name]
    of_samples = problem.network.plasticity.counts_samples
    shown = in_absolute_time(problem).stimulus if of_samples else problem.stimulus
    (_, _, stimulus), _ = brought_problem(brought / name)
    np.testing.assert_array_equal(stimulus.input_steps, shown.input_steps)
    np.testing.assert_array_equal(stimulus.input_channels, shown.input_channels)
    n_steps = problem.stimulus.n_steps
    np.testing.assert_array_equal(stimulus.target[1:n_steps], shown.target[1:n_steps])
    np.testing.assert_array_equal(stimulus.learning_window[:n_steps], shown.learning_window[:n_steps])


@needs_nest
@pytest.mark.parametrize("name", [*EPROP_PLUS, *IN_GROUPS, *BELLEC])
def test_spikes_and_weights_are_nests_on_one_and_two_ranks(name: str, brought: Path) -> None:
    (network, connections, stimulus), values = brought_problem(brought / name)
    expected = load(brought / name / "nest.npz")
    # What NEST simulates after the last step of the problem has no input; weights change until the last call ends.
    n_spikes = np.searchsorted(expected["spike_steps"], problems()[name].stimulus.n_steps)
    assert n_spikes > 20

    def simulate(communicator: Any) -> tuple[Any, dict[str, Connections]]:
        simulation = Simulation(network, connections=connections, neuron_values=values, communicator=communicator)
        recording = simulation.run(stimulus)
        if communicator is not None:
            recording = recording.gathered(communicator)
        return recording, {spec.name: simulation.weights(spec.name) for spec in spiking_projections(network)}

    assert (network.groups is not None) == (name in IN_GROUPS)
    for recording, weights in (simulate(None), *on_thread_ranks(2, simulate)):
        np.testing.assert_array_equal(recording.spike_steps[:n_spikes], expected["spike_steps"][:n_spikes])
        np.testing.assert_array_equal(recording.spike_neurons[:n_spikes], expected["spike_neurons"][:n_spikes])
        for projection, own in weights.items():
            largest = np.abs(own.weight).max(initial=0.0)
            np.testing.assert_allclose(
                own.weight, expected[f"{projection}_weight"], rtol=0, atol=1e-9 * largest, err_msg=projection
            )


@needs_nest
@pytest.mark.parametrize(
    "case",
    [
        *("lif_and_adaptive", "current", "last_update", "random_input"),
        *("changing_generators", "moving_origin", "late_target"),
    ],
)
def test_what_is_special_in_nest_comes_over(case: str, small: Path) -> None:
    found = json.loads((small / "spikes.json").read_text(encoding="utf-8"))[case]
    assert len(found["nest"]) > 20
    assert found["here"] == found["nest"]
    for differences in found["differences"].values():
        assert len(differences) > 200
        assert max(differences) < 1e-12


@needs_nest
@pytest.mark.parametrize(
    ("case", "named"),
    [
        ("another_neuron_model", "iaf_psc_delta"),
        ("a_current", "dc_generator"),
        ("poisson_input", "input_spikes"),
        ("repeated_drive", "spike_generator"),
        ("two_optimizers", "input: optimizers"),
        ("plastic_and_static", "input: plastic and static"),
        ("different_delays", "input: delays"),
        ("short_term_plasticity", "tsodyks2_synapse"),
        ("different_time_constants_of_adaptation", "adapt_tau"),
        ("both_rules", "eprop_readout_bsshslm_2020"),
        ("no_resets", "eprop_reset_neurons_on_update"),
        ("static_with_bellec", "static synapses"),
        ("softmax_of_strangers", "cross_entropy"),
        ("another_tau_m_readout", "tau_m_readout"),
        ("ignoring_neurons", "ignore_and_spike"),
        ("off_rest", "V_m"),
        ("half_open_window", "learning window"),
        ("switched_generator", "start"),
        ("simulated_before", "biological_time"),
        ("current_with_adam", "I_e"),
        ("new_nodes", "created nodes"),
        ("eta_within_a_batch", "eta"),
        ("relay_to_another_receptor", "spike_generator"),
        ("frozen_inputs", "frozen: parrot_neurons"),
        ("frozen_generators", "frozen"),
        ("two_targets", "one receptor"),
        ("some_gradients_are_averaged", "input: optimizers"),
        ("one_weight_for_all", "static_synapse_hom_w"),
        ("spikes_between_steps", "allow_offgrid_times"),
        ("changed_threshold", "V_th of eprop_iaf"),
        ("changed_voltage", "V_m of eprop_iaf"),
        ("changed_weight", "6 connections"),
        ("changed_window", "eprop_learning_window"),
        ("changed_begin_anew", "ResetKernel"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(case: str, named: str, small: Path) -> None:
    message = json.loads((small / "refused.json").read_text(encoding="utf-8"))[case]
    assert named in message
    assert "\n" not in message


@needs_nest
def test_a_base_model_with_another_learning_rate_is_refused(small: Path) -> None:
    """The first update of a weight would have its rate."""
    message = json.loads((small / "refused.json").read_text(encoding="utf-8"))["another_base_model"]
    assert message.startswith("to_nest: eprop_synapse has had its eta set to 0.01 by SetDefaults")


@needs_nest
def test_what_counts_may_stay_and_generators_may_change(small: Path) -> None:
    messages = json.loads((small / "refused.json").read_text(encoding="utf-8"))
    assert messages["changed_same_window"] == messages["changed_generators"] == ""


@needs_nest
def test_recorders_of_the_input_must_have_all_of_it(small: Path) -> None:
    messages = json.loads((small / "warned.json").read_text(encoding="utf-8"))["unfit_recorders"]
    named = ("start", "time_in_steps", "lacks 1 of the inputs")
    assert len(messages) == len(named)
    assert all(name in message for name, message in zip(named, messages, strict=True))


@needs_nest
def test_bounds_at_zero_that_act_in_each_step_are_approximated(small: Path) -> None:
    messages = json.loads((small / "warned.json").read_text(encoding="utf-8"))["weights_that_stop_at_zero"]
    assert len(messages) == 3  # of the projections that learn
    assert all("optimize_each_step = False" in message for message in messages)


def test_calls_that_end_between_numbers_lose_no_spike() -> None:
    """The end of one call and the beginning of the next differ in their last bits."""
    settings = {"spike_times": [66.6, 66.7, 66.8], "spike_multiplicities": [], "origin": 0.0, "start": 0.0}
    settings |= {"stop": math.inf, "frozen": False, "allow_offgrid_times": False, "precise_times": False}
    ends = [0.0, 33.3, 33.3 + 33.4, 100.0]
    begins = [0.0, 33.3, 66.7]
    assert ends[2] < begins[2]
    calls = [Call(begin, end, {1: settings}, {}) for begin, end in zip(begins, ends[1:], strict=True)]
    assert _spike_steps(1, calls, 0.1).tolist() == [666, 667, 668]


@needs_nest
def test_several_spikes_of_a_channel_in_one_step_become_one(small: Path) -> None:
    message, shown = json.loads((small / "warned.json").read_text(encoding="utf-8"))["doubled_spikes"]
    assert "2 of 6 spikes share channel and step" in message
    assert shown == str([[3, 3, 8, 8], [0, 1, 0, 1]])


@needs_nest
def test_a_learning_rate_that_changes_comes_over_with_a_warning(small: Path) -> None:
    message, rates = json.loads((small / "warned.json").read_text(encoding="utf-8"))["changing_eta"]
    assert message.startswith("eta: changes")
    assert rates == str([(0, 1e-3), (60, 5e-4)])


@needs_nest
@pytest.mark.parametrize(
    ("script", "assignments"),
    [
        ("sine waves, e-prop+", {"n_iter": 2}),
        ("sine waves, Bellec et al.", {"n_iter": 2}),
        ("evidence accumulation, Bellec et al.", {"batch_size": 2, "n_iter_train": 2, "n_iter_test": 1}),
    ],
)
def test_a_script_of_nest_comes_over_with_a_few_lines(script: str, assignments: dict[str, int]) -> None:
    result = nest_scripts.run(NEST_PYTHON, script, assignments)
    assert len(result["nest"]["loss"]) >= 2
    assert result["here"]["loss"] == pytest.approx(result["nest"]["loss"], rel=1e-9)


@pytest.mark.parametrize(
    ("function", "at_threshold", "at_half"),
    [
        ("piecewise_linear", 0.6, 0.6 * (1.0 - 0.5 * 1.7)),
        ("exponential", 0.6, 0.6 * math.exp(-0.5 * 1.7)),
        ("fast_sigmoid_derivative", 0.6, 0.6 / (1.0 + 0.5 * 1.7) ** 2),
        ("arctan", 0.6 / math.pi, 0.6 / math.pi / (1.0 + (0.5 * 1.7 * math.pi) ** 2)),
    ],
)
def test_gamma_and_beta_of_older_nest_are_height_and_width(function: str, at_threshold: float, at_half: float) -> None:
    """Formulas of NEST 3.9, at the threshold and 0.5 mV above it."""
    read = surrogate_gradient({"surrogate_gradient_function": function, "gamma": 0.6, "beta": 1.7})
    u = 0.5 / read["width"]
    shape = {
        "piecewise_linear": max(0.0, 1.0 - u),
        "exponential": math.exp(-u),
        "fast_sigmoid_derivative": 1.0 / (1.0 + u) ** 2,
        "arctan": 1.0 / (1.0 + u**2),
    }[read["function"]]
    assert read["height"] == pytest.approx(at_threshold)
    assert read["height"] * shape == pytest.approx(at_half)


def test_an_unknown_surrogate_gradient_is_refused() -> None:
    with pytest.raises(ParameterError, match="surrogate_gradient_function = 'box'"):
        surrogate_gradient({"surrogate_gradient_function": "box"})
