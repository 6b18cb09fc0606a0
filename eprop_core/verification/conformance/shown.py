"""Which pitfalls a case shows: those whose mistakes change its results when they are made."""

import types
from collections.abc import Mapping
from functools import cache
from typing import Any

import h5py
import numpy as np

from eprop_core.verification.conformance.cases import BELLEC
from eprop_core.verification.conformance.mistakes import (
    EXAMPLE,
    LITERAL_MODEL,
    OF_BELLEC,
    OF_E_PROP_PLUS,
    Mistake,
)
from eprop_core.verification.nest import Arrays
from eprop_core.verification.random_problem import Problem

Tolerances = Mapping[str, float]
"""By kind of quantity, of its largest value."""


def shown(
    case: h5py.Group, problem: Problem, candidates: list[str], double: Tolerances, single: Tolerances
) -> tuple[list[str], list[str]]:
    """Return the candidates that change the results of a case, and those that it rules out if it is equal.

    A case shows a pitfall if one of its mistakes changes a result; or if there is none to be tried. It rules a pitfall
    out if each mistake changes spikes or the weights at the end, which all simulators write, even in single precision.
    """
    of_samples = case.attrs["rule"] == BELLEC
    changes: dict[str, bool] = {}
    certain: dict[str, bool] = {}
    for mistake, (_, name) in (OF_BELLEC if of_samples else OF_E_PROP_PLUS).items():
        if name not in candidates:
            continue
        wrong = _wrong_module(of_samples, mistake)
        with np.errstate(all="ignore"):
            results = _of_samples(wrong, problem) if of_samples else wrong.simulate(case)
        at_end = {of: values[-1] if values.ndim == 2 else values for of, values in results.items() if "weights" in of}
        spikes = {of: results[of] for of in ("spike_steps", "spike_neurons")}
        changes[name] = changes.get(name, False) or _differ(case, results, double)
        certain[name] = certain.get(name, True) and _differ(case, spikes | at_end, single)
    listed = [name for name in candidates if changes.get(name, True)]
    return listed, [name for name in listed if certain.get(name, False)]


@cache
def _wrong_module(of_samples: bool, mistake: str) -> Any:
    return OF_BELLEC[mistake].made_in(LITERAL_MODEL) if of_samples else OF_E_PROP_PLUS[mistake].made_in(EXAMPLE)


@cache
def _checker() -> types.ModuleType:
    checker: types.ModuleType = Mistake({}, "").made_in(EXAMPLE.with_name("check.py"))
    return checker


def _of_samples(model: Any, problem: Problem) -> Arrays:
    trained = model.train(*problem, problem.stimulus.n_samples)
    steps, neurons = np.nonzero(trained.spikes)
    weights = {f"weights/{name}": trained.weights[name].weight for name in ("input", "recurrent", "output")}
    return {
        "spike_steps": steps,
        "spike_neurons": neurons,
        "readout": trained.readout,
        "error": trained.error,
        **weights,
    }


def _differ(case: h5py.Group, results: Arrays, tolerances: Tolerances) -> bool:
    with h5py.File("results", "w", driver="core", backing_store=False) as file:
        for name, values in results.items():
            file[name] = values
        difference, _ = _checker().first_difference(case, file["/"], tolerances)
    return difference is not None
