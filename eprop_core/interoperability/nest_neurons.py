"""Parameters of neurons, and of their part in the learning rule, from NEST: units, conventions and factors."""

import math
from typing import Any

import numpy as np

from eprop_core.interoperability.nest_populations import Populations
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.parameters import PROJECTIONS, SURROGATE_GRADIENTS
from eprop_core.parsing import ParameterError

_LARGEST = 1e300
"""From here on, voltages stand for infinity in NEST."""
EQUAL = 1e-12
"""Relative difference of equal values, which NEST adds to E_L and takes off again."""


def in_steps(name: str, time: float, dt: float) -> int:
    """Return a time, ms, in steps of ``dt``; it must be a multiple."""
    steps = round(time / dt)
    if abs(steps * dt - time) > 1e-9 * max(1.0, time):
        raise ParameterError(f"{name} = {time:g} ms: must be a multiple of the resolution, {dt:g} ms")
    return steps


def _is_same(values: np.ndarray) -> bool:
    if values.dtype.kind in "fi":
        return bool(np.isclose(values, values[0], rtol=EQUAL, atol=0.0).all())
    return bool((values == values[0]).all())


def _same(name: str, values: np.ndarray, where: str = "recurrent neurons") -> Any:
    """Return the value that all neurons have."""
    if not _is_same(values):
        raise ParameterError(f"{name}: differs between the {where}, of which all must have one value")
    return values[0].item()


class Neurons:
    """Parameters of the neurons and of what they know of the learning rule."""

    def __init__(self, populations: Populations, dt: float) -> None:
        self.bellec, self.dt = populations.bellec, dt
        self._models, self._populations = populations.recurrent, populations
        self._clamps = populations.clamps
        self._readouts = populations.readouts.parameters

    def of_recurrent(self, name: str) -> np.ndarray:
        """Return a parameter of all recurrent neurons that have it, in their order here."""
        models = (nodes.parameters for nodes in self._models.values())
        return self._populations.ordered([parameters[name] for parameters in models if name in parameters])

    def of_readouts(self, name: str) -> Any:
        """Return a parameter of all readouts."""
        return _same(name, self._readouts[name], "readouts")

    def _has(self, name: str) -> bool:
        return all(name in nodes.parameters for nodes in self._models.values())

    def _one(self, name: str) -> Any:
        return _same(name, self.of_recurrent(name))

    def _voltages(self, name: str) -> np.ndarray:
        """Return voltages relative to E_L."""
        return np.asarray(self.of_recurrent(name) - self.of_recurrent("E_L"))

    def recurrent(self) -> dict[str, Any]:
        """Return the parameters of the recurrent neurons."""
        for name in ("ignore_and_spike", "refractory_input"):
            if self._has(name) and self.of_recurrent(name).any():
                raise ParameterError(f"{name}: is true, and neurons have no such mode here")
        V_min = self._voltages("V_min")
        return {
            "C_m": self._one_or_extent("C_m"),
            "I_e": self._one("I_e"),
            "tau_m": self._one_or_extent("tau_m"),
            "V_th": self._one_or_extent("V_th"),
            "V_min": None if (V_min <= -_LARGEST).all() else _same("V_min", V_min),
            "V_reset": _same("V_reset", self._voltages("V_reset")) if self._clamps else None,
            "delayed_reset": self.bellec,
            "t_ref": self._one_or_extent("t_ref"),
            "adaptation": self._adaptation(),
            "surrogate_gradient": {
                "function": self._surrogates()[0]["function"],
                "height": self._one_or_extent("surrogate_height"),
                "width": self._one_or_extent("surrogate_width"),
            },
        }

    def differing(self) -> dict[str, np.ndarray]:
        """Return the values in which recurrent neurons differ."""
        n = len(self.of_recurrent("tau_m"))
        values = {name: own for name in PER_NEURON if not _is_same(own := self._values(name))}
        # Neurons that do not adapt have no beta, and the lowest ids.
        return {name: np.concatenate([np.zeros(n - len(own)), own]) for name, own in values.items()}

    def _values(self, name: str) -> np.ndarray:
        """Return a parameter of all recurrent neurons that have it, in the unit of this package."""
        if name == "V_th":
            return self._voltages(name)
        if name == "beta":
            return self.of_recurrent("adapt_beta") if self._populations.n_adaptive else np.zeros(1)
        if name.startswith("surrogate_"):
            return np.array([own[name.removeprefix("surrogate_")] for own in self._surrogates()])
        values = self.of_recurrent(name)
        if name == "f_target":
            values = 1000.0 * values  # NEST's unit is spikes/ms
            if not self.bellec:
                values *= self.dt  # NEST compares f_target * dt / 1000 with a rate in spikes/ms
        return values

    def _surrogates(self) -> list[dict[str, Any]]:
        """Return the surrogate gradient of each neuron; all have one function."""
        names = [name for name in _SURROGATE_GRADIENT if self._has(name)]
        self._one("surrogate_gradient_function")
        values = zip(*(self.of_recurrent(name) for name in names), strict=True)
        return [surrogate_gradient(dict(zip(names, own, strict=True))) for own in values]

    def _one_or_extent(self, name: str) -> float | dict[str, float]:
        """Return the value that all neurons have, or the smallest and the largest one that is not 0."""
        values = self._values(name)
        if _is_same(values):
            return float(values[0])
        lowest = values[values > 0.0].min() if name == "beta" else values.min()
        return {"low": float(lowest), "high": float(values.max())}

    def _adaptation(self) -> dict[str, Any] | None:
        if not self._values("beta").any():
            return None
        if self.of_recurrent("adaptation").any():
            raise ParameterError("adaptation: must be 0 at the start")
        share = self._populations.n_adaptive / len(self.of_recurrent("tau_m"))
        return {"beta": self._one_or_extent("beta"), "tau": self._one("adapt_tau"), "share": share}

    def readout(self) -> dict[str, Any]:
        """Return the parameters of the readouts."""
        if self._readouts["I_e"].any():
            raise ParameterError("I_e: readouts have no constant current here; raise their E_L by I_e tau_m / C_m")
        if (self._readouts["V_m"] != self._readouts["E_L"]).any():
            raise ParameterError("V_m: readouts must start at E_L")
        if (self._readouts["V_min"] > -_LARGEST).any():
            raise ParameterError("V_min: readouts have no lower bound here")
        loss = self.of_readouts("loss") if self.bellec else "mean_squared_error"
        return {"tau_m": self.of_readouts("tau_m"), "E_L": self.of_readouts("E_L"), "loss": loss}

    def plasticity(self, *, resets: bool) -> dict[str, Any]:
        """Return the learning rule; ``resets`` is whether NEST resets neurons before each sample."""
        rule = {name: self._one_or_extent(name) for name in ("c_reg", "f_target")}
        if self.bellec:
            if not resets:
                raise ParameterError("eprop_reset_neurons_on_update: is false, and only samples with a reset are read")
            return rule | {
                "update": "sample",
                "rate_average": "sample",
                "reset_at_samples": True,
                "kappa": math.exp(-self.dt / self.of_readouts("tau_m")),
                "cutoff": None,
            }
        name = "eprop_isi_trace_cutoff"
        cutoff = _same(name, np.append(self.of_recurrent(name), self._readouts[name]), "neurons and readouts")
        limited = cutoff / self.dt < 2**31
        return rule | {
            "kappa": self._one("kappa"),
            "kappa_reg": self._one("kappa_reg"),
            "cutoff": in_steps(name, cutoff, self.dt) if limited else None,
        }

    def first_step(self, *, counts_steps: bool) -> int:
        """Return NEST's step that is step 0 here, and check that neurons start at rest.

        With the rule of Bellec et al., the first sample reaches the neurons in NEST's step 3, and here in step 1. With
        e-prop+, NEST's I_e acts on neurons without V_reset from its second step on, so NEST's first step is left out,
        unless V_m makes up for it or the optimizer counts steps.
        """
        V_m, tau_m = self._voltages("V_m"), self.of_recurrent("tau_m")
        acts_late = not self.bellec and not self._clamps and self._one("I_e") != 0.0
        if acts_late:
            rise = -np.expm1(-self.dt / tau_m) * tau_m / self.of_recurrent("C_m") * self._one("I_e")
            before = np.maximum(rise, self._voltages("V_min")) * np.exp(self.dt / tau_m)
            if np.allclose(V_m, before, rtol=1e-9, atol=0.0):
                return 1
            if counts_steps:
                raise ParameterError(
                    "I_e: acts from NEST's second step on, and here from the first; with Adam, which counts steps, set "
                    f"V_m - E_L = {float(before[0])!r} mV, which makes up for it"
                )
        if V_m.any():
            raise ParameterError("V_m: recurrent neurons must start at E_L")
        return 2 if self.bellec or acts_late else 1

    def factors(self) -> dict[str, np.ndarray]:
        """Return weights here relative to NEST's, by projection: one factor, or one per target."""
        if not self.bellec:
            return {name: np.ones(()) for name in PROJECTIONS}
        tau_m = self.of_recurrent("tau_m")
        of_neurons = np.where(self.of_recurrent("regular_spike_arrival"), 1.0, 1.0 - np.exp(-self.dt / tau_m))
        filtered = np.asarray(1.0 - np.exp(-self.dt / self.of_readouts("tau_m")))
        of_readouts = np.ones(()) if self.of_readouts("regular_spike_arrival") else filtered
        return {"input": of_neurons, "recurrent": of_neurons, "output": of_readouts, "feedback": filtered}


_HEIGHT, _WIDTH = "surrogate_gradient_height", "surrogate_gradient_width"
_SURROGATE_GRADIENT = ("surrogate_gradient_function", _HEIGHT, _WIDTH, "gamma", "beta")


def surrogate_gradient(given: dict[str, Any]) -> dict[str, Any]:
    """Return the surrogate gradient from NEST's parameters; NEST 3.9 has gamma for the height, beta for 1 / width.

    Raises
    ------
    ParameterError
        A function that this package lacks.
    """
    name = str(given["surrogate_gradient_function"])
    function = "arctan" if name == "arctan_derivative" else name
    if function not in SURROGATE_GRADIENTS:
        raise ParameterError(f"surrogate_gradient_function = {name!r}: has no counterpart here")
    if _HEIGHT in given:
        return {"function": function, "height": given[_HEIGHT], "width": given[_WIDTH]}
    scale = math.pi if name == "arctan" else 1.0  # gamma / pi / (1 + (pi beta v)^2)
    return {"function": function, "height": given["gamma"] / scale, "width": 1.0 / (scale * given["beta"])}
