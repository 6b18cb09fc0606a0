"""What implementations of e-prop easily do otherwise, and which networks show it.

The checker (``conformance/check.py``) names the pitfalls of a case that differs, without those that cases which agree
rule out. ``applies`` says which networks a pitfall concerns; whether it changes their results is found by making the
mistake (``mistakes``).
"""

from collections.abc import Callable
from typing import NamedTuple

from eprop_core.parameters import LEARNING_PROJECTIONS, Adam, Network, Plasticity, Uniform


class Pitfall(NamedTuple):
    """Something that is easily done otherwise."""

    text: str
    """What is right, in one sentence."""
    applies: Callable[[Network], bool]
    """Whether it concerns a network."""


def _rule(network: Network) -> Plasticity:
    return network.plasticity


def _learns(network: Network) -> bool:
    return any(getattr(network, name).plastic for name in LEARNING_PROJECTIONS)


def _neurons_learn(network: Network) -> bool:
    return network.input.plastic or network.recurrent.plastic


def _by_spikes(network: Network) -> bool:
    return _learns(network) and _rule(network).update == "spike"


def _by_samples(network: Network) -> bool:
    return _rule(network).update == "sample"


def _adam(network: Network) -> bool:
    return _learns(network) and isinstance(_rule(network).optimizer, Adam)


def _adam_of_intervals(network: Network) -> bool:
    return _adam(network) and _by_spikes(network) and not _rule(network).optimizer.moves_in_each_step


def _regularizes(network: Network) -> bool:
    return _neurons_learn(network) and network.extent("c_reg")[1] > 0.0


def _moving_average(network: Network) -> bool:
    return _regularizes(network) and _rule(network).rate_average == "moving"


def _psi_reaches_rest(network: Network) -> bool:
    """Whether psi may be larger than 0 after a spike."""
    neuron, surrogate = network.neuron, network.neuron.surrogate_gradient
    highest = neuron.V_th.high if isinstance(neuron.V_th, Uniform) else neuron.V_th
    return (
        neuron.V_reset is not None
        or surrogate.function != "piecewise_linear"
        or network.extent("surrogate_width")[1] > highest
    )


def _late_signals(network: Network) -> bool:
    return _neurons_learn(network) and network.output.delay + network.feedback.delay > 2


DYNAMICS: dict[str, Pitfall] = {
    "arrival": Pitfall(
        "A spike of step t arrives in step t + delay, and changes the voltage of its target in that step already.",
        lambda network: True,
    ),
    "constant current": Pitfall(
        "I_e acts in step 0 already; in NEST's eprop_iaf and eprop_iaf_adapt it acts from the second step on.",
        lambda network: network.neuron.I_e != 0.0,
    ),
    "subtracting V_th": Pitfall(
        "A spike subtracts V_th from the voltage in its own step, before the decay of the next.",
        lambda network: network.neuron.V_reset is None and not network.neuron.delayed_reset,
    ),
    "reset to V_reset": Pitfall(
        "A spike sets the voltage to V_reset, where it stays for t_ref; input that arrives meanwhile is lost, and the "
        "next spike comes after t_ref + dt at the earliest.",
        lambda network: network.neuron.V_reset is not None,
    ),
    "refractory period": Pitfall(
        "A neuron that spikes in step t cannot spike before step t + t_ref / dt; its voltage evolves meanwhile.",
        lambda network: network.neuron.V_reset is None and network.refractory_steps > 1,
    ),
    "steps of the refractory period": Pitfall(
        "t_ref / dt is rounded to the nearest integer: 0.3 / 0.1 is 2.9999999999999996 with floats of 64 bits.",
        lambda network: network.refractory_steps > 0,
    ),
    "V_min": Pitfall(
        "The voltage is raised to V_min before it is compared with the threshold.",
        lambda network: network.neuron.V_min is not None,
    ),
    "adaptation": Pitfall(
        "The adaptation a rises by 1 in the step after a spike, the threshold is V_th + beta a, and a spike subtracts "
        "V_th without the rise. Neurons with beta = 0 do not adapt. With V_reset, a stands still while the neuron is "
        "clamped, and with t_ref of a step or more it remains 0.",
        lambda network: network.neuron.adaptation is not None,
    ),
    "values per neuron": Pitfall(
        "tau_m and V_th differ between the neurons; so do the decay of the presynaptic trace and of the voltage.",
        lambda network: isinstance(network.neuron.tau_m, Uniform),
    ),
    "readout at rest": Pitfall(
        "A readout rests at E_L: its signal is v + E_L, from step 0 on.", lambda network: network.readout.E_L != 0.0
    ),
    "delays": Pitfall(
        "Delays differ between projections. They do not shift targets and learning windows: target[t] is compared with "
        "the readout of step t, and the error of step t arrives at the neurons in step t + feedback.delay.",
        lambda network: any(getattr(network, name).delay > 1 for name in (*LEARNING_PROJECTIONS, "feedback")),
    ),
    "learning window": Pitfall(
        "The error of a step compares target and readout of that step; outside of the learning window it is 0.",
        lambda network: True,
    ),
    "cross-entropy": Pitfall(
        "The error of the cross-entropy is softmax(readout) - target.",
        lambda network: network.readout.loss == "cross_entropy",
    ),
}
"""Of neurons and readouts; they show in spikes, readouts, errors or learning signals."""

LEARNING: dict[str, Pitfall] = {
    "first spike": Pitfall(
        "The first spike of a source updates nothing; a synapse gathers gradient from the step on in which its source "
        "has emitted its first spike. Adam's moments do not advance before the second spike.",
        lambda network: _adam_of_intervals(network) or network.feedback.weight_decay > 0.0,
    ),
    "update before delivery": Pitfall(
        "A spike that arrives updates the weight with all steps before it was emitted; the target receives the new "
        "weight. Steps from the last spike on are not in the weights that remain at the end.",
        _by_spikes,
    ),
    "gradient of one interval": Pitfall(
        "An update uses the gradient since the last update, which then starts from 0; traces are kept.", _by_spikes
    ),
    "trace of arrivals": Pitfall(
        "The trace of a synapse rises in the step in which a spike arrives, and decays with alpha = exp(-dt / tau_m) "
        "of its target.",
        _learns,
    ),
    "trace onto readouts": Pitfall(
        "The trace of a synapse onto a readout decays with alpha_out = exp(-dt / readout.tau_m).",
        lambda network: network.output.plastic,
    ),
    "connections of feedback": Pitfall(
        "In connections/feedback, source is the readout and target the neuron; matrices that are filled the other way "
        "round, or in another order of the readouts, give other learning signals.",
        lambda network: _neurons_learn(network) and network.feedback.kind != "symmetric",
    ),
    "eligibility filter": Pitfall(
        "kappa filters the eligibility psi z_bar, without a factor 1 - kappa; alpha = exp(-dt / tau_m) filters the "
        "presynaptic spikes.",
        lambda network: _neurons_learn(network) and _rule(network).kappa > 0.0,
    ),
    "surrogate gradient": Pitfall("psi takes the voltage of its step, before the reset.", _neurons_learn),
    "function of the surrogate gradient": Pitfall(
        "psi is height f(u) with u = abs(v - A) / width and the function f that the network names.",
        lambda network: _neurons_learn(network) and network.neuron.surrogate_gradient.function != "piecewise_linear",
    ),
    "surrogate gradient at V_reset": Pitfall(
        "After a spike in step t, a neuron with V_reset is clamped in the n = t_ref / dt steps t+1 to t+n. psi is 0 in "
        "steps t+1 to t+n-1; in step t+n the neuron does not spike, but psi is that of the voltage V_reset.",
        lambda network: _neurons_learn(network) and network.neuron.V_reset is not None,
    ),
    "surrogate gradient of refractory neurons": Pitfall(
        "After a spike in step t, psi is 0 in steps t+1 to t+n-1, n = t_ref / dt, also with V_reset.",
        lambda network: _neurons_learn(network) and network.refractory_steps > 1 and _psi_reaches_rest(network),
    ),
    "surrogate gradient of adaptive neurons": Pitfall(
        "psi takes the distance of the voltage to the threshold with its adaptation.",
        lambda network: _neurons_learn(network) and network.neuron.adaptation is not None,
    ),
    "time of the learning signal": Pitfall(
        "The learning signal of the error in step t belongs to the eligibility of step t - output.delay.",
        _neurons_learn,
    ),
    "late learning signals": Pitfall(
        "A spike that is emitted in step s updates with the steps t < s - max(0, output.delay + feedback.delay - 1 - "
        "delay): the learning signals of later steps are still on their way, and are left to the next update.",
        lambda network: _by_spikes(network) and _late_signals(network),
    ),
    "cutoff": Pitfall(
        "A synapse gathers gradient in the steps t < s + cutoff, with s the step in which its source has last emitted "
        "a spike; later its eligibility is 0, and its filters only decay.",
        lambda network: _by_spikes(network) and _rule(network).cutoff is not None,
    ),
    "rate regularization": Pitfall(
        "The moving average f of the rate, in spikes per ms, includes the spike of its step; c_reg (f - f_target / "
        "1000) multiplies the eligibility, filtered with kappa_reg and a factor 1 - kappa_reg, also outside of the "
        "learning window.",
        _moving_average,
    ),
    "target rate": Pitfall(
        "f_target is in spikes/s at every dt; NEST's eprop_iaf takes it so at dt = 1 ms only.",
        lambda network: _moving_average(network) and network.dt != 1.0,
    ),
    "two filters": Pitfall(
        "kappa filters the eligibility for the learning signal, kappa_reg that for the rate regularization.",
        lambda network: _moving_average(network) and _rule(network).kappa != _rule(network).kappa_reg,
    ),
    "eligibility of adaptive neurons": Pitfall(
        "The eligibility of an adaptive neuron is psi (z_bar - beta epsilon), with the epsilon of the step before, "
        "which decays with exp(-dt / adaptation.tau).",
        lambda network: _neurons_learn(network) and network.neuron.adaptation is not None,
    ),
    "weight bounds": Pitfall(
        "Each update clips the weight to weight_min and weight_max.",
        lambda network: _learns(network) and _rule(network).optimizer.weight_max < 100.0,
    ),
    "fixed signs": Pitfall(
        "A weight that would change its sign becomes 0, and keeps the sign that it has had.",
        lambda network: _learns(network) and _rule(network).optimizer.fixed_signs,
    ),
    "static projections": Pitfall(
        "Projections that are not plastic keep their weights.",
        lambda network: not all(getattr(network, name).plastic for name in LEARNING_PROJECTIONS),
    ),
    "epsilon of Adam": Pitfall(
        "Adam divides by sqrt(v) + epsilon, without a bias correction of v in it: the factor "
        "sqrt(1 - beta_2^n) / (1 - beta_1^n) multiplies the learning rate.",
        _adam,
    ),
    "steps of Adam": Pitfall(
        "An update by a spike that is emitted in step s advances Adam's moments to n = s, or to the first step that it "
        "leaves to the next update. The gradient acts in the first step after the last update (n = 1 in the first "
        "update, at the second spike of the source), and is 0 in the others.",
        _adam_of_intervals,
    ),
    "optimize_each_step": Pitfall(
        "With optimize_each_step, Adam takes the gradient of each single step within the cutoff, and clips the weight "
        "each time. Steps beyond the cutoff are made up for by the next gradient: it acts in the first of them, and is "
        "0 in the others and in its own step.",
        lambda network: _learns(network) and _rule(network).optimizer.moves_in_each_step,
    ),
    "symmetric feedback": Pitfall(
        "Symmetric feedback uses the output weights of the step in which the error arrives, after their updates.",
        lambda network: network.feedback.kind == "symmetric",
    ),
    "adaptive feedback": Pitfall(
        "Adaptive feedback weights receive the same changes as the output weights, before these are clipped. The "
        "connections of both are in different orders.",
        lambda network: network.feedback.kind == "adaptive",
    ),
    "weight decay": Pitfall(
        "At each update, also one without a gradient, output and adaptive feedback weights first shrink by the factor "
        "1 - weight_decay; then they change, and output weights are clipped.",
        lambda network: network.output.plastic and network.feedback.weight_decay > 0.0,
    ),
}
"""Of the learning rule; they show in the weights."""

SAMPLES: dict[str, Pitfall] = {
    "reset before samples": Pitfall(
        "Before each sample, voltages, adaptation, refractoriness, traces and spikes on their way are reset.",
        _by_samples,
    ),
    "delayed reset": Pitfall(
        "The rule of Bellec et al. subtracts V_th in the step after the spike, without decay.",
        lambda network: _by_samples(network) and network.neuron.V_reset is None,
    ),
    "mean rate": Pitfall(
        "The rate that is regularized is the mean over the whole sample, in spikes per step; its gradient is "
        "c_reg (rate - f_target dt / 1000) times the mean of the unfiltered eligibility.",
        lambda network: _by_samples(network) and _regularizes(network),
    ),
    "batches": Pitfall(
        "A batch updates the weights with the mean gradient of its samples. The last batch is incomplete and changes "
        "nothing.",
        lambda network: _by_samples(network) and _rule(network).batch_size > 1,
    ),
    "end of a sample": Pitfall(
        "The update acts before the next sample, and that of the last complete batch is in the weights at the end.",
        _by_samples,
    ),
    "updates of Adam": Pitfall(
        "In the rule of Bellec et al., Adam counts updates, from n = 1.",
        lambda network: _by_samples(network) and _adam(network),
    ),
}
"""Of the rule of Bellec et al.; they show in all values from the second sample on."""

EDGES_OF_SAMPLES: dict[str, Pitfall] = {
    "first step of a sample": Pitfall(
        "A spike that reaches a recurrent neuron in the first step of a sample is lost.", lambda network: False
    ),
    "second step of a sample": Pitfall(
        "The update by a spike in the second step of a sample has the whole gradient of the sample before; NEST leaves "
        "out its last learning signal.",
        lambda network: False,
    ),
}
"""Of stimuli that are made for them, whose cases name them."""

PITFALLS: dict[str, Pitfall] = DYNAMICS | LEARNING | SAMPLES | EDGES_OF_SAMPLES
