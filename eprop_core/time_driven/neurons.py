"""Recurrent neurons and readouts; a step updates a whole population."""

from collections.abc import Callable, Mapping

import numpy as np

from eprop_core.model.surrogate import function_of
from eprop_core.parameters import Network, SurrogateGradient, Uniform, values_of_groups
from eprop_core.parsing import ParameterError

SURROGATE_GRADIENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "piecewise_linear": lambda u: np.maximum(0.0, 1.0 - u),
    "exponential": lambda u: np.exp(-u),
    "fast_sigmoid_derivative": lambda u: 1.0 / (1.0 + u) ** 2,
    "arctan": lambda u: 1.0 / (1.0 + u**2),
}
"""By name, functions of the distance to the threshold in units of the width; their height is 1.

Those of other names are taken from the event-driven model, one neuron after the other.
"""

LOSS_GRADIENTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mean_squared_error": lambda readout, target: readout - target,
    "cross_entropy": lambda readout, target: softmax(readout) - target,
}
"""Errors by the name of the loss, as functions of readout signal and target."""


def surrogate_gradient(chosen: SurrogateGradient, distance: np.ndarray) -> np.ndarray:
    """Surrogate gradient at ``distance``, mV, of voltages from their thresholds; of any shape."""
    shape = SURROGATE_GRADIENTS.get(chosen.function) or np.vectorize(function_of(chosen.function), otypes=[float])
    return np.asarray(chosen.height * shape(np.abs(distance) / chosen.width))


def softmax(readout: np.ndarray) -> np.ndarray:
    """Return the softmax of the readout signals, float64 (n_readout,)."""
    weights = np.exp(readout - readout.max())
    return np.asarray(weights / weights.sum())


def per_neuron(network: Network, name: str, neuron_values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the values of a parameter of all recurrent neurons, float64 (n_recurrent,).

    Parameters
    ----------
    network
        Parameters of the network.
    name
        Name of the parameter, of the neurons or of their rate regularization.
    neuron_values
        Values (n_recurrent,) by name of the parameters that are drawn for each neuron.

    Raises
    ------
    ParameterError
        If the parameter is drawn for each neuron and ``neuron_values`` lack it or have another size.
    """
    if name not in neuron_values and not any(isinstance(value, Uniform) for value in values_of_groups(network, name)):
        return np.concatenate([np.full(len(ids), float(value)) for ids, value in network.values_by_ids(name)])
    drawn = np.asarray(neuron_values.get(name, ()), float)
    if drawn.shape != (network.n_recurrent,):
        raise ParameterError(
            f"neuron_values[{name!r}]: must have n_recurrent = {network.n_recurrent} entries, it has {drawn.size}"
        )
    return drawn


def surrogate_of_neurons(network: Network, neuron_values: Mapping[str, np.ndarray]) -> SurrogateGradient:
    """Return the surrogate gradient with the heights and the widths of all neurons, for distances of all of them."""
    values = {key: per_neuron(network, f"surrogate_{key}", neuron_values) for key in ("height", "width")}
    return network.neuron.surrogate_gradient.model_copy(update=values)


class RecurrentNeurons:
    """Leaky integrate-and-fire neurons, initially at rest; voltages are relative to E_L.

    Parameters
    ----------
    network
        Parameters of the network.
    neuron_values
        See :func:`per_neuron`.

    Attributes
    ----------
    decay
        float64 (n,), alpha, the decay of the membrane voltage per step.
    threshold_rise
        float64 (n,), mV, beta, the increase of the threshold after a spike; 0 for neurons that do not adapt.
    adaptation_decay
        rho, the decay of the adaptation per step.
    voltage
        float64 (n,), mV, after the reset.
    spiked
        bool (n,), whether a neuron spiked in the present step.
    surrogate_gradient
        float64 (n,), psi of the present step, before the reset.
    rate_regularization
        float64 (n,), R, the learning signal of the firing-rate regularization.
    """

    def __init__(self, network: Network, neuron_values: Mapping[str, np.ndarray]) -> None:
        neuron, rule, n = network.neuron, network.plasticity, network.n_recurrent
        tau_m = per_neuron(network, "tau_m", neuron_values)
        self._neuron = neuron
        self._V_th = per_neuron(network, "V_th", neuron_values)
        self._V_min = -np.inf if neuron.V_min is None else neuron.V_min
        C_m, beta = (per_neuron(network, name, neuron_values) for name in ("C_m", "beta"))
        self._constant_input = tau_m / C_m * -np.expm1(-network.dt / tau_m) * neuron.I_e
        self._refractory_steps = np.rint(per_neuron(network, "t_ref", neuron_values) / network.dt).astype(np.int64)
        self._surrogate = surrogate_of_neurons(network, neuron_values)
        self.decay = np.exp(-network.dt / tau_m)
        self.threshold_rise = np.zeros(n)
        self.adaptation_decay = 0.0
        if neuron.adaptation is not None:
            adapting = round(neuron.adaptation.share * n)
            self.threshold_rise[n - adapting :] = beta[n - adapting :]
            self.adaptation_decay = float(np.exp(-network.dt / neuron.adaptation.tau))
        self._rule = rule
        self._c_reg, self._f_target = (per_neuron(network, name, neuron_values) for name in ("c_reg", "f_target"))
        self._dt = network.dt
        self._adaptation = np.zeros(n)
        self._refractory = np.zeros(n, np.int64)
        self._rate = np.zeros(n)  # spikes per ms
        self.voltage = np.zeros(n)
        self.spiked = np.zeros(n, bool)
        self.surrogate_gradient = np.zeros(n)
        self.rate_regularization = np.zeros(n)

    def update(self, arriving: np.ndarray) -> None:
        """Advance by one step with the input ``arriving``, pA, float64 (n,)."""
        neuron = self._neuron
        clamped = (self._refractory > 0) & (neuron.V_reset is not None)
        self._refractory = np.maximum(self._refractory - 1, 0)
        free = np.maximum(self.decay * self.voltage + arriving + self._constant_input, self._V_min)
        voltage = np.where(clamped, self.voltage, free)
        # As in NEST, adaptation is frozen while a neuron is clamped, so it misses the spike that caused the clamp.
        self._adaptation = np.where(clamped, self._adaptation, self.adaptation_decay * self._adaptation + self.spiked)
        distance = voltage - (self._V_th + self.threshold_rise * self._adaptation)
        gradient = surrogate_gradient(self._surrogate, distance)
        self.surrogate_gradient = np.where(self._refractory == 0, gradient, 0.0)
        self.spiked = (distance >= 0.0) & (self._refractory == 0) & ~clamped
        reset = voltage - self._V_th if neuron.V_reset is None else neuron.V_reset
        self.voltage = np.where(self.spiked, reset, voltage)
        self._refractory = np.where(self.spiked, self._refractory_steps, self._refractory)
        self._regularize_rate()

    def _regularize_rate(self) -> None:
        rule = self._rule
        self._rate = rule.kappa_reg * self._rate + (1.0 - rule.kappa_reg) * self.spiked / self._dt
        self.rate_regularization = self._c_reg * (self._rate - self._f_target / 1000.0)


class Readouts:
    """Leaky readouts, initially at rest.

    Parameters
    ----------
    network
        Parameters of the network.

    Attributes
    ----------
    decay
        Decay of the membrane voltage per step.
    signal
        float64 (n_readout,), mV, the readout signal y.
    error
        float64 (n_readout,), gradient of the loss by the signal; 0 outside the learning window.
    """

    def __init__(self, network: Network) -> None:
        self._readout = network.readout
        self._voltage = np.zeros(network.n_readout)  # relative to E_L
        self.decay = float(np.exp(-network.dt / network.readout.tau_m))
        self.signal = np.full(network.n_readout, network.readout.E_L)
        self.error = np.zeros(network.n_readout)

    def update(self, arriving: np.ndarray, target: np.ndarray, learns: bool) -> None:
        """Advance by one step.

        Parameters
        ----------
        arriving
            Input, pA, float64 (n_readout,).
        target
            Target, mV, float64 (n_readout,).
        learns
            Whether the step is in the learning window.
        """
        self._voltage = self.decay * self._voltage + arriving
        self.signal = self._voltage + self._readout.E_L
        self.error = LOSS_GRADIENTS[self._readout.loss](self.signal, target) if learns else np.zeros(len(target))
