"""Random networks with random input and targets that spike and learn: what simulators are compared on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.network.projections import Role, projections
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network, Uniform
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.verification import random_groups


class Problem(NamedTuple):
    """All that a simulation needs."""

    network: Network
    connections: dict[str, Connections]
    stimulus: Stimulus

    def first(self, n_steps: int) -> "Problem | None":
        """Return the first ``n_steps`` steps, or those of the samples that are complete by then; None without any."""
        shown = self.stimulus
        length = shown.n_steps // shown.n_samples if self.network.plasticity.counts_samples else 1
        n_complete = n_steps // length
        if n_complete == 0:
            return None
        if length == 1:
            shown = replace(shown, n_samples=1)
        return self._replace(stimulus=shown.part(0, n_complete * length))


LARGEST = 60
"""Most inputs and most recurrent neurons where nothing else is said."""


def random_problem(seed: int | Sequence[int], n_steps: int, *, largest: int = LARGEST, **settings: Any) -> Problem:
    """A problem drawn from ``seed``; ``settings`` override drawn values.

    Keys of ``settings`` are those of ``draw_settings`` below; inputs and recurrent neurons are ``largest`` at most.
    Weights are scaled to the threshold, the number of sources and the rates, so that the neurons fire at some 5-80
    spikes per 1000 steps whatever is drawn.
    """
    rng = np.random.default_rng(seed)
    chosen = draw_settings(rng, largest) | settings
    network = parse(Network, _network(chosen))
    if chosen["groups"] is None:
        connections = _connections(rng, network, chosen)
    else:
        n_groups, delays = chosen["groups"]
        network = random_groups.divided(rng, network, n_groups, delays=delays)
        connections = _connections_of_groups(rng, network, chosen)
    return Problem(network, connections, _stimulus(rng, network, n_steps, chosen))


def settings_of_variant(settings: Mapping[str, Any], *seeds: int, largest: int = LARGEST) -> dict[str, Any]:
    """Return the settings that :func:`problem_of_variant` draws, among them the sizes and densities."""
    return draw_settings(np.random.default_rng([*seeds, settings["seed"]]), largest) | dict(settings)


def problem_of_variant(settings: Mapping[str, Any], n_steps: int, *seeds: int, **more: Any) -> Problem:
    """Draw the problem of a variant (:mod:`eprop_core.verification.variants`); other ``seeds`` draw other ones."""
    others = {name: value for name, value in settings.items() if name != "seed"}
    return random_problem([*seeds, settings["seed"]], n_steps, **others, **more)


def draw_settings(rng: np.random.Generator, largest: int) -> dict[str, Any]:
    """Random settings over the whole range of the model, with unit delays."""
    dt = rng.choice([1.0, 1.0, 0.5, 0.1, 2.0])
    kappa = rng.choice([0.0, rng.uniform(0.5, 0.99)], p=[0.1, 0.9])
    return {
        "n_input": int(rng.integers(5, largest + 1)),
        "n_recurrent": int(rng.integers(5, largest + 1)),
        "n_readout": int(rng.integers(1, 5)),
        "dt": float(dt),
        "tau_m": float(dt * rng.uniform(5.0, 50.0)),
        "tau_m_readout": float(dt * rng.uniform(5.0, 50.0)),
        "C_m": float(rng.uniform(0.5, 2.0)),
        "I_e": float(rng.choice([0.0, 1.0])),  # in units of half the rheobase
        "V_th": float(rng.uniform(0.03, 1.5)),
        "spread": 0.0,  # of tau_m and V_th between the neurons, relative
        "spread_of_others": 0.0,  # of C_m, beta, c_reg and f_target
        "spread_of_spiking": 0.0,  # of t_ref, and of height and width of the surrogate gradient
        "V_min": (None, -0.5, 0.0)[rng.choice(3, p=[0.5, 0.3, 0.2])],  # in units of V_th
        "V_reset": None,  # in units of V_th
        "adaptation": None,  # or rise of the threshold in units of V_th, time constant in steps, share of neurons
        "refractory_steps": int(rng.integers(0, 6)),
        "surrogate": str(rng.choice(["piecewise_linear", "exponential"])),
        "height": float(rng.uniform(0.2, 2.0)),
        "width": float(rng.uniform(0.3, 2.0)),  # in units of V_th
        "E_L": float(rng.choice([0.0, rng.normal()])),
        "kappa": float(kappa),
        "kappa_reg": float(rng.choice([kappa, rng.uniform(0.0, 0.99)])),
        "c_reg": float(rng.choice([0.0, rng.uniform(0.1, 10.0)])),
        "f_target": float(rng.uniform(1.0, 40.0)),
        "cutoff": int(rng.choice([rng.integers(5, 20), rng.integers(5, 201)])),
        "density": {name: float(rng.uniform(0.1, 1.0)) for name in PROJECTIONS},
        "plastic": dict.fromkeys(LEARNING_PROJECTIONS, True),
        "delay": dict.fromkeys(PROJECTIONS, 1),
        "input_probability": float(10 ** rng.uniform(-2.5, -0.7)),
        "learning_rate": float(10 ** rng.uniform(-3.3, -1.8)),  # in units of what moves a weight by its own size
        "bounded": bool(rng.integers(0, 4) == 0),
        "fixed_signs": False,
        "adam": None,  # or parameters of Adam
        "descent": (),  # projections with gradient descent beside others with Adam
        "loss": "mean_squared_error",
        "feedback": "random",
        "weight_decay": 0.0,
        "stdp": None,  # or parameters by projection, with weight_max in units of the deviation of its weights
        "ignore_and_fire": None,  # or a rate
        "groups": None,  # or number of groups, and whether each pair of them has a delay of its own
    }


def _connectivity(density: float) -> dict[str, Any]:
    return {"rule": "all_to_all"} if density == 1.0 else {"rule": "pairwise_bernoulli", "probability": density}


def _network(settings: Mapping[str, Any]) -> dict[str, Any]:
    V_th, dt, tau_m = settings["V_th"], settings["dt"], settings["tau_m"]
    rest_per_current = tau_m / settings["C_m"]
    weight = _weight_scale(settings, "input")
    # A weight's gradient grows with error, feedback, filtered eligibility trace and presynaptic trace.
    gradient = settings["height"] / (1.0 - settings["kappa"]) * 30.0
    bound = weight if settings["bounded"] else 100.0
    projections = {
        name: {
            "connectivity": _connectivity(settings["density"][name]),
            "delay": settings["delay"][name],
            "plastic": settings["plastic"][name],
            "optimizer": {
                "learning_rate": float(settings["learning_rate"] * weight / gradient),
                "weight_min": -bound,
                "weight_max": bound,
            }
            if name in settings["descent"]
            else None,
        }
        for name in LEARNING_PROJECTIONS
    }
    for name, rule in (settings["stdp"] or {}).items():
        projections[name]["stdp"] = rule | {"weight_max": rule["weight_max"] * _weight_scale(settings, name)}
    return projections | {
        "dt": dt,
        "n_input": settings["n_input"],
        "n_recurrent": settings["n_recurrent"],
        "n_readout": settings["n_readout"],
        "neuron": {
            "tau_m": around(tau_m, settings["spread"]),
            "C_m": around(settings["C_m"], settings["spread_of_others"]),
            "I_e": settings["I_e"] * 0.5 * V_th / rest_per_current,
            "V_th": around(V_th, settings["spread"]),
            "V_min": _lower_bound(settings),
            "V_reset": None if settings["V_reset"] is None else settings["V_reset"] * V_th,
            "adaptation": _adaptation(settings),
            "t_ref": _refractory_period(settings),
            "ignore_and_fire": settings["ignore_and_fire"],
            "surrogate_gradient": {
                "function": settings["surrogate"],
                "height": around(settings["height"], settings["spread_of_spiking"]),
                "width": around(settings["width"] * V_th, settings["spread_of_spiking"]),
            },
        },
        "readout": {"tau_m": settings["tau_m_readout"], "E_L": settings["E_L"], "loss": settings["loss"]},
        "plasticity": {
            "kappa": settings["kappa"],
            "kappa_reg": settings["kappa_reg"],
            "c_reg": around(settings["c_reg"], settings["spread_of_others"]),
            "f_target": around(settings["f_target"], settings["spread_of_others"]),
            "cutoff": settings["cutoff"],
            "optimizer": _optimizer(settings, weight, weight / gradient)
            | {"weight_min": -bound, "weight_max": bound, "fixed_signs": settings["fixed_signs"]},
        },
        "feedback": {
            "kind": settings["feedback"],
            "weight_decay": settings["weight_decay"],
            "connectivity": _connectivity(settings["density"]["feedback"]),
            "delay": settings["delay"]["feedback"],
        },
    }


def _lower_bound(settings: Mapping[str, Any]) -> float | None:
    """Return the lower bound of the voltage, at which a reset is not below it."""
    given, reset = settings["V_min"], settings["V_reset"]
    return None if given is None else float(min(given, given if reset is None else reset) * settings["V_th"])


def around(value: float, spread: float) -> float | dict[str, float]:
    """Return a value, or the range from which neurons draw theirs if they differ by ``spread``."""
    return value if spread == 0.0 else {"low": value * (1.0 - spread), "high": value * (1.0 + spread)}


def _refractory_period(settings: Mapping[str, Any]) -> float | dict[str, float]:
    steps, spread, dt = settings["refractory_steps"], settings["spread_of_spiking"], settings["dt"]
    if spread == 0.0:
        return float(steps * dt)
    return {"low": round(steps * (1.0 - spread)) * dt, "high": round(steps * (1.0 + spread)) * dt}


def _adaptation(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    if settings["adaptation"] is None:
        return None
    rise, steps, share = settings["adaptation"]
    beta = around(rise * settings["V_th"], settings["spread_of_others"])
    return {"beta": beta, "tau": steps * settings["dt"], "share": share}


def _optimizer(settings: Mapping[str, Any], weight: float, weight_by_gradient: float) -> dict[str, Any]:
    if settings["adam"] is None:
        return {"learning_rate": float(settings["learning_rate"] * weight_by_gradient)}
    # Adam's steps are as large as its learning rate, whatever the gradient.
    return {"algorithm": "adam", "learning_rate": settings["learning_rate"] * weight, **settings["adam"]}


def neuron_values(network: Network) -> dict[str, np.ndarray]:
    """Values of the parameters that are drawn for each neuron."""
    rng = np.random.default_rng(network.n_recurrent)
    values = {}
    for name in PER_NEURON:
        parts = network.values_by_ids(name)
        if any(isinstance(value, Uniform) for _, value in parts):
            values[name] = np.concatenate([_values(rng, value, len(ids)) for ids, value in parts])
    if "t_ref" in values:
        values["t_ref"] = np.rint(values["t_ref"] / network.dt) * network.dt
    return values


def _values(rng: np.random.Generator, value: float | Uniform, n: int) -> np.ndarray:
    return rng.uniform(value.low, value.high, n) if isinstance(value, Uniform) else np.full(n, value)


def _weight_scale(settings: Mapping[str, Any], name: str) -> float:
    """Standard deviation of weights (pA) that lets the membrane voltage fluctuate on the scale of the threshold."""
    n_sources = {"input": settings["n_input"], "recurrent": settings["n_recurrent"], "output": settings["n_recurrent"]}
    probability = settings["input_probability"] if name == "input" else 0.03
    tau_m = settings["tau_m_readout"] if name == "output" else settings["tau_m"]
    arrivals = n_sources[name] * settings["density"][name] * probability * tau_m / settings["dt"] / 2.0
    deviation = {"input": settings["V_th"], "recurrent": 0.3 * settings["V_th"], "output": 1.0}[name]
    return float(deviation / np.sqrt(max(arrivals, 0.5)))


def _connections(rng: np.random.Generator, network: Network, chosen: Mapping[str, Any]) -> dict[str, Connections]:
    connections = {}
    for projection in projections(network):
        name = projection.name
        exists = rng.random((projection.target.size, projection.source.size)) < chosen["density"][name]
        if not projection.autapses:
            np.fill_diagonal(exists, False)
        target, source = np.nonzero(exists)
        weight = rng.normal(size=len(source))
        if projection.role is not Role.FEEDBACK:
            stdp = projection.spike_timing
            bound = network.plasticity.optimizer.weight_max if stdp is None else stdp.weight_max
            weight = np.clip(_weight_scale(chosen, name) * weight, -bound, bound)
        connections[name] = Connections(source, target, weight)
    return _with_feedback(rng, network, connections)


def _with_feedback(
    rng: np.random.Generator, network: Network, connections: dict[str, Connections]
) -> dict[str, Connections]:
    """Return the connections with feedback that reverses the output, if it is adaptive; without, if symmetric."""
    if network.feedback.kind == "adaptive":
        source, target, weight = connections["output"]
        connections["feedback"] = Connections(target, source, rng.normal(size=len(weight)))
    elif network.feedback.kind == "symmetric":
        del connections["feedback"]
    return connections


def _connections_of_groups(
    rng: np.random.Generator, network: Network, chosen: Mapping[str, Any]
) -> dict[str, Connections]:
    scale = {name: _weight_scale(chosen, name) for name in LEARNING_PROJECTIONS}
    connections = random_groups.connections_of(rng, network, chosen["density"], scale)
    return _with_feedback(rng, network, connections)


def _stimulus(rng: np.random.Generator, network: Network, n_steps: int, chosen: Mapping[str, Any]) -> Stimulus:
    # Nothing happens in step 0: NEST's generators cannot deliver anything then.
    fires = rng.random((n_steps, network.n_input)) < chosen["input_probability"]
    fires[0] = False
    steps, channels = np.nonzero(fires)
    # Targets are sines, the learning window opens and closes for a random number of steps.
    periods, phases = rng.uniform(20.0, 400.0, (2, network.n_readout))
    target = np.sin(2.0 * np.pi * (np.arange(n_steps)[:, np.newaxis] / periods) + phases)
    edges = np.cumsum(rng.integers(1, 300, size=n_steps))
    learning_window = np.searchsorted(edges, np.arange(n_steps), side="right") % 2 == 0
    learning_window[0] = False
    return Stimulus(n_steps, steps, channels, target, learning_window)
