"""Parameters in which recurrent neurons differ: drawn from a distribution, or given explicitly."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.random import Purpose, fill_integers, fill_uniform
from eprop_core.network.connections import Range
from eprop_core.parameters import Network, Uniform, differs
from eprop_core.parsing import ParameterError

_DRAWN = {"tau_m": Purpose.MEMBRANE_TIME_CONSTANTS, "V_th": Purpose.THRESHOLDS}
"""Parameters that may be drawn for each neuron, and the purpose of the draws."""


class NeuronValues(NamedTuple):
    """Values in which recurrent neurons may differ; float64 (n,) unless said otherwise."""

    tau_m: np.ndarray
    """ms"""
    C_m: np.ndarray
    """pF"""
    V_th: np.ndarray
    """mV"""
    beta: np.ndarray
    """mV, rise of the threshold after a spike of a neuron that adapts."""
    c_reg: np.ndarray
    """Strength of the rate regularization."""
    f_target: np.ndarray
    """spikes/s, target of the rate regularization."""
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
        Values of parameters in which neurons differ, instead of those that are drawn, float64 (n_recurrent,).

    Raises
    ------
    ParameterError
        Explicit values of another parameter, not one per neuron, or not allowed.
    """
    # Copies, since compiled code distinguishes arrays that are contiguous and writable from others.
    own = {name: np.array(values, float, order="C") for name, values in (explicit or {}).items()}
    for name, values in own.items():
        if name not in _DRAWN or not differs(network, name):
            raise ParameterError(f"neuron_values[{name!r}]: only for tau_m and V_th that differ between neurons")
        if values.shape != (network.n_recurrent,):
            raise ParameterError(f"neuron_values[{name!r}]: {_expected(network, name)}")
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
            # The smallest time constant decides when blocks of the sums start, which must be the same on all ranks.
            lowest = network.extent("tau_m")[0]
            high_enough = own[name] >= lowest if name == "tau_m" else own[name] > _lowest_voltage(network)
            if not np.all(np.isfinite(own[name]) & high_enough):
                raise ParameterError(f"neuron_values[{name!r}]: {_expected(network, name)}")
            return own[name]
        values = np.empty(recurrent.n)
        for ids, value in network.values_by_ids(name):
            first = max(ids.start, recurrent.first)
            part = values[first - recurrent.first : max(first, min(ids.stop, recurrent.last)) - recurrent.first]
            if isinstance(value, Uniform):
                fill_uniform(part, value.low, value.high, np.uint64(seed), int(_DRAWN[name]), first)
            else:
                part[:] = value
        return values

    return NeuronValues(
        tau_m=values_of("tau_m"),
        C_m=values_of("C_m"),
        V_th=values_of("V_th"),
        beta=values_of("beta"),
        c_reg=values_of("c_reg"),
        f_target=values_of("f_target"),
        phase=firing_phases(network, seed, recurrent),
    )


def _expected(network: Network, name: str) -> str:
    allowed = (
        f"of {network.extent('tau_m')[0]:g} ms or more" if name == "tau_m" else f"above {_lowest_voltage(network):g} mV"
    )
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
