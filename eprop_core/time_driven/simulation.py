"""The time-driven model: dense matrices, in which every trace of every synapse is updated in every step.

It is the reference for tests of the event-driven simulator and the time-driven baseline of the benchmarks. Its results
equal those of ``eprop_core.simulation`` up to rounding. Its cost is proportional to pairs of neurons times steps.

The rule is e-prop with one weight update per presynaptic spike (Bellec et al. 2020; Korcsak-Gorzo et al., "e-prop+").
A synapse can use a step only after the learning signal of that step has arrived. Traces and gradients are therefore
advanced by *history index*, which lags behind the simulated step; see :class:`~.synapses.Timing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.network.projections import ProjectionSpec, Role, projections, projections_with_weights
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.stimulus import Stimulus
from eprop_core.time_driven.feedback import SynapsesWithFeedback
from eprop_core.time_driven.neurons import Readouts, RecurrentNeurons
from eprop_core.time_driven.supported import check_network
from eprop_core.time_driven.synapses import History, SynapsesOntoNeurons, SynapsesOntoReadouts, Timing, dense, listed

_NO_VALUES: Mapping[str, np.ndarray] = {}


@dataclass(frozen=True)
class TimeDrivenResult:
    """Spikes, signals and final weights of a run; steps are counted from its start.

    Attributes
    ----------
    spike_steps
        int64 (n_spikes,), ascending.
    spike_neurons
        int64 (n_spikes,), ascending within a step.
    readout
        float64 (n_steps, n_readout), mV.
    error
        float64 (n_steps, n_readout), gradient of the loss by the readout; for the mean squared error, mV, learning
        window * (readout - target).
    weights
        Connections by projection, sorted by (target, source); each weight is that of the last spike through its
        synapse.
    voltage
        float64 (n_steps, n_recurrent), mV, after the reset, relative to E_L.
    surrogate_gradient
        float64 (n_steps, n_recurrent).
    learning_signal
        float64 (n_steps, n_recurrent), by history index: entry t is ``error[t + output.delay]`` times the feedback
        weights at its arrival; zero if it arrives after the run.
    """

    spike_steps: np.ndarray
    spike_neurons: np.ndarray
    readout: np.ndarray
    error: np.ndarray
    weights: dict[str, Connections]
    voltage: np.ndarray
    surrogate_gradient: np.ndarray
    learning_signal: np.ndarray


def simulate(
    network: Network,
    connections: Mapping[str, Connections],
    stimulus: Stimulus,
    *,
    neuron_values: Mapping[str, np.ndarray] = _NO_VALUES,
    plastic: bool = True,
) -> TimeDrivenResult:
    """Simulate ``network`` from rest with ``stimulus``.

    Parameters
    ----------
    network
        Parameters; its connectivity and initial weights are not used.
    connections
        Connections of all projections but symmetric feedback, each pair at most once. Adaptive feedback needs the
        reversed pairs of "output".
    stimulus
        Input spikes, targets and learning window.
    neuron_values
        float64 (n_recurrent,) by name, for "tau_m" (ms) and "V_th" (mV) if they are drawn for each neuron.
    plastic
        Whether weights are updated.

    Raises
    ------
    ParameterError
        If connections or values are missing or do not fit, or if :func:`check_network` refuses the network.
    StimulusError
        If the stimulus does not fit the network.
    """
    _check(network, connections)
    stimulus.check_fits(network)
    n_steps = stimulus.n_steps
    neurons, readouts = RecurrentNeurons(network, neuron_values), Readouts(network)
    history = History(n_steps, network.n_recurrent, network.n_readout)
    input_spikes = np.zeros((n_steps, network.n_input), bool)
    input_spikes[stimulus.input_steps, stimulus.input_channels] = True
    output = _onto_readouts(network, connections, history.spiked, readouts, plastic)
    has_feedback, feedback = _feedback(network, connections, output)
    emitted = {Role.INPUT: input_spikes, Role.RECURRENT: history.spiked}
    onto_neurons = {
        spec.name: _onto_neurons(spec, network, connections[spec.name], emitted[spec.role], neurons, plastic)
        for spec in projections(network)
        if spec.onto_neurons
    }

    for step in range(n_steps):
        onto_readouts = output.deliver(step, history)
        # The learning signal uses the feedback weights of the step in which the error arrives, after their updates.
        sent = step - network.feedback.delay
        if sent >= network.output.delay:
            history.learning_signal[sent - network.output.delay] = feedback @ history.error[sent]
        arriving = np.sum([synapses.deliver(step, history) for synapses in onto_neurons.values()], axis=0)

        neurons.update(arriving)
        history.spiked[step] = neurons.spiked
        history.voltage[step] = neurons.voltage
        history.surrogate_gradient[step] = neurons.surrogate_gradient
        history.rate_regularization[step] = neurons.rate_regularization

        readouts.update(onto_readouts, stimulus.target[step], bool(stimulus.learning_window[step]))
        history.readout[step] = readouts.signal
        history.error[step] = readouts.error

    spike_steps, spike_neurons = np.nonzero(history.spiked)
    return TimeDrivenResult(
        spike_steps=spike_steps,
        spike_neurons=spike_neurons,
        readout=history.readout,
        error=history.error,
        weights={
            **{name: listed(synapses.exists, synapses.weight) for name, synapses in onto_neurons.items()},
            "output": listed(output.exists, output.weight),
            "feedback": listed(has_feedback, feedback),
        },
        voltage=history.voltage,
        surrogate_gradient=history.surrogate_gradient,
        learning_signal=history.learning_signal,
    )


def _check(network: Network, connections: Mapping[str, Connections]) -> None:
    needed = {spec.name for spec in projections_with_weights(network)}
    if missing := needed - set(connections):
        raise ParameterError(f"connections: {', '.join(sorted(missing))} missing, all projections must be given")
    check_network(network)


def _onto_neurons(
    spec: ProjectionSpec,
    network: Network,
    connections: Connections,
    emitted: np.ndarray,
    neurons: RecurrentNeurons,
    plastic: bool,
) -> SynapsesOntoNeurons:
    """Return the synapses of a projection onto the recurrent neurons."""
    delay, rule = spec.parameters.delay, network.plasticity
    return SynapsesOntoNeurons(
        spec.name,
        connections,
        emitted,
        network.n_recurrent,
        Timing(
            delay,
            behind=max(delay, network.output.delay + network.feedback.delay - 1),
            cutoff=len(emitted) if rule.cutoff is None else rule.cutoff,
        ),
        neurons.decay,
        network.optimizer(spec.name) if plastic and spec.plastic else None,
        kappa=rule.kappa,
        kappa_reg=rule.kappa_reg,
        threshold_rise=neurons.threshold_rise,
        adaptation_decay=neurons.adaptation_decay,
    )


def _onto_readouts(
    network: Network, connections: Mapping[str, Connections], emitted: np.ndarray, readouts: Readouts, plastic: bool
) -> SynapsesOntoReadouts:
    """Return the synapses onto the readouts, with feedback weights if feedback is adaptive."""
    rule, delay = network.plasticity, network.output.delay
    arguments = (
        "output",
        connections["output"],
        emitted,
        network.n_readout,
        Timing(delay, behind=delay, cutoff=len(emitted) if rule.cutoff is None else rule.cutoff),
        np.full(network.n_readout, readouts.decay),
        network.optimizer("output") if plastic and network.output.plastic else None,
    )
    if network.feedback.kind != "adaptive":
        return SynapsesOntoReadouts(*arguments)
    return SynapsesWithFeedback(
        *arguments, feedback=connections["feedback"], weight_decay=network.feedback.weight_decay
    )


def _feedback(
    network: Network, connections: Mapping[str, Connections], output: SynapsesOntoReadouts
) -> tuple[np.ndarray, np.ndarray]:
    """Return existence and weights of the feedback, each (n_recurrent, n_readout); updates change the weights."""
    if isinstance(output, SynapsesWithFeedback):
        return output.exists.T, output.feedback
    if network.feedback.kind == "symmetric":
        return output.exists.T, output.weight.T
    return dense("feedback", connections["feedback"], network.n_recurrent, network.n_readout)
