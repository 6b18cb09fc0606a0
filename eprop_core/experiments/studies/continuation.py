"""Checkpoints of a training run: it is ended by a signal or killed, and the same command goes on from the latest."""

import functools
import shutil
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

import eprop_core
from eprop_core.errors import NetworkFileError
from eprop_core.experiments.studies.result import CurvePoint
from eprop_core.interrupts import DeferredTermination, Terminated
from eprop_core.parsed_code import combined_hash
from eprop_core.ranks.communicator import Communicator
from eprop_core.records import Record
from eprop_core.simulation import CheckpointWarning, Simulation


class Progress(Record):
    """State of a training run besides its network, including the parts of the result so far."""

    groups: int = Field(0, description="groups of samples that have been shown")
    samples: int = 0
    samples_at_rewiring: int = Field(0, description="samples before the latest rewiring")
    diverged: bool = Field(False, description="whether a warning of a large loss was given")
    replaced_synapses: dict[str, int] = Field({}, description="synapses replaced by rewiring, by projection")
    curve: list[CurvePoint] = Field([], description="learning curve so far")
    times_s: dict[str, float] = Field({}, description="wall times so far, by phase")


class Checkpoints:
    """The checkpoints of one training run.

    Parameters
    ----------
    directory
        Where they are written to.
    minutes
        Time from one checkpoint to the next.
    training
        What the training is, as JSON can hold it; a checkpoint of another one is not continued, nor is one that other
        code has written.
    communicator
        Communicator of the ranks.
    """

    def __init__(
        self, directory: Path, minutes: float, training: Mapping[str, Any], communicator: Communicator
    ) -> None:
        self._directory, self._minutes, self._given = directory, minutes, dict(training)
        self._communicator = communicator
        self._written = time.monotonic()

    def _exist(self) -> bool:
        """Whether there is something to continue."""
        return bool(self._communicator.allgather(self._directory.is_dir() and any(self._directory.glob("*.h5")))[0])

    @functools.cached_property
    def _training(self) -> dict[str, Any]:
        """The training and the code. Most runs end before their first checkpoint and need no hash of the code."""
        return {**self._given, "code": _hash_of_code()}

    def latest(self) -> tuple[Simulation, Progress] | None:
        """Return the training as it was in the latest checkpoint, or None if there is none to continue. Collective.

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
            return simulation, Progress.model_validate(simulation.notes["progress"])
        except (KeyError, ValidationError):
            raise NetworkFileError(f"{self._directory}: has no checkpoints of a training") from None

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
        notes = {"training": self._training, "progress": progress.model_dump(mode="json")}
        simulation.save_checkpoint(self._directory, notes)
        self._written = time.monotonic()
        if signals:
            raise Terminated(
                f"ended by {signals[0]} after {progress.samples} samples; "
                f"the same command goes on from {self._directory}"
            )

    def remove(self) -> None:
        """Remove them all, which a finished run does not need."""
        if self._communicator.rank == 0:
            shutil.rmtree(self._directory, ignore_errors=True)


def _hash_of_code() -> str:
    """Hash of the parsed code of the package, on which results may depend."""
    package = Path(eprop_core.__file__).parent
    return combined_hash({file.relative_to(package).as_posix(): file for file in package.rglob("*.py")})
