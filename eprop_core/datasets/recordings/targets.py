"""Targets over time, which a network learns in place of labels: signals that its readouts follow."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from eprop_core.errors import DatasetError


class Targets(NamedTuple):
    """Targets of the samples of a file."""

    n_steps: int
    """Of a sample in the file."""
    n_outputs: int
    read: Callable[[int], Any]
    """Reads the target of a sample, an array (n_steps, n_outputs) or (n_steps,)."""

    @classmethod
    def of(cls, name: str, shape: tuple[int, ...], n_samples: int, read: Callable[[int], Any]) -> Self:
        """Return the targets of a file that has an array ``targets`` of this shape.

        Raises
        ------
        DatasetError
            If the shape is another one than that of ``n_samples`` targets.
        """
        if len(shape) not in (2, 3) or min(shape) == 0:
            raise DatasetError(
                f"{name}: targets have the shape {shape}; expected (samples, steps, outputs) or (samples, steps)"
            )
        if shape[0] != n_samples:
            raise DatasetError(f"{name}: targets of {shape[0]} samples; expected those of {n_samples}")
        return cls(shape[1], shape[2] if len(shape) == 3 else 1, read)


def in_steps(target: Any, n_steps: int, where: str) -> npt.NDArray[np.float64]:
    """Return a target in the time steps of the network, mV, float64 (n_steps, n_outputs).

    Parameters
    ----------
    target
        Numbers (steps, n_outputs) or (steps,). Of a multiple of ``n_steps``, so many neighbours become their mean.
    n_steps
        Time steps of a sample.
    where
        Name of the sample, for messages.

    Raises
    ------
    DatasetError
        If they are no such numbers, or not finite.
    """
    try:
        array = np.asarray(target)
    except ValueError:  # lists of different lengths
        raise DatasetError(f"{where}: no target; expected numbers (steps, outputs) or (steps,)") from None
    if array.dtype.kind not in "iufb" or array.ndim not in (1, 2) or 0 in array.shape:
        raise DatasetError(
            f"{where}: target of type {array.dtype} and shape {array.shape}; expected numbers (steps, outputs) or "
            "(steps,)"
        )
    if len(array) % n_steps:
        raise DatasetError(f"{where}: target of {len(array)} steps; expected n_steps = {n_steps}, or a multiple")
    widened = array.astype(np.float64).reshape(len(array), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        means: npt.NDArray[np.float64] = widened.reshape(n_steps, -1, widened.shape[1]).mean(axis=1)
    wrong = ~np.isfinite(means)
    if wrong.any():
        step, output = np.argwhere(wrong)[0].tolist()
        raise DatasetError(f"{where}: step {step}: target {output} is {means[step, output]}; expected a finite number")
    return means
