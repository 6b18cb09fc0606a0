"""From a network of NEST to one of this package: the units, conventions and factors of parameters and weights."""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np

from eprop_core.interoperability.nest_groups import differ_in_signs_only, groups_of, kinds_of
from eprop_core.interoperability.nest_populations import Generators, Populations, Projection
from eprop_core.interoperability.nest_snapshot import Built
from eprop_core.network.connections import Connections
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.parameters import ARROW, PARTS, PROJECTIONS, SURROGATE_GRADIENTS, Network, whole_of
from eprop_core.parsing import ParameterError, parse

_LARGEST = 1e300
"""From here on, voltages stand for infinity in NEST."""
_EQUAL = 1e-12
"""Relative difference of equal values, which NEST adds to E_L and takes off again."""


class ApproximationWarning(UserWarning):
    """Something in NEST has no exact counterpart here and is approximated."""


class NetworkOfNest(NamedTuple):
    """A network of this package, and what its stimulus needs to know about that in NEST."""

    network: Network
    connections: dict[str, Connections]
    neuron_values: dict[str, np.ndarray]
    ids: dict[str, np.ndarray]
    """NEST's ids of the neurons, in their order here, by population: input, recurrent, readout."""
    generators: Generators
    first_step: int
    """NEST's step, numbered by its end, that is step 0 here."""
    sample_steps: int
    """Steps of a sample with the rule of Bellec et al.; 0 with e-prop+."""
    window_steps: int
    """Last steps of a sample in which its errors count."""
    synapse_models: dict[str, list[str]]
    """NEST's models of the synapses, by plastic projection."""
    rate_factors: dict[str, float]
    """Learning rate here relative to NEST's, by plastic projection."""


def network_of_nest(built: Built, *, given_inputs: bool = False) -> NetworkOfNest:
    """Convert a network.

    Parameters
    ----------
    built
        The network in NEST.
    given_inputs
        Whether the input spikes are known, whatever drives the inputs.

    Raises
    ------
    ParameterError
        A feature that has no counterpart here, by name.
    """
    kernel = built.kernel
    if kernel["num_processes"] > 1:
        raise ParameterError("NEST runs on several processes, each with a part of the connections: start it on one")
    if kernel["biological_time"] > 0.0:
        raise ParameterError(
            f"biological_time = {kernel['biological_time']:g} ms: the network has been simulated, and NEST does not "
            "give access to its traces; read it before the first Simulate"
        )
    dt, populations = float(kernel["resolution"]), Populations(built)
    projections = {name: populations.projection(name) for name in PROJECTIONS}
    kinds = {name: kinds_of(projections[name], built.synapse_models) for name in PARTS}
    mixed = [name for name in PARTS if kinds[name].any()]
    groups = groups_of(populations, projections, kinds) if mixed else None
    if groups is not None:
        populations = Populations(built, groups.order)
        sorted_by_group, projections = {name: populations.projection(name) for name in PROJECTIONS}, {}
        for name, whole in sorted_by_group.items():
            projections |= groups.parts(name, whole) if name in mixed else {name: whole}
    generators = populations.generators(dt, given_inputs=given_inputs)
    neurons = _Neurons(populations, dt)
    synapses = _Synapses(built, projections, neurons)
    network = {
        "dt": dt,
        "n_input": len(populations.ids["input"]),
        "n_recurrent": len(populations.ids["recurrent"]),
        "n_readout": len(populations.ids["readout"]),
        "neuron": neurons.recurrent(),
        "readout": neurons.readout(),
        "plasticity": neurons.plasticity(resets=kernel["eprop_reset_neurons_on_update"]),
        "groups": None if groups is None else {name: {"size": size} for name, size in groups.sizes.items()},
    }
    rate_factors = synapses.add_to(network)
    samples = populations.bellec
    return NetworkOfNest(
        parse(Network, network),
        synapses.connections(),
        neurons.differing(),
        populations.ids,
        generators,
        neurons.first_step(counts_steps=synapses.has_adam),
        in_steps("eprop_update_interval", kernel["eprop_update_interval"], dt) if samples else 0,
        in_steps("eprop_learning_window", kernel["eprop_learning_window"], dt) if samples else 0,
        synapses.learning,
        rate_factors,
    )


def in_steps(name: str, time: float, dt: float) -> int:
    """Return a time, ms, in steps of ``dt``; it must be a multiple."""
    steps = round(time / dt)
    if abs(steps * dt - time) > 1e-9 * max(1.0, time):
        raise ParameterError(f"{name} = {time:g} ms: must be a multiple of the resolution, {dt:g} ms")
    return steps


def _is_same(values: np.ndarray) -> bool:
    if values.dtype.kind in "fi":
        return bool(np.isclose(values, values[0], rtol=_EQUAL, atol=0.0).all())
    return bool((values == values[0]).all())


def _same(name: str, values: np.ndarray, where: str = "recurrent neurons") -> Any:
    """Return the value that all neurons have."""
    if not _is_same(values):
        raise ParameterError(f"{name}: differs between the {where}, of which all must have one value")
    return values[0].item()


class _Neurons:
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


class _Synapses:
    """Synapses and their optimizers."""

    def __init__(self, built: Built, projections: dict[str, Projection], neurons: _Neurons) -> None:
        self._built, self._projections, self._neurons = built, projections, neurons
        self._factors = neurons.factors()
        self._learnable = [name for name in projections if name != "feedback"]
        models = {name: self._plastic_models(name, projections[name]) for name in self._learnable}
        self.learning = {name: plastic for name, plastic in models.items() if plastic}
        """NEST's models of the synapses, by plastic projection."""

    @property
    def has_adam(self) -> bool:
        """Whether an optimizer counts steps."""
        return any(self._optimizer(models[0])["type"] == "adam" for models in self.learning.values())

    def connections(self) -> dict[str, Connections]:
        """Return all connections, with weights of this package."""
        scaled = {}
        for name, projection in self._projections.items():
            given, factor = projection.connections, self._factors[whole_of(name)]
            weight = given.weight * (factor[given.target] if factor.ndim else factor)
            if self._has_signs(name):  # a zero that may become negative only has that sign
                negative = [model for model in self.learning[name] if self._optimizer(model)["Wmax"] == 0.0]
                weight[np.isin(projection.synapse_models, negative) & (weight == 0.0)] = -0.0
            scaled[name] = given._replace(weight=weight)
        return scaled

    def add_to(self, network: dict[str, Any]) -> dict[str, float]:
        """Add the parameters of projections and optimizers to a network; return the factors of learning rates."""
        for name, projection in self._projections.items():
            delay = 1 if name == "feedback" else self._delay(name, projection.delays)
            _part(network, name)["delay"] = delay
            _part(network, name)["connectivity"] = (
                {"rule": "all_to_all"}
                if projection.is_full
                else {"rule": "pairwise_bernoulli", "probability": projection.density}
            )
            network[whole_of(name)].setdefault("delay", delay)  # that of the stimulus, where samples update
        network["plasticity"]["batch_size"] = self._batch_size()
        own, rate_factors = {}, {}
        for name in self._learnable:
            _part(network, name)["plastic"] = name in self.learning
            if name in self.learning:
                own[name], rate_factors[name] = self._own(name)
                _part(network, name)["fixed_signs"] = self._has_signs(name) or None
        algorithms = {name: self._algorithm(name) for name in self.learning}
        if any(algorithm != next(iter(algorithms.values())) for algorithm in algorithms.values()):
            for name, algorithm in algorithms.items():
                _part(network, name)["optimizer"] = algorithm | own[name]
            return rate_factors
        network["plasticity"]["optimizer"] = next(iter(algorithms.values()), {})
        # What all projections have in common belongs to the optimizer.
        for key in next(iter(own.values()), {}):
            if len({optimizer[key] for optimizer in own.values()}) == 1:
                network["plasticity"]["optimizer"][key] = next(iter(own.values()))[key]
            else:
                for name, optimizer in own.items():
                    _part(network, name)[key] = optimizer[key]
        return rate_factors

    def _delay(self, name: str, delays: np.ndarray) -> int:
        if len(delays) and delays.min() < delays.max():
            raise ParameterError(f"{name}: delays differ, {delays.min():g} to {delays.max():g} ms; one is needed")
        return in_steps(f"{name}.delay", float(delays[0]), self._neurons.dt) if len(delays) else 1

    def _has_signs(self, name: str) -> bool:
        """Whether weights keep their signs, as the bounds of two models say."""
        return len({self._optimizer(model)["Wmax"] for model in self.learning.get(name, [])}) > 1

    def _plastic_models(self, name: str, projection: Projection) -> list[str]:
        """Return the models of plastic synapses of a projection; none where they are static."""
        defaults, bellec = self._built.synapse_models, self._neurons.bellec
        there = [str(model) for model in np.unique(projection.synapse_models)]
        plastic = [model for model in there if "optimizer" in defaults[model]]
        static = [model for model in there if model not in plastic]
        if unknown := [model for model in static if not model.startswith("static_synapse")]:
            raise ParameterError(f"{name}: {unknown[0]} has no counterpart here; e-prop and static synapses have")
        if plastic and static:
            raise ParameterError(f"{name}: plastic and static synapses are mixed")
        if static and bellec:
            raise ParameterError(
                f"{name}: static synapses keep spikes at the end of a sample; use eprop_synapse_bsshslm_2020, eta = 0"
            )
        if not differ_in_signs_only([defaults[model]["optimizer"] for model in plastic]):
            raise ParameterError(f"{name}: optimizers are mixed, of {' and '.join(plastic)}")
        tau_m = self._neurons.of_readouts("tau_m")
        if bellec and plastic and not np.isclose(projection.tau_m_readout, tau_m, rtol=_EQUAL, atol=0.0).all():
            raise ParameterError(f"{name}: tau_m_readout must be tau_m of the readouts, {tau_m:g} ms")
        return plastic

    def _optimizer(self, model: str) -> dict[str, Any]:
        """Return an optimizer; NEST calls its kind "type" where it is set, and "optimizer" where it is read."""
        given = dict(self._built.synapse_models[model]["optimizer"])
        return {"type": given.pop("optimizer")} | given

    def _batch_size(self) -> int:
        """Return the batch size, which the optimizers of all plastic projections have in common."""
        sizes = {int(self._optimizer(models[0])["batch_size"]) for models in self.learning.values()} or {1}
        if len(sizes) > 1:
            raise ParameterError(f"optimizer: batch_size differs between {', '.join(self.learning)}")
        (size,) = sizes
        if not self._neurons.bellec and size != 1:
            raise ParameterError("optimizer: batch_size must be 1 with e-prop+")
        return size

    def _algorithm(self, name: str) -> dict[str, Any]:
        """Return the algorithm of a projection's optimizer with its decays."""
        given = self._optimizer(self.learning[name][0])
        of_adam = ("beta_1", "beta_2", *(() if self._neurons.bellec else ("optimize_each_step",)))
        own = {key: given[key] for key in of_adam} if given["type"] == "adam" else {}
        return {"algorithm": given["type"]} | own

    def _own(self, name: str) -> tuple[dict[str, float], float]:
        """Return a projection's values of the optimizer, and its factor of the learning rate.

        Weights are ``factor`` times NEST's, and gradients ``averaged`` / ``factor`` times.
        """
        given, factor = [self._optimizer(model) for model in self.learning[name]], self._factor(name)
        own = {
            "weight_min": factor * min(optimizer["Wmin"] for optimizer in given),
            "weight_max": factor * max(optimizer["Wmax"] for optimizer in given),
        }
        averaged = self._averaged_steps(self.learning[name][0])
        if given[0]["type"] == "adam":
            rate_factor = factor
            own["epsilon"] = averaged / factor * given[0]["epsilon"]
        else:
            rate_factor = factor * factor / averaged
        return own | {"learning_rate": rate_factor * given[0]["eta"]}, rate_factor

    def _averaged_steps(self, model: str) -> float:
        """Return the steps over which NEST takes the mean of the gradients, whose sum is taken here."""
        if not self._built.synapse_models[model].get("average_gradient", False):
            return 1.0
        return float(in_steps("eprop_learning_window", self._built.kernel["eprop_learning_window"], self._neurons.dt))

    def _factor(self, name: str) -> float:
        """Return one factor of the weights of a projection, for its optimizer."""
        factor = self._factors[whole_of(name)]
        if factor.ndim:
            factor = factor[np.unique(self._projections[name].connections.target)]
        mean = float(factor.mean())
        if not np.isclose(factor, mean, rtol=_EQUAL, atol=0.0).all():
            warnings.warn(
                f"{name}: learning rate, bounds and epsilon are those of a neuron with the mean factor (1 - alpha) = "
                f"{mean:.4g}; single neurons have {factor.min():.4g} to {factor.max():.4g}",
                ApproximationWarning,
                stacklevel=6,
            )
        return mean


def _part(network: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the parameters of a projection, or of its part between two groups; they are created where missing."""
    role = whole_of(name)
    own: dict[str, Any] = network.setdefault(role, {})
    if name == role:
        return own
    parts: dict[str, dict[str, Any]] = own.setdefault(PARTS[role], {})
    return parts.setdefault(name.removeprefix(f"input{ARROW}"), {})


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
