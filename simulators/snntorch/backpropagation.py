"""Backpropagation through time in double precision, with any delays: one gradient, or a training.

    python backpropagation.py PROBLEM.npz OUTPUTS.npz gradient
    python backpropagation.py PROBLEM.npz OUTPUTS.npz training BATCH_SIZE

Each sample starts at rest. The loss is half the squared error within the learning window. Spikes have the surrogate
gradient of the problem, and the reset after a spike is not differentiated: as in e-prop, the spike that it follows is
taken as given. What remains is the whole path through the recurrent connections, which e-prop leaves out.

``gradient`` writes the derivative of the summed loss of all samples by each weight (``input_gradient`` and so on, in
the order of the problem's connections), and ``spike_steps``, ``spike_neurons`` and ``readouts`` of all steps.
``training`` shows the samples one batch after another, takes the learning rate of a projection times the gradient of a
batch off its weights after it, and writes these (``input_weight`` and so on). Bounds of weights are not applied.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from dense import LEARNING, learning_rates


class Spike(torch.autograd.Function):
    """A spike at the threshold, with the surrogate gradient ``height * max(0, 1 - |distance| / width)``."""

    @staticmethod
    def forward(context, distance, height, width):
        """Return 1 where the distance of the voltage to the threshold is not negative, otherwise 0."""
        context.save_for_backward(distance)
        context.height, context.width = height, width
        return (distance >= 0.0).to(distance.dtype)

    @staticmethod
    def backward(context, incoming):
        """Return the gradient by the distance."""
        (distance,) = context.saved_tensors
        slope = context.height * torch.clamp(1.0 - distance.abs() / context.width, min=0.0)
        return incoming * slope, None, None


class Network:
    """The network of a problem; matrices of weights have a row per source."""

    def __init__(self, problem):
        network = json.loads(str(problem["network"]))
        self.neuron = network["neuron"]
        self.size = {kind: network[f"n_{kind}"] for kind in ("input", "recurrent", "readout")}
        self.decay, self.readout_decay = (
            float(np.exp(-network["dt"] / of["tau_m"])) for of in (network["neuron"], network["readout"])
        )
        self.rest = network["readout"]["E_L"]
        self.rates = learning_rates(network)
        self.delay = {name: network[name]["delay"] for name in LEARNING}
        self.ends = {name: (problem[f"{name}_source"], problem[f"{name}_target"]) for name in LEARNING}
        ends = {"input": ("input", "recurrent"), "recurrent": ("recurrent",) * 2, "output": ("recurrent", "readout")}
        self.weight = {}
        for name, (sources, targets) in ends.items():
            matrix = torch.zeros(self.size[sources], self.size[targets], dtype=torch.float64)
            matrix[self.ends[name]] = torch.tensor(problem[f"{name}_weight"])
            self.weight[name] = matrix.requires_grad_()

    def simulate(self, inputs):
        """Return spikes and readouts of samples that start at rest, (n_steps, n_samples, n) each.

        ``inputs`` are (n_steps, n_samples, n_input), 1 in the steps in which a channel spikes.
        """
        n_steps, n_samples, _ = inputs.shape
        onto_neurons = self._arriving(inputs, "input") @ self.weight["input"]
        threshold, of_spike = self.neuron["V_th"], self.neuron["surrogate_gradient"]
        voltage = torch.zeros(n_samples, self.size["recurrent"], dtype=torch.float64)
        spikes, delay = [], self.delay["recurrent"]
        for step in range(n_steps):
            voltage = torch.add(onto_neurons[step], voltage, alpha=self.decay)
            if step >= delay:
                voltage = voltage + spikes[step - delay] @ self.weight["recurrent"]
            spikes.append(Spike.apply(voltage - threshold, of_spike["height"], of_spike["width"]))
            voltage = torch.sub(voltage, spikes[-1].detach(), alpha=threshold)
        spikes = torch.stack(spikes)
        # Readouts act on nothing, so that their decay over all steps is one product.
        elapsed = torch.arange(n_steps)[:, None] - torch.arange(n_steps)
        decayed = torch.where(elapsed >= 0, self.readout_decay ** elapsed.clamp(min=0).double(), 0.0)
        readouts = torch.tensordot(decayed, self._arriving(spikes, "output") @ self.weight["output"], 1)
        return spikes, readouts + self.rest

    def _arriving(self, emitted, name):
        """Return what arrives in each step, with the delay of a projection."""
        delay = min(self.delay[name], len(emitted))
        return torch.cat([torch.zeros_like(emitted[:delay]), emitted[: len(emitted) - delay]])

    def gradients(self, readouts, target, window):
        """Return the derivatives of the loss by the weights, in the order of the projections."""
        loss = 0.5 * (window * (readouts - target) ** 2).sum()
        found = torch.autograd.grad(loss, list(self.weight.values()), allow_unused=True)
        return [
            torch.zeros_like(weight) if one is None else one
            for one, weight in zip(found, self.weight.values(), strict=True)
        ]

    def of_synapses(self, matrices, key):
        """Return values of all pairs as those of the synapses, by ``PROJECTION_key``."""
        return {
            f"{name}_{key}": matrix.detach().numpy()[self.ends[name]]
            for name, matrix in zip(LEARNING, matrices, strict=True)
        }


def gradient(network, inputs, target, window):
    """Return the outputs for all samples at once; arguments are (sample_steps, n_samples, n)."""
    spikes, readouts = network.simulate(inputs.double())
    found = network.of_synapses(network.gradients(readouts, target, window), "gradient")
    spiked, answered = (
        values.detach().transpose(0, 1).reshape(-1, values.shape[2]).numpy() for values in (spikes, readouts)
    )
    steps, neurons = np.nonzero(spiked)
    return {"spike_steps": steps, "spike_neurons": neurons, "readouts": answered, **found}


def train(network, inputs, target, window, batch_size):
    """Return the weights after all samples, batch after batch; arguments are (sample_steps, n_samples, n)."""
    exists = {name: torch.zeros_like(weight) for name, weight in network.weight.items()}
    for name, ends in network.ends.items():
        exists[name][ends] = 1.0
    for first in range(0, inputs.shape[1], batch_size):
        shown, wanted, counts = (values[:, first : first + batch_size] for values in (inputs, target, window))
        _, readouts = network.simulate(shown.double())
        found = network.gradients(readouts, wanted, counts)
        with torch.no_grad():
            for (name, weight), one in zip(network.weight.items(), found, strict=True):
                weight -= network.rates[name] * exists[name] * one
    return network.of_synapses(network.weight.values(), "weight")


def main():
    """Read a problem, compute, and write the outputs."""
    torch.set_num_threads(1)
    problem_file, outputs_file, variant, *batch_size = sys.argv[1:]
    with np.load(problem_file) as file:
        problem = dict(file)
    network = Network(problem)
    n_steps, size = int(problem["n_steps"]), int(problem["sample_steps"])
    inputs = np.zeros((n_steps, network.size["input"]), bool)
    inputs[problem["input_steps"], problem["input_channels"]] = True
    shown = (
        torch.tensor(values).reshape(n_steps // size, size, -1).transpose(0, 1)
        for values in (inputs, problem["target"], problem["learning_window"])
    )
    outputs = gradient(network, *shown) if variant == "gradient" else train(network, *shown, int(batch_size[0]))
    np.savez(outputs_file, **outputs)


if __name__ == "__main__":
    main()
