"""The training loop: a network learns the samples of a task, group after group."""

import math
import warnings
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import NamedTuple

import numpy as np

from eprop_core.errors import NotFiniteError
from eprop_core.interrupts import DeferredTermination
from eprop_core.measurement.process import Stopwatch
from eprop_core.network.projections import projections, spiking_projections
from eprop_core.parsing import ParameterError, expect
from eprop_core.plug_ins import described
from eprop_core.progress import ProgressBar, progress_bar
from eprop_core.recording.recording import Recording
from eprop_core.simulation import Simulation
from eprop_core.tasks.task import Samples, Score, Task
from eprop_core.training.continuation import Checkpoints, Progress
from eprop_core.training.curve import CurvePoint, best_point, validations_without_improvement
from eprop_core.training.evaluation import evaluate
from eprop_core.training.parameters import TrainingParameters
from eprop_core.training.plan import Plan
from eprop_core.training.rewiring import rewire

Callback = Callable[[CurvePoint, Simulation], bool | None]
"""Is called after each group of samples, on all ranks, with the new point of the learning curve and the network; true
ends training."""

_DIVERGED = 100.0
"""Multiple of the loss of the best constant answer at which a warning is due."""
_AT_BOUNDS = 0.1
"""Share of the weights at their bounds at which a warning is due."""


class DivergenceWarning(UserWarning):
    """A loss so large that the network's scales cannot fit the task."""


class SilenceWarning(UserWarning):
    """A group of samples in which no neuron fires, so that nothing but feedback and biases could be learned."""


class BoundsWarning(UserWarning):
    """Weights that learning has driven to their bounds."""


class Trained(NamedTuple):
    """The end of a training."""

    simulation: Simulation
    """The network as the last group left it."""
    progress: Progress
    """Samples shown, synapses replaced, learning curve, times, and the best network where ``keep`` asks for it."""
    last_group: Samples
    last_recording: Recording
    """Of the last group, while it was learned."""

    def __repr__(self) -> str:
        """Return the number of samples shown and the last point of the learning curve."""
        point = self.progress.curve[-1]
        scores = {"training loss": point.training_loss, "training accuracy": point.training_accuracy}
        scores |= {"validation loss": point.validation_loss, "validation accuracy": point.validation_accuracy}
        printed = "".join(f", {name} {value:.4g}" for name, value in scores.items() if value is not None)
        return f"Trained({point.samples} samples{printed})"

    @property
    def kept(self) -> Simulation:
        """The network that ``keep`` asks for."""
        return self.simulation if self.progress.best is None else self.progress.best

    @property
    def n_learned(self) -> int:
        """Number of samples that this network has seen."""
        best = best_point(self.progress.curve)
        return self.progress.samples if self.progress.best is None or best is None else best.samples


def train(
    simulation: Simulation,
    task: Task,
    parameters: TrainingParameters,
    *,
    callback: Callback | None = None,
    description: str | None = None,
    checkpoints: Checkpoints | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train a network. Collective.

    The seed of the simulation draws the validation samples, and the order of the others in each epoch. Nothing
    is learned from validation samples; they draw the learning curve and decide what ``stop_at_accuracy``, ``patience``
    and ``keep`` say.

    Warns once of what cannot be meant: of a loss that, after the first group of samples, is at least 100 times that of
    the best constant answer (:class:`DivergenceWarning`); of a group of samples in which no neuron fires
    (:class:`SilenceWarning`); and at the end, of projections with more than a tenth of their weights at a bound other
    than 0 (:class:`BoundsWarning`).

    Parameters
    ----------
    simulation
        The network, which changes.
    task
        What it learns.
    parameters
        What is shown, what varies meanwhile, and when training ends.
    callback
        Is called after each group with its point of the learning curve and the network. It may look at the network,
        save or copy it, or change its learning rates, which then stay until the schedule changes; if it returns a true
        value on any rank, training ends.
    description
        Label of the progress, which is shown on stderr; None shows none.
    checkpoints
        Where checkpoints are written. A signal to end raises an error after the group that is being shown.
    progress
        How far an earlier training came, as :meth:`Checkpoints.latest` returns it with the simulation; it changes. None
        begins a training.

    Raises
    ------
    ParameterError
        Parameters that do not fit the network or the task.
    NotFiniteError
        A loss or a voltage is no longer finite.
    Terminated
        A signal has ended a training with checkpoints, from which it can go on.
    """
    loop = _Loop(simulation, task, parameters, progress or Progress.of(simulation))
    communicator, n_groups = simulation.communicator, loop.plan.n_groups
    callbacks = [] if callback is None else [callback]
    with ExitStack() as stack:
        termination = None if checkpoints is None else stack.enter_context(DeferredTermination())
        if description is not None and communicator.rank == 0:
            bar = stack.enter_context(closing(progress_bar(description, n_groups, done=loop.progress.groups)))
            callbacks.append(_showing(bar))
        while True:
            group, recording, point = loop.show_next_group()
            wishes = [bool(call(point, simulation)) for call in callbacks]
            if any(communicator.allgather(any(wishes))) or loop.has_ended:
                warn_of_bounds(simulation)
                return Trained(simulation, loop.progress, group, recording)
            if checkpoints is not None and termination is not None:
                with loop.stopwatch.measure("checkpoints"):
                    checkpoints.write_if_due(simulation, loop.progress, termination)


def _showing(bar: ProgressBar) -> Callback:
    """Return a callback that moves a bar."""

    def show(point: CurvePoint, simulation: Simulation) -> None:
        bar.update(1)

    return show


class _Loop:
    """A training between two groups."""

    def __init__(self, simulation: Simulation, task: Task, parameters: TrainingParameters, progress: Progress) -> None:
        self.simulation, self.task, self.parameters, self.progress = simulation, task, parameters, progress
        self.plan = Plan.of(simulation.network, task, parameters, simulation.seed)
        if progress.groups >= self.plan.n_groups:
            raise ParameterError(f"progress: all {self.plan.n_groups} groups of the training have been shown")
        self.stopwatch = Stopwatch(progress.times_s)
        self.was_silent = False
        """Whether a warning of silence was given."""

    @property
    def has_ended(self) -> bool:
        """Whether all groups were shown, or the validation samples say so."""
        goal, patience, curve = self.parameters.stop_at_accuracy, self.parameters.patience, self.progress.curve
        accuracy = curve[-1].validation_accuracy
        return (
            self.progress.groups == self.plan.n_groups
            or (goal is not None and accuracy is not None and accuracy >= goal)
            or (patience is not None and validations_without_improvement(curve) >= patience)
        )

    def show_next_group(self) -> tuple[Samples, Recording, CurvePoint]:
        """Let the network learn the next group, and look at the validation samples if it is time to."""
        simulation, task, progress = self.simulation, self.task, self.progress
        number = progress.groups
        group, epoch = self.plan.group(number), self.plan.epoch(number) + 1
        spikes_before = simulation.counts["spikes"]
        with self.stopwatch.measure("training"):
            self._rewire_if_due()
            self._set_learning_rates(number)
            recording = simulation.run(task.stimulus(group))
            scored = task.score(group, recording)
            expect(f"score in {described(type(task).__module__)}", scored, Score, "a Score")
            score = _finite(scored, epoch)
        progress.groups += 1
        progress.samples += len(group)
        for name in progress.rates_since_rewiring:
            progress.rates_since_rewiring[name] += len(group) * simulation.network.optimizer(name).learning_rate
        self._warn_of_divergence(score.loss)
        n_spikes = sum(simulation.communicator.allgather(int(simulation.counts["spikes"] - spikes_before)))
        self._warn_of_silence(n_spikes)
        duration = len(group) * task.n_steps * simulation.network.dt * 1e-3  # s
        unseen = self._validate_if_due(epoch)
        point = CurvePoint(
            epoch=epoch,
            samples=progress.samples,
            training_time_s=self.stopwatch.seconds["training"],
            training_loss=score.loss,
            training_accuracy=score.accuracy,
            rate_hz=n_spikes / duration / simulation.network.n_recurrent,
            validation_loss=None if unseen is None else unseen.loss,
            validation_accuracy=None if unseen is None else unseen.accuracy,
        )
        progress.curve.append(point)
        if self.parameters.keep == "best" and unseen is not None and best_point(progress.curve) is point:
            progress.best = None  # makes room
            progress.best = simulation.copy()
        return group, recording, point

    def _rewire_if_due(self) -> None:
        rewiring, progress = self.parameters.rewiring, self.progress
        if rewiring is None:
            return
        if progress.groups > 0 and progress.groups % rewiring.groups == 0:
            replaced = rewire(self.simulation, rewiring, progress.rates_since_rewiring, progress.groups + 1)
            for name, n in replaced.items():
                progress.replaced_synapses[name] = progress.replaced_synapses.get(name, 0) + n
            progress.rates_since_rewiring.clear()
        for name in rewiring.projections:
            progress.rates_since_rewiring.setdefault(name, 0.0)

    def _set_learning_rates(self, number: int) -> None:
        """Set the learning rates that change with this group; others stay as they are, whoever has set them."""
        roles = {spec.name: spec.role.value for spec in projections(self.simulation.network)}
        for name, rate in self.progress.learning_rates.items():
            schedule = self.parameters.learning_rate_schedule.of(roles[name])
            factor = schedule.at(self.plan.place(number))
            before = schedule.at(self.plan.place(number - 1)) if number > 0 else 1.0
            if factor != before:
                self.simulation.set_learning_rate(factor * rate, name)

    def _validate_if_due(self, epoch: int) -> Score | None:
        if len(self.plan.validation) == 0 or self.progress.groups % self.plan.groups_per_validation != 0:
            return None
        with self.stopwatch.measure("validation"):
            score, _ = evaluate(self.simulation, self.task, self.plan.validation, self.parameters.samples_per_group)
        return _finite(score, epoch)

    def _warn_of_divergence(self, loss: float) -> None:
        progress, reference = self.progress, self.task.loss_of_best_constant
        if progress.diverged or progress.groups == 1 or not loss >= _DIVERGED * reference > 0:
            return
        progress.diverged = True
        if self.simulation.communicator.rank == 0:
            warnings.warn(
                f"after {progress.samples} training samples the loss is {loss:.3g}, {loss / reference:.3g} times that "
                f"of the best constant answer, {reference:.3g}; likely causes: a learning rate too large, or weights "
                "of the wrong scale (numbers from NEST's Bellec models need factors 1 - kappa and 1 - alpha: "
                "docs/how_to/compare_with_nest.md, Settings from NEST)",
                DivergenceWarning,
                stacklevel=4,
            )

    def _warn_of_silence(self, n_spikes: int) -> None:
        if n_spikes > 0 or self.was_silent:
            return
        self.was_silent = True
        if self.simulation.communicator.rank == 0:
            warnings.warn(
                f"after {self.progress.samples} training samples: no recurrent neuron fired in the last group of them; "
                "likely causes: weights too small or neuron.V_th too large, a learning rate or plasticity.c_reg too "
                "large, or samples without input spikes",
                SilenceWarning,
                stacklevel=4,
            )


def warn_of_bounds(simulation: Simulation) -> None:
    """Warn of plastic projections with more than a tenth of their weights at a bound other than 0. Collective."""
    for spec in spiking_projections(simulation.network):
        if not spec.plastic:
            continue
        optimizer = simulation.network.optimizer(spec.name)
        bounds = [bound for bound in (optimizer.weight_min, optimizer.weight_max) if bound != 0.0]
        weight = simulation.own_weights(spec.name)
        of_ranks = simulation.communicator.allgather((int(np.isin(weight, bounds).sum()), len(weight)))
        n_at_bounds, n_weights = (sum(numbers) for numbers in zip(*of_ranks, strict=True))
        share = n_at_bounds / max(1, n_weights)
        if share > _AT_BOUNDS and simulation.communicator.rank == 0:
            warnings.warn(
                f"{share:.0%} of the {spec.name} weights are at a bound ({' or '.join(f'{b:g}' for b in bounds)} pA) "
                "after training; likely causes: a learning rate too large, or weight_min and weight_max too narrow",
                BoundsWarning,
                stacklevel=3,
            )


def _finite(score: Score, epoch: int) -> Score:
    if not math.isfinite(score.loss):
        raise NotFiniteError(f"epoch {epoch}: the loss is not finite; the likely cause is a learning rate too large")
    return score
