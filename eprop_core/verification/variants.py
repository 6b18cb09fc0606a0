"""The variants of e-prop+ that are compared: what each changes in the random problem of its seed."""

import itertools
from typing import Any

import numpy as np

from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS

Variants = dict[str, dict[str, Any]]
"""By name, arguments of :func:`eprop_core.verification.random_problem.random_problem`, with the seed."""

EVERYWHERE = dict.fromkeys(PROJECTIONS, 1.0)
SURROGATES = ("piecewise_linear", "exponential", "fast_sigmoid_derivative", "arctan")
"""Surrogate gradients that NEST has, too."""

# Each combination of filters, adaptation, differing neurons and walking is compiled by itself, for a minute: few do.
ONE_FILTER = {"kappa": 0.95, "kappa_reg": 0.95}
TWO_FILTERS = {"kappa": 0.95, "kappa_reg": 0.9}
NEURONS: Variants = {
    "eprop_iaf": ONE_FILTER,
    "eprop_iaf_adapt": {"adaptation": (0.3, 40.0, 0.8), **TWO_FILTERS},
    "eprop_iaf_psc_delta": {"V_reset": -0.3, "V_min": -0.5, **ONE_FILTER},
    "eprop_iaf_psc_delta_adapt": {"V_reset": -0.3, "V_min": -0.5, "adaptation": (0.3, 40.0, 1.0), **TWO_FILTERS},
}
OPTIMIZERS: Variants = {
    "gradient_descent": {},
    "adam": {"adam": {}, "learning_rate": 3e-4},
    "adam_each_step": {"adam": {"optimize_each_step": True}, "learning_rate": 1e-4},
}

FEATURES: Variants = (
    {f"cutoff-{cutoff}": {"seed": 41, "cutoff": cutoff} for cutoff in (2, 3, 5, 20, 200, None)}
    | {f"dt-{dt}": {"seed": 42, "dt": dt, "c_reg": 5.0} for dt in (0.1, 0.25, 0.5, 2.0)}
    | {f"refractory-{steps}": {"seed": 43, "dt": 0.1, "refractory_steps": steps} for steps in range(6)}
    | {
        f"V_min{V_min}-{surrogate}": {"seed": 44, "V_min": V_min, "surrogate": surrogate}
        for V_min in (-0.5, 0.0)
        for surrogate in ("piecewise_linear", "exponential")
    }
    | {
        f"kappa-{kappa}-{kappa_reg}": {"seed": 45, "kappa": kappa, "kappa_reg": kappa_reg, "c_reg": 3.0}
        for kappa in (0.0, 0.9)
        for kappa_reg in (0.0, 0.9)
    }
    | {
        f"static-{static}": {"seed": 46, "plastic": {name: name != static for name in LEARNING_PROJECTIONS}}
        for static in LEARNING_PROJECTIONS
    }
    | {
        "rare-spikes": {"seed": 47, "input_probability": 0.002, "cutoff": 50},
        "all-to-all": {"seed": 48, "density": EVERYWHERE},
        "no-recurrence": {"seed": 49, "density": EVERYWHERE | {"recurrent": 0.0}},
        "no-feedback": {"seed": 50, "density": EVERYWHERE | {"feedback": 0.0}, "c_reg": 5.0},
        "weight-bounds": {"seed": 51, "bounded": True, "learning_rate": 0.05},
        "readout-at-E_L": {"seed": 52, "E_L": 1.5},
    }
)
"""One feature after the other, with gradient descent."""

MODELS: Variants = {
    f"{neuron}-{surrogate}-{optimizer}": {
        "seed": 100 + number,
        "surrogate": surrogate,
        "refractory_steps": number % 6,
        "spread": 0.3 if optimizer == "gradient_descent" and number % 2 else 0.0,
        **NEURONS[neuron],
        **OPTIMIZERS[optimizer],
    }
    for number, (neuron, surrogate, optimizer) in enumerate(itertools.product(NEURONS, SURROGATES, OPTIMIZERS))
}
"""Each neuron model with each surrogate gradient and each optimizer."""

COMBINATIONS: Variants = {
    "adam-cutoff": {
        "seed": 150,
        "adam": {},
        "learning_rate": 3e-4,
        "cutoff": 5,
        "input_probability": 0.01,
        **ONE_FILTER,
    },
    "adam-each-step-cutoff": {
        "seed": 151,
        "adam": {"optimize_each_step": True},
        "learning_rate": 1e-4,
        "cutoff": 5,
        "input_probability": 0.01,
        **ONE_FILTER,
    },
    "adam-weight-bounds": {"seed": 152, "adam": {}, "learning_rate": 3e-3, "bounded": True, **ONE_FILTER},
    "adam-each-step-weight-bounds": {
        "seed": 153,
        "adam": {"optimize_each_step": True},
        "learning_rate": 3e-4,
        "bounded": True,
        **ONE_FILTER,
    },
    "adaptation-cutoff": {
        "seed": 154,
        "adaptation": (0.8, 100.0, 0.5),
        "cutoff": 5,
        "input_probability": 0.01,
        **TWO_FILTERS,
    },
}

_IN_GROUPS: dict[str, Any] = {"n_input": 30, "n_recurrent": 40, "c_reg": 3.0, "I_e": 1.0}
GROUPS: Variants = {
    f"groups-{n_groups}-{seed}": _IN_GROUPS | ONE_FILTER | {"seed": seed, "groups": (n_groups, False)}
    for n_groups in (2, 3)
    for seed in (160, 166, 172)
}
"""Groups of neurons, of which each pair has bounds and an algorithm, learning rate or plasticity of its own."""

_ALL_DIFFER: dict[str, Any] = {"spread": 0.3, "spread_of_others": 0.8, "c_reg": 5.0, "I_e": 1.0}
VALUES_PER_NEURON: Variants = {
    "values-per-neuron": _ALL_DIFFER
    | TWO_FILTERS
    | {"seed": 171, "dt": 0.5, "adaptation": (0.3, 40.0, 0.6)}
    | {"refractory_steps": 4, "spread_of_spiking": 0.7},
    "values-per-neuron-V_reset": _ALL_DIFFER
    | TWO_FILTERS
    | {"seed": 172, "adaptation": (0.3, 40.0, 1.0)}
    | {"V_reset": -0.3, "V_min": -0.5, "refractory_steps": 3, "spread_of_spiking": 0.7},
}
"""Neurons that differ in all parameters in which they may."""

MIXED_OPTIMIZERS: Variants = {
    "optimizer-per-projection": ONE_FILTER
    | {"seed": 181, "adam": {}, "learning_rate": 2e-3, "descent": ("recurrent",), "bounded": True, "c_reg": 3.0}
}
"""Projections that differ in their optimizer."""

OF_NEST: Variants = FEATURES | MODELS | COMBINATIONS | GROUPS | VALUES_PER_NEURON | MIXED_OPTIMIZERS
"""Variants that NEST can simulate."""

SMALL: dict[str, Any] = {
    "n_input": 20,
    "n_recurrent": 15,
    "n_readout": 2,
    "input_probability": 0.06,
    "learning_rate": 0.01,
    "density": {"input": 0.7, "recurrent": 0.6, "output": 0.8, "feedback": 0.9},
}


def delays(*steps: int) -> dict[str, int]:
    """Return the delays of input, recurrent, output and feedback connections."""
    return dict(zip(PROJECTIONS, steps, strict=True))


DELAYS = {
    "unit": delays(1, 1, 1, 1),
    "late-signals": delays(2, 1, 4, 5),
    "late-spikes": delays(6, 5, 2, 2),  # and communication intervals of two steps
    "intervals": delays(1, 3, 4, 1),
    "late-input": delays(7, 3, 3, 4),  # communication intervals for any feedback
}
MORE_DELAYS = (
    delays(3, 1, 1, 1),  # arrivals that are still to come when the next spike is emitted
    delays(1, 4, 1, 1),
    delays(1, 1, 1, 2),  # learning signals that come later than the spike
    delays(1, 1, 3, 1),
    delays(2, 2, 2, 2),
    delays(2, 1, 4, 5),
    delays(6, 5, 2, 2),  # spikes that come later than the learning signals
    delays(4, 8, 7, 9),  # learning signals that come later than the cutoff
    delays(3, 3, 3, 1),  # a communication interval of several steps
    delays(1, 9, 9, 1),
)
FEEDBACK: Variants = {
    "symmetric": {"feedback": "symmetric"},
    "adaptive": {"feedback": "adaptive"},
    "decaying": {"feedback": "adaptive", "weight_decay": 0.03},
}
# Rise of the threshold in units of V_th, its time constant in steps, share of the neurons that adapt.
ADAPTATION: Variants = {
    "weak": {"adaptation": (0.02, 200.0, 1.0)},
    "usual": {"adaptation": (0.5, 60.0, 1.0)},
    "short": {"adaptation": (1.0, 2.0, 1.0)},
    "some": {"adaptation": (0.3, 30.0, 0.5)},
    # The rise times the largest surrogate gradient exceeds the decay of the adaptation: blocks of a single step.
    "strong": {"adaptation": (1.5, 30.0, 1.0), "V_th": 1.0, "height": 1.0},
    "strong-some": {"adaptation": (3.0, 10.0, 0.4), "V_th": 1.0, "height": 0.5},
}
_WITH_ADAM = {"learning_rate": 0.001, "adaptation": (0.3, 40.0, 0.6), **TWO_FILTERS}
ADAM: Variants = {
    "each-step": _WITH_ADAM | {"adam": {"optimize_each_step": True}},
    "sum": _WITH_ADAM | {"adam": {}},
    "sum-short-memory": _WITH_ADAM | {"adam": {"beta_1": 0.0, "beta_2": 0.5, "epsilon": 1e-4}},
}


def _anything(seed: int, *, adam: bool) -> dict[str, Any]:
    """Draw a combination of variants."""
    rng = np.random.default_rng([seed, adam])
    optimizer = list(ADAM.values())[seed % len(ADAM)]
    spread = 0.0 if adam else float(rng.uniform(0.1, 0.9))
    of_kind = optimizer if adam else TWO_FILTERS | {"learning_rate": 0.003, "spread": spread}
    feedback = [{}, *FEEDBACK.values()][rng.integers(4)]
    return (
        of_kind
        | feedback
        | {
            "seed": seed,
            "n_readout": int(rng.integers(1, 5)),
            "I_e": float(rng.choice([1.0, 2.5])),
            "adaptation": (
                float(10 ** rng.uniform(-2.0, 0.5)),
                float(10 ** rng.uniform(0.0, 2.5)),
                float(rng.uniform()),
            ),
            "V_reset": (None, 0.0, 0.4 * (1.0 - spread))[rng.integers(3)],
            "surrogate": str(rng.choice(SURROGATES)),
            "loss": str(rng.choice(["mean_squared_error", "cross_entropy"])),
            "fixed_signs": bool(rng.integers(2)),
            "delay": {name: int(rng.integers(1, 6)) for name in PROJECTIONS},
            "cutoff": (None, int(rng.integers(7, 60)))[rng.integers(2)],
        }
    )


_CUTOFFS: Variants = {
    f"cutoff-{cutoff}-kappa-{kappa}-{kappa_reg}": {
        "seed": 1,
        "cutoff": cutoff,
        "kappa": kappa,
        "kappa_reg": kappa_reg,
        "c_reg": 3.0,
    }
    for cutoff in (2, 3, 5, 20, 200, None)
    for kappa, kappa_reg in ((0.9, 0.9), (0.95, 0.7))
}
_FILTERS: Variants = {
    f"filters-{kappa}-{kappa_reg}": {"seed": 2, "kappa": kappa, "kappa_reg": kappa_reg, "c_reg": 3.0}
    for kappa in (0.0, 0.02, 0.6, 0.995)
    for kappa_reg in (0.0, 0.6, 0.995)
}
_DELAYS: Variants = {
    f"delays-{'-'.join(map(str, delay.values()))}-cutoff-{cutoff}": {
        "seed": 3,
        "delay": delay,
        "cutoff": cutoff,
        "c_reg": 3.0,
        "kappa": 0.9,
        "kappa_reg": 0.9 if cutoff == 35 else 0.8,
    }
    for delay in MORE_DELAYS
    for cutoff in (10, 35, None)
}
_STATIC: Variants = {
    f"static-{'-'.join(static)}-delay-{delay}": {
        "seed": 4,
        "plastic": {name: name not in static for name in LEARNING_PROJECTIONS},
        "delay": dict.fromkeys(PROJECTIONS, delay),
    }
    for static in (*((name,) for name in LEARNING_PROJECTIONS), LEARNING_PROJECTIONS[:2], LEARNING_PROJECTIONS)
    for delay in (1, 3)
}
_TIME_CONSTANTS: Variants = {
    # In steps, for membrane and readouts: the shortest make blocks of a few steps, the longest of some hundred.
    f"dt-{dt}-tau_m-{steps}": {
        "seed": 5,
        "dt": dt,
        "tau_m": steps * dt,
        "tau_m_readout": 2.0 * steps * dt,
        "kappa": 0.95,
        "c_reg": 2.0,
    }
    for dt in (0.1, 0.5, 2.0)
    for steps in (2.0, 10.0, 100.0)
}
_SHORT_TIME_CONSTANTS: Variants = {
    # Beside the trace of a spike that arrives, that of the step before vanishes by rounding; both count.
    f"tau_m-{steps}-{name}": settings
    | {"seed": 2, "tau_m": steps, "dt": 1.0, "input_probability": 0.3, "I_e": 0.0, "refractory_steps": 0}
    for steps in (0.02, 0.01)
    for name, settings in {
        "adaptation": ONE_FILTER | {"adaptation": (0.3, 40.0, 0.6)},
        "adam-sum": ADAM["sum"],
        "adam-each-step": ADAM["each-step"],
    }.items()
}
_ADAPTATION: Variants = {
    f"adaptation-{name}-cutoff-{cutoff}-{filters}": settings
    | {"seed": 1, "cutoff": cutoff, "c_reg": 3.0, "I_e": 2.5, "kappa": 0.9, "kappa_reg": kappa_reg}
    for name, settings in ADAPTATION.items()
    for cutoff in (5, 40, None)
    for filters, kappa_reg in (("one-filter", 0.9), ("two-filters", 0.8))
}
_ADAPTATION_WITH_DELAYS: Variants = {
    f"adaptation-{name}-{delay}-cutoff-{cutoff}": settings
    | {"seed": 2, "delay": DELAYS[delay], "cutoff": cutoff, "I_e": 2.5, "kappa": 0.9, "kappa_reg": kappa_reg}
    for name, settings in ADAPTATION.items()
    for delay in list(DELAYS)[1:]
    for cutoff, kappa_reg in ((8, 0.9), (None, 0.8))
    if name in ("usual", "strong")
}
_SURROGATES: Variants = {
    f"{surrogate}-{name}": ONE_FILTER | {"seed": 1, "surrogate": surrogate, "adaptation": adaptation}
    for surrogate in SURROGATES
    for name, adaptation in (("constant", None), ("adaptive", (0.3, 30.0, 0.6)))
}
_CLAMPED_NEURONS: Variants = {
    f"V_reset-{V_reset}-refractory-{steps}-{name}": ONE_FILTER
    | {
        "seed": 1,
        "I_e": 2.5,
        "V_reset": V_reset,
        "V_min": -0.4,
        "refractory_steps": steps,
        "adaptation": adaptation,
    }
    for V_reset in (-0.3, 0.0, 0.5)
    for steps in (0, 1, 4)
    for name, adaptation in (("constant", None), ("adaptive", (0.3, 30.0, 0.6)))
}
_DIFFERING_NEURONS: Variants = {
    f"spread-{spread}-{delay}-cutoff-{cutoff}": TWO_FILTERS
    | {"seed": 2, "delay": DELAYS[delay], "cutoff": cutoff, "adaptation": (0.3, 30.0, 0.6), "spread": spread}
    | ({} if spread == 0.5 else {"V_reset": -0.2, "I_e": 2.0, "c_reg": 3.0, "spread_of_others": 0.9})
    for spread in (0.5, 0.9)
    for delay in DELAYS
    for cutoff in (9, None)
}
_FEEDBACK: Variants = {
    f"{name}-feedback-{delay}{bounds}": ONE_FILTER
    | settings
    | {"seed": 4, "delay": DELAYS[delay], "cutoff": 30, "bounded": bool(bounds), "fixed_signs": bool(bounds)}
    for name, settings in FEEDBACK.items()
    for delay in DELAYS
    for bounds in ("", "-bounded")
}
_FEEDBACK_WITH_ADAM: Variants = {
    f"{name}-feedback-adam-{adam}-{delay}": optimizer | settings | {"seed": 4, "delay": DELAYS[delay], "bounded": True}
    for name, settings in FEEDBACK.items()
    for adam, optimizer in ADAM.items()
    for delay in ("unit", "intervals")
}
_ADAM: Variants = {
    f"adam-{name}-{delay}-cutoff-{cutoff}": optimizer | {"seed": 2, "delay": DELAYS[delay], "cutoff": cutoff}
    for name, optimizer in ADAM.items()
    for delay in DELAYS
    for cutoff in (8, None)
}
_OF_GROUPS: Variants = {
    "plain": ONE_FILTER,
    "symmetric": ONE_FILTER | {"feedback": "symmetric", "delay": DELAYS["late-input"], "cutoff": 30},
    "adaptive": ONE_FILTER | {"feedback": "adaptive", "cutoff": 12},
    "differing": ONE_FILTER | {"spread_of_others": 0.7, "spread_of_spiking": 0.7, "I_e": 2.0, "refractory_steps": 2},
}
_GROUPS_OF_NEURONS: Variants = {
    f"groups-{n_groups}-{name}": settings | {"seed": 3, "groups": (n_groups, True), "n_recurrent": 20, "c_reg": 3.0}
    for n_groups in (2, 3)
    for name, settings in _OF_GROUPS.items()
}
_OTHERS: Variants = (
    {"cross-entropy": {"seed": 4, "n_readout": 3, "loss": "cross_entropy", "learning_rate": 0.03}}
    # A larger learning rate amplifies rounding up to the tolerance.
    | {"fixed-signs": ONE_FILTER | {"seed": 3, "fixed_signs": True, "learning_rate": 0.3}}
    | {
        f"fixed-signs-adam-{name}": optimizer | {"seed": 3, "fixed_signs": True, "learning_rate": 0.005}
        for name, optimizer in ADAM.items()
    }
    | {"small-weight-bounds": {"seed": 1, "bounded": True, "learning_rate": 0.3}}
)
_ANYTHING: Variants = {f"anything-{seed}": _anything(seed, adam=False) for seed in range(16)} | {
    f"anything-adam-{seed}": _anything(seed, adam=True) for seed in range(16)
}

RANDOM: Variants = {f"random-{seed}": {"seed": seed, "learning_rate": 0.003} for seed in range(24)}
"""Sizes, neurons and learning rule are all drawn."""
_GROUPS = (
    *(_CUTOFFS, _FILTERS, _DELAYS, _STATIC, _TIME_CONSTANTS, _SHORT_TIME_CONSTANTS),
    *(_ADAPTATION, _ADAPTATION_WITH_DELAYS, _SURROGATES, _CLAMPED_NEURONS, _DIFFERING_NEURONS),
    *(_FEEDBACK, _FEEDBACK_WITH_ADAM, _ADAM, _GROUPS_OF_NEURONS, _OTHERS, _ANYTHING),
)
OF_SMALL_NETWORKS: Variants = {name: SMALL | settings for group in _GROUPS for name, settings in group.items()}
BEYOND_NEST: Variants = RANDOM | OF_SMALL_NETWORKS
"""Variants that NEST lacks too, for comparisons with the time-driven model and the reference implementation."""

SMALLEST: dict[str, Any] = {
    "n_input": 8,
    "n_recurrent": 8,
    "n_readout": 2,
    "I_e": 6.0,
    "input_probability": 0.08,
    "c_reg": 3.0,
}
N_STEPS_REFERENCE = 300
"""Small and active networks, and few steps, for comparisons with the reference implementation, which is slow."""

KINDS = (
    "plain",
    "dense",
    "two_filters",
    "two_filters-dense",
    "own_decay",
    "stepwise",
    "adaptive",
    "two_filters-adaptive",
    "two_filters-adaptive-own_decay",
    "two_filters-adaptive-stepwise",
    "projections_2_2",
    "stepwise_neurons-projections_2_2",
    "stdp",
)
"""Kinds of all networks that are compared, see :func:`eprop_core.network.features.kind`: each is compiled by itself."""


def random_stdp(seed: int, **settings: Any) -> dict[str, Any]:
    """Return settings of a random problem with spike-timing-dependent plasticity, of one kind; ``settings`` override.

    Recurrent connections learn, and every third time those of the inputs too; delays are up to 6 steps, and time
    constants from half a step on.
    """
    rng = np.random.default_rng([seed, 23])
    dt = float(rng.choice([1.0, 0.5, 0.1]))
    tau_minus = float(dt * 10.0 ** rng.uniform(-0.3, 1.5))

    def rule() -> dict[str, float]:
        return {
            "tau_plus": float(dt * 10.0 ** rng.uniform(-0.3, 1.5)),
            "tau_minus": tau_minus,
            "learning_rate": float(10.0 ** rng.uniform(-2.0, -0.3)),
            "alpha": float(rng.choice([0.0, 0.2, 1.0]) * rng.uniform(0.8, 1.2)),
            "mu_plus": float(rng.choice([0.0, 0.5, 1.0])),
            "mu_minus": float(rng.choice([0.0, 0.5, 1.0])),
            "weight_max": float(rng.choice([1.0, 2.0])),
        }

    learns = ["recurrent", "input"][: 2 if seed % 3 == 0 else 1]
    chosen = {
        "seed": seed,
        "dt": dt,
        "stdp": {name: rule() for name in learns},
        "plastic": {name: name in learns for name in LEARNING_PROJECTIONS},
        "delay": delays(*(int(n) for n in rng.integers(1, [7, 7, 3, 2]))),
        "V_reset": 0.0,
        "refractory_steps": int(rng.integers(0, 4)),
        "input_probability": float(rng.uniform(0.08, 0.2)),
        "density": dict.fromkeys(PROJECTIONS, float(rng.uniform(0.4, 0.9))),
        "I_e": 1.5,
        "kappa": 0.9,
        "kappa_reg": 0.9,
    }
    return chosen | settings


STDP: Variants = {f"stdp-{seed}": random_stdp(seed) for seed in range(20)}
"""Spike-timing-dependent plasticity, which NEST can simulate."""
