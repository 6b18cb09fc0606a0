"""The event-driven simulation against the time-driven one, on many random networks."""

from typing import Any

import numpy as np
import pytest

from eprop_core.network.features import kind
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven.simulation import simulate
from eprop_core.verification.random_problem import Problem, random_problem
from eprop_core.verification.variants import LEARNING, SURROGATES
from small_problem import N_STEPS, assert_equals_time_driven, small_problem


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed: int) -> None:
    """All parameters are drawn; delays are one step."""
    assert_equals_time_driven(random_problem(seed, 800, learning_rate=0.003))


@pytest.mark.parametrize("cutoff", [2, 3, 5, 20, 200, None])
@pytest.mark.parametrize("kappas", [(0.9, 0.9), (0.95, 0.7)], ids=str)
def test_cutoffs(cutoff: int | None, kappas: tuple[float, float]) -> None:
    assert_equals_time_driven(small_problem(1, cutoff=cutoff, kappa=kappas[0], kappa_reg=kappas[1], c_reg=3.0))


@pytest.mark.parametrize("kappa", [0.0, 0.02, 0.6, 0.995])
@pytest.mark.parametrize("kappa_reg", [0.0, 0.6, 0.995])
def test_filters(kappa: float, kappa_reg: float) -> None:
    assert_equals_time_driven(small_problem(2, kappa=kappa, kappa_reg=kappa_reg, c_reg=3.0))


@pytest.mark.parametrize(
    ("input_", "recurrent", "output", "feedback"),
    [
        (3, 1, 1, 1),  # arrivals that are still to come when the next spike is emitted
        (1, 4, 1, 1),
        (1, 1, 1, 2),  # learning signals that come later than the spike
        (1, 1, 3, 1),
        (2, 2, 2, 2),
        (2, 1, 4, 5),
        (6, 5, 2, 2),  # spikes that come later than the learning signals
        (4, 8, 7, 9),  # learning signals that come later than the cutoff
        (3, 3, 3, 1),  # a communication interval of several steps
        (1, 9, 9, 1),
    ],
)
@pytest.mark.parametrize("cutoff", [10, 35, None])
def test_delays(input_: int, recurrent: int, output: int, feedback: int, cutoff: int | None) -> None:
    delay = {"input": input_, "recurrent": recurrent, "output": output, "feedback": feedback}
    kappas = {"kappa": 0.9, "kappa_reg": 0.9} if cutoff == 35 else {"kappa": 0.9, "kappa_reg": 0.8}
    assert_equals_time_driven(small_problem(3, delay=delay, cutoff=cutoff, c_reg=3.0, **kappas))


@pytest.mark.parametrize("static", ["input", "recurrent", "output", "input recurrent", "input recurrent output"])
@pytest.mark.parametrize("delay", [1, 3])
def test_static_projections(static: str, delay: int) -> None:
    plastic = {name: name not in static.split() for name in LEARNING}
    assert_equals_time_driven(small_problem(4, plastic=plastic, delay=dict.fromkeys(PROJECTIONS, delay)))


@pytest.mark.parametrize("dt", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("tau_m", [2.0, 10.0, 100.0])
def test_time_constants(dt: float, tau_m: float) -> None:
    """In steps, for membrane and readouts; the shortest make blocks of a few steps, the longest of some hundred."""
    problem = small_problem(5, dt=dt, tau_m=tau_m * dt, tau_m_readout=2.0 * tau_m * dt, kappa=0.95, c_reg=2.0)
    assert_equals_time_driven(problem)


@pytest.mark.parametrize("adam", [None, "sum", "each-step"])
@pytest.mark.parametrize("steps", [0.02, 0.01])
def test_membranes_that_forget_within_a_step(steps: float, adam: str | None) -> None:
    """Beside the trace of a spike that arrives, that of the step before vanishes by rounding; both count."""
    of_kind = ONE_FILTER | {"adaptation": (0.3, 40.0, 0.6)} if adam is None else with_adam(adam)
    problem = small_problem(2, tau_m=steps, dt=1.0, input_probability=0.3, I_e=0.0, refractory_steps=0, **of_kind)
    assert_equals_time_driven(problem)


def test_rare_spikes() -> None:
    """Sources that are silent much longer than the cutoff and than a block."""
    problem = small_problem(6, 6000, input_probability=0.002, cutoff=15, I_e=0.0)
    assert len(simulate(*problem).spike_steps) < 1000
    assert_equals_time_driven(problem)


def test_weight_bounds_are_reached() -> None:
    problem = small_problem(1, bounded=True, learning_rate=0.3)
    assert_equals_time_driven(problem)
    final, initial = simulate(*problem).weights["input"].weight, problem.connections["input"].weight
    bound = problem.network.plasticity.optimizer.weight_max
    assert np.any((np.abs(final) == bound) & (np.abs(initial) < bound))


def with_weight_bounds(network: Network, bound: float) -> Network:
    values = network.model_dump()
    values["plasticity"]["optimizer"] |= {"weight_min": -bound, "weight_max": bound}
    return parse(Network, values)


@pytest.mark.parametrize("bound", [1e6, 1e10, 1e300])
def test_bounds_that_are_out_of_reach(bound: float) -> None:
    """They must not coarsen the fixed point in which the readouts' input is added."""
    network, connections, stimulus = small_problem(7)
    assert_equals_time_driven(Problem(with_weight_bounds(network, bound), connections, stimulus))


@pytest.mark.parametrize("plastic", [True, False])
@pytest.mark.parametrize("scale", [1e9, 1e3, 2.0**-20, 2.0**-30, 2.0**-40, 1e-200])
def test_scale_of_the_readouts(scale: float, plastic: bool) -> None:
    """Output weights, targets and so errors of another scale; the feedback makes up for it."""
    network, connections, stimulus = small_problem(7, plastic=dict.fromkeys(LEARNING, True) | {"output": plastic})
    if plastic:
        values = network.model_dump()
        bound = values["plasticity"]["optimizer"]["weight_max"] * max(1.0, scale)
        values["plasticity"]["optimizer"] |= {"weight_min": -bound, "weight_max": bound}
        values["output"]["learning_rate"] = values["plasticity"]["optimizer"]["learning_rate"]
        network = parse(Network, values)
    output, feedback = connections["output"], connections["feedback"]
    connections = connections | {
        "output": output._replace(weight=output.weight * scale),
        "feedback": feedback._replace(weight=feedback.weight / scale),
    }
    steps, channels, window = stimulus.input_steps, stimulus.input_channels, stimulus.learning_window
    assert_equals_time_driven(
        Problem(network, connections, Stimulus(N_STEPS, steps, channels, stimulus.target * scale, window))
    )


ONE_FILTER, TWO_FILTERS = {"kappa": 0.9, "kappa_reg": 0.9}, {"kappa": 0.9, "kappa_reg": 0.8}
UNIT_DELAYS = dict.fromkeys(PROJECTIONS, 1)
DELAYS = {
    "unit": UNIT_DELAYS,
    "late-signals": {"input": 2, "recurrent": 1, "output": 4, "feedback": 5},
    "late-spikes": {"input": 6, "recurrent": 5, "output": 2, "feedback": 2},  # and intervals of two steps
    "intervals": {"input": 1, "recurrent": 3, "output": 4, "feedback": 1},
    "late-input": {"input": 7, "recurrent": 3, "output": 3, "feedback": 4},  # intervals for any feedback
}

# Rise of the threshold in units of V_th, its time constant in steps, share of the neurons that adapt.
ADAPTATIONS = {
    "weak": {"adaptation": (0.02, 200.0, 1.0)},
    "usual": {"adaptation": (0.5, 60.0, 1.0)},
    "short": {"adaptation": (1.0, 2.0, 1.0)},
    "some": {"adaptation": (0.3, 30.0, 0.5)},
    # The rise times the largest surrogate gradient exceeds the decay of the adaptation: blocks of a single step.
    "strong": {"adaptation": (1.5, 30.0, 1.0), "V_th": 1.0, "height": 1.0},
    "strong-some": {"adaptation": (3.0, 10.0, 0.4), "V_th": 1.0, "height": 0.5},
}


@pytest.mark.parametrize("filters", [ONE_FILTER, TWO_FILTERS], ids=["one-filter", "two-filters"])
@pytest.mark.parametrize("cutoff", [5, 40, None])
@pytest.mark.parametrize("adaptation", ADAPTATIONS)
def test_adaptation(adaptation: str, cutoff: int | None, filters: dict[str, float]) -> None:
    problem = small_problem(1, cutoff=cutoff, c_reg=3.0, I_e=2.5, **filters, **ADAPTATIONS[adaptation])
    assert_equals_time_driven(problem)


@pytest.mark.parametrize("adaptation", ["usual", "strong"])
@pytest.mark.parametrize("delay", list(DELAYS)[1:])
def test_adaptation_with_delays(delay: str, adaptation: str) -> None:
    for cutoff, filters in ((8, ONE_FILTER), (None, TWO_FILTERS)):
        chosen = {"delay": DELAYS[delay], "cutoff": cutoff, "I_e": 2.5} | filters | ADAPTATIONS[adaptation]
        assert_equals_time_driven(small_problem(2, **chosen))


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("adaptation", [None, (0.3, 30.0, 0.6)], ids=["constant", "adaptive"])
def test_surrogate_gradients(adaptation: tuple[float, float, float] | None, surrogate: str) -> None:
    assert_equals_time_driven(small_problem(1, surrogate=surrogate, adaptation=adaptation, **ONE_FILTER))


@pytest.mark.parametrize("adaptation", [None, (0.3, 30.0, 0.6)], ids=["constant", "adaptive"])
@pytest.mark.parametrize("V_reset", [-0.3, 0.0, 0.5])
@pytest.mark.parametrize("refractory_steps", [0, 1, 4])
def test_clamped_neurons(refractory_steps: int, V_reset: float, adaptation: tuple[float, float, float] | None) -> None:
    neuron = {"refractory_steps": refractory_steps, "V_reset": V_reset, "V_min": -0.4, "adaptation": adaptation}
    assert_equals_time_driven(small_problem(1, I_e=2.5, **neuron, **ONE_FILTER))


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("cutoff", [9, None])
def test_neurons_that_differ(delay: str, cutoff: int | None) -> None:
    """Time constants and thresholds drawn for each neuron, with adaptation and two filters."""
    for settings in ({"spread": 0.5}, {"spread": 0.9, "V_reset": -0.2, "I_e": 2.0}):
        chosen = {"delay": DELAYS[delay], "cutoff": cutoff, "adaptation": (0.3, 30.0, 0.6)} | TWO_FILTERS | settings
        assert_equals_time_driven(small_problem(2, **chosen))


FEEDBACK = [("symmetric", 0.0), ("adaptive", 0.0), ("adaptive", 0.03)]


@pytest.mark.parametrize(("feedback", "weight_decay"), FEEDBACK)
@pytest.mark.parametrize("delay", DELAYS)
def test_feedback_along_the_output(delay: str, feedback: str, weight_decay: float) -> None:
    """Signals meet the weights of their arrival, whatever a communication interval brings."""
    settings = {"feedback": feedback, "weight_decay": weight_decay, "delay": DELAYS[delay], "cutoff": 30} | ONE_FILTER
    assert_equals_time_driven(small_problem(4, **settings))
    assert_equals_time_driven(small_problem(4, **settings, bounded=True, fixed_signs=True))


def test_cross_entropy() -> None:
    problem = small_problem(4, n_readout=3, loss="cross_entropy", learning_rate=0.03)
    assert_equals_time_driven(problem)


ADAM = {
    "each-step": {"optimize_each_step": True},
    "sum": {},
    "sum-short-memory": {"beta_1": 0.0, "beta_2": 0.5, "epsilon": 1e-4},
}


def with_adam(name: str) -> dict[str, Any]:
    """Settings of networks that walk; all of one kind, as each kind is compiled for a minute."""
    return {"adam": ADAM[name], "learning_rate": 0.001, "adaptation": (0.3, 40.0, 0.6)} | ONE_FILTER


@pytest.mark.parametrize("adam", ADAM)
@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("cutoff", [8, None])
def test_adam(cutoff: int | None, delay: str, adam: str) -> None:
    assert_equals_time_driven(small_problem(2, delay=DELAYS[delay], cutoff=cutoff, **with_adam(adam)))


@pytest.mark.parametrize(("feedback", "weight_decay"), FEEDBACK)
@pytest.mark.parametrize("adam", ADAM)
def test_adam_with_feedback_along_the_output(adam: str, feedback: str, weight_decay: float) -> None:
    settings = {"feedback": feedback, "weight_decay": weight_decay, "bounded": True} | with_adam(adam)
    for delay in ("unit", "intervals"):
        assert_equals_time_driven(small_problem(4, delay=DELAYS[delay], **settings))


@pytest.mark.parametrize("adam", [None, *ADAM])
def test_fixed_signs(adam: str | None) -> None:
    settings = {"learning_rate": 0.5} | ONE_FILTER if adam is None else with_adam(adam) | {"learning_rate": 0.005}
    problem = small_problem(3, fixed_signs=True, **settings)
    assert_equals_time_driven(problem)
    stopped = 0
    for name in LEARNING:
        initial, final = problem.connections[name].weight, simulate(*problem).weights[name].weight
        np.testing.assert_array_equal(np.signbit(final), np.signbit(initial))
        stopped += np.count_nonzero(final == 0.0)
    assert stopped > 0


@pytest.mark.parametrize("walks", [False, True], ids=["gradient-descent", "adam"])
@pytest.mark.parametrize("seed", range(16))
def test_random_variants(seed: int, walks: bool) -> None:
    """Everything at once: combinations of variants, with all parameters drawn, too."""
    rng = np.random.default_rng([seed, walks])
    if walks:
        of_kind = with_adam(list(ADAM)[seed % len(ADAM)])
    else:
        of_kind = {"learning_rate": 0.003, "spread": float(rng.uniform(0.1, 0.9))} | TWO_FILTERS
    feedback, weight_decay = [("random", 0.0), *FEEDBACK][rng.integers(4)]
    settings = {
        "n_readout": int(rng.integers(1, 5)),
        "I_e": float(rng.choice([1.0, 2.5])),
        "adaptation": (float(10 ** rng.uniform(-2.0, 0.5)), float(10 ** rng.uniform(0.0, 2.5)), float(rng.uniform())),
        "V_reset": rng.choice([None, 0.0, 0.4 * (1.0 - of_kind.get("spread", 0.0))]),
        "surrogate": str(rng.choice(SURROGATES)),
        "loss": str(rng.choice(["mean_squared_error", "cross_entropy"])),
        "feedback": feedback,
        "weight_decay": weight_decay,
        "fixed_signs": bool(rng.integers(2)),
        "delay": {name: int(rng.integers(1, 6)) for name in PROJECTIONS},
        "cutoff": rng.choice([None, int(rng.integers(7, 60))]),
    }
    problem = small_problem(seed, **of_kind | settings)
    assert kind(problem.network) == ("adaptive-stepwise" if walks else "two_filters-adaptive-own_decay")
    assert_equals_time_driven(problem)
