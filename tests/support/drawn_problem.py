"""Random problems with all features of the parameters, for comparisons with the formulas."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from eprop_core.network import features
from eprop_core.network.connections import Connections
from eprop_core.network.features import SHORTEST_ROW
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.verification.random_problem import neuron_values, random_problem
from eprop_core.verification.variants import KINDS, SURROGATES
from formula_model import FormulaModel, Outcome

# Both compute in double precision but sum in different orders.
TOLERANCE = 1e-12  # of the largest readout or weight of a projection
# Adam divides a gradient by its own size, and so amplifies the rounding error of a gradient that should be zero.
ADAM_TOLERANCE = 1e-10
# Networks that amplify the last bits of their weights to more than this share of the tolerance are drawn again.
LARGEST_AMPLIFICATION = 0.01

RULES: dict[str, dict[str, Any]] = {
    "spike": {},
    "spike-resets": {"reset_at_samples": True},
    "sample": {"update": "sample"},
    "sample-resets": {"update": "sample", "reset_at_samples": True},
    "bellec": {"update": "sample", "reset_at_samples": True, "rate_average": "sample", "cutoff": None},
}
"""By name, the parameters of ``plasticity`` that a rule sets."""

ADAM: list[dict[str, Any]] = [{}, {"beta_1": 0.0, "beta_2": 0.5, "epsilon": 1e-4}, {"optimize_each_step": True}]


class Drawn(NamedTuple):
    """A network and what it is shown."""

    network: Network
    connections: dict[str, Connections]
    stimulus: Stimulus
    neuron_values: dict[str, np.ndarray]


def draw(rule: str, kind: str, *seed: int, without: Collection[str] = ()) -> Drawn:
    """Draw a network of a kind (:func:`eprop_core.network.features.kind`) that learns by a rule of :data:`RULES`.

    ``without`` names the filters, of ``kappa`` and ``kappa_reg``, that the network lacks.
    """
    rng = np.random.default_rng(seed)
    by_sample = RULES[rule].get("update") == "sample"
    n_samples = 1 if rule == "spike" else int(rng.integers(3, 13))
    n_steps = int(rng.integers(200, 401)) // n_samples * n_samples
    settings = _neurons(rng, kind) | _learning(rng, kind, by_sample) | dict.fromkeys(without, 0.0)
    network, connections, _ = random_problem([*seed, 1], n_steps, **settings)

    values = network.model_dump()
    values["neuron"]["delayed_reset"] = network.neuron.V_reset is None and rng.random() < 0.3
    for name in LEARNING_PROJECTIONS:
        if rng.random() < 0.3:
            values[name]["learning_rate"] = network.plasticity.optimizer.learning_rate * float(rng.uniform(0.3, 3.0))
            values[name]["fixed_signs"] = rng.random() < 0.5
    values["plasticity"] |= RULES[rule]
    if by_sample:
        values["plasticity"]["batch_size"] = int(rng.integers(1, 4))
    if rule == "bellec" and rng.random() < 0.5:
        values["plasticity"]["kappa"] = float(np.exp(-network.dt / network.readout.tau_m))
    network = parse(Network, values)

    stimulus = _stimulus(rng, network, n_steps, settings["input_probability"], n_samples)
    return Drawn(network, _with_multapses(rng, network, connections), stimulus, neuron_values(network))


def _neurons(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    """Draw settings of a random problem: populations, neurons and projections."""
    spread = float(rng.uniform(0.1, 0.6)) if "own_decay" in kind else 0.0
    is_dense = "dense" in kind
    density = {name: float(rng.uniform(0.4, 1.0)) for name in PROJECTIONS}
    adaptation = float(10 ** rng.uniform(-2.0, 0.5)), float(10 ** rng.uniform(0.0, 2.5)), float(rng.uniform(0.2, 1.0))
    return {
        "n_input": int(rng.integers(3, 11)),
        "n_recurrent": int(rng.integers(SHORTEST_ROW, 21) if is_dense else rng.integers(3, 11)),
        "n_readout": int(rng.integers(1, 4)),
        "delay": {name: int(rng.choice([1, rng.integers(1, 16)], p=[0.1, 0.9])) for name in PROJECTIONS},
        "spread": spread,
        "spread_of_others": float(rng.choice([0.0, rng.uniform(0.1, 0.9)])),
        "I_e": float(rng.choice([0.0, 1.0, 2.5, 6.0])),  # with the largest, neurons fire before the first sample
        "V_reset": [None, None, 0.0, -0.3, 0.4 * (1.0 - spread)][rng.integers(5)],
        "adaptation": adaptation if "adaptive" in kind else None,
        "surrogate": str(rng.choice(SURROGATES)),
        "density": density | dict.fromkeys(("input", "recurrent"), 1.0) if is_dense else density,
        "input_probability": float(rng.uniform(0.05, 0.2)),
        "loss": str(rng.choice(["mean_squared_error", "cross_entropy"])),
    }


def _learning(rng: np.random.Generator, kind: str, by_sample: bool) -> dict[str, Any]:
    """Draw settings of a random problem: the parts of the learning rule."""
    kappa = float(rng.uniform(0.5, 0.99))
    feedback = str(rng.choice(["random", "symmetric", "adaptive"], p=[0.2, 0.4, 0.4]))
    settings: dict[str, Any] = {
        "plastic": {name: rng.random() < 0.85 for name in LEARNING_PROJECTIONS},
        "kappa": kappa,
        "kappa_reg": float(rng.uniform(0.1, 0.99)) if "two_filters" in kind else kappa,
        "cutoff": [None, int(rng.integers(16, 60))][rng.integers(2)],
        "feedback": feedback,
        "weight_decay": float(rng.choice([0.0, 0.01])) if feedback == "adaptive" else 0.0,
        "fixed_signs": rng.random() < 0.3,
        "learning_rate": float(10 ** rng.uniform(-3.0, -1.5)),
    }
    if by_sample:
        settings["learning_rate"] *= 10.0  # there are few updates
        if rng.random() < 0.5:
            # Gradients are larger than between spikes. Where one is zero, an epsilon of the size of its rounding would
            # let Adam make a full step.
            settings["adam"] = {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2}
    elif "stepwise" in kind:
        settings["adam"] = ADAM[rng.integers(len(ADAM))]
    if "adam" in settings:
        settings["learning_rate"] *= 0.3
    return settings


def _with_multapses(
    rng: np.random.Generator, network: Network, connections: Mapping[str, Connections]
) -> dict[str, Connections]:
    """Double the connection of some pairs, except for those that adaptive feedback reverses or that are in rows."""
    doubled = dict(connections)
    may_have = {"random": ("output", "feedback"), "symmetric": ("output",), "adaptive": ()}[network.feedback.kind]
    for name in (*(() if "dense" in features.kind(network) else ("input", "recurrent")), *may_have):
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


def has_sums_without_filter(drawn: Drawn, without: Collection[str]) -> bool:
    """Whether no fast filter takes the place of one that the network lacks, as where thresholds adapt strongly."""
    return not without or features.is_stepwise(drawn.network) or features.may_lack_filter(drawn.network)


def says_something(drawn: Drawn, outcome: Outcome) -> bool:
    """Whether the network spikes and each plastic projection learns, and no step of it amplifies rounding."""
    if outcome.spikes.sum() < 30 or not outcome.error.any():
        return False
    tolerance = tolerance_of(drawn.network)
    learning = [name for name in LEARNING_PROJECTIONS if getattr(drawn.network, name).plastic]
    initial = {name: drawn.connections[name].weight for name in learning}
    if any(largest_change(initial[name], outcome.frozen[name]) < 1e6 * tolerance for name in learning):
        return False
    moved = {
        name: connections._replace(weight=np.nextafter(connections.weight, np.inf))
        for name, connections in drawn.connections.items()
    }
    by_other_bits = FormulaModel(*drawn._replace(connections=moved)).outcome
    return np.array_equal(by_other_bits.spikes, outcome.spikes) and all(
        largest_change(outcome.frozen[name], by_other_bits.frozen[name]) < LARGEST_AMPLIFICATION * tolerance
        for name in learning
    )


def tolerance_of(network: Network) -> float:
    return ADAM_TOLERANCE if network.plasticity.optimizer.algorithm == "adam" else TOLERANCE


def largest_change(before: np.ndarray, after: np.ndarray) -> float:
    """Largest change of weights, relative to the largest of them; none if there are none."""
    return float(np.abs(after - before).max() / np.abs(before).max()) if before.any() else 0.0


UNFILTERED = [
    (kind, without)
    for kind in ("plain", "dense", "own_decay", "adaptive", "stepwise")
    for without in (("kappa", "kappa_reg"), ("kappa",), ("kappa_reg",))
    if not (kind == "stepwise" and len(without) == 1)  # has two filters
]
"""Kinds of networks that learn by the rule "spike", and the filters that they lack."""

CASES = [
    (rule, kind)
    for rule, settings in RULES.items()
    for kind in (*KINDS, "two_filters-adaptive-own_decay-dense")
    # With updates by sample no synapse is stepwise; with a rate averaged over the sample there is no second filter.
    if not ("stepwise" in kind and settings.get("update") == "sample")
    and "projections" not in kind  # the formulas know no groups
    and kind != "stdp"  # and one rule
    and not ("two_filters" not in kind and settings.get("rate_average") == "sample")
]
"""Rules and kinds."""
