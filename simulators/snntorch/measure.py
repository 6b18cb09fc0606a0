"""Measure snnTorch: backpropagation through time; docs/how_to/simulators.md describes the files.

    python measure.py PROBLEM.npz (plastic | static | training) RESULT.json [OUTPUTS.npz]

Neurons and readouts are those of the problem, in single precision and with dense matrices. The gradient of the summed
loss of a sample goes back to the beginning of the sample, and changes the weights after it. There is no regularization
of rates and no feedback.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import snntorch
import torch
from snntorch import surrogate

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from dense import LEARNING, counts, learning_rates, main, resident_memory

BYTES_PER_PAIR = 12
"""A weight, its gradient, and whether it exists."""


class Network:
    """The network of a problem, at rest; matrices have a row per source."""

    def __init__(self, problem, learns):
        network = json.loads(str(problem["network"]))
        n_input, n, n_readout = (network[f"n_{kind}"] for kind in ("input", "recurrent", "readout"))
        shapes = {"input": (n_input, n), "recurrent": (n, n), "output": (n, n_readout)}
        self.learns, self.rates = learns, learning_rates(network)
        self.rest = network["readout"]["E_L"]
        self.readout_decay = float(np.exp(-network["dt"] / network["readout"]["tau_m"]))
        self.threshold = network["neuron"]["V_th"]
        self.neurons = snntorch.Leaky(
            beta=float(np.exp(-network["dt"] / network["neuron"]["tau_m"])),
            threshold=self.threshold,
            reset_mechanism="none",  # done here, because snnTorch subtracts the threshold a step later
            spike_grad=_surrogate_gradient(network["neuron"]["surrogate_gradient"]),
        )
        self.weight, self.exists = {}, {}
        for name, shape in shapes.items():
            ends = problem[f"{name}_source"], problem[f"{name}_target"]
            weight = torch.zeros(shape)
            weight[ends] = torch.tensor(problem[f"{name}_weight"], dtype=torch.float32)
            self.weight[name] = weight.requires_grad_(learns)
            self.exists[name] = torch.zeros(shape)
            self.exists[name][ends] = 1.0
        self.voltage, self.spikes, self.readout = torch.zeros(n), torch.zeros(n), torch.zeros(n_readout)

    def show(self, inputs, target, window):
        """Show a sample; return spikes and readouts, float32 (n_steps, n) each. The weights change after it."""
        self.voltage, self.spikes, self.readout = (
            state.detach() for state in (self.voltage, self.spikes, self.readout)
        )
        spikes, readouts = [], []
        with torch.set_grad_enabled(self.learns):
            arriving = inputs @ self.weight["input"]
            for step in range(len(inputs)):
                self.readout = self.readout_decay * self.readout + self.spikes @ self.weight["output"]
                onto_neurons = arriving[step] + self.spikes @ self.weight["recurrent"]
                self.spikes, voltage = self.neurons(onto_neurons, self.voltage)
                self.voltage = voltage - self.threshold * self.spikes.detach()  # no gradient, as in snnTorch
                spikes.append(self.spikes)
                readouts.append(self.readout + self.rest)
            spikes, readouts = torch.stack(spikes), torch.stack(readouts)
            if self.learns and bool(window.any()):
                self._learn(0.5 * (window[:, None] * (readouts - target) ** 2).sum())
        return spikes.detach(), readouts.detach()

    def _learn(self, loss):
        gradients = torch.autograd.grad(loss, [self.weight[name] for name in LEARNING], allow_unused=True)
        with torch.no_grad():
            for name, gradient in zip(LEARNING, gradients, strict=True):
                if gradient is not None:
                    self.weight[name] -= self.rates[name] * gradient * self.exists[name]


def _surrogate_gradient(chosen):
    def gradient(distance, incoming, _spikes):
        return incoming * chosen["height"] * torch.clamp(1.0 - distance.abs() / chosen["width"], min=0.0)

    return surrogate.custom_surrogate(gradient)


class Stimulus:
    """Input, targets and learning window as tensors, a sample at a time."""

    def __init__(self, problem):
        n_input = json.loads(str(problem["network"]))["n_input"]
        n_steps = int(problem["n_steps"])
        self.sample_steps = int(problem["sample_steps"])
        self.inputs = torch.zeros((n_steps + 1, n_input))
        steps = torch.tensor(problem["input_steps"].astype(np.int64)) + 1  # a spike arrives one step later
        self.inputs[steps, torch.tensor(problem["input_channels"].astype(np.int64))] = 1.0
        self.target = torch.tensor(problem["target"], dtype=torch.float32)
        self.window = torch.tensor(problem["learning_window"], dtype=torch.float32)

    def samples(self, first, last):
        """Return input, targets and learning window of each sample of the steps ``first`` .. ``last - 1``."""
        for begin in range(first, last, self.sample_steps):
            part = slice(begin, begin + self.sample_steps)
            yield self.inputs[part], self.target[part], self.window[part]


def measure(problem, variant):
    """Return a measurement, spikes and readouts of all steps, and the network."""
    stimulus, n_steps = Stimulus(problem), int(problem["n_steps"])
    first = 0 if variant == "training" else int(problem["n_steps_warm_up"])
    _load(problem)
    before = resident_memory()
    start, start_processor = time.perf_counter(), time.process_time()
    network = Network(problem, learns=variant != "static")
    built, built_processor = time.perf_counter() - start, time.process_time() - start_processor
    memory_built = resident_memory() - before
    parts = [network.show(*sample) for sample in stimulus.samples(0, first)]
    start, start_processor = time.perf_counter(), time.process_time()
    parts += [network.show(*sample) for sample in stimulus.samples(first, n_steps)]
    seconds, processor_s = time.perf_counter() - start, time.process_time() - start_processor
    if variant == "training":
        seconds, processor_s = seconds + built, processor_s + built_processor
    spikes, readouts = (torch.cat(recorded).numpy() for recorded in zip(*parts, strict=True))
    return {
        **counts(problem, spikes, first),
        "seconds": seconds,
        "processor_s": processor_s,
        "build_s": built,
        "memory_built_bytes": memory_built,
        "memory_bytes": resident_memory() - before,
        "threads": torch.get_num_threads(),
    }, (spikes, readouts, network)


def _load(problem):
    """Run two steps, so that all is loaded that the first use loads."""
    network = Network(problem, learns=True)
    shown = Stimulus(problem)
    network.show(shown.inputs[:2], shown.target[:2], torch.ones(2))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(snntorch.__version__, BYTES_PER_PAIR, measure, lambda network, name: network.weight[name].detach().numpy())
