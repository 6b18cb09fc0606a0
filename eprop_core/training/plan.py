"""Schedule of a training: the groups of samples that are learned, and the validation samples."""

import functools
from typing import NamedTuple, Self

import numpy as np

from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import permutation
from eprop_core.machine import memory
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError
from eprop_core.tasks.task import Samples, Task
from eprop_core.training.parameters import TrainingParameters, check_numbers, check_rewirable, count_validation_samples
from eprop_core.training.schedules import Place

_VALIDATION_SPLIT = 0
"""Identifier of the order that the validation samples are drawn from; those of the epochs are 1, 2, ..."""


class Plan(NamedTuple):
    """Schedule of a training."""

    learned: Samples
    """int64 (n,), the samples that are learned, ascending."""
    validation: Samples
    """int64, the others, ascending."""
    seed: int
    """Seed of the order of each epoch."""
    epochs: int
    group_size: int
    """Samples of a group; the last one of an epoch may have fewer."""
    groups_per_validation: int
    """Groups from one look at the validation samples to the next."""

    @classmethod
    def of(cls, network: Network, task: Task, parameters: TrainingParameters, seed: int) -> Self:
        """Return the plan of a training.

        Raises
        ------
        ParameterError
            Parameters that do not fit the network or the task.
        InsufficientMemoryError
            A group of samples that does not fit into the memory.
        """
        learned, validation = _split(task, parameters.validation_share, seed)
        plan = cls(learned, validation, seed, parameters.epochs, parameters.samples_per_group, 1)
        plan = plan._replace(groups_per_validation=parameters.groups_per_validation or plan.groups_per_epoch)
        plan._check(network, task, parameters)
        return plan

    def _check(self, network: Network, task: Task, parameters: TrainingParameters) -> None:
        if parameters.rewiring is not None:
            check_rewirable(network, parameters.rewiring)
        if parameters.stop_at_accuracy is not None and task.chance is None:
            raise ParameterError("stop_at_accuracy must be null for a task that has no accuracy")
        check_numbers(network, parameters, len(self.learned), len(self.validation))
        largest = min(self.group_size, max(len(self.learned), len(self.validation)))
        memory.check(
            task.memory(largest),
            f"a group of {largest} samples",
            "use a smaller training.samples_per_group, or shorter samples",
        )

    @property
    def groups_per_epoch(self) -> int:
        """Number of groups of an epoch."""
        return -(-len(self.learned) // self.group_size)

    @property
    def n_groups(self) -> int:
        """Number of groups of all epochs."""
        return self.epochs * self.groups_per_epoch

    @property
    def n_shown(self) -> int:
        """Number of samples that are shown in all epochs."""
        return self.epochs * len(self.learned)

    def group(self, number: int) -> Samples:
        """Return the samples of a group, int64, by its number from 0."""
        epoch, within = divmod(number, self.groups_per_epoch)
        order = _order(len(self.learned), self.seed, epoch + 1)
        return self.learned[order[within * self.group_size : (within + 1) * self.group_size]]

    def epoch(self, number: int) -> int:
        """Return the epoch of a group, from 0."""
        return number // self.groups_per_epoch

    def place(self, number: int) -> Place:
        """Return the place of the group ``number``, from 0."""
        epoch, within = divmod(number, self.groups_per_epoch)
        return Place(number, self.n_groups, epoch, epoch * len(self.learned) + within * self.group_size)


def _split(task: Task, validation_share: float | None, seed: int) -> tuple[Samples, Samples]:
    """Return the samples to learn and the validation samples, by the task or by their share."""
    n_samples = task.n_samples
    if task.validation is not None:
        if validation_share is not None:
            raise ParameterError("validation_share must be null for a task with validation samples of its own")
        return np.setdiff1d(np.arange(n_samples), task.validation), task.validation
    n_validation = count_validation_samples(validation_share, n_samples)
    order = _order(n_samples, seed, _VALIDATION_SPLIT)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


@functools.lru_cache(maxsize=1)  # that of the epoch
def _order(n: int, seed: int, identifier: int) -> Samples:
    return permutation(n, seed=seed, purpose=Purpose.SAMPLE_ORDER, identifier=identifier)
