"""Properties of simulations: runs, copies, counts and memory."""

import gc
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

from agreement import assert_agree
from eprop_core import run as run_module
from eprop_core.errors import NotFiniteError
from eprop_core.model.sources import LAST_STEP
from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.ranks.emulation import EmulatedExchange
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus, StimulusError
from eprop_core.verification.random_problem import Problem
from pieces import assert_same_bits
from small_problem import N_STEPS, small_problem
from state_size import bytes_of_arrays

DELAYS = {
    "unit delays": dict.fromkeys(PROJECTIONS, 1),
    "long delays": {"input": 2, "recurrent": 4, "output": 5, "feedback": 3},
}


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("feedback", ["random", "symmetric", "adaptive"])
def test_a_run_in_pieces_gives_the_same_bits(delay: str, feedback: str) -> None:
    """Pieces may have any length, down to one step, and end within a communication interval."""
    network, connections, stimulus = small_problem(8, delay=DELAYS[delay], feedback=feedback)
    whole, in_pieces = (Simulation(network, connections=connections) for _ in range(2))
    recording = whole.run(stimulus)
    assert len(recording.spike_steps) > 30
    lengths = [1, 1, 2, 3, 5, 88, 100, 1, 299]
    assert sum(lengths) == N_STEPS
    ends = np.cumsum(lengths).tolist()
    recordings = [in_pieces.run(stimulus.part(end - n, end)) for n, end in zip(lengths, ends, strict=True)]
    assert_same_bits(whole, in_pieces, recording, Recording.joined(recordings))


def test_a_simulation_has_a_last_step() -> None:
    network, connections, stimulus = small_problem(8)
    simulation = Simulation(network, connections=connections)
    simulation._rank.output.running_sums.time_index[:] += LAST_STEP - N_STEPS + 1
    assert simulation.step == LAST_STEP - N_STEPS + 1
    with pytest.raises(StimulusError, match=r"^step 21\d+ \+ \d+: a simulation has at most 2147483647 steps$"):
        simulation.run(stimulus)


@pytest.mark.parametrize("delay", DELAYS)
def test_the_room_for_recorded_spikes_changes_nothing(delay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, connections, stimulus = small_problem(8, delay=DELAYS[delay])
    one, other = (Simulation(network, connections=connections) for _ in range(2))
    recording = one.run(stimulus)
    monkeypatch.setattr(run_module, "RECORDED_AT_ONCE", 7 * network.n_recurrent)
    assert_same_bits(one, other, recording, other.run(stimulus))


def test_a_projection_may_have_its_own_learning_rate() -> None:
    """It replaces that of the optimizer, for this projection only."""
    network, connections, stimulus = small_problem(8)
    values = network.model_dump()
    for name in LEARNING_PROJECTIONS:
        values[name]["learning_rate"] = network.plasticity.optimizer.learning_rate
    values["plasticity"]["optimizer"]["learning_rate"] = 0.0
    shared, own = (Simulation(n, connections=connections) for n in (network, parse(Network, values)))
    assert_same_bits(shared, own, shared.run(stimulus), own.run(stimulus))

    values["input"]["learning_rate"] = 0.0
    simulation = Simulation(parse(Network, values), connections=connections)
    simulation.run(stimulus)
    for name in LEARNING_PROJECTIONS:
        same = np.array_equal(simulation.weights(name).weight, connections[name].weight)
        assert same == (name == "input")


@pytest.mark.parametrize(
    ("own", "settings"),
    [
        ({"weight_min": -0.05, "weight_max": 0.02}, {"learning_rate": 0.3}),
        ({"epsilon": 3.0}, {"adam": {}, "learning_rate": 0.003}),
    ],
)
def test_a_projection_may_have_its_own_bounds_and_epsilon(own: dict[str, float], settings: dict[str, Any]) -> None:
    """They replace those of the optimizer, for this projection only; also in the time-driven model."""
    network, connections, stimulus = small_problem(3, **settings)
    source, target, weight = connections["recurrent"]
    connections["recurrent"] = Connections(source, target, np.clip(weight, -0.05, 0.02))
    values = network.model_dump()
    values["recurrent"] |= own
    changed = parse(Network, values)
    assert changed.optimizer("input") == network.optimizer("input") != changed.optimizer("recurrent")
    learned = []
    for parameters in (network, changed):
        simulation = Simulation(parameters, connections=connections)
        simulation.run(stimulus)
        learned.append(simulation.weights("recurrent").weight)
    assert not np.array_equal(*learned)
    if "weight_min" in own:
        assert learned[1].min() == own["weight_min"]
        assert learned[1].max() == own["weight_max"]
    assert_agree(Problem(changed, connections, stimulus))


def test_a_projection_may_have_its_own_fixed_signs() -> None:
    """They replace those of the optimizer, for this projection only; also in the time-driven model."""
    network, connections, stimulus = small_problem(3, fixed_signs=True, learning_rate=0.03)
    values = network.model_dump()
    values["recurrent"]["fixed_signs"] = False
    network = parse(Network, values)
    assert [network.optimizer(name).fixed_signs for name in LEARNING_PROJECTIONS] == [True, False, True]
    simulation = Simulation(network, connections=connections)
    simulation.run(stimulus)
    for name in LEARNING_PROJECTIONS:
        flipped = np.signbit(simulation.weights(name).weight) != np.signbit(connections[name].weight)
        assert flipped.any() == (name == "recurrent")
    assert_agree(Problem(network, connections, stimulus))


def test_signs_are_fixed_for_each_weight_not_for_each_neuron() -> None:
    """A neuron keeps outgoing weights of both signs (no Dale's law), or of one sign if it started so."""
    network, connections, stimulus = small_problem(3, fixed_signs=True, learning_rate=0.03)
    source, target, weight = connections["recurrent"]
    excitatory = source % 2 == 0
    given = {"drawn": weight, "by neuron": np.copysign(weight, np.where(excitatory, 1.0, -1.0))}
    for name, initial in given.items():
        recurrent = Connections(source, target, initial)
        simulation = Simulation(network, connections=connections | {"recurrent": recurrent})
        simulation.run(stimulus)
        learnt = simulation.weights("recurrent")
        assert np.any(learnt.weight != initial)
        both = [i for i in range(network.n_recurrent) if len(set(np.signbit(learnt.weight[learnt.source == i]))) == 2]
        assert len(both) > network.n_recurrent / 2 if name == "drawn" else both == []


def test_spikes_and_errors_arrive_after_their_delays() -> None:
    """Errors arrive after the delay of the feedback; windows count the run's steps (``docs/pictures/timing.svg``)."""
    plasticity = {"kappa": 0.5, "kappa_reg": 0.5, "optimizer": {"learning_rate": 0.1}}
    delays = {"input": {"delay": 2}, "output": {"delay": 3, "plastic": False}, "feedback": {"delay": 2}}
    neuron = {"V_th": 0.5, "surrogate_gradient": {"function": "exponential"}}
    values = {"n_input": 1, "n_recurrent": 1, "n_readout": 1, "neuron": neuron, "plasticity": plasticity}
    network = parse(Network, values | delays)
    one, none = np.zeros(1, int), np.zeros(0, int)
    connections = {name: Connections(one, one, np.ones(1)) for name in ("input", "output", "feedback")}
    connections["recurrent"] = Connections(none, none, np.zeros(0))
    for window, second, learns in ((7, 7, True), (7, 6, False), (8, 7, False), (8, 8, True)):
        in_window = np.arange(20) == window
        stimulus = Stimulus(20, np.array([2, second]), np.zeros(2, int), np.full((20, 1), -1.0), in_window)
        simulation = Simulation(network, connections=connections)
        recording = simulation.run(stimulus)
        assert recording.spike_steps[0] == 4
        assert np.flatnonzero(recording.readout[:, 0])[0] == 7
        assert np.flatnonzero(recording.error[:, 0]).tolist() == [window]
        # The second spike reaches the neuron in step second + 2, the error in step window + 2.
        assert (simulation.weights("input").weight[0] != 1.0) == learns


def drawn_network(**changes: Any) -> Network:
    values = small_problem(9).network.model_dump()
    values["input"]["connectivity"] = {"rule": "fixed_in_degree", "in_degree": 8}
    values["recurrent"]["connectivity"] = {"rule": "pairwise_bernoulli", "probability": 0.4}
    for name in PROJECTIONS:
        values[name]["weights"] = {"distribution": "normal", "scale": 2.0, "divide_by": "sqrt_in_degree"}
    return parse(Network, values | changes)


def test_drawn_connections_given_explicitly_make_the_same_network() -> None:
    network, stimulus = drawn_network(), small_problem(9).stimulus
    drawn = Simulation(network, seed=5)
    connections = {name: drawn.weights(name) for name in PROJECTIONS}
    assert len(connections["input"].source) == 8 * network.n_recurrent
    assert not np.any(connections["recurrent"].source == connections["recurrent"].target)
    explicit = Simulation(network, seed=6, connections=connections)
    recording = drawn.run(stimulus)
    assert len(recording.spike_steps) > 30
    assert_same_bits(drawn, explicit, recording, explicit.run(stimulus))
    assert_agree(Problem(network, connections, stimulus))
    other = Simulation(network, seed=6).weights("input")
    assert not np.isin(other.weight, connections["input"].weight).any()


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5])
def test_wrong_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(ParameterError, match="seed") as caught:
        Simulation(drawn_network(), seed=seed)
    assert "\n" not in str(caught.value)


def test_seeds_have_64_bits() -> None:
    network = drawn_network()
    weights = [Simulation(network, seed=seed).weights("input").weight for seed in (0, 2**63, 2**64 - 1)]
    assert len({w.tobytes() for w in weights}) == 3


@pytest.mark.parametrize("delay", DELAYS)
def test_a_frozen_network_is_static_and_leaves_the_original_alone(delay: str) -> None:
    network, connections, stimulus = small_problem(10, delay=DELAYS[delay])
    simulation, undisturbed = (Simulation(network, connections=connections) for _ in range(2))
    training, evaluation = stimulus.part(0, 301), stimulus.part(301, N_STEPS)
    simulation.run(training)
    undisturbed.run(training)
    learnt = {name: simulation.weights(name) for name in PROJECTIONS}
    assert all(np.any(learnt[name].weight != connections[name].weight) for name in LEARNING_PROJECTIONS)

    frozen = simulation.frozen()
    assert frozen.step == 0
    recording = frozen.run(evaluation)
    assert len(recording.spike_steps) > 10
    static = network.model_dump()
    for name in LEARNING_PROJECTIONS:
        static[name]["plastic"] = False
    rebuilt = Simulation(parse(Network, static), connections=learnt)
    assert_same_bits(frozen, rebuilt, recording, rebuilt.run(evaluation))
    for name in PROJECTIONS:
        np.testing.assert_array_equal(frozen.weights(name).weight, learnt[name].weight)
    # Weights, traces and counts of the original are as they would be without the copy.
    assert_same_bits(simulation, undisturbed, simulation.run(evaluation), undisturbed.run(evaluation))
    # The weights of the copy stay while the original goes on learning.
    assert all(np.any(simulation.weights(name).weight != learnt[name].weight) for name in LEARNING_PROJECTIONS)
    for name in PROJECTIONS:
        np.testing.assert_array_equal(frozen.weights(name).weight, learnt[name].weight)


@pytest.mark.parametrize("delay", DELAYS)
def test_a_reconnected_network_equals_a_new_one_with_its_connections(delay: str) -> None:
    network, connections, stimulus = small_problem(8, delay=DELAYS[delay])
    simulation = Simulation(network, connections=connections)
    simulation.run(stimulus)
    before, learnt = simulation.counts, {name: simulation.weights(name) for name in PROJECTIONS}
    source, target, weight = learnt["recurrent"]
    fewer = Connections(source[1:], target[1:], 0.5 * weight[1:])
    simulation.reconnect({"recurrent": fewer})
    assert simulation.step == 0
    rebuilt = Simulation(network, connections=learnt | {"recurrent": fewer})
    recording, expected = simulation.run(stimulus), rebuilt.run(stimulus)
    np.testing.assert_array_equal(recording.spike_steps, expected.spike_steps)
    np.testing.assert_array_equal(recording.readout, expected.readout)
    for name in PROJECTIONS:
        np.testing.assert_array_equal(simulation.weights(name).weight, rebuilt.weights(name).weight)
    for key in ("spikes", "recurrent_synaptic_events"):
        assert simulation.counts[key] == before[key] + rebuilt.counts[key] > before[key]
    assert simulation.counts["recurrent_synapses"] == len(weight) - 1


def test_counts_continue_after_reconnecting_where_samples_update() -> None:
    network, connections, stimulus = small_problem(8)
    plasticity = network.plasticity.model_copy(update={"update": "sample", "rate_average": "sample"})
    simulation = Simulation(network.model_copy(update={"plasticity": plasticity}), connections=connections)
    simulation.run(stimulus)
    before = simulation.counts["spikes"]
    simulation.reconnect({})
    simulation.run(stimulus)
    assert simulation.counts["spikes"] > before > 0


@pytest.mark.parametrize("kind", ["random", "symmetric", "adaptive"])
def test_a_frozen_network_has_learned_from_all_samples(kind: str) -> None:
    """Its weights include the batch so far. A complete batch updates them as the next sample does in the simulation."""
    network, connections, stimulus = small_problem(8, feedback=kind, I_e=2.5)
    rule = {"update": "sample", "rate_average": "sample", "reset_at_samples": True, "batch_size": 2, "cutoff": None}
    values = network.model_dump()
    values["plasticity"] |= rule
    network = parse(Network, values)
    simulation, undisturbed = (Simulation(network, connections=connections) for _ in range(2))
    length = 100
    closed = np.zeros(length, bool)
    for sample in range(4):
        shown = stimulus.part(sample * length, (sample + 1) * length)
        before = simulation.weights("input").weight
        simulation.run(shown)
        undisturbed.run(shown)
        of_frozen = simulation.frozen().weights("input").weight
        assert np.abs(of_frozen - before).max() > 1e-6
        if sample % 2 == 1:  # a second copy goes on with a sample whose window is closed
            other = Simulation(network, connections=connections)
            for earlier in range(sample + 1):
                other.run(stimulus.part(earlier * length, (earlier + 1) * length))
            other.run(Stimulus(length, np.zeros(0, int), np.zeros(0, int), np.zeros((length, 2)), closed))
            for name in PROJECTIONS:
                weight = simulation.frozen().weights(name).weight
                np.testing.assert_array_equal(weight, other.weights(name).weight)
    for name in PROJECTIONS:
        np.testing.assert_array_equal(simulation.weights(name).weight, undisturbed.weights(name).weight)
    assert simulation.counts == undisturbed.counts
    assert simulation.step == undisturbed.step == 4 * length


def test_an_incomplete_batch_is_the_mean_of_its_samples() -> None:
    """A batch of three of which one sample has been shown makes the update of a batch of one."""
    network, connections, stimulus = small_problem(8)
    values = network.model_dump()
    values["plasticity"] |= {"update": "sample", "rate_average": "sample", "reset_at_samples": True, "cutoff": None}
    learned = []
    for batch_size in (1, 3):
        values["plasticity"]["batch_size"] = batch_size
        simulation = Simulation(parse(Network, values), connections=connections)
        simulation.run(stimulus)
        learned.append(simulation.frozen().weights("input").weight)
    assert np.abs(learned[0] - connections["input"].weight).max() > 1e-6
    np.testing.assert_array_equal(*learned)


def test_frozen_networks_follow_the_learning() -> None:
    network, connections, stimulus = small_problem(10)
    simulation = Simulation(network, connections=connections)
    readouts = []
    for first in (0, 250):
        readouts.append(simulation.frozen().run(stimulus).readout)
        simulation.run(stimulus.part(first, first + 250))
    assert np.abs(readouts[0] - readouts[1]).max() > 1e-3


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("plastic", [True, False])
def test_a_synaptic_event_is_counted_for_each_arrival_of_a_spike(delay: str, plastic: bool) -> None:
    """A synaptic event is one arrival of a spike through one synapse, plastic or not."""
    network, connections, stimulus = small_problem(
        8, delay=DELAYS[delay], plastic=dict.fromkeys(LEARNING_PROJECTIONS, plastic), I_e=2.5
    )
    simulation = Simulation(network, connections=connections)
    recording = simulation.run(stimulus)
    counts = simulation.counts
    assert counts["neurons"] == network.n_recurrent
    assert counts["spikes"] == len(recording.spike_steps) > 30
    emitted = {
        "input": (stimulus.input_steps, stimulus.input_channels),
        "recurrent": (recording.spike_steps, recording.spike_neurons),
        "output": (recording.spike_steps, recording.spike_neurons),
    }
    n_events = 0
    for name, (steps, ids) in emitted.items():
        out_degree = np.bincount(connections[name].source, minlength=60)
        arrived = ids[steps + DELAYS[delay][name] < N_STEPS]
        assert len(arrived) > 0
        assert counts[f"{name}_synaptic_events"] == out_degree[arrived].sum() > 0
        n_events += out_degree[arrived].sum()
    assert counts["synaptic_events"] == n_events
    for name in PROJECTIONS:
        assert counts[f"{name}_synapses"] == len(connections[name].source)
    assert counts["synapses"] == sum(counts[f"{name}_synapses"] for name in LEARNING_PROJECTIONS)


def test_neurons_that_ignore_their_input_fire_at_the_given_rate() -> None:
    """They fire at random phases; all else is simulated."""
    problem = small_problem(11, refractory_steps=0)
    values = problem.network.model_dump()
    values["neuron"]["ignore_and_fire"] = {"rate": 40.0}
    values["dt"] = 0.5
    network = parse(Network, values)
    simulation = Simulation(network, connections=problem.connections)
    recording = simulation.run(problem.stimulus)
    phases = []
    for neuron in range(network.n_recurrent):
        steps = recording.spike_steps[recording.spike_neurons == neuron]
        assert len(steps) == N_STEPS // 50
        assert np.all(np.diff(steps) == 50)
        phases.append(steps[0])
    assert len(set(phases)) > network.n_recurrent / 2
    for name in LEARNING_PROJECTIONS:
        assert np.any(simulation.weights(name).weight != problem.connections[name].weight)
    again = Simulation(network, connections=problem.connections, seed=2).run(problem.stimulus)
    assert np.any(again.spike_steps != recording.spike_steps)


AT_50_SPIKES_PER_S = {
    "n_input": 1,
    "n_recurrent": 5,
    "n_readout": 1,
    "neuron": {"ignore_and_fire": {"rate": 50.0}, "surrogate_gradient": {"function": "exponential"}},
}
"""Every 20 ms, a multiple of each dt below."""


def without_errors(n_steps: int, n_samples: int = 1) -> Stimulus:
    """Input in every fourth step; no errors, so that weights learn from the rate regularization alone."""
    steps = np.arange(0, n_steps, 4)
    channels, target, window = np.zeros(len(steps), int), np.zeros((n_steps, 1)), np.zeros(n_steps, bool)
    return Stimulus(n_steps, steps, channels, target, window, n_samples)


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("kappa_reg", [0.0, 0.9])
@pytest.mark.needs_compiler
def test_the_target_of_the_moving_average_is_in_spikes_per_second(kappa_reg: float, dt: float) -> None:
    """If neurons fire at the target, the error of the rate is zero in the mean over a period."""
    plasticity = {"c_reg": 1.0, "f_target": 50.0, "kappa_reg": kappa_reg}
    simulation = Simulation(parse(Network, AT_50_SPIKES_PER_S | {"dt": dt, "plasticity": plasticity}))
    period = round(20.0 / dt)
    simulation.run(without_errors(50 * period))
    rate_error = np.zeros((period, 5))
    for time_index in rate_error:
        simulation.run(without_errors(1))
        recent = simulation._rank.neurons.rate_error
        time_index[:] = recent[(simulation.step - 1) % len(recent)]
    assert np.all(rate_error.max(axis=0) > 0.05 / period)
    np.testing.assert_allclose(rate_error.mean(axis=0), 0.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0, 2.0])
def test_the_target_of_the_mean_over_a_sample_is_in_spikes_per_second(dt: float) -> None:
    """Weights stay if neurons fire at the target in a sample of two periods, and move otherwise."""
    by_sample = {"update": "sample", "rate_average": "sample", "reset_at_samples": True, "c_reg": 1e3}
    for f_target in (50.0, 50.1):
        values = AT_50_SPIKES_PER_S | {"dt": dt, "plasticity": by_sample | {"f_target": f_target}}
        simulation = Simulation(parse(Network, values))
        initial = simulation.weights("input").weight
        simulation.run(without_errors(2 * round(40.0 / dt), 2))
        moved = np.abs(simulation.weights("input").weight - initial)
        assert np.all(moved < 1e-15) if f_target == 50.0 else np.all(moved > 1e-10)


def test_dry_runs_do_the_work_of_single_ranks() -> None:
    """Spikes are those of the whole network, and the counts of all dry runs add up to its counts."""
    network = drawn_network(neuron={"ignore_and_fire": {"rate": 30.0}})
    stimulus = small_problem(9).stimulus
    whole = Simulation(network, seed=4)
    expected = whole.run(stimulus)
    assert len(expected.spike_steps) > 100
    totals = dict.fromkeys(whole.counts, 0)
    for rank in range(4):
        dry = Simulation(network, seed=4, dry_run=(rank, 4))
        recording = dry.run(stimulus)
        own = (expected.spike_neurons >= dry.recurrent.first) & (expected.spike_neurons < dry.recurrent.last)
        np.testing.assert_array_equal(recording.spike_steps, expected.spike_steps[own])
        np.testing.assert_array_equal(recording.spike_neurons, expected.spike_neurons[own])
        for name, count in dry.counts.items():
            totals[name] += count
    assert totals == whole.counts


def test_readouts_of_a_dry_run_lack_the_currents_of_other_ranks() -> None:
    """They equal those of a network in which the neurons of other ranks have no output connections."""
    values = drawn_network(neuron={"ignore_and_fire": {"rate": 30.0}}).model_dump()
    for name in LEARNING_PROJECTIONS:
        values[name]["plastic"] = False
    network, stimulus = parse(Network, values), small_problem(9).stimulus
    dry, whole = Simulation(network, seed=4, dry_run=(1, 3)), Simulation(network, seed=4)
    source, target, weight = whole.weights("output")
    own = (source >= dry.recurrent.first) & (source < dry.recurrent.last)
    output = Connections(source[own], target[own], weight[own])
    expected = Simulation(network, seed=4, connections={"output": output}).run(stimulus).readout
    np.testing.assert_allclose(dry.run(stimulus).readout, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert np.abs(whole.run(stimulus).readout - expected).max() > 0.1 * np.abs(expected).max() > 0.0


def test_a_simulation_is_freed_at_once() -> None:
    """Not only by the garbage collector, which may run after the next network has been built."""
    network, connections, stimulus = small_problem(8)
    gc.collect()
    gc.disable()
    try:
        simulation = Simulation(network, connections=connections)
        simulation.run(stimulus)
        freed = weakref.ref(simulation)
        del simulation
        assert freed() is None
    finally:
        gc.enable()


def test_an_error_in_an_exchange_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled code calls the exchange, and exceptions cannot pass through compiled code."""
    simulation = Simulation(drawn_network(neuron={"ignore_and_fire": {"rate": 30.0}}), dry_run=(0, 2))
    exchanges = []

    def fail_at_the_third(self: EmulatedExchange, *_: object) -> None:
        exchanges.append(self)
        if len(exchanges) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(EmulatedExchange, "__call__", fail_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        simulation.run(small_problem(9).stimulus)
    assert len(exchanges) == 3


def test_a_dry_run_cannot_be_reconnected() -> None:
    network = drawn_network(neuron={"ignore_and_fire": {"rate": 100.0}})
    with pytest.raises(ParameterError, match="reconnect: a dry run"):
        Simulation(network, dry_run=(0, 2)).reconnect({})


@pytest.mark.parametrize(("dry_run", "message"), [((4, 4), "rank must be 0 to 3"), ((0, 16), "16 ranks are more than")])
def test_wrong_dry_runs_are_refused(dry_run: tuple[int, int], message: str) -> None:
    network = drawn_network(neuron={"ignore_and_fire": {"rate": 30.0}})
    with pytest.raises(ParameterError, match=message):
        Simulation(network, dry_run=dry_run)
    with pytest.raises(ParameterError, match="ignore_and_fire"):
        Simulation(drawn_network(), dry_run=(0, 2))


@pytest.mark.parametrize("cutoff", [20, None])
@pytest.mark.needs_compiler
def test_memory_does_not_grow_with_time(cutoff: int | None) -> None:
    """The state has the same size after any number of steps, and a run leaves only its recording."""
    network, connections, stimulus = small_problem(12, 20_000, cutoff=cutoff)
    simulation = Simulation(network, connections=connections)
    simulation.run(stimulus.part(0, 100))
    size = bytes_of_arrays(simulation._rank)
    assert size > 10_000
    tracemalloc.start()
    try:
        for begin in range(100, 1100, 100):  # each of the first calls of compiled code leaves some kB
            assert len(simulation.run(stimulus.part(begin, begin + 100)).readout) == 100
        grown = []
        for _ in range(2):  # what other threads or a cache take once is no growth
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            assert len(simulation.run(stimulus).spike_steps) > 1000
            gc.collect()
            grown.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert bytes_of_arrays(simulation._rank) == size
    # Less than a byte per step.
    assert min(grown) < 10_000


def test_a_voltage_that_is_not_finite_is_named() -> None:
    network = parse(Network, {"n_input": 2, "n_recurrent": 5, "n_readout": 1, "input": {"plastic": False}})
    # Two spikes that arrive in the same step add up to more than a double can hold.
    connections = {"input": Connections(np.array([0, 1]), np.array([3, 3]), np.array([1e308, 1e308]))}
    simulation = Simulation(network, connections=connections)
    nothing = np.empty(0, np.int64)
    simulation.run(Stimulus(10, nothing, nothing, np.zeros((10, 1)), np.ones(10, bool)))
    stimulus = Stimulus(20, np.array([5, 5]), np.array([0, 1]), np.zeros((20, 1)), np.ones(20, bool))
    with pytest.raises(NotFiniteError, match=r"step 16: the voltage of recurrent neuron 3 is not finite") as caught:
        simulation.run(stimulus)
    assert "plasticity.optimizer.learning_rate" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_after_one_that_failed_is_refused() -> None:
    network, connections, stimulus = small_problem(13)
    too_much = connections["input"]._replace(weight=np.full(len(connections["input"].weight), 1e308))
    values = network.model_dump()
    values["input"]["plastic"] = False
    simulation = Simulation(parse(Network, values), connections=connections | {"input": too_much})
    with pytest.raises(NotFiniteError, match=r"the voltage of recurrent neuron \d+ is not finite"):
        simulation.run(stimulus)
    with pytest.raises(NotFiniteError, match="this simulation cannot go on"):
        simulation.run(stimulus)


@pytest.mark.parametrize("field", Connections._fields)
@pytest.mark.parametrize("given", [[[1], [1, 2]], ["one", "two"], None, [1j, 2j]])
def test_connections_that_are_no_numbers_get_one_line(field: str, given: Any) -> None:
    network, connections, _ = small_problem(13)
    wrong = connections["input"]._replace(**{field: given})
    with pytest.raises(ParameterError, match=rf"^connections\['input'\]\.{field} has .*: must be .*(int|float)64$"):
        Simulation(network, connections={"input": wrong})
    assert repr(wrong).startswith("Connections(")


def test_ids_of_connections_are_whole_numbers() -> None:
    network, connections, _ = small_problem(13)
    wrong = connections["input"]._replace(source=connections["input"].source + 0.5)
    with pytest.raises(ParameterError, match=r"^connections\['input'\]\.source has dtype float64: must be .*int64$"):
        Simulation(network, connections={"input": wrong})


def test_connections_may_be_lists() -> None:
    network, connections, stimulus = small_problem(13)
    lists = {name: Connections(*(values.tolist() for values in given)) for name, given in connections.items()}
    given, expected = (Simulation(network, connections=one).run(stimulus) for one in (lists, connections))
    assert len(expected.spike_steps) > 0
    np.testing.assert_array_equal(given.spike_neurons, expected.spike_neurons)


def test_wrong_connections_and_stimuli_are_refused() -> None:
    network, connections, _ = small_problem(13)
    with pytest.raises(ParameterError, match="no projection 'inputs'; there are input, recurrent, output, feedback"):
        Simulation(network, connections={"inputs": connections["input"]})
    with pytest.raises(ParameterError, match=r"connections\['feedback'\]\.source\[0\] = 2: allowed are 0 to 1"):
        Simulation(network, connections={"feedback": Connections(np.array([2]), np.array([0]), np.array([1.0]))})
    with pytest.raises(ParameterError, match=r"recurrent: initial weight 101 is outside .* -100 to 100"):
        Simulation(network, connections={"recurrent": Connections(np.array([2]), np.array([0]), np.array([101.0]))})
    with pytest.raises(StimulusError, match="n_readout = 2"):
        Simulation(network).run(Stimulus(5, np.array([1]), np.array([0]), np.zeros((5, 3)), np.ones(5, bool)))
    with pytest.raises(StimulusError, match="n_input = 20"):
        Simulation(network).run(Stimulus(5, np.array([1]), np.array([20]), np.zeros((5, 2)), np.ones(5, bool)))
