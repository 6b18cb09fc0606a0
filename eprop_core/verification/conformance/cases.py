"""The networks of the conformance set: first one feature after the other, then their combinations.

Each is a random problem of a variant (:mod:`eprop_core.verification.variants`), as small as possible. Seeds are tried
until a network spikes and learns, and until slightly other initial weights change no spike and results only slightly:
then a simulator with single precision, or with sums in another order, has to have the same spikes.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.verification import bellec_problem, variants
from eprop_core.verification.comparison import Outcome, Simulator, compare_outcomes
from eprop_core.verification.conformance.pitfalls import PITFALLS
from eprop_core.verification.random_problem import Problem, problem_of_variant
from eprop_core.verification.simulators import reference_implementation, reference_implementation_bellec
from eprop_core.verification.variants import COMBINATIONS, FEATURES, MODELS, OF_SMALL_NETWORKS, SMALLEST, Variants

E_PROP_PLUS, BELLEC = "e-prop+", "Bellec et al. 2020"


class Case(NamedTuple):
    """A network of the set."""

    name: str
    rule: str
    """E_PROP_PLUS or BELLEC."""
    draw: Callable[[int], Problem]
    """Returns the problem of an attempt."""
    in_nest: bool
    """Whether its results are those of NEST; otherwise they are those of the reference implementation."""
    special: tuple[str, ...] = ()
    """Pitfalls for which the stimulus is made; it is not used to find others."""

    @property
    def reference(self) -> Simulator:
        """The reference implementation of its rule."""
        return reference_implementation if self.rule == E_PROP_PLUS else reference_implementation_bellec

    def problem(self) -> Problem:
        """Return the problem of the first attempt that says something and does not amplify small changes."""
        for attempt in range(100):
            problem = self.draw(attempt)
            if _says_something(problem, self.reference):
                return problem
        raise AssertionError(f"{self.name}: no network says something")

    def pitfalls(self, network: Network) -> list[str]:
        """Return the names of the pitfalls that concern it."""
        return [name for name, pitfall in PITFALLS.items() if pitfall.applies(network)]


N_STEPS = 150
STEPS_PER_SAMPLE = 25
_SIZES = {"n_input": 6, "n_recurrent": 6, "n_readout": 2}
_OTHER_SIZES = {"n_input": 5, "n_recurrent": 7, "n_readout": 3}
CHANGE = 1e-6
"""Of the initial weights, relative: some roundings in single precision."""
LARGEST_AMPLIFICATION = 300.0
"""Of such a change in any result."""

_PLAIN: dict[str, Any] = (
    SMALLEST
    | _SIZES
    | {
        "dt": 1.0,
        "I_e": 0.0,
        "V_min": None,
        "refractory_steps": 0,
        "E_L": 0.0,
        "kappa": 0.95,
        "kappa_reg": 0.95,
        "c_reg": 0.0,
        "cutoff": None,
        "surrogate": "piecewise_linear",
        "bounded": False,
        "learning_rate": 0.01,
        "input_probability": 0.15,
    }
)


def _plastic(*names: str) -> dict[str, Any]:
    return {"plastic": {name: name in names for name in LEARNING_PROJECTIONS}}


FIRST: Variants = {
    "neurons": _plastic(),
    "neurons-constant-current": _plastic() | {"I_e": 6.0},
    "neurons-refractory": _plastic() | {"I_e": 8.0, "refractory_steps": 10},
    "neurons-V_reset": _plastic() | {"I_e": 6.0, "refractory_steps": 3, "V_reset": -0.3},
    "neurons-adaptation": _plastic() | {"I_e": 6.0, "adaptation": (0.3, 30.0, 0.5)},
    "output-learns": _plastic("output"),
    "input-learns": _plastic("input"),
    "recurrent-learns": _plastic("recurrent") | {"I_e": 6.0},
    "all-learn": {},
    "all-learn-refractory": {"I_e": 6.0, "refractory_steps": 5, "width": 2.0},
    "all-learn-V_reset": {"I_e": 6.0, "refractory_steps": 3, "V_reset": -0.3},
    "all-learn-adaptation": {"I_e": 6.0, "adaptation": (0.3, 30.0, 1.0)},
    "all-learn-cutoff": {"cutoff": 5, "input_probability": 0.05},
    "all-learn-rates": {"c_reg": 10.0},
    "all-learn-rates-dt": {"c_reg": 10.0, "dt": 0.5},
    "all-learn-two-filters": {"c_reg": 10.0, "kappa_reg": 0.8},
    "all-learn-bounds": {"bounded": True, "learning_rate": 0.05},
    "all-learn-adam": {"adam": {}, "learning_rate": 3e-3},
    "all-learn-adam-epsilon": {"adam": {"epsilon": 0.1}, "learning_rate": 3e-3},
    "all-learn-adam-each-step": {"adam": {"optimize_each_step": True}, "learning_rate": 1e-3},
    "values-per-neuron": {"spread": 0.5},
}
"""One feature after the other, so that the first case that differs says most."""

_OF_NEST: Variants = (
    FEATURES
    | {
        # Each pair of neuron model, surrogate gradient and optimizer once.
        name: settings
        for (name, settings), numbers in zip(
            MODELS.items(), itertools.product(range(4), range(4), range(3)), strict=True
        )
        if sum(numbers) % 3 == 0
    }
    | COMBINATIONS
)
_BEYOND_NEST = (
    *(f"delays-{'-'.join(map(str, delay.values()))}-cutoff-35" for delay in variants.MORE_DELAYS),
    *("delays-4-8-7-9-cutoff-10", "delays-2-1-4-5-cutoff-None", "delays-6-5-2-2-cutoff-10"),
    *(f"adaptation-usual-{delay}-cutoff-8" for delay in ("late-signals", "late-spikes")),
    *(f"spread-0.5-{delay}-cutoff-9" for delay in ("unit", "late-signals")),
    *(f"{kind}-feedback-{delay}" for kind in variants.FEEDBACK for delay in ("unit", "late-signals", "intervals")),
    *(f"{kind}-feedback-unit-bounded" for kind in variants.FEEDBACK),
    *(f"adam-{adam}-late-signals-cutoff-8" for adam in variants.ADAM),
    *("cross-entropy", "fixed-signs", "fixed-signs-adam-sum", "fixed-signs-adam-each-step"),
    *("static-input-delay-3", "V_reset--0.3-refractory-4-adaptive"),
    *(f"anything-{seed}" for seed in range(3)),
    *(f"anything-adam-{seed}" for seed in range(3)),
)
_SMALL_SAMPLES: dict[str, Any] = {
    **_SIZES,
    "input_probability": 0.12,
    "steps_per_sample": STEPS_PER_SAMPLE,
    "learning_window": 15,
}
_SAMPLES = [name for name in bellec_problem.VARIANTS if not name.startswith("random-")]


def cases() -> Iterator[Case]:
    """Yield all cases, the simplest first."""
    for name, settings in FIRST.items():
        yield Case(name, E_PROP_PLUS, _drawing(_PLAIN | {"seed": 1000} | settings), in_nest=True)
    for name, settings in _OF_NEST.items():
        yield Case(name, E_PROP_PLUS, _drawing(settings | SMALLEST | _SIZES), in_nest=True)
    for name in _BEYOND_NEST:
        yield Case(name, E_PROP_PLUS, _drawing(OF_SMALL_NETWORKS[name] | SMALLEST | _SIZES), in_nest=False)
    draw_rounded = _drawing(_PLAIN | {"seed": 1000, "dt": 0.1, "I_e": 8.0, "refractory_steps": 3, "width": 2.0})
    yield Case("refractory-0.3-dt-0.1", E_PROP_PLUS, lambda attempt: _with_t_ref(draw_rounded(attempt), 0.3), True)
    for name, settings in {
        "kappa-0.9-0.9": FEATURES["kappa-0.9-0.9"],
        "adam-cutoff": COMBINATIONS["adam-cutoff"],
    }.items():
        yield Case(f"sizes-5-7-3-{name}", E_PROP_PLUS, _drawing(settings | SMALLEST | _OTHER_SIZES), in_nest=True)
    for name in _SAMPLES:
        yield Case(f"samples-{name}", BELLEC, _drawing_samples(name), in_nest=True)
    name = "mean_squared_error-mixed-gradient_descent-batch-1"
    yield Case(f"samples-sizes-5-7-3-{name}", BELLEC, _drawing_samples(name, **_OTHER_SIZES), in_nest=True)
    draw_samples = _drawing_samples("mean_squared_error-lif-gradient_descent-batch-1")
    yield Case(
        "samples-spikes-in-the-first-step",
        BELLEC,
        lambda attempt: with_spikes_in_step(draw_samples(attempt), 0),
        in_nest=True,
        special=("first step of a sample",),
    )
    yield Case(
        "samples-spikes-in-the-second-step",
        BELLEC,
        lambda attempt: with_spikes_in_step(draw_samples(attempt), 1),
        in_nest=False,
        special=("second step of a sample",),
    )


def with_spikes_in_step(problem: Problem, step: int) -> Problem:
    """Return the problem with a spike of every input channel in a step of each sample but the first."""
    network, _, shown = problem
    length, n = shown.n_steps // shown.n_samples, network.n_input
    added = np.repeat(np.arange(1, shown.n_samples) * length + step, n)
    steps = np.concatenate([shown.input_steps, added])
    channels = np.concatenate([shown.input_channels, np.tile(np.arange(n), shown.n_samples - 1)])
    order = np.lexsort((channels, steps))
    return problem._replace(stimulus=replace(shown, input_steps=steps[order], input_channels=channels[order]))


def _drawing(settings: dict[str, Any]) -> Callable[[int], Problem]:
    return lambda attempt: problem_of_variant(settings, N_STEPS, attempt)


def _with_t_ref(problem: Problem, t_ref: float) -> Problem:
    network = problem.network
    return problem._replace(
        network=network.model_copy(update={"neuron": network.neuron.model_copy(update={"t_ref": t_ref})})
    )


def _drawing_samples(name: str, **more: Any) -> Callable[[int], Problem]:
    settings = _SMALL_SAMPLES | more
    if "input_probability" in bellec_problem.VARIANTS[name]:
        del settings["input_probability"]
    return lambda attempt: bellec_problem.bellec_problem(name, attempt, **settings)


def _says_something(problem: Problem, reference: Simulator) -> bool:
    rng = np.random.default_rng(0)
    moved = {
        name: listed._replace(weight=listed.weight * (1.0 + CHANGE * rng.choice([-1.0, 1.0], len(listed.weight))))
        for name, listed in problem.connections.items()
    }
    outcomes = reference({"as it is": problem, "moved": problem._replace(connections=moved)})
    outcome, other = outcomes["as it is"], outcomes["moved"]
    same = all(
        np.array_equal(getattr(outcome, name), getattr(other, name)) for name in ("spike_steps", "spike_neurons")
    )
    if not same or len(outcome.spike_steps) < 20 or not outcome.signals["error"].any():
        return False
    largest = max(difference.max_difference for difference in compare_outcomes(other, outcome, 0.0))
    return largest < LARGEST_AMPLIFICATION * CHANGE and _learns(problem, outcome)


def _learns(problem: Problem, outcome: Outcome) -> bool:
    """Whether each plastic projection has learned far more than what a mistake of rounding could be."""
    for name in LEARNING_PROJECTIONS:
        learned, initial = outcome.weights[name].weight, problem.connections[name].weight
        change = np.abs(learned - initial).max(initial=0.0)
        if getattr(problem.network, name).plastic and len(initial) and change < 1e-3 * np.abs(learned).max():
            return False
    return True
