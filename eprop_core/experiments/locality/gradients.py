"""Compare the gradient of e-prop with that of backpropagation through time; write one result file.

Both are gradients of the same loss, by the same weights, of the same samples, each of which begins at rest. That of
e-prop is what one update takes off the weights, over the learning rate. Backpropagation is a program of its own
(:mod:`eprop_core.experiments.locality.bptt`), and is compared only where it has the same spikes.
"""

from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import permutation
from eprop_core.datasets.events import EventDataset
from eprop_core.experiments import command_line
from eprop_core.experiments.baselines.problem import problem_arrays
from eprop_core.experiments.locality import bptt
from eprop_core.experiments.locality.parameters import Feedback, GradientPoint, check_comparable
from eprop_core.experiments.locality.result import Alignment, GradientResult
from eprop_core.files.text import read_json
from eprop_core.interoperability.simulators import InstalledSimulator, SimulatorError
from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.tasks.dataset import task_of

RATE = 2.0**-7
"""Learning rate of the update: weights onto readouts must stay below 100 pA, and a power of two costs no digits."""
LARGEST_WEIGHT = 1e15


class Problem(NamedTuple):
    """A network with its weights, and samples, each followed by silence in which its last errors arrive."""

    network: Network
    connections: dict[str, Connections]
    stimulus: Stimulus

    @property
    def sample_steps(self) -> int:
        """Steps of a sample, with the silence."""
        return self.stimulus.n_steps // self.stimulus.n_samples

    def save(self, path: Path) -> None:
        """Write what backpropagation needs, as ``docs/how_to/simulators.md`` describes it."""
        np.savez(path, **problem_arrays(self.network, self.connections, self.stimulus, self.sample_steps))


class Computed(NamedTuple):
    """Gradients, and the simulation that they are of."""

    gradients: dict[str, np.ndarray]
    """By projection, float64 (n_synapses,), in the order of the connections; summed over samples."""
    spikes: np.ndarray
    """int64 (2, n_spikes): steps and neurons."""
    readouts: np.ndarray
    """float64 (n_steps, n_readout), mV."""


def measure(point: GradientPoint, samples: EventDataset, seed: int, installed: InstalledSimulator) -> list[Alignment]:
    """Return how both gradients of the first samples agree, for each kind of feedback.

    Raises
    ------
    ParameterError
        There are too few samples, or the network is one that backpropagation does not compute.
    SimulatorError
        Backpropagation failed, or has other spikes.
    """
    problem = problem_of(point, samples, seed)
    exact = backpropagated(problem, installed)
    alignments = []
    for feedback in get_args(Feedback):
        learnt = learnt_gradient(problem, feedback)
        if not np.array_equal(learnt.spikes, exact.spikes):
            raise SimulatorError(f"{installed.label}, {bptt.PROGRAM}: has other spikes than this simulator")
        both = [(learnt.gradients[name], exact.gradients[name]) for name in LEARNING_PROJECTIONS]
        together = [np.concatenate(of_rule) for of_rule in zip(*both, strict=True)]
        alignments.append(
            Alignment(
                seed=seed,
                feedback=feedback,
                **{f"{name}_cosine": cosine(*pair) for name, pair in zip(LEARNING_PROJECTIONS, both, strict=True)},
                all_cosine=cosine(*together),
                output_difference=_difference(learnt.gradients["output"], exact.gradients["output"]),
                spikes=learnt.spikes.shape[1],
                readout_difference=_difference(learnt.readouts, exact.readouts) or 0.0,
            )
        )
    return alignments


def problem_of(point: GradientPoint, samples: EventDataset, seed: int) -> Problem:
    """Return the network as it is after ``trained_samples``, and the samples whose gradient is measured.

    Raises
    ------
    ParameterError
        There are too few samples, or the network is one that backpropagation does not compute.
    """
    network = point.network_for(samples.n_channels, samples.n_readout)
    check_comparable(network)
    for key in ("samples", "trained_samples"):
        if (given := getattr(point, key)) > len(samples):
            raise ParameterError(f"{key} = {given}: must be at most {len(samples)}, the training samples")
    task = task_of(samples, point.training.learning_window, network.readout.loss)
    simulation = Simulation(network, seed=seed)
    if point.trained_samples:
        order = permutation(len(samples), seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=1)
        simulation.run(task.stimulus(order[: point.trained_samples]))
    connections = {name: simulation.weights(name) for name in PROJECTIONS}
    silence = 2 + sum(getattr(network, name).delay for name in PROJECTIONS)
    shown = task.stimulus(np.arange(point.samples))
    return Problem(network, connections, _with_silence(shown, point.samples, silence))


def _with_silence(shown: Stimulus, n_samples: int, silence: int) -> Stimulus:
    """Return a stimulus in which ``silence`` steps follow each sample."""
    n_steps = shown.n_steps // n_samples

    def longer(values: np.ndarray) -> np.ndarray:
        of_samples = values.reshape(n_samples, n_steps, *values.shape[1:])
        padded = np.pad(of_samples, [(0, 0), (0, silence), *[(0, 0)] * (values.ndim - 1)])
        return padded.reshape(-1, *values.shape[1:])

    return Stimulus(
        n_steps=n_samples * (n_steps + silence),
        input_steps=shown.input_steps + shown.input_steps // n_steps * silence,
        input_channels=shown.input_channels,
        target=longer(shown.target),
        learning_window=longer(shown.learning_window),
        n_samples=n_samples,
    )


def learnt_gradient(problem: Problem, feedback: Feedback) -> Computed:
    """Return e-prop's gradient with a kind of feedback."""
    network = _with_one_update(problem.network, feedback)
    given = {
        name: own for name, own in problem.connections.items() if name != "feedback" or feedback == "random"
    }  # symmetric feedback follows from the output
    gradients = {name: np.zeros_like(given[name].weight) for name in LEARNING_PROJECTIONS}
    spikes, readouts = [], []
    for first in range(0, problem.stimulus.n_steps, problem.sample_steps):
        simulation = Simulation(network, connections=given)
        recording = simulation.run(problem.stimulus.part(first, first + problem.sample_steps))
        updated = simulation.frozen()
        for name, gradient in gradients.items():
            gradient += (given[name].weight - updated.weights(name).weight) / RATE
        spikes.append(np.stack([recording.spike_steps + first, recording.spike_neurons]))
        readouts.append(recording.readout)
    return Computed(gradients, np.concatenate(spikes, axis=1), np.concatenate(readouts))


def _with_one_update(network: Network, feedback: Feedback) -> Network:
    """Return a network that takes :data:`RATE` times the gradient of a sample off its weights after it."""
    values = network.model_dump()
    values["plasticity"]["update"] = "sample"
    values["plasticity"]["optimizer"] = {
        "learning_rate": RATE,
        "weight_min": -LARGEST_WEIGHT,
        "weight_max": LARGEST_WEIGHT,
    }
    for name in LEARNING_PROJECTIONS:
        values[name] |= dict.fromkeys(("learning_rate", "fixed_signs", "weight_min", "weight_max"))
    values["feedback"]["kind"] = feedback
    return parse(Network, values)


def backpropagated(problem: Problem, installed: InstalledSimulator) -> Computed:
    """Return the gradient of backpropagation through time.

    Raises
    ------
    SimulatorError
        The program failed.
    """
    written = bptt.gradient(problem.save, installed)
    gradients = {name: written[f"{name}_gradient"] for name in LEARNING_PROJECTIONS}
    return Computed(gradients, np.stack([written["spike_steps"], written["spike_neurons"]]), written["readouts"])


def cosine(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the cosine of the angle between two vectors; None if one of them is zero."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths > 0 else None


def _difference(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the largest difference, over the largest of the other values; None if these are all zero."""
    largest = float(np.abs(other).max(initial=0.0))
    return float(np.abs(one - other).max()) / largest if largest > 0 else None


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.locality.gradients", __doc__)
    parser.add_argument("point", type=Path, help="JSON file: a task with samples and trained_samples")
    parser.add_argument("--data", type=Path, required=True, help="directory made by eprop_core.datasets.prepare")
    parser.add_argument(
        "--simulator", type=Path, required=True, help="file that eprop_core.interoperability.simulators wrote"
    )
    parser.add_argument("--seeds", type=command_line.seed, nargs="+", default=[1], help="seeds (default: 1)")
    options = parser.parse_args()
    point = parse(GradientPoint, read_json(options.point), f"{options.point}: ")
    installed = parse(InstalledSimulator, read_json(options.simulator), f"{options.simulator}: ")
    samples = EventDataset.load(options.data / "train.npz")
    alignments = [
        alignment
        for seed in progress(options.seeds, "gradients", len(options.seeds))
        for alignment in measure(point, samples, seed, installed)
    ]
    GradientResult(
        provenance=provenance(),
        parameters=point,
        backpropagation=f"{installed.label} {installed.version}",
        alignments=alignments,
    ).write(options.output)


if __name__ == "__main__":
    command_line.run(main)
