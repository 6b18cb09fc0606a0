"""Show some samples to a network before and after its training, and record what happens inside; write one file.

The trained network is the one that its training run has kept. Both networks start from rest and learn nothing: their
learning rates are 0, so that eligibility traces and learning signals are those of training.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from eprop_core.experiments import command_line
from eprop_core.experiments.studies.measure import add_task, read_task
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.measurement.results import Result
from eprop_core.network.projections import Role, spiking_projections
from eprop_core.parameters import Loss, Network
from eprop_core.provenance import provenance
from eprop_core.ranks.communicator import SINGLE_RANK
from eprop_core.recording.recording import Recording
from eprop_core.recording.request import NEURON_QUANTITIES, Record
from eprop_core.recording.time_series import Recorded, TimeSeries
from eprop_core.records import Record as Document
from eprop_core.simulation import Simulation
from eprop_core.tasks.task import Samples, Task

SHORTEST = 200
"""Steps that are shown at least, in whole samples."""

N_NEURONS = 3
"""Neurons whose values are recorded: those that spike most after training."""

N_BINS = 60
"""Bins of a distribution of weights."""


class Series(Document):
    """A recorded quantity of the chosen neurons or synapses."""

    steps: list[int]
    by_step: list[list[float | None]] = Field(
        description="values of the neurons or synapses in each of these steps; null: not finite"
    )

    @classmethod
    def of(cls, series: TimeSeries) -> "Series":
        """Return the recorded values that belong to the steps shown."""
        shown = series.steps >= 0
        values = series.values[shown].astype(object)
        values[~np.isfinite(series.values[shown])] = None
        return cls(steps=series.steps[shown].tolist(), by_step=values.tolist())

    def values(self, k: int) -> np.ndarray:
        """Return the values of the k-th neuron or synapse, float64 (steps,): nan where they are not finite."""
        return np.array([values[k] for values in self.by_step], float)


class Synapse(Document):
    """A chosen synapse."""

    projection: str
    source: int
    target: int


class Weights(Document):
    """Distribution of the weights of a projection."""

    counts: list[int] = Field(description="synapses in each bin")
    mean: float = Field(json_schema_extra={"label": "mean weight", "unit": "pA"})
    deviation: float = Field(json_schema_extra={"label": "standard deviation of weights", "unit": "pA"})

    @classmethod
    def of(cls, weights: np.ndarray, edges: np.ndarray) -> "Weights":
        """Return the distribution over bins with these ``edges``."""
        if not weights.size:
            return cls(counts=[0] * (len(edges) - 1), mean=0.0, deviation=0.0)
        return cls(counts=np.histogram(weights, edges)[0].tolist(), mean=weights.mean(), deviation=weights.std())


class Activity(Document):
    """Recorded activity of a network during the samples; steps count from the start of the first sample."""

    spike_steps: list[int]
    spike_neurons: list[int]
    readout: list[list[float]] = Field(
        description="by step, then by readout", json_schema_extra={"label": "readout", "unit": "mV"}
    )
    neurons: dict[str, Series] = Field(description="by quantity, of the chosen neurons")
    eligibility_traces: list[Series] = Field(description="of the chosen synapses")
    weights: dict[str, Weights] = Field(description="by projection")
    loss: float = Field(description="mean over the samples")


class DynamicsResult(Result):
    """Activity of a network before and after its training."""

    experiment: Literal["dynamics"] = "dynamics"
    seed: int
    parameters: TaskParameters
    dt: float = Field(json_schema_extra={"unit": "ms"})
    loss: Loss
    n_steps: int = Field(description="steps that are shown")
    sample_length: int = Field(description="steps of a sample")
    n_input: int
    n_recurrent: int
    learning_window: list[bool] = Field(description="by step, whether errors count")
    input_steps: list[int]
    input_channels: list[int]
    target: list[list[float]] = Field(
        description="by step, then by readout", json_schema_extra={"label": "target", "unit": "mV"}
    )
    neurons: list[int] = Field(description="chosen recurrent neurons")
    synapses: list[Synapse] = Field(description="chosen synapses, one or two onto each chosen neuron")
    bins: dict[str, list[float]] = Field(
        description="edges of the bins of the weights, by projection",
        json_schema_extra={"label": "weight", "unit": "pA"},
    )
    before: Activity
    after: Activity


def measure(parameters: TaskParameters, task: Task, network_file: Path, seed: int) -> DynamicsResult:
    """Record a network before and after its training.

    Parameters
    ----------
    parameters
        Data set, network and training.
    task
        The samples, of which the first are shown.
    network_file
        The trained network.
    seed
        Seed of the training run.
    """
    network = _without_learning(parameters.network_for(task.n_input, task.n_readout))
    samples = np.arange(min(task.n_samples, math.ceil(SHORTEST / task.n_steps)))
    networks = Simulation(network, seed=seed), Simulation.load(network_file, network=network)
    record = _chosen(networks[1], task, samples)
    weights = [_weights(simulation) for simulation in networks]
    bins = {name: np.histogram_bin_edges([of[name] for of in weights], N_BINS) for name in weights[0]}
    before, after = (
        _activity(simulation, task, samples, record, bins, of_network)
        for simulation, of_network in zip(networks, weights, strict=True)
    )
    shown = task.stimulus(samples)
    return DynamicsResult(
        seed=seed,
        parameters=parameters,
        provenance=provenance(SINGLE_RANK),
        dt=network.dt,
        loss=task.loss,
        n_steps=shown.n_steps,
        sample_length=task.n_steps,
        n_input=task.n_input,
        n_recurrent=network.n_recurrent,
        learning_window=shown.learning_window.tolist(),
        input_steps=shown.input_steps.tolist(),
        input_channels=shown.input_channels.tolist(),
        target=shown.target.tolist(),
        neurons=list(record.neurons),
        synapses=[
            Synapse(projection=name, source=source, target=target)
            for name, pairs in record.synapses.items()
            for source, target in pairs
        ],
        bins={name: edges.tolist() for name, edges in bins.items()},
        before=before,
        after=after,
    )


def _without_learning(network: Network) -> Network:
    """Return the network with learning rates of 0, whose plastic synapses have traces but keep their weights."""
    feedback = network.feedback.model_copy(update={"weight_decay": 0.0})
    return network.with_learning_rate(0.0).model_copy(update={"feedback": feedback})


def _show(simulation: Simulation, task: Task, samples: Samples, record: Record | None = None) -> Recording:
    """Show the samples twice and return the second time, in which the network does not start from rest."""
    simulation.run(task.stimulus(samples))
    return simulation.run(task.stimulus(samples), record)


def _chosen(trained: Simulation, task: Task, samples: Samples) -> Record:
    """Return the neurons that spike most, and onto each the synapses whose sources spike most."""
    recording, stimulus = _show(trained.frozen(), task, samples), task.stimulus(samples)
    counts = {
        Role.INPUT: np.bincount(stimulus.input_channels, minlength=task.n_input),
        Role.RECURRENT: np.bincount(recording.spike_neurons, minlength=trained.network.n_recurrent),
    }
    neurons = np.argsort(-counts[Role.RECURRENT], kind="stable")[:N_NEURONS].tolist()
    synapses = {}
    for spec in spiking_projections(trained.network):
        if spec.role in counts and spec.plastic:
            source, target, _ = trained.weights(spec.name)
            pairs = [_most_active(source[target == neuron], counts[spec.role], neuron) for neuron in neurons]
            if there := [pair for pair in pairs if pair is not None]:
                synapses[spec.name] = there
    # A network may have no synapses that learn, or none onto these neurons.
    learns = any(spec.plastic and spec.onto_neurons for spec in spiking_projections(trained.network))
    missing = set() if learns else {"learning_signal"}
    quantities = [quantity for quantity in NEURON_QUANTITIES if quantity not in missing]
    return Record(neurons, synapses, [*quantities, *(["eligibility_trace"] if synapses else [])])


def _most_active(sources: np.ndarray, counts: np.ndarray, target: int) -> tuple[int, int] | None:
    """Return the pair of the source that spikes most, of those with one synapse."""
    alone, n_synapses = np.unique(sources, return_counts=True)
    alone = alone[n_synapses == 1]
    return (int(alone[np.argmax(counts[alone])]), target) if len(alone) else None


def _weights(simulation: Simulation) -> dict[str, np.ndarray]:
    """Return the weights of the projections that carry spikes, pA."""
    return {spec.name: simulation.weights(spec.name).weight for spec in spiking_projections(simulation.network)}


def _activity(
    simulation: Simulation,
    task: Task,
    samples: Samples,
    record: Record,
    bins: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
) -> Activity:
    recording = _show(simulation, task, samples, record)
    assert recording.recorded is not None
    return Activity(
        spike_steps=recording.spike_steps.tolist(),
        spike_neurons=recording.spike_neurons.tolist(),
        readout=recording.readout.tolist(),
        neurons={quantity: Series.of(series) for quantity, series in recording.recorded.neurons.items()},
        eligibility_traces=_traces(recording.recorded, list(record.synapses)),
        weights={name: Weights.of(weights[name], edges) for name, edges in bins.items()},
        loss=task.score(samples, recording).loss,
    )


def _traces(recorded: Recorded, projections: Sequence[str]) -> list[Series]:
    """Return the eligibility traces of single synapses."""
    traces = []
    for name in projections:
        series = recorded.synapses[name]["eligibility_trace"]
        traces += [Series.of(TimeSeries(series.steps, series.values[:, [k]])) for k in range(series.values.shape[1])]
    return traces


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = command_line.parser("eprop_core.experiments.studies.dynamics", __doc__)
    add_task(options)
    options.add_argument("network", type=Path, help="the trained network that its training run has kept (.h5)")
    options.add_argument("--seed", type=command_line.seed, default=1, help="seed of the training run (default: 1)")
    return options


def main() -> None:
    """Run the command line."""
    options = parser().parse_args()
    parameters, learnt, tested = read_task(options.task, options.data, options.seed)
    result = measure(parameters, learnt if tested is None else tested, options.network, options.seed)
    result.write(options.output)


if __name__ == "__main__":
    command_line.run(main)
