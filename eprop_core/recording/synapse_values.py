"""Values of synapses between two spikes, as the running sums imply them (``model/running_sums.py``).

They belong to the time index of a projection's sums: eligibility traces include it, gradients what was gathered before.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from eprop_core.model.projection import ProjectionState
from eprop_core.model.running_sums import Q_W, A, P, Q, U, W, X
from eprop_core.model.sources import NO_ENTRY, NO_SPIKE_YET
from eprop_core.model.synapses import ACTIVE, ELIGIBILITY, GRADIENT, NO_COLUMN, WEIGHT, Synapses


class Places(NamedTuple):
    """Chosen synapses of one rank; int64 (n,)."""

    source: np.ndarray
    """Number of the source among those of the rank."""
    target: np.ndarray
    """Number of the target among those of the rank."""
    synapse: np.ndarray
    """Number of the synapse; 0 in rows."""

    @classmethod
    def of(cls, synapses: Synapses, pairs: np.ndarray) -> tuple["Places", np.ndarray]:
        """Find synapses.

        Parameters
        ----------
        synapses
            Synapses of the rank.
        pairs
            int64 (n, 2), source as ``synapses.source`` counts them, and target as the rank counts them.

        Returns
        -------
        Places
            Those of the pairs that the rank has synapses of.
        numpy.ndarray
            int64, the numbers of these pairs; several times, where a pair has several synapses.
        """
        found = []
        for number, (source, target) in enumerate(pairs.tolist()):
            i = source if synapses.source is None else int(np.searchsorted(synapses.source, source))
            n_sources = len(synapses.indptr) - 1 if synapses.source is None else len(synapses.source)
            if not 0 <= i < n_sources or (synapses.source is not None and synapses.source[i] != source):
                continue
            if synapses.rows is not None and synapses.absent is not None and synapses.in_rows:
                if 0 <= target < synapses.rows.shape[2] and target != synapses.absent[i]:
                    found.append((number, i, target, 0))
            else:
                first, last = synapses.indptr[i], synapses.indptr[i + 1]
                (there,) = np.nonzero(synapses.target[first:last] == target)
                found += [(number, i, target, first + k) for k in there.tolist()]
        numbers, *places = np.array(found, np.int64).reshape(-1, 4).T
        return cls(*places), numbers


def values_of(synapses: Synapses, places: Places, column: int) -> np.ndarray:
    """Return a value of each chosen synapse, float64 (n,); 0 where the model has none."""
    if column == NO_COLUMN:
        return np.zeros(len(places.source))
    if synapses.rows is not None and synapses.in_rows:
        return np.asarray(synapses.rows[places.source, column, places.target])
    return np.asarray(synapses.values[places.synapse, column])


class SynapseValues:
    """Reads quantities of chosen synapses of a projection that carries spikes, on one rank."""

    def __init__(self, state: ProjectionState, places: Places) -> None:
        self._state, self._places = state, places
        self._read: tuple[int, tuple[np.ndarray, np.ndarray]] | None = None
        """The step that was read last, with its traces and gradients."""

    def readers(self) -> Mapping[str, tuple[int, Callable[[int], np.ndarray]]]:
        """Return, by quantity, how many steps ago its step is, and what reads it after a step, float64 (n,)."""
        readers: dict[str, tuple[int, Callable[[int], np.ndarray]]] = {}
        lag = self._state.running_sums.lag
        if self._state.plastic:
            readers["eligibility_trace"] = lag, lambda step: self._traces_and_gradients(step)[0]
            if not self._state.optimizers.first.each_step:
                readers["gradient"] = lag, lambda step: self._traces_and_gradients(step)[1]
        readers["weight"] = 0, lambda _: self._value(WEIGHT)
        return readers

    def _value(self, column: int) -> np.ndarray:
        return values_of(self._state.synapses, self._places, column)

    def _traces_and_gradients(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        if self._read is None or self._read[0] != step:
            self._read = step, self._of_this_step()
        return self._read[1]

    def _of_this_step(self) -> tuple[np.ndarray, np.ndarray]:
        records = self._state.sources.records[self._places.source]
        if self._state.running_sums.step_values is None:
            trace, gradient = self._by_sums(records)
        else:
            trace, gradient = self._step_by_step(records)
        is_active = records["state"] == ACTIVE
        return np.where(is_active, trace, self._silent_trace(records)), np.where(
            is_active, gradient, self._value(GRADIENT)
        )

    def _silent_trace(self, records: np.ndarray) -> np.ndarray:
        """Return the traces of sources that are silent beyond the cutoff: they decay, and gather no gradient."""
        running_sums, sources = self._state.running_sums, self._state.sources
        kappa, age = running_sums.decay.kappa, running_sums.time_index[0] - records["last_emission"] - sources.cutoff
        age = np.where(records["last_emission"] == NO_SPIKE_YET, 0, np.maximum(age, 0)).astype(float)
        if self._is_onto_readouts:
            return records["trace"] * kappa**age
        if not running_sums.filters_error:
            return np.zeros(len(records))
        # The values are those of the time index before the one at which the source fell silent.
        return self._value(ELIGIBILITY) * kappa ** (age + 1.0)

    @property
    def _is_onto_readouts(self) -> bool:
        return self._state.entry_lead == 0

    def _by_sums(self, records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return traces and gradients of active sources."""
        running_sums, columns, j = self._state.running_sums, self._state.synapses.columns, self._places.target
        decay, h = running_sums.decay, int(running_sums.time_index[0])
        offset = h - int(running_sums.block_start[0])
        z = records["trace"] if running_sums.own_decay is None else self._value(columns.trace)
        if self._is_onto_readouts:
            return z * decay.steps[offset]["kappa_power"], self._value(GRADIENT) + z * running_sums.sums[j, Q]
        e, d = self._value(ELIGIBILITY), self._value(columns.adaptation)
        trace, gradient = self._part(running_sums.sums, e, z, d)
        gradient += self._value(GRADIENT)
        if running_sums.sums_reg is not None:
            gradient += self._part(running_sums.sums_reg, self._value(columns.eligibility_reg), z, d)[1]
        trace *= decay.steps[offset]["kappa_power"]
        if not running_sums.lacks_filter:
            return trace, gradient
        # Without a filter, the latest spike that entered does not count in the step of its entry.
        unfiltered, adaptation = running_sums.unfiltered, running_sums.adaptation
        assert unfiltered is not None
        entry = self._state.sources.entry[self._places.source]
        entered = np.where(entry == NO_ENTRY, 0, entry - int(running_sums.block_start[0]))
        gradient -= np.where((entry != NO_ENTRY) & (entry < h), unfiltered.premature[entered, j], 0.0)
        if not running_sums.filters_error:
            jump = decay.steps[offset + 1]["alpha_growth"] if running_sums.own_decay is None else self._own_jump()
            before_entry = z - np.where(entry == h, jump, 0.0)
            trace = unfiltered.response[0, j] * before_entry
            if adaptation is not None:
                sums = running_sums.sums[j]
                trace += unfiltered.response[1, j] * (d + np.where(entry == h, jump * sums[:, X] / sums[:, P], 0.0))
        return trace, gradient

    def _own_jump(self) -> np.ndarray:
        """Return the growth of z by a spike that enters at the present time index, where each neuron has its alpha."""
        own = self._state.running_sums.own_decay
        assert own is not None
        return np.asarray(1.0 / (own.power * own.alpha)[self._places.target])

    def _part(self, sums: np.ndarray, e: np.ndarray, z: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return E + z U + D W, and the gradient E A + z Q + D Q_W that was gathered since E was stored."""
        of_targets = sums[self._places.target]
        trace, gradient = e + z * of_targets[:, U], e * of_targets[:, A] + z * of_targets[:, Q]
        if self._state.running_sums.adaptation is not None:
            trace += d * of_targets[:, W]
            gradient += d * of_targets[:, Q_W]
        return trace, gradient

    def _step_by_step(self, records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return traces and gradients of active sources whose synapses go through each step."""
        state, i, j = self._state, self._places.source, self._places.target
        running_sums, columns = state.running_sums, state.synapses.columns
        values, decay, h = running_sums.step_values, running_sums.decay, int(running_sums.time_index[0])
        assert values is not None
        block_start = int(running_sums.block_start[0])
        assert state.sources.stepwise is not None
        begin = np.where(records["state"] == ACTIVE, state.sources.stepwise["advanced_to"][i], h + 1)
        enters = state.sources.stepwise["entered"][i] != 0.0
        alpha = np.full(len(i), decay.alpha) if running_sums.own_decay is None else running_sums.own_decay.alpha[j]
        trace, trace_reg = self._value(ELIGIBILITY), self._value(columns.eligibility_reg)
        threshold_trace, gradient = self._value(columns.adaptation), self._value(GRADIENT)
        presynaptic = self._value(columns.trace)
        for t in range(int(begin.min(initial=h)), h + 1):
            offset, is_next = t - block_start, begin <= t
            first = (
                records["trace"] / decay.steps[offset]["alpha_growth"]
                if running_sums.own_decay is None
                else presynaptic * alpha
            )
            moved = np.where(t == begin, first, presynaptic * alpha + (enters & (t == begin + 1)))
            presynaptic = np.where(is_next, moved, presynaptic)
            if values.surrogate_gradient is None:
                trace = np.where(is_next, presynaptic, trace)
            else:
                eligibility, lowered = values.surrogate_gradient[offset, j] * presynaptic, threshold_trace
                if running_sums.adaptation is not None:
                    adaptation = running_sums.adaptation
                    eligibility -= values.surrogate_gradient[offset, j] * adaptation.beta[j] * threshold_trace
                    lowered = adaptation.rho * threshold_trace + eligibility
                threshold_trace = np.where(is_next, lowered, threshold_trace)
                trace = np.where(is_next, decay.kappa * trace + eligibility, trace)
                if running_sums.decay_reg is not None:
                    trace_reg = np.where(is_next, running_sums.decay_reg.kappa * trace_reg + eligibility, trace_reg)
            if t < h:
                added = values.signal[offset, j] * trace
                if values.signal_reg is not None:
                    added += values.signal_reg[offset, j] * trace_reg
                gradient = np.where(is_next, gradient + added, gradient)
        return trace, gradient
