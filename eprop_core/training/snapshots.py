"""Snapshots: networks in files, in the course of a training."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eprop_core.simulation import Simulation
from eprop_core.training.curve import CurvePoint


class Snapshots:
    """Saves the network when so many samples have been shown; a callback of :func:`eprop_core.training.loop.train`.

    Parameters
    ----------
    directory
        Where files are written to, SAMPLES.h5 with the number of samples that the network has seen.
    samples
        Numbers of samples, 0 for none; a network is saved at the end of the group with which it has seen so many.
    shown
        Number of samples that were shown before; their snapshots are not taken again.
    notes
        What is to be kept beside the network, as JSON can hold it.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        samples: Iterable[int],
        shown: int = 0,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        self._directory, self._notes = Path(directory), notes
        self._left = [n for n in samples if n > shown or shown == 0]

    def __call__(self, point: CurvePoint, simulation: Simulation) -> None:
        """Save the network after a group of samples, if it is time to. Collective."""
        self.take(simulation, point.samples)

    def take(self, simulation: Simulation, shown: int) -> None:
        """Save the network that has seen ``shown`` samples, if it is time to. Collective."""
        if any(n <= shown for n in self._left):
            self._left = [n for n in self._left if n > shown]
            self._directory.mkdir(parents=True, exist_ok=True)
            simulation.save(self._directory / f"{shown}.h5", self._notes)
