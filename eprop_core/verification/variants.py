"""The variants of e-prop+ that are compared: what each changes in the random problem of its seed."""

import itertools
from typing import Any

from eprop_core.parameters import PROJECTIONS

LEARNING = ("input", "recurrent", "output")

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
    | {f"static-{static}": {"seed": 46, "plastic": {name: name != static for name in LEARNING}} for static in LEARNING}
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

OF_NEST: Variants = FEATURES | MODELS | COMBINATIONS
"""What NEST can simulate."""

_SMALL = ONE_FILTER | {
    "n_input": 20,
    "n_recurrent": 15,
    "n_readout": 2,
    "input_probability": 0.06,
    "learning_rate": 0.003,
    "density": {"input": 0.7, "recurrent": 0.6, "output": 0.8, "feedback": 0.9},
}


def _delays(*steps: int) -> dict[str, int]:
    return dict(zip(PROJECTIONS, steps, strict=True))


_DELAYS = {
    f"delays-{'-'.join(map(str, steps))}": _delays(*steps)  # input, recurrent, output, feedback
    for steps in (
        (3, 1, 1, 1),  # arrivals that are still to come when the next spike is emitted
        (1, 4, 1, 1),
        (1, 1, 1, 2),  # learning signals that come later than the spike
        (1, 1, 3, 1),
        (2, 1, 4, 5),
        (6, 5, 2, 2),  # spikes that come later than the learning signals
        (4, 8, 7, 9),
        (3, 3, 3, 1),  # a communication interval of several steps
    )
}
BEYOND_NEST: Variants = (
    {
        f"{name}-cutoff-{cutoff}": _SMALL | {"seed": 3, "delay": delay, "cutoff": cutoff, "c_reg": 3.0}
        for name, delay in _DELAYS.items()
        for cutoff in (20, None)
    }
    | {
        f"{kind}-feedback-{optimizer}": _SMALL | {"seed": 5, "feedback": kind, "delay": _delays(2, 1, 4, 5)} | settings
        for kind in ("symmetric", "adaptive")
        for optimizer, settings in OPTIMIZERS.items()
    }
    | {
        "adaptive-feedback-weight-decay": _SMALL | {"seed": 6, "feedback": "adaptive", "weight_decay": 1e-3},
        "fixed-signs-gradient_descent": _SMALL | {"seed": 7, "fixed_signs": True, "learning_rate": 0.03},
        "fixed-signs-adam": _SMALL | {"seed": 8, "fixed_signs": True, "adam": {}, "learning_rate": 1e-3},
        "adaptation-delays": _SMALL
        | {"seed": 9, "adaptation": (0.5, 60.0, 0.6), **TWO_FILTERS, "delay": _delays(1, 3, 4, 2)},
        "V_reset-delays": _SMALL | {"seed": 10, "V_reset": -0.3, "delay": _delays(1, 3, 4, 2)},
    }
)
"""What NEST lacks, and the time-driven model has."""

KINDS = (
    "plain",
    "two_filters",
    "own_decay",
    "stepwise",
    "adaptive",
    "two_filters-adaptive",
    "two_filters-adaptive-own_decay",
    "two_filters-adaptive-stepwise",
)
"""Kinds of all networks that are compared, see :func:`eprop_core.network.features.kind`: each is compiled by itself."""
