"""Teachers: targets and errors that a program computes while the network runs.

A stimulus fixes the targets before a run. With a teacher they may depend on what the network does: a reward for its
answer, a target that follows a plant which the readouts control, or a loss of one's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.arrays import array_of
from eprop_core.parsing import is_whole, shown
from eprop_core.stimulus import StimulusError

Teaching = Callable[[int, npt.NDArray[np.float64]], npt.ArrayLike | None]
"""Function of the number of steps of the run so far, and of the readout signals, float64 (n, n_readout), of the steps
since its last call."""


@dataclass(frozen=True)
class PeriodicTeacher:
    """A function that is called before the first step of a run and then after each ``every`` steps.

    It returns the values of the next ``every`` steps, (every, n_readout), or one row, (n_readout,), that holds for all
    of them. On several ranks each calls it, with the same readouts; it must return the same on all.

    Raises
    ------
    StimulusError
        If ``every`` is no whole number of at least 1; in a run, values of another shape or that are not finite.
    """

    function: Teaching
    every: int = 1
    """Steps from one call to the next."""

    def __post_init__(self) -> None:
        """Check the number of steps."""
        if not is_whole(self.every, 1):
            raise StimulusError(f"every = {shown(self.every)}: must be a whole number of steps, at least 1")

    def teach(self, step: int, readout: npt.NDArray[np.float64], taught: npt.NDArray[np.float64]) -> None:
        """Call the function before a step of the run, and write what it returns to ``taught``, (n_steps, n_readout)."""
        seen = readout.view()
        seen.flags.writeable = False
        given = self.function(step, seen)
        if given is None:
            self.teach_nothing(taught)
            return
        values = array_of(np.float64, f"step {step}: what the teacher returned", given, StimulusError)
        n_readout = readout.shape[1]
        if values.shape not in {(n_readout,), (self.every, n_readout)}:
            raise StimulusError(
                f"step {step}: the teacher returned the shape {values.shape}: must be "
                f"({n_readout},) or ({self.every}, {n_readout}), or None"
            )
        if not np.isfinite(values).all():
            raise StimulusError(f"step {step}: the teacher returned a value that is not finite")
        taught[:] = np.broadcast_to(values, (self.every, n_readout))[: len(taught)]

    def teach_nothing(self, taught: npt.NDArray[np.float64]) -> None:
        """Write to ``taught`` what None stands for."""
        raise NotImplementedError


class TargetTeacher(PeriodicTeacher):
    """Gives the targets of the network's own loss, as ``target`` of a stimulus; None keeps those of the stimulus."""

    def teach_nothing(self, taught: npt.NDArray[np.float64]) -> None:
        """Keep the targets of the stimulus."""


class ErrorTeacher(PeriodicTeacher):
    """Gives the errors of the readouts, which take the place of the gradient of the loss; None stands for no errors.

    A positive error lowers a readout whose signal is y, as y - target does.
    """

    def teach_nothing(self, taught: npt.NDArray[np.float64]) -> None:
        """Set all errors to 0."""
        taught[:] = 0.0


@dataclass(frozen=True)
class CompiledErrorTeacher:
    """Computes the errors of each step of the learning window in compiled code: a loss of one's own.

    ``function(step, readout, target, error)`` writes the gradient of its loss by the readouts into ``error``, float64
    (n_readout,). ``readout`` and ``target`` are of the same kind and must not be changed; ``step`` counts from the
    start of the run. Numba must be able to compile it. It is called on each rank, with the same numbers.
    """

    function: Callable[[int, np.ndarray, np.ndarray, np.ndarray], Any]


Teacher = TargetTeacher | ErrorTeacher | CompiledErrorTeacher
