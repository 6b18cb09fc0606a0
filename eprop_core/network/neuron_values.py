"""Parameters in which recurrent neurons differ: drawn from a distribution, or given explicitly."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from eprop_core.arrays import array_of
from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import fill_integers, fill_uniform
from eprop_core.network.connections import Range
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.parameters import Network, Uniform, differs, is_multiple
from eprop_core.parsing import ParameterError


class NeuronValues(NamedTuple):
    """Values in which recurrent neurons may differ; float64 (n,) unless said otherwise."""

    tau_m: np.ndarray
    """ms"""
    C_m: np.ndarray
    """pF"""
    V_th: np.ndarray
    """mV"""
    beta: np.ndarray
    """mV, rise of the threshold after a spike; of neurons that adapt alone."""
    c_reg: np.ndarray
    """Strength of the rate regularization."""
    f_target: np.ndarray
    """spikes/s, target of the rate regularization."""
    t_ref: np.ndarray
    """ms, refractory period, a multiple of dt."""
    surrogate_height: np.ndarray
    """Largest value of the surrogate gradient."""
    surrogate_width: np.ndarray
    """mV, width of the surrogate gradient."""
    phase: np.ndarray
    """int32, see :func:`firing_phases`."""


def neuron_values(
    network: Network, seed: int, recurrent: Range, explicit: Mapping[str, np.ndarray] | None = None
) -> NeuronValues:
    """Return the values of the neurons of one rank.

    Parameters
    ----------
    network
        Parameters of the network; a ``Uniform`` parameter is drawn for each neuron, others are those of its group.
    seed
        Seed of the network.
    recurrent
        The neurons of the rank.
    explicit
        Values of parameters of :data:`PER_NEURON`, instead of those that ``network`` gives, float64 (n_recurrent,).
        Those of parameters with an extent need a ``network`` in which neurons differ in them.

    Raises
    ------
    ParameterError
        Explicit values of another parameter, not one per neuron, or not allowed.
    """
    # Copies, since compiled code distinguishes arrays that are writable from others.
    own = {
        name: array_of(np.float64, f"neuron_values[{name!r}]", values, ParameterError).copy()
        for name, values in (explicit or {}).items()
    }
    possible = [name for name, spec in PER_NEURON.items() if not spec.has_extent or differs(network, name)]
    for name, values in own.items():
        if name not in possible:
            others = ", ".join(name for name, spec in PER_NEURON.items() if spec.has_extent and name not in possible)
            needed = f"; {others} only where the network's parameters differ between neurons" if others else ""
            raise ParameterError(f"neuron_values[{name!r}]: must be one of {', '.join(possible)}{needed}")
        # All values, also those of other ranks, so that all ranks raise the error.
        _check(network, name, values, network.n_recurrent)
    return values_of_rank(
        network, seed, recurrent, {name: values[recurrent.first : recurrent.last] for name, values in own.items()}
    )


def values_of_rank(network: Network, seed: int, recurrent: Range, own: Mapping[str, np.ndarray]) -> NeuronValues:
    """Return the values of the neurons of one rank, of which ``own``, float64 (n,), are known.

    Raises
    ------
    ParameterError
        A value that is not allowed.
    """

    def values_of(name: str) -> np.ndarray:
        if name in own:
            _check(network, name, own[name], recurrent.n)
            return own[name]
        values = np.empty(recurrent.n)
        for ids, value in network.values_by_ids(name):
            first = max(ids.start, recurrent.first)
            part = values[first - recurrent.first : max(first, min(ids.stop, recurrent.last)) - recurrent.first]
            if isinstance(value, Uniform):
                fill_uniform(part, value.low, value.high, np.uint64(seed), int(PER_NEURON[name].purpose), first)
                if name == "t_ref":
                    part[:] = refractory_steps(part, network) * network.dt
            else:
                part[:] = value
        return values

    return NeuronValues(**{name: values_of(name) for name in PER_NEURON}, phase=firing_phases(network, seed, recurrent))


def _check(network: Network, name: str, values: np.ndarray, n: int) -> None:
    is_allowed, allowed = _allowed(network, name)
    if values.shape != (n,) or not np.all(np.isfinite(values) & is_allowed(values)):
        raise ParameterError(f"neuron_values[{name!r}]: must be n_recurrent = {network.n_recurrent} values {allowed}")


def _allowed(network: Network, name: str) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    """Return a test of which values a parameter may have, and what they are in words."""
    match name:
        case "tau_m":
            lowest = network.extent(name)[0]
            return lambda values: values >= lowest, f"of {lowest:g} ms or more"
        case "beta" | "surrogate_height":
            highest = network.extent(name)[1]
            unit = " mV" if name == "beta" else ""
            return lambda values: (values >= 0.0) & (values <= highest), f"from 0 to {highest:g}{unit}"
        case "t_ref":
            longest = network.longest_refractory_period
            limit = "" if longest == np.inf else f", at most {longest:g} ms"
            return (
                lambda values: (values >= 0.0) & (values <= longest) & _are_multiples(values, network.dt),
                f"of 0 or more that are multiples of dt = {network.dt:g} ms{limit}",
            )
        case "surrogate_width":
            return lambda values: values > 0.0, "above 0 mV"
        case "V_th":
            voltages = (0.0, network.neuron.V_min, network.neuron.V_reset)
            below = max(voltage for voltage in voltages if voltage is not None)
            return lambda values: values > below, f"above {below:g} mV"
        case "C_m":
            return lambda values: values > 0.0, "above 0 pF"
    return lambda values: values >= 0.0, "of 0 or more"


def refractory_steps(t_ref: np.ndarray, network: Network) -> np.ndarray:
    """Return refractory periods, ms, in steps, int64 (n,)."""
    return np.rint(t_ref / network.dt).astype(np.int64)


def _are_multiples(times: np.ndarray, dt: float) -> np.ndarray:
    return np.array([bool(np.isfinite(time)) and is_multiple(float(time), dt) for time in times], np.bool_)


def firing_phases(network: Network, seed: int, recurrent: Range) -> np.ndarray:
    """Return the steps, int32 (n,), of the period in which neurons that ignore their input fire; empty without such."""
    phase = np.zeros(recurrent.n if network.firing_period else 0, np.int32)
    fill_integers(phase, network.firing_period, np.uint64(seed), int(Purpose.FIRING_PHASES), recurrent.first)
    return phase
