"""Backpropagation through time in double precision, with any delays: one gradient, or a training.

    python backpropagation.py PROBLEM.npz (gradient | training) OUTPUTS.npz

The loss is half the squared error within the learning window. Spikes have the surrogate gradient of the problem, and
the reset after a spike is not differentiated: as in e-prop, the spike that it follows is taken as given. What remains
is the whole path through the recurrent connections, which e-prop leaves out.

``gradient`` writes the derivative of the summed loss of all samples, each of which starts at rest, by each weight
(``input_gradient`` and so on, in the order of the problem's connections), and ``spike_steps``, ``spike_neurons`` and
``readouts`` of all steps. ``training`` shows the samples one after another, takes the learning rate times the gradient
of each off the weights after it, and writes these (``input_weight`` and so on).
"""

import json
import sys

import numpy as np
import torch

PROJECTIONS = ("input", "recurrent", "output")


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
        self.neuron, self.size = (
            network["neuron"],
            {kind: network[f"n_{kind}"] for kind in (*PROJECTIONS[:2], "readout")},
        )
        self.decay, self.readout_decay = (
            float(np.exp(-network["dt"] / of["tau_m"])) for of in (network["neuron"], network["readout"])
        )
        self.rest = network["readout"]["E_L"]
        self.rate = network["plasticity"]["optimizer"]["learning_rate"]
        self.delay = {name: network[name]["delay"] for name in PROJECTIONS}
        self.ends = {name: (problem[f"{name}_source"], problem[f"{name}_target"]) for name in PROJECTIONS}
        ends = {"input": ("input", "recurrent"), "recurrent": ("recurrent",) * 2, "output": ("recurrent", "readout")}
        self.weight = {}
        for name, (sources, targets) in ends.items():
            matrix = torch.zeros(self.size[sources], self.size[targets], dtype=torch.float64)
            matrix[self.ends[name]] = torch.tensor(problem[f"{name}_weight"])
            self.weight[name] = matrix.requires_grad_()

    def at_rest(self, n_samples):
        """Return voltages, readouts, and the spikes of inputs and neurons that are still on their way."""
        sizes = [(n_samples, self.size["recurrent"]), (n_samples, self.size["readout"])]
        sizes += [(max(self.delay.values()), n_samples, self.size[kind]) for kind in ("input", "recurrent")]
        return [torch.zeros(size, dtype=torch.float64) for size in sizes]

    def simulate(self, inputs, state):
        """Return spikes and readouts, (n_steps, n_samples, n) each, and the state after them.

        ``inputs`` are (n_steps, n_samples, n_input), 1 in the steps in which a channel spikes.
        """
        voltage, readout, sent, spikes = state
        n_before, n_steps = len(sent), len(inputs)
        sent, spikes = torch.cat([sent, inputs]), list(spikes)

        def arriving(emitted, name):
            first = n_before - self.delay[name]
            return emitted[first : first + n_steps]

        onto_neurons = arriving(sent, "input") @ self.weight["input"]
        threshold, of_spike = self.neuron["V_th"], self.neuron["surrogate_gradient"]
        for step in range(n_steps):
            voltage = torch.add(onto_neurons[step], voltage, alpha=self.decay)
            voltage = voltage + spikes[n_before + step - self.delay["recurrent"]] @ self.weight["recurrent"]
            spikes.append(Spike.apply(voltage - threshold, of_spike["height"], of_spike["width"]))
            voltage = torch.sub(voltage, spikes[-1].detach(), alpha=threshold)
        spikes = torch.stack(spikes)
        onto_readouts = arriving(spikes, "output") @ self.weight["output"]
        # Readouts do not act on anything within the sample, so that their decay over all steps is one product.
        elapsed = torch.arange(n_steps)[:, None] - torch.arange(n_steps)
        kernel = torch.where(elapsed >= 0, self.readout_decay ** elapsed.clamp(min=0).double(), 0.0)
        decayed = self.readout_decay ** torch.arange(1, n_steps + 1).double()
        readouts = torch.tensordot(kernel, onto_readouts, 1) + decayed[:, None, None] * readout
        state = voltage, readouts[-1], sent[n_steps:], spikes[n_steps:]
        return spikes[n_before:], readouts + self.rest, [values.detach() for values in state]

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
            for name, matrix in zip(PROJECTIONS, matrices, strict=True)
        }


def gradient(network, inputs, target, window):
    """Return the outputs for all samples at once; arguments are (sample_steps, n_samples, n)."""
    spikes, readouts, _ = network.simulate(inputs, network.at_rest(inputs.shape[1]))
    found = network.of_synapses(network.gradients(readouts, target, window), "gradient")
    spiked, answered = (
        values.detach().transpose(0, 1).reshape(-1, values.shape[2]).numpy() for values in (spikes, readouts)
    )
    steps, neurons = np.nonzero(spiked)
    return {"spike_steps": steps, "spike_neurons": neurons, "readouts": answered, **found}


def train(network, inputs, target, window):
    """Return the weights after all samples, one after another; arguments are (sample_steps, n_samples, n)."""
    exists = {name: torch.zeros_like(weight) for name, weight in network.weight.items()}
    for name, ends in network.ends.items():
        exists[name][ends] = network.rate
    state = network.at_rest(1)
    for sample in range(inputs.shape[1]):
        part = slice(sample, sample + 1)
        _, readouts, state = network.simulate(inputs[:, part].double(), state)
        found = network.gradients(readouts, target[:, part], window[:, part])
        with torch.no_grad():
            for (name, weight), one in zip(network.weight.items(), found, strict=True):
                weight -= exists[name] * one
    return network.of_synapses(network.weight.values(), "weight")


def main():
    """Read a problem, compute, and write the outputs."""
    torch.set_num_threads(1)
    problem_file, variant, outputs_file = sys.argv[1:]
    with np.load(problem_file) as file:
        problem = dict(file)
    network = Network(problem)
    if (function := network.neuron["surrogate_gradient"]["function"]) != "piecewise_linear":
        sys.exit(f"error: surrogate gradient {function}: only piecewise_linear is written here")
    n_steps, size = int(problem["n_steps"]), int(problem["sample_steps"])
    inputs = np.zeros((n_steps, network.size["input"]), bool)
    inputs[problem["input_steps"], problem["input_channels"]] = True
    shown = (
        torch.tensor(values).reshape(n_steps // size, size, -1).transpose(0, 1)
        for values in (inputs, problem["target"], problem["learning_window"])
    )
    if variant == "gradient":
        outputs = gradient(network, *(values.double() for values in shown))
    else:
        outputs = train(network, *shown)
    np.savez(outputs_file, **outputs)


if __name__ == "__main__":
    main()
