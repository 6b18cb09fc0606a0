"""From a network of NEST to one of this package: populations, parameters, connections."""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np

from eprop_core.interoperability.nest_snapshot import Built
from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, SURROGATE_GRADIENTS, Network
from eprop_core.parsing import ParameterError, parse


class ApproximationWarning(UserWarning):
    """Something in NEST has no exact counterpart here and is approximated."""


class _Model(NamedTuple):
    bellec: bool
    """Whether it has the rule of Bellec et al. (2020) instead of e-prop+."""
    adapts: bool
    clamps: bool
    """Whether a spike sets the voltage to V_reset."""


_RECURRENT = {
    "eprop_iaf": _Model(bellec=False, adapts=False, clamps=False),
    "eprop_iaf_adapt": _Model(bellec=False, adapts=True, clamps=False),
    "eprop_iaf_psc_delta": _Model(bellec=False, adapts=False, clamps=True),
    "eprop_iaf_psc_delta_adapt": _Model(bellec=False, adapts=True, clamps=True),
    "eprop_iaf_bsshslm_2020": _Model(bellec=True, adapts=False, clamps=False),
    "eprop_iaf_adapt_bsshslm_2020": _Model(bellec=True, adapts=True, clamps=False),
}
_READOUTS = {"eprop_readout": False, "eprop_readout_bsshslm_2020": True}
"""Whether a model of readouts has the rule of Bellec et al."""
_INPUT = "parrot_neuron"
_SPIKES, _RATES = "spike_generator", "step_rate_generator"
_WINDOW_OR_SOFTMAX, TARGET = 1, 2
"""Receptors of the readouts: 1 receives the learning window with e-prop+, and the other readouts with Bellec's rule."""
_LARGEST = 1e300
"""Larger voltages stand for infinity in NEST."""
_EQUAL = 1e-12
"""Relative difference of equal values, which NEST adds to E_L and takes off again."""


class Driven(NamedTuple):
    """Connections from generators."""

    source: np.ndarray
    """int64 (n,), ids in NEST."""
    target: np.ndarray
    """int64 (n,), ids within the target population."""
    steps: np.ndarray
    """int64 (n,), delays."""
    weight: np.ndarray
    """float64 (n,)"""


class Generators(NamedTuple):
    """Connections from generators, by what they drive."""

    inputs: Driven
    targets: Driven
    windows: Driven
    neurons: Driven
    """Spikes that reach recurrent neurons past the inputs."""


class FromKernel(NamedTuple):
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
    synapse_models: dict[str, str]
    """NEST's model of the synapses, by plastic projection."""
    rate_factor: dict[str, float]
    """Learning rate here relative to NEST's, by plastic projection."""


def from_kernel(built: Built, *, given_inputs: bool = False) -> FromKernel:
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
    return _Reader(built, given_inputs).read()


class _Reader:
    """A network in NEST, and its populations."""

    def __init__(self, built: Built, given_inputs: bool) -> None:
        self._built = built
        self._kernel = built.kernel
        self._given_inputs = given_inputs
        self._dt = float(built.kernel["resolution"])
        if built.kernel["num_processes"] > 1:
            raise ParameterError("NEST runs on several processes, each with a part of the connections: start it on one")
        if built.kernel["biological_time"] > 0.0:
            raise ParameterError(
                f"biological_time = {built.kernel['biological_time']:g}: the network has been simulated, "
                "and NEST does not tell its traces; read it before the first Simulate"
            )
        self._models = [model for model in _RECURRENT if model in built.nodes]
        readouts = [model for model in _READOUTS if model in built.nodes]
        if not self._models or not readouts:
            raise ParameterError("NEST's kernel has no recurrent neurons of e-prop, or no readouts")
        rules = {_RECURRENT[model].bellec for model in self._models} | {_READOUTS[model] for model in readouts}
        if len(rules) > 1:
            raise ParameterError(f"{', '.join(self._models + readouts)}: models of both rules are in one kernel")
        (self._bellec,) = rules
        if len({_RECURRENT[model].clamps for model in self._models}) > 1:
            raise ParameterError(f"{', '.join(self._models)}: only LIF and adaptive neurons of one kind may be mixed")
        self._readouts = built.nodes[readouts[0]].parameters
        # The adaptive ones have the highest ids here.
        self._models.sort(key=lambda model: _RECURRENT[model].adapts)
        inputs = built.nodes[_INPUT].ids if _INPUT in built.nodes else np.empty(0, int)
        self.ids = {
            "input": inputs,
            "recurrent": np.concatenate([built.nodes[model].ids for model in self._models]),
            "readout": built.nodes[readouts[0]].ids,
        }
        if not len(inputs):
            raise ParameterError(f"NEST's kernel has no {_INPUT}s, which relay the input to the recurrent neurons")
        self._suffix = "_bsshslm_2020" if self._bellec else ""

    def read(self) -> FromKernel:
        projections = {name: self._projection(name) for name in PROJECTIONS}
        generators = self._generators()
        neuron_values, neuron = self._neuron_values(), self._neuron()
        neuron |= {
            name: {"low": float(values.min()), "high": float(values.max())} for name, values in neuron_values.items()
        }
        factors = self._factors()
        learning = {name: model for name, (_, model, _) in projections.items() if model and name != "feedback"}
        parameters: dict[str, Any] = {
            "dt": self._dt,
            "n_input": len(self.ids["input"]),
            "n_recurrent": len(self.ids["recurrent"]),
            "n_readout": len(self.ids["readout"]),
            "neuron": neuron,
            "readout": self._readout(),
            "plasticity": self._plasticity() | self._optimizers(learning),
        }
        connections = {}
        for name, (given, _, delay) in projections.items():
            factor = factors[name]
            weight = given.weight * (factor[given.target] if factor.ndim else factor)
            connections[name] = given._replace(weight=weight)
            parameters[name] = {"connectivity": self._connectivity(name, given), "delay": delay}
        gradient = self._gradient_factor()
        own, rate_factor = {}, {}
        for name in LEARNING_PROJECTIONS:
            parameters[name]["plastic"] = name in learning
            if name in learning:
                factor = self._one_factor(name, factors[name])
                own[name], rate_factor[name] = self._own_optimizer(learning[name], factor, gradient)
        for key in next(iter(own.values()), {}):
            values = {name: optimizer[key] for name, optimizer in own.items()}
            if len(set(values.values())) == 1:
                parameters["plasticity"]["optimizer"] |= {key: next(iter(values.values()))}
            else:
                for name, value in values.items():
                    parameters[name][key] = value
        sample, window = self._kernel["eprop_update_interval"], self._kernel["eprop_learning_window"]
        return FromKernel(
            parse(Network, parameters),
            connections,
            neuron_values,
            self.ids,
            generators,
            self._first_step(),
            self._steps("eprop_update_interval", sample) if self._bellec else 0,
            self._steps("eprop_learning_window", window) if self._bellec else 0,
            learning,
            rate_factor,
        )

    def _steps(self, name: str, time: float) -> int:
        steps = round(time / self._dt)
        if abs(steps * self._dt - time) > 1e-9 * max(1.0, time):
            raise ParameterError(f"{name} = {time:g} ms: must be a multiple of the resolution, {self._dt:g} ms")
        return steps

    # Neurons

    def _values(self, name: str) -> np.ndarray:
        """Return a parameter of all recurrent neurons that have it, in their order here."""
        of_models = (self._built.nodes[model].parameters for model in self._models)
        return np.concatenate([parameters[name] for parameters in of_models if name in parameters])

    def _voltages(self, name: str) -> np.ndarray:
        return np.asarray(self._values(name) - self._values("E_L"))

    def _same(self, name: str, values: np.ndarray, where: str = "recurrent neurons") -> Any:
        """Return the value that all neurons have."""
        first = values[0]
        if isinstance(first, str | np.str_ | bool | np.bool_):
            same = bool((values == first).all())
        else:
            same = bool(np.isclose(values, first, rtol=_EQUAL, atol=0.0).all())
        if not same:
            raise ParameterError(f"{name}: differs between the {where}, of which all must have one value")
        return first.item() if isinstance(first, np.generic) else first

    def _one(self, name: str) -> Any:
        return self._same(name, self._values(name))

    def _one_voltage(self, name: str) -> float:
        return float(self._same(name, self._voltages(name)))

    def _of_readouts(self, name: str) -> Any:
        return self._same(name, self._readouts[name], "readouts")

    def _neuron(self) -> dict[str, Any]:
        clamps = _RECURRENT[self._models[0]].clamps
        for name in ("ignore_and_spike", "refractory_input"):
            if name in self._built.nodes[self._models[0]].parameters and self._values(name).any():
                raise ParameterError(f"{name}: is true, this package's neurons have no such mode")
        V_min = self._voltages("V_min")
        unbounded = bool((V_min < -_LARGEST).all())
        return {
            "C_m": self._one("C_m"),
            "I_e": self._one("I_e"),
            "tau_m": float(self._values("tau_m")[0]),
            "V_th": float(self._voltages("V_th")[0]),
            "V_min": None if unbounded else self._same("V_min", V_min),
            "V_reset": self._one_voltage("V_reset") if clamps else None,
            "delayed_reset": self._bellec,
            "t_ref": self._one("t_ref"),
            "adaptation": self._adaptation(),
            "surrogate_gradient": surrogate_gradient(
                {name: self._one(name) for name in self._surrogate_names()}
            ),
        }

    def _surrogate_names(self) -> list[str]:
        of_first = self._built.nodes[self._models[0]].parameters
        return [name for name in (f"{_SURROGATE}_function", *_SURROGATE_NAMES) if name in of_first]

    def _adaptation(self) -> dict[str, Any] | None:
        adaptive = [model for model in self._models if _RECURRENT[model].adapts]
        if not adaptive or not self._values("adapt_beta").any():
            return None
        if self._values("adaptation").any():
            raise ParameterError("adaptation: must be 0 at the start")
        n_adaptive = sum(len(self._built.nodes[model].ids) for model in adaptive)
        share = n_adaptive / len(self.ids["recurrent"])
        return {"beta": self._one("adapt_beta"), "tau": self._one("adapt_tau"), "share": share}

    def _neuron_values(self) -> dict[str, np.ndarray]:
        """Return the values in which neurons differ."""
        values = {"tau_m": self._values("tau_m"), "V_th": self._voltages("V_th")}
        return {name: of for name, of in values.items() if not np.isclose(of, of[0], rtol=_EQUAL, atol=0.0).all()}

    def _readout(self) -> dict[str, Any]:
        if self._readouts["I_e"].any():
            raise ParameterError("I_e: readouts have no constant current here; raise their E_L by I_e tau_m / C_m")
        if (self._readouts["V_m"] != self._readouts["E_L"]).any():
            raise ParameterError("V_m: readouts must start at E_L")
        if (self._readouts["V_min"] > -_LARGEST).any():
            raise ParameterError("V_min: readouts have no lower bound here")
        loss = self._of_readouts("loss") if self._bellec else "mean_squared_error"
        return {"tau_m": self._of_readouts("tau_m"), "E_L": self._of_readouts("E_L"), "loss": loss}

    def _first_step(self) -> int:
        """Return NEST's step that is step 0 here, and check that neurons start at rest.

        With the rule of Bellec et al., the first sample reaches the neurons in NEST's step 3, and here in step 1. With
        e-prop+, NEST's I_e acts on neurons without V_reset from its second step on, so that NEST's first step is left
        out, unless V_m makes up for it.
        """
        V_m, I_e = self._voltages("V_m"), self._one("I_e")
        late = not (I_e == 0.0 or self._bellec or _RECURRENT[self._models[0]].clamps)
        at_rest = not V_m.any()
        if self._bellec or not late:
            if not at_rest:
                raise ParameterError("V_m: recurrent neurons must start at E_L")
            return 2 if self._bellec else 1
        tau_m = self._values("tau_m")
        rise = -np.expm1(-self._dt / tau_m) * tau_m / self._values("C_m") * I_e
        after_one_step = np.maximum(rise, self._voltages("V_min")) * np.exp(self._dt / tau_m)
        if np.allclose(V_m, after_one_step, rtol=1e-9, atol=0.0):
            return 1
        if not at_rest:
            raise ParameterError("V_m: recurrent neurons must start at E_L")
        if "adam" in {self._optimizer(model)["type"] for model in self._plastic_models()}:
            raise ParameterError(
                f"I_e: acts from NEST's second step on, and here from the first; with Adam, which counts steps, set "
                f"V_m - E_L = {after_one_step[0]!r} mV, which makes up for it"
            )
        return 2

    def _plastic_models(self) -> list[str]:
        return [model for model, defaults in self._built.synapse_models.items() if "optimizer" in defaults]

    # Learning rule

    def _plasticity(self) -> dict[str, Any]:
        rule = {"c_reg": self._one("c_reg"), "f_target": 1000.0 * self._one("f_target")}  # NEST tells it in spikes/ms
        if self._bellec:
            if not self._kernel["eprop_reset_neurons_on_update"]:
                raise ParameterError("eprop_reset_neurons_on_update: is false, samples without a reset are not read")
            kappa = math.exp(-self._dt / self._of_readouts("tau_m"))
            return rule | {
                "update": "sample",
                "rate_average": "sample",
                "reset_at_samples": True,
                "kappa": kappa,
                "cutoff": None,
            }
        # NEST compares f_target * dt / 1000 with a rate in spikes per ms.
        rule["f_target"] *= self._dt
        name = "eprop_isi_trace_cutoff"
        cutoff = self._same(name, np.append(self._values(name), self._readouts[name]), "neurons and readouts")
        limited = math.isfinite(cutoff) and cutoff < 2**31 * self._dt
        return rule | {
            "kappa": self._one("kappa"),
            "kappa_reg": self._one("kappa_reg"),
            "cutoff": self._steps(name, cutoff) if limited else None,
        }

    def _optimizers(self, learning: dict[str, str]) -> dict[str, Any]:
        """Return what the optimizers of all plastic projections must have in common."""
        given = [self._optimizer(model) for model in learning.values()]
        if not given:
            return {}
        algorithm = given[0]["type"]
        common = {"type", "batch_size"}
        if algorithm == "adam":
            common |= {"beta_1", "beta_2"} | (set() if self._bellec else {"optimize_each_step"})
        for name in sorted(common):
            if len({optimizer.get(name) for optimizer in given}) > 1:
                raise ParameterError(f"optimizer: {name} differs between {', '.join(learning)}")
        if not self._bellec and given[0]["batch_size"] != 1:
            raise ParameterError("optimizer: batch_size must be 1 with e-prop+")
        own = {name: given[0][name] for name in common - {"type", "batch_size"}}
        return {"batch_size": given[0]["batch_size"], "optimizer": {"algorithm": algorithm} | own}

    def _optimizer(self, model: str) -> dict[str, Any]:
        """Return an optimizer; NEST calls its kind "type" where it is set, and "optimizer" where it is read."""
        given = dict(self._built.synapse_models[model]["optimizer"])
        return {"type": given.pop("optimizer", None)} | given

    def _own_optimizer(self, model: str, factor: float, gradient: float) -> tuple[dict[str, Any], float]:
        """Return the values of a projection whose weights are ``factor`` times NEST's, and its factor of the rate.

        Its gradients are ``gradient`` / ``factor`` times NEST's.
        """
        given = self._optimizer(model)
        own = {"weight_min": factor * given["Wmin"], "weight_max": factor * given["Wmax"]}
        if given["type"] == "adam":
            rate = factor
            own["epsilon"] = gradient / factor * given["epsilon"]
        else:
            rate = factor * factor / gradient
        own["learning_rate"] = rate * given["eta"]
        return own, rate

    def _gradient_factor(self) -> float:
        """Return gradients here relative to NEST's, where weights are the same: NEST may take their mean."""
        averages = {
            defaults["average_gradient"]
            for defaults in self._built.synapse_models.values()
            if "average_gradient" in defaults
        }
        if len(averages) > 1:
            raise ParameterError("average_gradient: differs between synapse models")
        if True not in averages:
            return 1.0
        return float(self._steps("eprop_learning_window", self._kernel["eprop_learning_window"]))

    def _factors(self) -> dict[str, np.ndarray]:
        """Return weights here relative to NEST's, by projection: one factor, or one per target."""
        if not self._bellec:
            return {name: np.array(1.0) for name in PROJECTIONS}
        tau_m, tau_m_readout = self._values("tau_m"), self._of_readouts("tau_m")
        of_neurons = np.where(self._values("regular_spike_arrival"), 1.0, 1.0 - np.exp(-self._dt / tau_m))
        kappa = np.exp(-self._dt / tau_m_readout)
        of_readouts = 1.0 if self._of_readouts("regular_spike_arrival") else 1.0 - kappa
        return {
            "input": of_neurons,
            "recurrent": of_neurons,
            "output": np.array(of_readouts),
            "feedback": np.array(1.0 - kappa),
        }

    def _one_factor(self, name: str, factor: np.ndarray) -> float:
        mean = float(factor.mean())
        if not np.isclose(factor, mean, rtol=_EQUAL, atol=0.0).all():
            warnings.warn(
                f"{name}: learning rate, bounds and epsilon belong to neurons that have the mean factor (1 - alpha) = "
                f"{mean:.4g}; those of single neurons would be {factor.min():.4g} to {factor.max():.4g} of NEST's",
                ApproximationWarning,
                stacklevel=5,
            )
        return mean

    # Connections

    def _between(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return which connections go from and to nodes of these ids."""
        connections = self._built.connections
        return np.isin(connections["source"], sources) & np.isin(connections["target"], targets)

    def _position(self, ids: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Return the places of nodes among ``ids``."""
        order = np.argsort(ids)
        return np.asarray(order[np.searchsorted(ids[order], nodes)], np.int64)

    def _projection(self, name: str) -> tuple[Connections, str, int]:
        """Return connections with NEST's weights, the synapse model or "" if they are static, and the delay."""
        source, target = {
            "input": ("input", "recurrent"),
            "recurrent": ("recurrent", "recurrent"),
            "output": ("recurrent", "readout"),
            "feedback": ("readout", "recurrent"),
        }[name]
        own = self._between(self.ids[source], self.ids[target])
        given = {key: values[own] for key, values in self._built.connections.items()}
        model = self._synapse_model(name, given["synapse_model"])
        delays = np.unique(given["delay"])
        if name == "feedback":
            delays = np.array([self._dt])  # NEST treats all other delays as one step
        if len(delays) > 1:
            raise ParameterError(f"{name}: delays differ, {delays[0]:g} to {delays[-1]:g} ms; one is needed")
        tau_m = given["tau_m_readout"]
        if self._bellec and model and not np.isclose(tau_m, self._of_readouts("tau_m"), rtol=_EQUAL, atol=0.0).all():
            raise ParameterError(f"{name}: tau_m_readout must be tau_m of the readouts")
        sources = self._position(self.ids[source], given["source"])
        targets = self._position(self.ids[target], given["target"])
        if name == "recurrent" and (sources == targets).any():
            raise ParameterError("recurrent: there are autapses, which this package lacks; connect without them")
        order = np.lexsort((sources, targets))
        connections = Connections(sources[order], targets[order], given["weight"][order].astype(float))
        return connections, "" if name == "feedback" else model, self._steps(f"{name}.delay", delays[0]) if len(delays) else 1

    def _synapse_model(self, name: str, models: np.ndarray) -> str:
        """Return the model of plastic synapses of a projection; "" where they are static or there are none."""
        there = [str(model) for model in np.unique(models)]
        if name == "feedback":
            return ""
        plastic = [model for model in there if "optimizer" in self._built.synapse_models[model]]
        static = [model for model in there if model not in plastic]
        if unknown := [model for model in static if not model.startswith("static_synapse")]:
            raise ParameterError(f"{name}: {unknown[0]} has no counterpart here; e-prop and static synapses have")
        if plastic and static:
            raise ParameterError(f"{name}: plastic and static synapses are mixed")
        if static and self._bellec:
            raise ParameterError(
                f"{name}: static synapses keep spikes at the end of a sample; use eprop_synapse_bsshslm_2020, eta = 0"
            )
        optimizers = [self._built.synapse_models[model]["optimizer"] for model in plastic]
        if any(optimizer != optimizers[0] for optimizer in optimizers):
            raise ParameterError(f"{name}: optimizers are mixed, {' and '.join(plastic)}")
        return plastic[0] if plastic else ""

    def _connectivity(self, name: str, given: Connections) -> dict[str, Any]:
        n = {key: len(ids) for key, ids in self.ids.items()}
        possible = {
            "input": n["input"] * n["recurrent"],
            "recurrent": n["recurrent"] * (n["recurrent"] - 1),
            "output": n["recurrent"] * n["readout"],
            "feedback": n["readout"] * n["recurrent"],
        }[name]
        if possible and len(given.weight) == possible:
            return {"rule": "all_to_all"}
        return {"rule": "pairwise_bernoulli", "probability": min(1.0, len(given.weight) / max(1, possible))}

    def _generators(self) -> Generators:
        """Return the connections from generators; refuse all other connections onto the network."""
        spikes, rates = (
            self._built.nodes[model].ids if model in self._built.nodes else np.empty(0, int)
            for model in (_SPIKES, _RATES)
        )
        receptor = self._built.connections["receptor"]
        recurrent, readouts, inputs = self.ids["recurrent"], self.ids["readout"], self.ids["input"]
        onto_readouts = self._between(rates, readouts)
        of_windows = onto_readouts & (receptor == _WINDOW_OR_SOFTMAX) & (not self._bellec)
        softmax = self._between(readouts, readouts) & (receptor == _WINDOW_OR_SOFTMAX) & self._bellec
        self._check_softmax(softmax)
        connected = {
            "inputs": self._between(spikes, inputs),
            "targets": onto_readouts & (receptor == TARGET),
            "windows": of_windows,
            "neurons": self._between(spikes, recurrent),
        }
        known = np.logical_or.reduce([*connected.values(), softmax, self._between(self._recorders(), np.concatenate(list(self.ids.values())))])
        for source, target in (("input", "recurrent"), ("recurrent", "recurrent"), ("recurrent", "readout"), ("readout", "recurrent")):
            known |= self._between(self.ids[source], self.ids[target])
        if self._given_inputs:
            known |= np.isin(self._built.connections["target"], inputs)
        self._check_others(known)
        population = {"inputs": inputs, "targets": readouts, "windows": readouts, "neurons": recurrent}
        return Generators(**{name: self._driven(own, population[name]) for name, own in connected.items()})

    def _driven(self, own: np.ndarray, population: np.ndarray) -> Driven:
        connections = self._built.connections
        return Driven(
            connections["source"][own],
            self._position(population, connections["target"][own]),
            np.rint(connections["delay"][own] / self._dt).astype(int),
            connections["weight"][own],
        )

    def _recorders(self) -> np.ndarray:
        recorders = [nodes.ids for nodes in self._built.nodes.values() if nodes.kind == "recorder"]
        return np.concatenate(recorders) if recorders else np.empty(0, int)

    def _check_softmax(self, softmax: np.ndarray) -> None:
        """Check that the readouts of cross-entropy know one another."""
        if not self._bellec or self._of_readouts("loss") != "cross_entropy":
            return
        n = len(self.ids["readout"])
        if softmax.sum() != n * (n - 1) or (self._built.connections["weight"][softmax] != 1.0).any():
            raise ParameterError("loss: cross_entropy needs a connection of weight 1 from each readout to all others")

    def _check_others(self, known: np.ndarray) -> None:
        """Refuse the first connection onto the network that is not ``known``."""
        own = np.concatenate(list(self.ids.values()))
        others = np.flatnonzero(~known & np.isin(self._built.connections["target"], own))
        if not len(others):
            return
        source, target = (self._built.connections[end][others[0]] for end in ("source", "target"))
        name = f"{self._model_of(source)} {source} onto {self._model_of(target)} {target}"
        if "poisson" in self._model_of(source) and self._model_of(target) == _INPUT:
            raise ParameterError(
                f"{name}: random spikes cannot be drawn again; record them with a spike_recorder of the {_INPUT}s "
                "and pass it as input_spikes"
            )
        raise ParameterError(f"{name}: this connection has no counterpart here")

    def _model_of(self, node: int) -> str:
        return next(model for model, nodes in self._built.nodes.items() if node in nodes.ids)


_SURROGATE = "surrogate_gradient"
_SURROGATE_NAMES = (f"{_SURROGATE}_height", f"{_SURROGATE}_width", "gamma", "beta")


def surrogate_gradient(given: dict[str, Any]) -> dict[str, Any]:
    """Return the surrogate gradient from NEST's parameters; up to NEST 3.9, height is gamma and width 1 / beta.

    Raises
    ------
    ParameterError
        A function that this package lacks.
    """
    name = str(given[f"{_SURROGATE}_function"])
    function = "arctan" if name == "arctan_derivative" else name
    if function not in SURROGATE_GRADIENTS:
        raise ParameterError(f"{_SURROGATE}_function = {name!r}: has no counterpart here")
    if "gamma" not in given:
        return {"function": function, "height": given[f"{_SURROGATE}_height"], "width": given[f"{_SURROGATE}_width"]}
    scale = math.pi if function == "arctan" else 1.0  # gamma / pi / (1 + (pi beta v)^2)
    return {"function": function, "height": given["gamma"] / scale, "width": 1.0 / (scale * given["beta"])}

