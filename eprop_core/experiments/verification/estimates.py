"""Memory that a check of the verification will need, estimated before it starts."""

from collections.abc import Mapping
from typing import Any

from eprop_core.experiments.verification.parameters import Verification
from eprop_core.experiments.verification.problems import drawn, parts

PROCESS_BYTES = 250_000_000
"""Python, the packages, and the simulator compiled for all variants."""
UNCOMPILED_BYTES = 140_000_000
"""The same for the check ``reference``, whose two simulators are not compiled."""
NEST_BYTES = 120_000_000
"""NEST, which runs beside it."""
SPIKES_PER_STEP = 0.03
"""Of a neuron of a random problem, about."""
VALUE_BYTES = 45
"""Recordings of a neuron in a step, of both simulators."""
CONNECTION_BYTES = 100
"""A connection of a problem, as it is listed, of both simulators."""
EVENT_BYTES = 330
"""Memory of a synaptic event in NEST's weight recorder, and in copies of what it has recorded."""


def memory_of_check(parameters: Verification, check: str, seed: int) -> int:
    """Return about how many bytes a check takes at its peak, with those of NEST that it starts."""
    of_nest = NEST_BYTES if check.startswith("nest_") or check == "published" else 0
    process = UNCOMPILED_BYTES if check == "reference" else PROCESS_BYTES
    problems = drawn(check, parameters)
    if problems is None:
        return process + of_nest
    settings = {name: problems.settings(name, seed) for name in problems.variants}
    kept = {
        name: VALUE_BYTES * problems.n_steps * own["n_recurrent"] + CONNECTION_BYTES * _connections(own)
        for name, own in settings.items()
    }
    largest_part = max((sum(kept[name] for name in part) for part in parts(settings)), default=0.0)
    if check == "nest_eprop_plus":
        of_nest += int(
            EVENT_BYTES * max((problems.n_steps * _events_per_step(own) for own in settings.values()), default=0.0)
        )
    # Most recordings are read when NEST has ended.
    return int(process + max(largest_part, of_nest))


def _pairs(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the expected number of connections by projection."""
    n_input, n_recurrent, n_readout = (settings[f"n_{name}"] for name in ("input", "recurrent", "readout"))
    sizes = {"input": n_input * n_recurrent, "recurrent": n_recurrent**2, "output": n_recurrent * n_readout}
    return {name: size * settings["density"][name] for name, size in sizes.items()}


def _connections(settings: Mapping[str, Any]) -> float:
    return sum(_pairs(settings).values())


def _events_per_step(settings: Mapping[str, Any]) -> float:
    spikes = {"input": settings["input_probability"], "recurrent": SPIKES_PER_STEP, "output": SPIKES_PER_STEP}
    return float(sum(n * spikes[name] for name, n in _pairs(settings).items()))
