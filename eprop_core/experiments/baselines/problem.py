"""The problem that all simulators get in one file: a network, its connections, and its stimulus."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import permutation
from eprop_core.datasets.events import EventDataset
from eprop_core.experiments.baselines.parameters import MEMORY_PARTS, PoissonBaseline
from eprop_core.experiments.poisson_stimulus import poisson_stimulus
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.network.connections import Connections
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.tasks.dataset import task_of

_SHOWN = ("input_steps", "input_channels", "target", "learning_window")


@dataclass(frozen=True)
class Problem:
    """A network, and a stimulus of which the first ``n_steps_warm_up`` steps are not timed.

    Nothing comes in step 0, in which NEST's generators cannot deliver.
    """

    network: Network
    seed: int
    stimulus: Stimulus
    n_steps_warm_up: int
    sample_steps: int
    """Steps after which a rule that learns from whole samples updates the weights; both parts consist of such."""

    def save(self, path: Path, threads: int = 1, ranks: int = 1) -> None:
        """Write the problem with all connections and weights, as ``docs/how_to/simulators.md`` describes it."""
        arrays = problem_arrays(self.network, self.connections(), self.stimulus, self.sample_steps)
        arrays |= {"seed": self.seed, "n_steps_warm_up": self.n_steps_warm_up, "threads": threads, "ranks": ranks}
        np.savez(path, **arrays)

    def connections(self) -> dict[str, Connections]:
        """Draw the connections with their initial weights, by projection."""
        simulation = Simulation(self.network, seed=self.seed)
        return {name: simulation.weights(name) for name in PROJECTIONS}

    @classmethod
    def load(cls, path: Path) -> "Problem":
        """Read a problem without its connections: its network draws them from its seed."""
        with np.load(path) as file:
            return cls(
                network=Network.model_validate_json(str(file["network"])),
                seed=int(file["seed"]),
                stimulus=Stimulus(**{name: file[name] for name in _SHOWN}, n_steps=int(file["n_steps"])),
                n_steps_warm_up=int(file["n_steps_warm_up"]),
                sample_steps=int(file["sample_steps"]),
            )

    def beginning(self, n_steps: int) -> "Problem":
        """Return the first ``n_steps`` of the problem or, where these are not whole samples, some more."""
        n_samples = min(max(2, -(-n_steps // self.sample_steps)), self.stimulus.n_steps // self.sample_steps)
        last = n_samples * self.sample_steps
        return replace(self, stimulus=self.stimulus.part(0, last), n_steps_warm_up=n_samples // 2 * self.sample_steps)


def problem_arrays(
    network: Network, connections: Mapping[str, Connections], stimulus: Stimulus, sample_steps: int
) -> dict[str, Any]:
    """Return the arrays of a problem's file that do not say how it is measured, by name."""
    arrays: dict[str, Any] = {"network": network.model_dump_json(), "sample_steps": sample_steps}
    arrays |= {name: getattr(stimulus, name) for name in ("n_steps", *_SHOWN)}
    for name, own in connections.items():
        arrays |= {f"{name}_{key}": values for key, values in own._asdict().items()}
    return arrays


def load_connections(path: Path) -> dict[str, Connections]:
    """Read the connections of a problem."""
    with np.load(path) as file:
        return {name: Connections(*(file[f"{name}_{key}"] for key in Connections._fields)) for name in PROJECTIONS}


def poisson_problem(baseline: PoissonBaseline) -> Problem:
    """Return the problem of a random network under Poisson input."""
    steps = baseline.n_steps_warm_up, baseline.n_steps
    return random_problem(baseline.network, baseline.input_rate, baseline.seed, *steps)


def changing_problem(baseline: PoissonBaseline, n_steps: int) -> Problem:
    """Return a problem of about ``n_steps`` steps, in whose middle one half of the input channels takes over."""
    part = n_steps // MEMORY_PARTS
    problem = random_problem(baseline.network, baseline.input_rate, baseline.seed, 0, part * MEMORY_PARTS)
    shown = problem.stimulus
    is_late = shown.input_steps >= shown.n_steps // 2
    kept = (shown.input_channels < baseline.network.n_input // 2) == is_late
    stimulus = replace(shown, input_steps=shown.input_steps[kept], input_channels=shown.input_channels[kept])
    return replace(problem, stimulus=stimulus, sample_steps=part)


def random_problem(network: Network, input_rate: float, seed: int, n_steps_warm_up: int, n_steps: int) -> Problem:
    """Return the problem of a random network whose input channels have ``input_rate``, spikes/s."""
    probability = input_rate * network.dt * 1e-3
    stimulus = poisson_stimulus(network, probability, seed, 0, n_steps_warm_up + n_steps)
    sample_steps = math.gcd(n_steps, n_steps_warm_up)
    return Problem(network, seed, _without_first_step(stimulus), n_steps_warm_up, sample_steps)


def sample_problem(task: TaskParameters, samples: EventDataset, seed: int, n_warm_up: int, n_timed: int) -> Problem:
    """Return the problem of a task's network that is shown training samples in random order, epoch after epoch."""
    network = task.network_for(samples.n_channels, samples.n_readout)
    n_shown = n_warm_up + n_timed
    order = [
        permutation(len(samples), seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=epoch)
        for epoch in range(1, -(-n_shown // len(samples)) + 1)
    ]
    learned = task_of(samples, task.training.learning_window, network.readout.loss)
    stimulus = learned.stimulus(np.concatenate(order)[:n_shown])
    stimulus = replace(stimulus, n_samples=1)  # not all simulators know samples
    return Problem(network, seed, _without_first_step(stimulus), n_warm_up * samples.n_steps, samples.n_steps)


def _without_first_step(stimulus: Stimulus) -> Stimulus:
    later = stimulus.input_steps > 0
    return replace(
        stimulus,
        input_steps=stimulus.input_steps[later],
        input_channels=stimulus.input_channels[later],
        learning_window=stimulus.learning_window & (np.arange(stimulus.n_steps) > 0),
    )
