"""Parameters of projections, their weights and optimizers from NEST's synapses: units, conventions and factors."""

import warnings
from typing import Any

import numpy as np

from eprop_core.interoperability.nest_groups import differ_in_signs_only, rule_of
from eprop_core.interoperability.nest_neurons import EQUAL, Neurons, in_steps
from eprop_core.interoperability.nest_populations import Projection
from eprop_core.interoperability.nest_snapshot import Built
from eprop_core.network.connections import Connections
from eprop_core.parameters import ARROW, PARTS, whole_of
from eprop_core.parsing import ParameterError


class ApproximationWarning(UserWarning):
    """Something in NEST has no exact counterpart here and is approximated."""


class Synapses:
    """Synapses and their optimizers."""

    def __init__(self, built: Built, projections: dict[str, Projection], neurons: Neurons) -> None:
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
        if not differ_in_signs_only([rule_of(defaults[model]) for model in plastic]):
            raise ParameterError(f"{name}: optimizers are mixed, of {' and '.join(plastic)}")
        tau_m = self._neurons.of_readouts("tau_m")
        if bellec and plastic and not np.isclose(projection.tau_m_readout, tau_m, rtol=EQUAL, atol=0.0).all():
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
        if given["type"] == "gradient_descent" and given.get("optimize_each_step") and 0.0 in self._bounds(name):
            warnings.warn(
                f"{name}: NEST stops a weight at its bound in each step, here at each spike; for the same weights, set "
                "optimize_each_step = False in NEST",
                ApproximationWarning,
                stacklevel=6,
            )
        return {"algorithm": given["type"]} | own

    def _bounds(self, name: str) -> set[float]:
        """Return the bounds of a projection's weights in NEST."""
        return {self._optimizer(model)[bound] for model in self.learning[name] for bound in ("Wmin", "Wmax")}

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
        if not np.isclose(factor, mean, rtol=EQUAL, atol=0.0).all():
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
