"""Parameters in which recurrent neurons differ: drawn from a distribution, or given explicitly."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.random import Purpose, fill_integers, fill_uniform
from eprop_core.network.connections import Range
from eprop_core.parameters import Network, Uniform
from eprop_core.parsing import ParameterError

_DRAWN = ("tau_m", "V_th")
"""Parameters that may be drawn for each neuron."""


class NeuronValues(NamedTuple):
    """Values in which recurrent neurons may differ; float64 (n,) unless said otherwise."""

    tau_m: np.ndarray
    """ms"""
    V_th: np.ndarray
    """mV"""
    phase: np.ndarray
    """int32, see :func:`firing_phases`."""


def neuron_values(
    network: Network, seed: int, recurrent: Range, explicit: Mapping[str, np.ndarray] | None = None
) -> NeuronValues:
    """Return the values of the neurons of one rank.

    Parameters
    ----------
    network
        Parameters of the network; a ``Uniform`` parameter is drawn for each neuron.
    seed
        Seed of the network.
    recurrent
        The neurons of the rank.
    explicit
        Values of ``Uniform`` parameters that are not to be drawn, float64 (n_recurrent,).

    Raises
    ------
    ParameterError
        Explicit values of another parameter, not one per neuron, or not allowed.
    """
    # Copies, since compiled code distinguishes arrays that are contiguous and writable from others.
    own = {name: np.array(values, float, order="C") for name, values in (explicit or {}).items()}
    for name, values in own.items():
        if name not in _DRAWN or not isinstance(getattr(network.neuron, name), Uniform):
            raise ParameterError(f"neuron_values[{name!r}]: only for tau_m and V_th that differ between neurons")
        if values.shape != (network.n_recurrent,):
            raise ParameterError(f"neuron_values[{name!r}]: {_expected(network, name)}")
    return values_of_rank(
        network, seed, recurrent, {name: values[recurrent.first : recurrent.last] for name, values in own.items()}
    )


def values_of_rank(network: Network, seed: int, recurrent: Range, own: Mapping[str, np.ndarray]) -> NeuronValues:
    """Return the values of the neurons of one rank, of whom ``own``, float64 (n,), are not to be drawn.

    Raises
    ------
    ParameterError
        A value that is not allowed.
    """

    def values_of(name: str, purpose: Purpose) -> np.ndarray:
        value = getattr(network.neuron, name)
        if not isinstance(value, Uniform):
            return np.full(recurrent.n, value)
        if name in own:
            # The smallest time constant decides when blocks of the sums start, which must be the same on all ranks.
            high_enough = own[name] >= value.low if name == "tau_m" else own[name] > _lowest_voltage(network)
            if not np.all(np.isfinite(own[name]) & high_enough):
                raise ParameterError(f"neuron_values[{name!r}]: {_expected(network, name)}")
            return own[name]
        values = np.empty(recurrent.n)
        fill_uniform(values, value.low, value.high, np.uint64(seed), int(purpose), recurrent.first)
        return values

    return NeuronValues(
        tau_m=values_of("tau_m", Purpose.MEMBRANE_TIME_CONSTANTS),
        V_th=values_of("V_th", Purpose.THRESHOLDS),
        phase=firing_phases(network, seed, recurrent),
    )


def _expected(network: Network, name: str) -> str:
    low = network.neuron.tau_m.low if isinstance(network.neuron.tau_m, Uniform) else network.neuron.tau_m
    allowed = f"of {low:g} ms or more" if name == "tau_m" else f"above {_lowest_voltage(network):g} mV"
    return f"must be n_recurrent = {network.n_recurrent} values {allowed}"


def _lowest_voltage(network: Network) -> float:
    """Return the voltage (mV) that every threshold must exceed."""
    neuron = network.neuron
    return max(voltage for voltage in (0.0, neuron.V_min, neuron.V_reset) if voltage is not None)


def firing_phases(network: Network, seed: int, recurrent: Range) -> np.ndarray:
    """Return the steps, int32 (n,), of the period in which neurons that ignore their input fire; empty without such."""
    phase = np.zeros(recurrent.n if network.firing_period else 0, np.int32)
    fill_integers(phase, network.firing_period, np.uint64(seed), int(Purpose.FIRING_PHASES), recurrent.first)
    return phase
