"""The event-driven simulation against the formulas, on small random networks with all that the parameters allow."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from eprop_core import layout
from eprop_core.connectivity import Connections
from eprop_core.network import PROJECTIONS
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.simulation import Recording, Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.validation.random_problem import neuron_values, random_problem
from eprop_core.validation.variants import KINDS, LEARNING, SURROGATES
from formula_model import FormulaModel, Outcome

# Both compute in double precision but sum in different orders.
TOLERANCE = 1e-12  # of the largest readout or weight of a projection
# Adam divides a gradient by its own size, and so makes more of the rounding that running sums leave of a zero.
ADAM_TOLERANCE = 1e-10
# Networks that amplify the last bits of their weights to more than this share of the tolerance are drawn again.
LARGEST_AMPLIFICATION = 0.01
# Of a voltage to the threshold, relative to that: rounding decides on a spike.
DISTANCE = 1e-9


class Drawn(NamedTuple):
    """A network and what it is shown."""

    network: Network
    connections: dict[str, Connections]
    stimulus: Stimulus
    neuron_values: dict[str, np.ndarray]

    def until(self, step: int) -> "Drawn":
        """The same with a stimulus that ends before ``step``, with a sample where there are any."""
        return self._replace(stimulus=_piece(self.stimulus, 0, step))


def _piece(stimulus: Stimulus, first: int, end: int) -> Stimulus:
    inside = (stimulus.input_steps >= first) & (stimulus.input_steps < end)
    return replace(
        stimulus,
        n_steps=end - first,
        n_samples=max(1, (end - first) * stimulus.n_samples // stimulus.n_steps),
        input_steps=stimulus.input_steps[inside] - first,
        input_channels=stimulus.input_channels[inside],
        target=stimulus.target[first:end],
        learning_window=stimulus.learning_window[first:end],
    )


def draw(rule: str, kind: str, *seed: int) -> Drawn:
    """Draw a network of a kind, see :func:`eprop_core.layout.kind`, that learns by a rule of :data:`RULES`."""
    rng = np.random.default_rng(seed)
    features = kind.split("-")
    delay = {name: int(rng.choice([1, rng.integers(1, 16)], p=[0.3, 0.7])) for name in PROJECTIONS}
    spread = float(rng.uniform(0.1, 0.6)) if "own_decay" in features else 0.0
    kappa = float(rng.choice([0.0, rng.uniform(0.5, 0.99)], p=[0.1, 0.9]))
    cutoff = int(rng.integers(max(delay.values()) + 1, 60))
    settings: dict[str, Any] = {
        "n_input": int(rng.integers(3, 11)),
        "n_recurrent": int(rng.integers(3, 11)),
        "n_readout": int(rng.integers(1, 4)),
        "delay": delay,
        "spread": spread,
        "V_reset": [None, None, 0.0, -0.3, 0.4 * (1.0 - spread)][rng.integers(5)],
        "adaptation": None,
        "surrogate": str(rng.choice(SURROGATES)),
        "kappa": kappa,
        "kappa_reg": float(rng.uniform(0.1, 0.99)) if "two_filters" in features else kappa,
        "cutoff": [None, cutoff][rng.integers(2)],
        "density": {name: float(rng.uniform(0.4, 1.0)) for name in PROJECTIONS},
        "plastic": {name: rng.random() < 0.85 for name in LEARNING},
        "input_probability": float(rng.uniform(0.05, 0.2)),
        "fixed_signs": rng.random() < 0.3,
        "loss": str(rng.choice(["mean_squared_error", "cross_entropy"])),
        "feedback": str(rng.choice(["random", "symmetric", "adaptive"])),
        "learning_rate": float(10 ** rng.uniform(-3.0, -1.5)),
    }
    if "adaptive" in features:
        rise, steps = float(10 ** rng.uniform(-2.0, 0.5)), float(10 ** rng.uniform(0.0, 2.5))
        settings["adaptation"] = (rise, steps, float(rng.uniform(0.2, 1.0)))
    if settings["feedback"] == "adaptive":
        settings["weight_decay"] = float(rng.choice([0.0, 0.01]))
    by_sample = RULES[rule].get("update") == "sample"
    if "walking" in features or (by_sample and rng.random() < 0.5):
        settings["adam"] = ADAM[rng.integers(len(ADAM))]
        settings["learning_rate"] = float(10 ** rng.uniform(-4.0, -2.0))
    if by_sample:
        settings["learning_rate"] *= 10.0
        if "adam" in settings:
            # An epsilon of the size of the gradients' rounding would let Adam make a full step of a zero.
            settings["adam"] = {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2}
    n_samples = int(rng.integers(3, 13)) if rule != "spike" else 1
    n_steps = int(rng.integers(200, 401)) // n_samples * n_samples
    network, connections, _ = random_problem([*seed, 1], n_steps, **settings)
    values = network.model_dump()
    values["neuron"]["delayed_reset"] = network.neuron.V_reset is None and rng.random() < 0.3
    for name in LEARNING:
        if rng.random() < 0.3:
            values[name]["learning_rate"] = network.plasticity.optimizer.learning_rate * float(rng.uniform(0.3, 3.0))
            values[name]["fixed_signs"] = rng.random() < 0.5
    values["plasticity"] |= RULES[rule]
    if by_sample:
        values["plasticity"]["batch_size"] = int(rng.integers(1, 4))
    if rule == "bellec":
        values["plasticity"]["cutoff"] = None
        if rng.random() < 0.5:
            values["plasticity"]["kappa"] = float(np.exp(-network.dt / network.readout.tau_m))
    network = parse(Network, values)
    stimulus = _stimulus(rng, network, n_steps, settings["input_probability"], n_samples)
    return Drawn(network, _with_multapses(rng, network, connections), stimulus, neuron_values(network))


ADAM = [
    {},
    {"beta_1": 0.0, "beta_2": 0.5, "epsilon": 1e-4},
    {"optimize_each_step": True},
]
RULES: dict[str, dict[str, Any]] = {
    "spike": {},
    "spike_in_samples": {"reset_at_samples": True},
    "bellec": {"update": "sample", "rate_average": "sample", "reset_at_samples": True},
    "sample": {"update": "sample", "reset_at_samples": True},
    "sample_no_reset": {"update": "sample"},
}


def _with_multapses(
    rng: np.random.Generator, network: Network, connections: Mapping[str, Connections]
) -> dict[str, Connections]:
    """Let some pairs have two connections, but those that adaptive feedback takes for its own."""
    doubled = dict(connections)
    may_have = {"random": ("output", "feedback"), "symmetric": ("output",), "adaptive": ()}[network.feedback.kind]
    for name in ("input", "recurrent", *may_have):
        source, target, weight = connections[name]
        again = np.flatnonzero(rng.random(len(source)) < 0.1)
        twice = np.concatenate([np.arange(len(source)), again])
        doubled[name] = Connections(source[twice], target[twice], rng.permutation(weight[twice]))
    return doubled


def _stimulus(rng: np.random.Generator, network: Network, n_steps: int, probability: float, n_samples: int) -> Stimulus:
    steps, channels = np.nonzero(rng.random((n_steps, network.n_input)) < probability)
    periods, phases = rng.uniform(20.0, 200.0, (2, network.n_readout))
    target = np.sin(2.0 * np.pi * np.arange(n_steps)[:, np.newaxis] / periods + phases)
    edges = np.cumsum(rng.integers(1, 60, size=n_steps))
    learning_window = np.searchsorted(edges, np.arange(n_steps), side="right") % 2 == rng.integers(2)
    return Stimulus(n_steps, steps, channels, target, learning_window, n_samples)


class Simulated(NamedTuple):
    """A simulation after all pieces of a stimulus, and what it has recorded and weighed at the end of each."""

    simulation: Simulation
    recording: Recording
    weights: list[dict[str, np.ndarray]]


def simulate(drawn: Drawn, ends: Sequence[int]) -> Simulated:
    """Simulate in one run after the other, that end before the steps ``ends``."""
    simulation = Simulation(drawn.network, connections=drawn.connections, neuron_values=drawn.neuron_values)
    recordings, weights, first = [], [], 0
    for end in ends:
        recorded = simulation.run(_piece(drawn.stimulus, first, end))
        recordings.append(replace(recorded, spike_steps=recorded.spike_steps + first))
        weights.append(weights_of(simulation, drawn))
        first = end
    parts = [[getattr(part, name) for part in recordings] for name in Recording.__dataclass_fields__]
    return Simulated(simulation, Recording(*map(np.concatenate, parts)), weights)


def weights_of(simulation: Simulation, drawn: Drawn) -> dict[str, np.ndarray]:
    """Weights in the order of the explicit connections."""
    weights = {}
    for name in LEARNING:
        source, target, _ = drawn.connections[name]
        weights[name] = np.empty(len(source))
        weights[name][np.lexsort((source, target))] = simulation.weights(name).weight
    if drawn.network.feedback.kind == "adaptive":
        source, target, _ = drawn.connections["output"]
        weights["feedback"] = np.empty(len(source))
        weights["feedback"][np.lexsort((target, source))] = simulation.weights("feedback").weight
    return weights


def draw_ends(drawn: Drawn, *seed: int) -> list[int]:
    """Draw steps at which runs end, the last one included."""
    rng = np.random.default_rng([*seed, 2])
    n_steps, n_samples = drawn.stimulus.n_steps, drawn.stimulus.n_samples
    unit = n_steps // n_samples if drawn.network.plasticity.counts_samples else 1
    between = np.arange(unit, n_steps, unit)
    cuts = rng.choice(between, size=min(len(between), int(rng.integers(1, 12))), replace=False)
    return [*sorted(cuts.tolist()), n_steps]


def tolerance_of(network: Network) -> float:
    return ADAM_TOLERANCE if network.plasticity.optimizer.algorithm == "adam" else TOLERANCE


def says_something(drawn: Drawn, outcome: Outcome) -> bool:
    """Whether the network spikes, and each plastic projection learns, so that both can be told from rounding."""
    if outcome.spikes.sum() < 30 or not outcome.error.any():
        return False
    initial = {name: weights[0] for name, weights in outcome.weights.items()}
    learnt = [name for name in LEARNING if getattr(drawn.network, name).plastic]
    if not all(largest_change(initial, outcome.frozen, name) > 1e6 * tolerance_of(drawn.network) for name in learnt):
        return False
    moved = {
        name: connections._replace(weight=np.nextafter(connections.weight, np.inf))
        for name, connections in drawn.connections.items()
    }
    by_other_bits = FormulaModel(*drawn._replace(connections=moved)).outcome
    changes = [largest_change(outcome.frozen, by_other_bits.frozen, name) for name in learnt]
    same_spikes = np.array_equal(outcome.spikes, by_other_bits.spikes)
    return same_spikes and max(changes, default=0.0) < LARGEST_AMPLIFICATION * tolerance_of(drawn.network)


def largest_change(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], name: str) -> float:
    """Largest change of the weights of a projection, relative to the largest weight."""
    largest = np.abs(before[name]).max(initial=0.0)
    return float(np.abs(after[name] - before[name]).max(initial=0.0) / largest) if largest > 0.0 else 0.0


def rounding_decides(drawn: Drawn, outcome: Outcome, spikes: np.ndarray) -> bool:
    """Whether the first spike that only one of the two has is due to a voltage within rounding of the threshold."""
    parted = np.argwhere(spikes != outcome.spikes)
    if not parted.size:
        return False
    step, neuron = parted[0]
    return abs(outcome.distance[step, neuron]) <= DISTANCE * abs(drawn.connections["input"].weight).max()


def assert_close(own: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], tolerance: float) -> None:
    assert own.keys() == expected.keys()
    for name, values in expected.items():
        largest = np.abs(values).max(initial=0.0)
        np.testing.assert_allclose(own[name], values, rtol=0, atol=tolerance * largest, err_msg=name)


def compare(drawn: Drawn, outcome: Outcome, *seed: int) -> bool:
    """Assert that the simulation computes the outcome, in one run and in several; False if rounding lets them part."""
    network, n_steps, tolerance = drawn.network, drawn.stimulus.n_steps, tolerance_of(drawn.network)
    whole = simulate(drawn, [n_steps])
    spikes = np.zeros_like(outcome.spikes)
    spikes[whole.recording.spike_steps, whole.recording.spike_neurons] = True
    if rounding_decides(drawn, outcome, spikes):
        return False
    np.testing.assert_array_equal(spikes, outcome.spikes)
    scale = tolerance * np.abs(outcome.readout).max()
    np.testing.assert_allclose(whole.recording.readout, outcome.readout, rtol=0, atol=scale)
    np.testing.assert_allclose(whole.recording.error, outcome.error, rtol=0, atol=scale)
    assert_close(whole.weights[-1], at_end(outcome, n_steps), tolerance)
    assert_close(weights_of(whole.simulation.frozen(), drawn), outcome.frozen, tolerance)

    ends = draw_ends(drawn, *seed)
    cut = simulate(drawn, ends)
    for name in Recording.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(cut.recording, name), getattr(whole.recording, name))
    for name, weights in whole.weights[-1].items():
        np.testing.assert_array_equal(cut.weights[-1][name], weights)
    for end, weights in zip(ends, cut.weights, strict=True):
        assert_close(weights, at_end(outcome, end), tolerance)
    if network.plasticity.counts_samples:
        begun = drawn.until(ends[0])
        frozen = simulate(begun, ends[:1]).simulation.frozen()
        assert_close(weights_of(frozen, drawn), FormulaModel(*begun).outcome.frozen, tolerance)
    return True


def at_end(outcome: Outcome, step: int) -> dict[str, np.ndarray]:
    """Weights before ``step``."""
    return {name: history[step - 1] for name, history in outcome.weights.items()}


CASES = [
    (rule, kind)
    for rule, settings in RULES.items()
    for kind in KINDS
    # Where samples update, synapses never walk; and what a sample's mean rate regularizes is not filtered.
    if not ("walking" in kind and settings.get("update") == "sample")
    and not ("two_filters" not in kind and settings.get("rate_average") == "sample")
]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("rule", "kind"), CASES)
def test_formulas(rule: str, kind: str, seed: int) -> None:
    """Draws until a network says something, and rounding decides on no spike."""
    for attempt in range(20):
        drawn = draw(rule, kind, seed, attempt)
        assert layout.kind(drawn.network) == kind
        outcome = FormulaModel(*drawn).outcome
        if says_something(drawn, outcome) and compare(drawn, outcome, seed, attempt):
            return
    pytest.fail("none of 20 networks says something")
