"""Spike-timing-dependent plasticity in networks against sums over all pairs of spikes, computed synapse by synapse."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from continued import assert_equal, continued, uninterrupted
from eprop_core.network.assembly import states as states_of
from eprop_core.network.connections import Connections
from eprop_core.network.memory_estimate import lists_of_spikes
from eprop_core.network.projections import ProjectionSpec, Role, spiking_projections
from eprop_core.parameters import Network, SpikeTimingParameters
from eprop_core.parsing import ParameterError, parse
from eprop_core.recording.recording import Recording
from eprop_core.recording.request import Record
from eprop_core.simulation import Simulation
from eprop_core.time_driven.simulation import simulate as simulate_time_driven
from eprop_core.training.parameters import Rewiring, check_rewirable
from eprop_core.verification.random_problem import Problem, problem_of_variant
from eprop_core.verification.spike_pairs import weights_found
from eprop_core.verification.variants import random_stdp
from pieces import assert_same_bits

N_STEPS = 500
SEEDS = range(15)


def problem_of(seed: int, n_steps: int = N_STEPS, **settings: Any) -> Problem:
    """A small random problem; some connections of its plastic projections are there twice."""
    small = {"n_input": 15, "n_recurrent": 12, "n_readout": 1} | settings
    problem = problem_of_variant(random_stdp(seed, **small), n_steps)
    connections = dict(problem.connections)
    for spec in plastic_projections(problem.network):
        given = connections[spec.name]
        twice = np.arange(len(given.source)) % 7 == 0
        doubled = Connections(*(np.append(values, values[twice]) for values in given))
        doubled.weight[len(given.source) :] *= 0.5
        connections[spec.name] = doubled
    return problem._replace(connections=connections)


def plastic_projections(network: Network) -> list[ProjectionSpec]:
    return [spec for spec in spiking_projections(network) if spec.spike_timing is not None]


def rule_of(spec: ProjectionSpec) -> SpikeTimingParameters:
    assert spec.spike_timing is not None
    return spec.spike_timing


class Expected(NamedTuple):
    """Weights, and input of the neurons, that the rule gives for the spikes of a run."""

    weights: dict[str, np.ndarray]
    """At the end, in the order of the problem's connections."""
    current: np.ndarray
    """pA, (n_steps, n_recurrent), the input of the neurons."""


def steps_of_each(steps: np.ndarray, ids: np.ndarray, n: int) -> list[list[int]]:
    return [steps[ids == i].tolist() for i in range(n)]


def expected(problem: Problem, recording: Recording) -> Expected:
    """Apply the rule to each synapse, with the spikes of a recording."""
    network, connections, stimulus = problem
    neurons = steps_of_each(recording.spike_steps, recording.spike_neurons, network.n_recurrent)
    inputs = steps_of_each(stimulus.input_steps, stimulus.input_channels, network.n_input)
    current, weights = np.zeros((stimulus.n_steps, network.n_recurrent)), {}
    for spec in spiking_projections(network):
        if not spec.onto_neurons:
            continue
        sources, delay = inputs if spec.role is Role.INPUT else neurons, spec.parameters.delay
        given = connections[spec.name]
        weights[spec.name] = given.weight.copy()
        for k, (i, j, weight) in enumerate(zip(*(values.tolist() for values in given), strict=True)):
            found = [weight] * len(sources[i])
            if spec.spike_timing is not None:
                found = weights_found(spec.spike_timing, weight, sources[i], neurons[j], delay=delay, dt=network.dt)
            for step, arriving in zip(sources[i], found, strict=True):
                if step + delay < stimulus.n_steps:
                    current[step + delay, j] += arriving
                if step + 1 < stimulus.n_steps:
                    weights[spec.name][k] = arriving
    return Expected(weights, current)


def spikes_under(network: Network, current: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the spikes under a given input, bool (n_steps, n), and how near voltages come to the threshold."""
    neuron, (n_steps, n) = network.neuron, current.shape
    assert isinstance(neuron.tau_m, float)
    assert isinstance(neuron.C_m, float)
    assert isinstance(neuron.V_th, float)
    alpha = math.exp(-network.dt / neuron.tau_m)
    drive = neuron.tau_m / neuron.C_m * (1.0 - alpha) * neuron.I_e
    spikes, nearest = np.zeros((n_steps, n), bool), math.inf
    lowest = -math.inf if neuron.V_min is None else neuron.V_min
    v, refractory = np.zeros(n), np.zeros(n, int)
    for step in range(n_steps):
        free = refractory == 0
        v = np.where(free, np.maximum(alpha * v + current[step] + drive, lowest), v)
        spikes[step] = free & (v >= neuron.V_th)
        nearest = min(nearest, np.abs(v[free] - neuron.V_th).min(initial=math.inf))
        v = np.where(spikes[step], neuron.V_reset, v)
        refractory = np.where(spikes[step], network.refractory_steps, np.maximum(refractory - 1, 0))
    return spikes, nearest


def sorted_within_pairs(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights sorted by target, source and weight: the connections of one pair have no order."""
    return np.asarray(weight[np.lexsort((weight, source, target))])


def check(problem: Problem) -> dict[str, int]:
    """Check spikes and weights of a problem; return how many weights have changed, and have reached the bounds."""
    simulation = Simulation(problem.network, connections=problem.connections)
    recording = simulation.run(problem.stimulus)
    from_pairs = expected(problem, recording)
    counts = {"spikes": len(recording.spike_steps), "changed": 0, "at 0": 0, "at weight_max": 0}
    for spec in plastic_projections(problem.network):
        given, learned, weight_max = (
            problem.connections[spec.name],
            simulation.weights(spec.name),
            rule_of(spec).weight_max,
        )
        by_pairs = sorted_within_pairs(given.source, given.target, from_pairs.weights[spec.name])
        np.testing.assert_allclose(sorted_within_pairs(*learned), by_pairs, rtol=0, atol=1e-12 * weight_max)
        moved = by_pairs != sorted_within_pairs(*given)
        counts["changed"] += int(np.count_nonzero(moved))
        counts["at 0"] += int(np.count_nonzero(moved & (np.abs(by_pairs) == 0.0)))
        counts["at weight_max"] += int(np.count_nonzero(moved & (np.abs(by_pairs) == weight_max)))
    spikes, nearest = spikes_under(problem.network, from_pairs.current)
    assert nearest > 1e-12  # so rounding decides no spike
    np.testing.assert_array_equal(np.argwhere(spikes), np.stack([recording.spike_steps, recording.spike_neurons], 1))
    assert counts["spikes"] > 20
    assert counts["changed"] > 10
    return counts


REACHED = {4: "at 0", 6: "at 0", 11: "at weight_max", 12: "at weight_max"}
"""Problems in which many weights are at a bound in the end."""


@pytest.mark.parametrize("seed", SEEDS)
def test_spikes_and_weights_follow_from_all_pairs_of_spikes(seed: int) -> None:
    counts = check(problem_of(seed))
    if seed in REACHED:
        assert counts[REACHED[seed]] > 20


def test_neurons_that_fire_in_each_step_fill_their_lists() -> None:
    """For many blocks of steps, with a source that never fires again after the first few."""
    sizes = {"n_input": 5, "n_recurrent": 4}
    problem = problem_of(3, n_steps=300, I_e=400.0, refractory_steps=0, dt=1.0, **sizes)
    values = problem.network.model_dump()
    for name in ("input", "recurrent"):
        values[name]["stdp"] |= {"tau_plus": 0.5, "tau_minus": 3.0, "learning_rate": 0.01}
    shown = problem.stimulus
    kept = (shown.input_channels > 1) | (shown.input_steps < 60)
    shown = replace(shown, input_steps=shown.input_steps[kept], input_channels=shown.input_channels[kept])
    problem = Problem(parse(Network, values), problem.connections, shown)
    assert shown.n_steps > 4 * max(lists_of_spikes(problem.network))
    assert check(problem)["spikes"] > 0.95 * shown.n_steps * problem.network.n_recurrent


@pytest.mark.parametrize(("seed", "ranks"), [(0, [1, 2]), (4, [2, 3, 1]), (6, [3, 1]), (12, [2, 1])])
def test_checkpoints_continue_to_the_bit_on_any_number_of_ranks(seed: int, ranks: list[int], tmp_path: Path) -> None:
    """With sources that were inactive at the checkpoint, whose synapses have a second weight."""
    problem = problem_of(seed)
    cuts = [231, 377][: len(ranks) - 1]
    simulation = Simulation(problem.network, connections=problem.connections)
    simulation.run(problem.stimulus.part(0, cuts[0]))
    states = [state for _, state in states_of(problem.network, simulation._rank) if state.has_spike_timing]
    assert any(np.any(state.synapses.values[:, state.synapses.columns.facilitated] != 0.0) for state in states)
    assert_equal(continued(problem, tmp_path, cuts, ranks), uninterrupted(problem))


def test_copies_go_on_alike_and_frozen_networks_do_not_learn() -> None:
    problem = problem_of(0)
    first, second = problem.stimulus.part(0, 200), problem.stimulus.part(200, N_STEPS)
    simulation = Simulation(problem.network, connections=problem.connections)
    simulation.run(first)
    learned = simulation.weights("recurrent").weight
    copied, frozen = simulation.copy(), simulation.frozen()
    assert_same_bits(copied, simulation, copied.run(second), simulation.run(second))
    frozen.run(second)
    np.testing.assert_array_equal(frozen.weights("recurrent").weight, learned)
    assert not np.array_equal(simulation.weights("recurrent").weight, learned)


def test_other_projections_learn_as_beside_static_ones() -> None:
    """By e-prop; those with a learning rate of 0 stand for static ones."""
    drawn = problem_of(7)
    values = drawn.network.model_dump()
    values["input"]["plastic"] = values["output"]["plastic"] = True
    values["recurrent"]["stdp"]["learning_rate"] = 0.0
    beside_stdp = Simulation(parse(Network, values), connections=drawn.connections)
    values["recurrent"] |= {"stdp": None, "plastic": False}
    beside_static = Simulation(parse(Network, values), connections=drawn.connections)
    recording, expected_recording = beside_stdp.run(drawn.stimulus), beside_static.run(drawn.stimulus)
    np.testing.assert_array_equal(recording.spike_steps, expected_recording.spike_steps)
    np.testing.assert_array_equal(recording.readout, expected_recording.readout)
    for name in ("input", "output"):
        learned = beside_stdp.weights(name).weight
        np.testing.assert_array_equal(learned, beside_static.weights(name).weight)
        assert np.abs(learned - drawn.connections[name].weight).max() > 1e-3 * np.abs(learned).max()


def test_an_emulated_rank_learns_as_its_part_of_the_network() -> None:
    """Neurons that ignore their input have the same spikes on it."""
    drawn = problem_of_variant(random_stdp(12, n_input=15, n_recurrent=24, n_readout=1), N_STEPS)
    values = drawn.network.model_dump()
    values["neuron"]["ignore_and_fire"] = {"rate": 30.0 / drawn.network.dt}
    values["recurrent"]["connectivity"] = {"rule": "fixed_in_degree", "in_degree": 8}
    values["recurrent"]["weights"] |= {"distribution": "constant", "scale": 0.5, "divide_by": "nothing"}
    values["recurrent"]["stdp"]["weight_max"] = 1.0
    network = parse(Network, values)
    given = {name: drawn.connections[name] for name in ("input", "output")}
    whole, emulated = Simulation(network, connections=given), Simulation(network, connections=given, dry_run=(1, 2))
    before = whole.weights("recurrent").weight
    for simulation in (whole, emulated):
        simulation.run(drawn.stimulus)
    learned = whole.weights("recurrent")
    own = learned.target >= emulated.recurrent.first
    np.testing.assert_array_equal(emulated.weights("recurrent").weight, learned.weight[own])
    assert np.count_nonzero(learned.weight != before) > 0.9 * len(before)
    assert emulated.times["plasticity"] > 0.0


def test_recorded_weights_are_those_that_the_latest_spikes_have_found() -> None:
    problem = problem_of_variant(random_stdp(1, n_input=15, n_recurrent=12, n_readout=1), N_STEPS)
    given = problem.connections["recurrent"]
    pairs = list(zip(given.source[:5].tolist(), given.target[:5].tolist(), strict=True))
    simulation = Simulation(problem.network, connections=problem.connections)
    recording = simulation.run(problem.stimulus, Record(synapses={"recurrent": pairs}, quantities=["weight"]))
    assert recording.recorded is not None
    recorded = recording.recorded.synapses["recurrent"]["weight"].values
    (spec,), n_changes = plastic_projections(problem.network), 0
    for k, (source, target) in enumerate(pairs):
        spikes = steps_of_each(recording.spike_steps, recording.spike_neurons, problem.network.n_recurrent)
        found = weights_found(
            rule_of(spec), float(given.weight[k]), spikes[source], spikes[target],
            delay=spec.parameters.delay, dt=problem.network.dt,
        )  # fmt: skip
        expected = np.full(N_STEPS, given.weight[k])
        for step, weight in zip(spikes[source], found, strict=True):
            expected[step + spec.parameters.delay :] = weight
        n_changes += len(np.unique(expected)) - 1
        np.testing.assert_allclose(recorded[:, k], expected, rtol=0, atol=1e-12)
    assert n_changes > 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": {"stdp": {}}}, "output.stdp: must be null; it changes weights of connections onto recurrent"),
        (
            {"recurrent": {"stdp": {}, "learning_rate": 0.1}},
            "recurrent.learning_rate: has no meaning with recurrent.stdp",
        ),
        ({"recurrent": {"stdp": {}, "fixed_signs": False}}, "recurrent.fixed_signs: must not be false with recurrent"),
        (
            {"plasticity": {"reset_at_samples": True}, "recurrent": {"stdp": {}}},
            "recurrent.stdp: needs plasticity.reset",
        ),
        ({"input": {"stdp": {"tau_minus": 10_001.0}}}, "input.stdp.tau_minus: must not exceed 10000 steps, 10000 ms"),
        ({"recurrent": {"stdp": {"mu_plus": -1.0}}}, "recurrent.stdp.mu_plus = -1.0: Input should be greater"),
    ],
)
def test_parameters_that_are_not_allowed_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        parse(Network, {"n_input": 2, "n_recurrent": 3, "n_readout": 1} | changes)
    assert message in str(raised.value)


def test_an_initial_weight_beyond_the_largest_one_is_refused() -> None:
    network = parse(
        Network, {"n_input": 1, "n_recurrent": 2, "n_readout": 1, "recurrent": {"stdp": {"weight_max": 0.5}}}
    )
    given = {"recurrent": Connections(np.array([0, 1]), np.array([1, 0]), np.array([0.4, -0.6]))}
    with pytest.raises(ParameterError, match=r"recurrent: initial weight -0\.6 is larger than stdp\.weight_max = 0\.5"):
        Simulation(network, connections=given)


def test_what_needs_gradients_refuses_the_network() -> None:
    problem = problem_of(0)
    with pytest.raises(ParameterError, match=r"input\.stdp: must be null for the time-driven model"):
        simulate_time_driven(*problem)
    signed = problem.network.model_dump()
    signed["recurrent"]["fixed_signs"] = True
    with pytest.raises(ParameterError, match="recurrent must not have stdp, which has no gradient"):
        check_rewirable(parse(Network, signed), Rewiring(projections=["recurrent"]))
