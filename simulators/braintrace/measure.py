"""Measure BrainTrace with its algorithm pp_prop; docs/how_to/simulators.md describes the files.

    python measure.py PROBLEM.npz (plastic | training) RESULT.json [OUTPUTS.npz]

Neurons and readouts are those of the problem, in single precision and with dense matrices. Gradients are added up over
a sample, forward in time, and change the weights after it. There is no regularization of rates and no random feedback.
pp_prop finds a gradient only where the loss of a step depends on the voltages of the same step. Each step of this
program therefore computes the spikes of one step and the readouts of the next, in which these spikes arrive.
"""

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import brainstate
import braintools
import braintrace
import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from dense import LEARNING, counts, learning_rates, main, resident_memory

BYTES_PER_PAIR = 16
"""A weight, its gradients of a step and of a sample, and whether it exists."""


class Network(brainstate.nn.Module):
    """The network of a problem; matrices have a row per source, and a voltage is that before the reset."""

    def __init__(self, problem):
        super().__init__()
        network = json.loads(str(problem["network"]))
        n_input, n, n_readout = (network[f"n_{kind}"] for kind in ("input", "recurrent", "readout"))
        shapes = {"input": (n_input, n), "recurrent": (n, n), "output": (n, n_readout)}
        surrogate = network["neuron"]["surrogate_gradient"]
        slope = surrogate["height"] / surrogate["width"]
        self.is_spike = braintools.surrogate.ReluGrad(alpha=slope, width=surrogate["width"])
        self.n, self.n_readout = n, n_readout
        self.threshold, self.rest = network["neuron"]["V_th"], network["readout"]["E_L"]
        self.decay = float(np.exp(-network["dt"] / network["neuron"]["tau_m"]))
        self.readout_decay = float(np.exp(-network["dt"] / network["readout"]["tau_m"]))
        self.exists = {}
        for name, shape in shapes.items():
            weight, exists = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
            ends = problem[f"{name}_source"], problem[f"{name}_target"]
            weight[ends], exists[ends] = problem[f"{name}_weight"], 1.0
            setattr(self, name, brainstate.ParamState(jnp.asarray(weight)))
            self.exists[name] = jnp.asarray(exists)

    def init_state(self, *_args, **_options):
        """Set the network to rest."""
        self.voltage = brainstate.HiddenState(jnp.zeros(self.n))
        self.readout = brainstate.HiddenState(jnp.zeros(self.n_readout))

    def update(self, inputs):
        """Advance by one step; return its spikes, and the readouts of the next step."""
        before = self.is_spike(self.voltage.value - self.threshold)
        onto_neurons = braintrace.matmul(inputs, self.input.value) + braintrace.matmul(before, self.recurrent.value)
        self.voltage.value = self.decay * (self.voltage.value - self.threshold * before) + onto_neurons
        spikes = self.is_spike(self.voltage.value - self.threshold)
        onto_readouts = braintrace.matmul(spikes, self.output.value)
        self.readout.value = self.readout_decay * self.readout.value + onto_readouts
        # braintrace 0.2.6 raises a KeyError if an operand of matmul is also returned: the spikes are computed again.
        return self.is_spike(self.voltage.value - self.threshold), self.readout.value + self.rest


class Training:
    """A network that learns, compiled for samples of ``n_steps``."""

    def __init__(self, problem, n_steps):
        rates = learning_rates(json.loads(str(problem["network"])))
        self.network = network = Network(problem)
        self.n_steps, self.n_input = n_steps, network.input.value.shape[0]
        example = jnp.zeros(self.n_input)
        learner = braintrace.compile(network, braintrace.pp_prop, example, decay_or_rank=network.decay)
        steps = {id(getattr(network, name)): rates[name] * network.exists[name] for name in LEARNING}

        def loss(inputs, target, window):
            spikes, readouts = learner(inputs)
            return 0.5 * window * ((readouts - target) ** 2).sum(), (spikes, readouts)

        def show(inputs, target, window):
            gradients, recorded = learner.etrace_grad(
                inputs, target, window, step_fn=loss, reduction="sum", has_aux=True
            )
            for key, state in learner.param_states.items():
                state.value = state.value - steps[id(state)] * gradients[key]
            return recorded

        self.show = brainstate.transform.jit(show)

    def compile(self):
        """Compile what shows a sample; its empty samples change no weight and no voltage."""
        nothing = jnp.zeros((self.n_steps, self.n_input))
        target = jnp.zeros((self.n_steps, self.network.n_readout))
        jax.block_until_ready(self.show(nothing, target, jnp.zeros(self.n_steps)))


def samples(problem, first, last):
    """Yield the inputs of each sample, (length, n_input), with targets and learning window of the following steps."""
    n_input, length = json.loads(str(problem["network"]))["n_input"], int(problem["sample_steps"])
    steps, channels = problem["input_steps"] + 1, problem["input_channels"]  # a spike arrives one step later
    targets = np.append(problem["target"][1:], problem["target"][-1:], axis=0).astype(np.float32)
    window = np.append(problem["learning_window"][1:], False).astype(np.float32)
    for begin in range(first, last, length):
        inputs = np.zeros((length, n_input), np.float32)
        shown = (steps >= begin) & (steps < begin + length)
        inputs[steps[shown] - begin, channels[shown]] = 1.0
        part = slice(begin, begin + length)
        yield inputs, targets[part], window[part]


def measure(problem, variant):
    """Return a measurement, spikes and readouts of all steps, and the network."""
    n_steps = int(problem["n_steps"])
    first = 0 if variant == "training" else int(problem["n_steps_warm_up"])
    prepared = [[jnp.asarray(part) for part in sample] for sample in samples(problem, 0, n_steps)]
    n_before = first // int(problem["sample_steps"])
    before = resident_memory()
    start, start_processor = time.perf_counter(), time.process_time()
    training = Training(problem, int(problem["sample_steps"]))
    built, built_processor = time.perf_counter() - start, time.process_time() - start_processor
    training.compile()
    parts = [training.show(*sample) for sample in prepared[:n_before]]
    jax.block_until_ready(parts)
    start, start_processor = time.perf_counter(), time.process_time()
    parts += [training.show(*sample) for sample in prepared[n_before:]]
    jax.block_until_ready(parts)
    seconds, processor_s = time.perf_counter() - start, time.process_time() - start_processor
    if variant == "training":
        seconds, processor_s = seconds + built, processor_s + built_processor
    memory = resident_memory() - before
    spikes, readouts = (np.concatenate([np.asarray(part[k]) for part in parts]) for k in (0, 1))
    readouts = np.concatenate([np.full_like(readouts[:1], training.network.rest), readouts[:-1]])
    return {
        **counts(problem, spikes, first),
        "seconds": seconds,
        "processor_s": processor_s,
        "build_s": built,
        "memory_bytes": memory,
        "threads": 1,
    }, (spikes, readouts, training.network)


if __name__ == "__main__":
    main(version("braintrace"), BYTES_PER_PAIR, measure, lambda network, name: getattr(network, name).value)
