"""Checkpoints of a training: it is ended by a signal or killed, and the same command goes on from the latest."""

import functools
import os
import shutil
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError

from eprop_core.errors import NetworkFileError
from eprop_core.interrupts import DeferredTermination, Terminated
from eprop_core.network.projections import spiking_projections
from eprop_core.parsed_code import combined_hash
from eprop_core.ranks.communicator import Communicator, given_or_single
from eprop_core.records import Record
from eprop_core.simulation import CheckpointWarning, Simulation
from eprop_core.storage.generations import checkpoints
from eprop_core.training.curve import CurvePoint, best_point


class Progress(Record, frozen=False, arbitrary_types_allowed=True):
    """State of a training besides the network that learns; it changes with each group."""

    groups: int = Field(0, description="groups of samples that have been shown")
    samples: int = 0
    learning_rates: dict[str, float] = Field(description="learning rates before training, by plastic projection")
    rates_since_rewiring: dict[str, float] = Field(
        {}, description="learning rates, summed over the samples since the last rewiring, by projection"
    )
    diverged: bool = Field(False, description="whether a warning of a large loss was given")
    replaced_synapses: dict[str, int] = Field({}, description="synapses replaced by rewiring, by projection")
    curve: list[CurvePoint] = Field([], description="learning curve so far")
    times_s: dict[str, float] = Field({}, description="wall times so far, by phase")
    best: Simulation | None = Field(
        None, exclude=True, description="copy of the best network, where it is to be kept; in a file of its own"
    )

    @classmethod
    def of(cls, simulation: Simulation) -> Self:
        """Return the beginning of a training."""
        network = simulation.network
        plastic = [spec.name for spec in spiking_projections(network) if spec.plastic]
        return cls(learning_rates={name: network.optimizer(name).learning_rate for name in plastic})


class Checkpoints:
    """The checkpoints of one training: its network with all state, its progress, and the best network so far.

    Parameters
    ----------
    directory
        Where they are written to, a directory for this training alone.
    minutes
        Time from one checkpoint to the next.
    training
        What the training is, as JSON can hold it; a checkpoint of another one is not continued, nor is one that other
        code has written.
    communicator
        An mpi4py communicator of the ranks; None for a single rank.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        minutes: float,
        training: Mapping[str, Any],
        communicator: Communicator | None = None,
    ) -> None:
        self._directory, self._minutes, self._given = Path(directory), minutes, dict(training)
        self._communicator = given_or_single(communicator)
        self._written = time.monotonic()
        self._best_networks: list[Path] = []
        """Directories of the best networks that the latest two checkpoints refer to, the latest last."""

    def _exist(self) -> bool:
        """Whether there is something to continue."""
        return bool(self._communicator.allgather(checkpoints(self._directory))[0])

    @functools.cached_property
    def _training(self) -> dict[str, Any]:
        """The training and the code. Most runs end before their first checkpoint and need no hash of the code."""
        return {**self._given, "code": _hash_of_code()}

    def latest(self) -> tuple[Simulation, Progress] | None:
        """Return network and progress of the latest checkpoint, or None if there is none. Collective.

        Checkpoints that cannot be used, or that another training has left, are removed with a
        :class:`CheckpointWarning <eprop_core.simulation.CheckpointWarning>`.
        """
        if not self._exist():
            return None
        try:
            return self._read()
        except NetworkFileError as error:
            if self._communicator.rank == 0:
                warnings.warn(f"{error}; training starts from the beginning", CheckpointWarning, stacklevel=2)
            self.remove()
            return None

    def _read(self) -> tuple[Simulation, Progress]:
        simulation = Simulation.from_checkpoint(self._directory, communicator=self._communicator)
        if simulation.notes.get("training") != self._training:
            raise NetworkFileError(f"{self._directory}: has checkpoints of another training, or of other code")
        try:
            progress, has_best = Progress.model_validate(simulation.notes["progress"]), simulation.notes["has_best"]
        except (KeyError, ValidationError):
            raise NetworkFileError(f"{self._directory}: has no checkpoints of a training") from None
        simulation.notes = {}
        if has_best:
            self._best_networks = [self._best_network(progress)]
            progress.best = Simulation.from_checkpoint(*self._best_networks, communicator=self._communicator)
        return simulation, progress

    def _best_network(self, progress: Progress) -> Path:
        """Return the directory of the best network, which has a checkpoint of its own."""
        best = best_point(progress.curve)
        assert best is not None
        return self._directory / f"best-{best.samples}"

    def write_if_due(self, simulation: Simulation, progress: Progress, termination: DeferredTermination) -> None:
        """Write a checkpoint if it is time to, or if a signal is to end the program. Collective.

        Raises
        ------
        Terminated
            A signal has reached one of the ranks; on all of them.
        """
        due = time.monotonic() - self._written >= 60.0 * self._minutes
        of_ranks = self._communicator.allgather((due, termination.signal))
        signals = [name for _, name in of_ranks if name]
        if not signals and not of_ranks[0][0]:
            return
        if progress.best is not None:
            self._write_best(progress.best, self._best_network(progress))
        notes = {
            "training": self._training,
            "progress": progress.model_dump(mode="json"),
            "has_best": progress.best is not None,
        }
        simulation.save_checkpoint(self._directory, notes)
        self._remove_best_before()
        self._written = time.monotonic()
        if signals:
            raise Terminated(
                f"ended by {signals[0]} after {progress.samples} samples; "
                f"the same command goes on from {self._directory}"
            )

    def _write_best(self, best: Simulation, directory: Path) -> None:
        """Write the best network, before the checkpoint that refers to it, unless an earlier one does."""
        if directory not in self._best_networks:
            best.save_checkpoint(directory)
        self._best_networks = [*self._best_networks[-1:], directory]

    def _remove_best_before(self) -> None:
        """Remove best networks that none of the latest two checkpoints refers to."""
        if self._communicator.rank == 0:
            for directory in self._directory.glob("best-*"):
                if directory not in self._best_networks:
                    shutil.rmtree(directory, ignore_errors=True)

    def remove(self) -> None:
        """Remove them all, which a finished training does not need."""
        if self._communicator.rank == 0:
            shutil.rmtree(self._directory, ignore_errors=True)


def _hash_of_code() -> str:
    """Hash of the parsed code of the package, on which results may depend."""
    package = Path(__file__).parents[1]
    return combined_hash({file.relative_to(package).as_posix(): file for file in package.rglob("*.py")})
