"""Parameters in which recurrent neurons may differ, so that a configuration is checked without the compiler."""

from typing import NamedTuple

from eprop_core.compiled.purpose import Purpose


class PerNeuron(NamedTuple):
    """A parameter in which recurrent neurons may differ."""

    path: str
    """Its place among the parameters of the network."""
    unit: str
    purpose: Purpose
    """Of the draws."""
    has_extent: bool = False
    """Whether the values that it may have decide what is built, so that explicit ones must keep to the parameters'."""


PER_NEURON = {
    # The smallest decay decides when blocks of the sums start, which must be the same on all ranks.
    "tau_m": PerNeuron("neuron.tau_m", "ms", Purpose.MEMBRANE_TIME_CONSTANTS, has_extent=True),
    "V_th": PerNeuron("neuron.V_th", "mV", Purpose.THRESHOLDS, has_extent=True),
    "C_m": PerNeuron("neuron.C_m", "pF", Purpose.CAPACITANCES),
    "beta": PerNeuron("neuron.adaptation.beta", "mV", Purpose.THRESHOLD_RISES, has_extent=True),
    "c_reg": PerNeuron("plasticity.c_reg", "1", Purpose.RATE_REGULARIZATIONS),
    "f_target": PerNeuron("plasticity.f_target", "spikes/s", Purpose.TARGET_RATES),
    "t_ref": PerNeuron("neuron.t_ref", "ms", Purpose.REFRACTORY_PERIODS),
    # With adaptation, a larger height makes the smallest decay smaller.
    "surrogate_height": PerNeuron("neuron.surrogate_gradient.height", "1", Purpose.SURROGATE_HEIGHTS, has_extent=True),
    "surrogate_width": PerNeuron("neuron.surrogate_gradient.width", "mV", Purpose.SURROGATE_WIDTHS),
}
"""Parameters in which neurons may differ, of the neurons and of their rate regularization."""
