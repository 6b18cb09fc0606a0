"""Random networks of two or three groups of neurons: signs, bounds, delays and learning rates by pair of groups."""

from typing import Any

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.projections import ProjectionSpec, Role, projections
from eprop_core.parameters import ARROW, Network, Uniform
from eprop_core.parsing import parse

N_INPUTS, N_PAIRS = 2, 4
"""Projections of each network from the inputs and between groups."""
ADAM: dict[str, Any] = {"algorithm": "adam", "learning_rate": 1e-4, "epsilon": 1e-5}
"""Larger steps would amplify rounding: Adam divides a gradient by its own size."""


def divided(rng: np.random.Generator, network: Network, n_groups: int, *, delays: bool) -> Network:
    """Return a network whose neurons are divided into groups, with other values in each group and pair of groups.

    In half of the networks without ``delays`` all projections are plastic, so that those from the inputs, and those
    between the neurons, are processed as one. In all others there are two of each that are processed apart: they differ
    in their delay with ``delays``; otherwise one learns by Adam, and the other by gradient descent or not at all. The
    simulator is compiled for these three cases alone.
    """
    sizes = 1 + rng.multinomial(network.n_recurrent - n_groups, np.full(n_groups, 1.0 / n_groups))
    adaptation = network.neuron.adaptation
    names = [f"group_{n}" for n in range(n_groups)]
    is_excitatory = [True, False, bool(rng.integers(0, 2))]
    groups = {
        name: {
            "size": int(size),
            "excitatory": excitatory,
            "V_th": float(network.extent("V_th")[0] * rng.uniform(0.8, 1.2)),
            "C_m": _scaled(network.neuron.C_m, rng.uniform(0.8, 1.2)),
            "beta": None if adaptation is None else _scaled(adaptation.beta, rng.uniform(0.0, 1.5)),
            # The second group has feedback in all of these networks, so it learns without a rate regularization.
            "c_reg": 0.0 if name == names[1] else _scaled(network.plasticity.c_reg, rng.uniform(0.5, 2.0)),
            "f_target": _scaled(network.plasticity.f_target, rng.uniform(1.0, 40.0) / network.extent("f_target")[1]),
        }
        for name, size, excitatory in zip(names, sizes, is_excitatory, strict=False)
    }
    possible = [f"{source}{ARROW}{target}" for source in names for target in names]
    pairs = [possible[n] for n in sorted(rng.choice(len(possible), N_PAIRS, replace=False))]
    values = network.model_dump() | {"groups": groups}
    are_apart = delays or rng.random() < 0.5
    for key, parts, connected in (("input", "targets", names[:N_INPUTS]), ("recurrent", "pairs", pairs)):
        rules = _rules(rng, network, delays) if are_apart else 2 * [{"plastic": True}]
        number = rng.permutation([0, 1, *rng.integers(0, 2, len(connected) - 2)])
        values[key][parts] = {name: _pair(rng, network, rules[n]) for name, n in zip(connected, number, strict=True)}
    values["output"]["sources"] = names[-2:]
    if network.feedback.kind == "random":
        values["feedback"]["targets"] = names[:2]
    return parse(Network, values)


def _scaled(value: float | Uniform, factor: float) -> float | dict[str, float]:
    if isinstance(value, Uniform):
        return {"low": value.low * factor, "high": value.high * factor}
    return float(value * factor)


def _rules(rng: np.random.Generator, network: Network, delays: bool) -> list[dict[str, Any]]:
    """Return two values of the algorithm, or of the delay, and of plasticity that are not processed together."""
    if not delays:
        return [{"optimizer": ADAM}, {"plastic": bool(rng.random() < 0.5)}]
    longest = min(5, (network.plasticity.cutoff or 6) - 1)
    drawn = rng.choice(np.arange(1, longest + 1), 2, replace=False)
    return [{"plastic": bool(rng.random() < 0.75), "delay": int(delay)} for delay in drawn]


def _pair(rng: np.random.Generator, network: Network, rule: dict[str, Any]) -> dict[str, Any]:
    """Return values of the connections between two groups that follow a rule."""
    optimizer = network.plasticity.optimizer
    bound, factor = optimizer.weight_max, float(rng.uniform(0.3, 3.0))
    bounds = {"weight_max": bound * float(rng.uniform(0.5, 1.0)), "weight_min": -bound * float(rng.uniform(0.5, 1.0))}
    if "optimizer" in rule:
        chosen = rule["optimizer"]
        return {"optimizer": chosen | bounds | {"learning_rate": factor * chosen["learning_rate"]}}
    return rule | bounds | {"learning_rate": factor * optimizer.learning_rate}


def connections_of(
    rng: np.random.Generator, network: Network, density: dict[str, float], scale: dict[str, float]
) -> dict[str, Connections]:
    """Draw the connections of a network of groups; ``density`` and ``scale`` of the weights are by role."""
    return {
        spec.name: _connections(rng, network, spec, density[spec.role.value], scale.get(spec.role.value, 1.0))
        for spec in projections(network)
    }


def _connections(
    rng: np.random.Generator, network: Network, spec: ProjectionSpec, density: float, scale: float
) -> Connections:
    exists = np.zeros((spec.target.size, spec.source.size), np.bool_)
    for sources in spec.source_ids:
        for targets in spec.target_ids:
            block = rng.random((len(targets), len(sources))) < density
            exists[targets.start : targets.stop, sources.start : sources.stop] = block
    if spec.source == spec.target:
        np.fill_diagonal(exists, False)
    target, source = np.nonzero(exists)
    weight = rng.normal(scale=scale, size=len(source))
    if spec.role is Role.FEEDBACK:
        return Connections(source, target, weight)
    if spec.role is not Role.INPUT:
        excitatory = np.zeros(network.n_recurrent, np.bool_)
        for ids, group in zip(network.ids(list(network.groups or {})), (network.groups or {}).values(), strict=True):
            excitatory[ids.start : ids.stop] = bool(group.excitatory)
        weight = np.where(excitatory[source], np.abs(weight), -np.abs(weight))
    optimizer = network.optimizer(spec.name)
    return Connections(source, target, np.clip(weight, optimizer.weight_min, optimizer.weight_max))
