"""Poisson input, the same on any number of ranks: drawn beforehand, or while the network runs."""

from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from eprop_core.arrays import array_of
from eprop_core.compiled.poisson import PoissonSource, draw_steps
from eprop_core.parameters import Network
from eprop_core.parsing import is_seed, is_whole, shown
from eprop_core.stimulus import Stimulus, StimulusError, Taught

_DRAWN_AT_ONCE = 1 << 16
"""Spikes for which there is room at a time."""
_BOUND = 2**60
"""Bound of numbers of steps, whose sums then fit into 64 bits."""


def poisson_input(
    rates: npt.ArrayLike, *, n_steps: int, dt: float = 1.0, steps_per_row: int = 1, seed: int = 1, first_step: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the spikes of Poisson input whose rates may differ between channels and vary in time.

    In each step of ``dt`` a channel spikes with the probability rate * dt, independently of all others. The spikes of a
    step depend on the seed and the rates of that step alone. So a long input can be drawn in parts, from one
    ``first_step`` to the next; or in the course of a run, see :class:`PoissonStimulus`.

    Parameters
    ----------
    rates
        (n_channels,), spikes/s, at all times; or (n_rows, n_channels), where each row holds for ``steps_per_row`` steps
        and the last one also for those that follow.
    n_steps
        Length in steps.
    dt
        Simulation step, ms.
    steps_per_row
        Steps for which a row holds.
    seed
        Seed of the draws, 0 to 2**64 - 1.
    first_step
        Number of the first step, at which the first row begins.

    Returns
    -------
    tuple
        ``input_steps``, int64 (n_events,), ascending from 0, and ``input_channels``, int64 (n_events,), as a
        :class:`Stimulus <eprop_core.stimulus.Stimulus>` takes them.

    Raises
    ------
    StimulusError
        A rate that is negative or above one spike per step, or another value that is not allowed.

    Examples
    --------
    A hundred channels, whose rates rise from 0 to 20 spikes/s in ten seconds:

    >>> rates = np.linspace(0.0, 20.0, 10)[:, np.newaxis] * np.ones(100)
    >>> steps, channels = poisson_input(rates, n_steps=10_000, steps_per_row=1000)
    """
    by_row = _by_row(rates)
    _check_numbers(n_steps=(n_steps, 1), steps_per_row=(steps_per_row, 1), first_step=(first_step, 0))
    _check_seed(seed)
    probability = _probability(by_row, dt)
    return poisson_spikes(probability, n_steps, steps_per_row=steps_per_row, seed=seed, first_step=first_step)


def poisson_spikes(
    probability: npt.NDArray[np.float64],
    n_steps: int,
    *,
    steps_per_row: int = 1,
    elapsed: int = 0,
    first_step: int = 0,
    seed: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return steps and channels of spikes as :func:`poisson_input` does, from probabilities per step.

    ``probability`` is float64 (n_rows, n_channels); ``elapsed`` are the steps of the first row before the first step.
    """
    source = PoissonSource.of(
        np.arange(probability.shape[1]),
        probability,
        steps_per_row=steps_per_row,
        elapsed=elapsed,
        first_step=first_step,
        seed=seed,
    )
    n_spikes = np.zeros(n_steps, np.int64)
    room = np.empty(max(_DRAWN_AT_ONCE, len(source.channels)), np.int32)
    step, parts = 0, []
    while step < n_steps:
        step, n_drawn = draw_steps(source, step, n_spikes, room)
        parts.append(room[:n_drawn].astype(np.int64))
    return np.repeat(np.arange(n_steps), n_spikes), np.concatenate(parts)


@dataclass(frozen=True)
class PoissonStimulus(Taught):
    """Poisson input and targets of ``n_steps`` steps; the spikes are drawn while the network runs, and take no memory.

    The spikes are those of :func:`poisson_input` with the same arguments, on any number of ranks and however a run is
    cut. A simulation takes it in place of a :class:`Stimulus`.

    Parameters
    ----------
    n_steps
        Length of the run in steps, at least 1.
    rates
        float64 (n_rows, n_channels) or (n_channels,), spikes/s, as in :func:`poisson_input`, with a channel for each
        input of the network.
    target, learning_window, n_samples
        See :class:`Stimulus`.
    steps_per_row, seed, first_step
        See :func:`poisson_input`.
    elapsed
        Steps that have passed since the first row began: the stimulus goes on with the spikes that follow.

    Raises
    ------
    StimulusError
        If a value is not allowed; the message names the first one.

    Examples
    --------
    An hour in steps of 1 ms, in which a hundred channels alternate every second between 5 and 20 spikes/s:

    >>> rates = np.repeat([[5.0], [20.0]] * 1800, 100, axis=1)
    >>> target, learning_window = np.zeros((3_600_000, 1)), np.ones(3_600_000, dtype=bool)
    >>> PoissonStimulus(3_600_000, rates, target, learning_window, steps_per_row=1000, seed=2)
    PoissonStimulus(3600000 steps, Poisson input of 100 channels, targets of 1 readouts)
    """

    n_steps: int
    rates: np.ndarray
    target: np.ndarray
    learning_window: np.ndarray
    n_samples: int = 1
    steps_per_row: int = field(default=1, kw_only=True)
    seed: int = field(default=1, kw_only=True)
    first_step: int = field(default=0, kw_only=True)
    elapsed: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        """Convert and check the values."""
        self._check_taught()
        self._set("rates", _by_row(self.rates))
        _check_rates(self.rates, (self.rates >= 0.0) & (self.rates < np.inf), "at least 0 and finite")
        steps_per_row, first_step, elapsed = (self.steps_per_row, 1), (self.first_step, 0), (self.elapsed, 0)
        _check_numbers(steps_per_row=steps_per_row, first_step=first_step, elapsed=elapsed)
        _check_seed(self.seed)

    def __repr__(self) -> str:
        """Return the sizes."""
        return self._represented("PoissonStimulus", f"Poisson input of {self.rates.shape[1]} channels")

    def part(self, first: int, last: int) -> "PoissonStimulus":
        """Return the steps ``first`` .. ``last - 1``; where there are several samples, these must be whole ones."""
        rows_before = min((self.elapsed + first) // self.steps_per_row, len(self.rates) - 1)
        rows_until = (self.elapsed + last - 1) // self.steps_per_row + 1
        steps_before = rows_before * self.steps_per_row
        return replace(
            self,
            rates=self.rates[rows_before:rows_until],
            first_step=self.first_step + steps_before,
            elapsed=self.elapsed + first - steps_before,
            **self._taught_in(first, last),
        )

    def check_fits(self, network: Network) -> None:
        """Check that rates and targets match the populations and the simulation step of ``network``.

        Raises
        ------
        StimulusError
            If a rate, or the number of channels or readouts, does not fit.
        """
        self._check_readouts(network)
        if self.rates.shape[1] != network.n_input:
            raise StimulusError(
                f"rates have {self.rates.shape[1]} channels: must have one per input, n_input = {network.n_input}"
            )
        _probability(self.rates, network.dt)

    def drawn(self, dt: float) -> Stimulus:
        """Return the stimulus with its spikes drawn, for steps of ``dt`` ms.

        Raises
        ------
        StimulusError
            If a rate is above one spike per step.
        """
        steps, channels = poisson_spikes(
            _probability(self.rates, dt),
            self.n_steps,
            steps_per_row=self.steps_per_row,
            elapsed=self.elapsed,
            first_step=self.first_step,
            seed=self.seed,
        )
        return Stimulus(input_steps=steps, input_channels=channels, **self._taught_in(0, self.n_steps))

    def source(self, channels: npt.NDArray[np.int64], dt: float) -> PoissonSource:
        """Return what draws the spikes of some ``channels``, int64 (n,), ascending."""
        return PoissonSource.of(
            channels,
            _probability(self.rates[:, channels], dt),
            steps_per_row=self.steps_per_row,
            elapsed=self.elapsed,
            first_step=self.first_step,
            seed=self.seed,
        )


def _by_row(rates: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return rates as float64 (n_rows, n_channels)."""
    by_row = np.atleast_2d(array_of(np.float64, "rates", rates, StimulusError))
    if by_row.ndim != 2 or by_row.shape[0] == 0:
        raise StimulusError(f"rates have the shape {np.shape(rates)}: must be (n_channels,) or (n_rows, n_channels)")
    return by_row


def _probability(by_row: npt.NDArray[np.float64], dt: float) -> npt.NDArray[np.float64]:
    """Return the probabilities of a spike in a step of ``dt`` ms, float64 (n_rows, n_channels)."""
    if isinstance(dt, bool) or not isinstance(dt, Real) or not 0.0 < dt < np.inf:
        raise StimulusError(f"dt = {shown(dt)}: must be a finite number above 0 ms")
    probability = by_row * dt * 1e-3
    allowed = f"from 0 to {1000 / dt:g} spikes/s, one spike per step of {dt} ms"
    _check_rates(by_row, (probability >= 0.0) & (probability <= 1.0), allowed)
    return probability


def _check_rates(by_row: npt.NDArray[np.float64], is_allowed: npt.NDArray[np.bool_], allowed: str) -> None:
    if not is_allowed.all():
        row, channel = np.argwhere(~is_allowed)[0]
        raise StimulusError(f"rates[{row}, {channel}] = {by_row[row, channel]:g}: must be {allowed}")


def _check_numbers(**numbers: tuple[Any, int]) -> None:
    """Check numbers of steps; each comes with the least that is allowed."""
    for name, (value, least) in numbers.items():
        if not is_whole(value, least, _BOUND):
            raise StimulusError(f"{name} = {shown(value)}: must be a whole number of at least {least}, below 2**60")


def _check_seed(seed: Any) -> None:
    if not is_seed(seed):
        raise StimulusError(f"seed = {shown(seed)}: must be a whole number from 0 to 2**64 - 1")
