"""The synapses of one source: what a spike, a silence beyond the cutoff and a new block do to their values.

The symbols are those of ``running_sums.py``; z is the trace of the source. A synapse of an active source holds its
weight, E, D and G. A synapse of an inactive source holds, in the same columns, the plain traces and the plain gradient
gathered so far. Where the learning signal and the rate regularization have different filters, each has its own E and
sums; D and G are shared. Synapses onto readouts have no eligibility trace: the trace z takes its place, and A, U and E
are 0.

The target and the values of a synapse lie side by side (:mod:`eprop_core.model.synapse_records`), because the next
spike of its source needs all of them and nothing else. Where each source of a projection reaches all neurons of the
rank, the values of a source are rows of a matrix instead (:mod:`eprop_core.network.rows`). The kernels work on either:
``values[k, column]`` is a value of the k-th synapse. Its target is ``target[k]`` or, in a row, where ``target`` is
None, k.
"""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import arithmetic_kernel, called_kernel, inlined, kernel, loop_kernel
from eprop_core.compiled.prefetch import prefetch, synapses_ahead
from eprop_core.model.optimizers import GRADIENT_DESCENT, Elapsed, bounded, change, of_kind
from eprop_core.model.running_sums import (
    PSI,
    Q_W,
    A,
    Adaptation,
    OwnDecay,
    P,
    Q,
    U,
    Unfiltered,
    W,
    X,
    filtered_signal,
    kappa_power,
    lacks_filter,
    offset_in_block,
    unfiltered_signal,
)
from eprop_core.model.synapse_records import new_records, targets_in, values_in, view_targets, view_values

INACTIVE, ACTIVE, ACTIVATING = range(3)
"""State of a source: silent beyond the cutoff or no spike yet; within the cutoff; about to become active."""

WEIGHT, GRADIENT, ELIGIBILITY = range(3)
"""First columns of ``Synapses.values``; static synapses have only the weight and, if it is adaptive, the feedback."""

NEXT_WEIGHT = GRADIENT
"""The weight that the next spike will find, where each step updates it and there is no gradient to keep."""

NO_COLUMN = -1

NO_TARGET = -1


class Columns(NamedTuple):
    """Columns of ``Synapses.values`` that depend on the model; :data:`NO_COLUMN` where it has none."""

    n: int = WEIGHT + 1
    """Number of all columns."""
    eligibility_reg: int = NO_COLUMN
    """E of the rate regularization, where its filter differs."""
    adaptation: int = NO_COLUMN
    """D, where thresholds adapt."""
    trace: int = NO_COLUMN
    """z, where neurons have decays of their own; of an inactive source, the plain trace when it became inactive."""
    moments: int = NO_COLUMN
    """The first of the optimizer's values."""
    feedback: int = NO_COLUMN
    """Weight of the feedback along this synapse, where that adapts."""
    next_feedback: int = NO_COLUMN
    """The feedback weight after the next arrival, where each step updates it."""
    facilitated: int = NO_COLUMN
    """With spike-timing-dependent plasticity: the weight that the next spike of an inactive source will find."""


class Synapses(NamedTuple):
    """Synapses of one projection on one rank, compressed by source."""

    indptr: np.ndarray
    """int64 (n_sources + 1,): the synapses of the i-th source are indptr[i] .. indptr[i + 1] - 1."""
    records: np.ndarray
    """int32 (n, 1 + 2 ``columns.n``), the local target and the values of each synapse; none with rows
    (:mod:`eprop_core.model.synapse_records`)."""
    columns: Columns
    source: np.ndarray | None = None
    """int32 (n_sources,), ids of the sources, ascending; None if the i-th source is neuron i of its population."""
    rows: np.ndarray | None = None
    """float64 (n_sources, ``columns.n``, n_targets), the values in rows; (0, ``columns.n``, 0) for a projection without
    rows; None on a rank without any (:mod:`eprop_core.network.rows`)."""
    absent: np.ndarray | None = None
    """int32 (n_sources,), the target that a row lacks, or :data:`NO_TARGET`."""

    @classmethod
    def listed(cls, indptr: np.ndarray, target: np.ndarray, values: np.ndarray, columns: Columns) -> "Synapses":
        """Create synapses from copies of their targets, int (n,), and values, float64 (n, ``columns.n``)."""
        synapses = cls(indptr, new_records(len(target), columns.n), columns)
        synapses.target[:] = target
        synapses.values[:] = values
        return synapses

    @property
    def target(self) -> np.ndarray:
        """Local target of each listed synapse, int32 (n,), a view; (0,) with rows."""
        return view_targets(self.records)

    @property
    def values(self) -> np.ndarray:
        """Weight (pA), G, E and the values that ``columns`` locates, of each listed synapse, a view.

        float64 (n, ``columns.n``); (0, ``columns.n``) with rows
        """
        return view_values(self.records)

    @property
    def n(self) -> int:
        """Number of synapses."""
        return int(self.indptr[-1])

    @property
    def in_rows(self) -> bool:
        """Whether the values are in rows."""
        return self.rows is not None and len(self.rows) > 0

    @property
    def bytes_per_synapse(self) -> int:
        """Bytes of a synapse: its values and, in lists, its target."""
        return 8 * self.columns.n if self.in_rows else self.records.itemsize * self.records.shape[1]

    def targets(self) -> np.ndarray:
        """Return the local target of each synapse, int32 (n,)."""
        if not self.in_rows:
            return self.target
        is_there = self.is_there()
        return np.asarray(np.broadcast_to(np.arange(is_there.shape[1], dtype=np.int32), is_there.shape)[is_there])

    def column(self, column: int) -> np.ndarray:
        """Return a value of each synapse, float64 (n,): a view, or a copy of values in rows."""
        if self.rows is None or not self.in_rows:
            return self.values[:, column]
        return np.asarray(self.rows[:, column][self.is_there()])

    def extent(self, column: int) -> tuple[float, float]:
        """Return the smallest and the largest value in a column; infinity and -infinity without synapses."""
        values, chosen = self.values[:, column], np.ones(1, np.bool_)
        if self.rows is not None and self.in_rows:
            values, chosen = self.rows[:, column], self.is_there()
        return float(values.min(initial=np.inf, where=chosen)), float(values.max(initial=-np.inf, where=chosen))

    def is_there(self) -> np.ndarray:
        """Return whether a source has a synapse onto a target, for values in rows, bool (n_sources, n_targets)."""
        assert self.rows is not None
        assert self.absent is not None
        is_there = np.ones((len(self.rows), self.rows.shape[2]), np.bool_)
        (lacking,) = np.nonzero(self.absent != NO_TARGET)
        is_there[lacking, self.absent[lacking]] = False
        return is_there


class TakenBack(NamedTuple):
    """The gradient that a spike contributed too early, in the step of its entry, where there is no filter."""

    factor: float
    """1, or 0 where nothing is to be subtracted."""
    offset: int
    """Offset of that step in the block."""


class SpikeEffects(NamedTuple):
    """Effects of a spike on the synapses of its source at one time index, and the factors that they need."""

    state: int
    """INACTIVE, ACTIVE or ACTIVATING."""
    arrives: bool
    """Whether the weight is added to the target's input."""
    updates: bool
    """Whether the weight is updated before that, with the gradient gathered so far."""
    enters: bool
    """Whether the spike enters the presynaptic trace: from the next time index on; onto readouts, from this one on."""
    trace: float
    """z before the spike enters."""
    jump: float
    """Growth of z when the spike enters."""
    plain_trace: float
    """z alpha^offset, which activation needs."""
    remaining: float
    """Decay of an inactive eligibility trace up to now, kappa^age, times kappa^-offset, as E counts from the block's
    start."""
    remaining_reg: float
    """The same for the rate regularization."""
    remaining_adaptation: float
    """Decay of an inactive trace of the adaptation, up to the previous time index."""
    age: int
    """Steps since the traces of an inactive source were brought up to date."""
    growth: float
    """kappa^-offset"""
    growth_reg: float
    """The same for the rate regularization."""
    taken_back: TakenBack
    elapsed: Elapsed
    """Steps that the optimizer processes."""
    ahead: np.uint64
    """By how many synapses each is fetched before it is processed."""


class TargetSums(NamedTuple):
    """The part of the running sums that kernels on synapses read.

    A call passes each number of its arguments, so a kernel that is called should not receive all of them.
    """

    sums: np.ndarray
    sums_reg: np.ndarray | None
    adaptation: Adaptation | None
    own_decay: OwnDecay | None
    signal: np.ndarray
    """Signal that meets the filtered eligibility."""
    signal_reg: np.ndarray
    signal_unfiltered: np.ndarray
    """Signal that meets the unfiltered eligibility, if there is one."""
    unfiltered: Unfiltered | None


@kernel
def _target_sums(running_sums):
    return TargetSums(
        sums=running_sums.sums,
        sums_reg=running_sums.sums_reg,
        adaptation=running_sums.adaptation,
        own_decay=running_sums.own_decay,
        signal=filtered_signal(running_sums),
        signal_reg=running_sums.signal_reg,
        signal_unfiltered=unfiltered_signal(running_sums),
        unfiltered=running_sums.unfiltered,
    )


@kernel
def has_rows(rows):
    """Whether the values of a projection are in rows."""
    if rows is None:
        return False
    return len(rows) > 0


@inlined
def _row(rows, i):
    """Values of the i-th source, float64 (n_targets, n_columns), in which a column is contiguous."""
    return rows[i].T


@kernel
def _columns_of_row(columns):
    """Columns of synapses onto recurrent neurons, which carry no feedback; so the compiler leaves that out."""
    return Columns(
        n=columns.n,
        eligibility_reg=columns.eligibility_reg,
        adaptation=columns.adaptation,
        trace=columns.trace,
        moments=columns.moments,
        feedback=NO_COLUMN,
        next_feedback=NO_COLUMN,
        facilitated=columns.facilitated,
    )


@kernel
def _target(target, k):
    """Local target of the k-th synapse, uint64."""
    if target is None:
        return np.uint64(k)
    return np.uint64(target[k])


@kernel
def _prefetch_ahead(target, values, k):
    """Prefetch the ``k``-th synapse if it is listed; of rows, the hardware does so."""
    if target is not None:
        prefetch(values, k)


@kernel
def _clear_absent(row, absent):
    """Set the values that belong to no synapse to 0."""
    if absent != NO_TARGET:
        row[absent, :] = 0.0


@kernel
def _sum(sums, j, column):
    """A sum, or 0 without sums; the compiler removes the terms that such a zero multiplies."""
    if sums is None:
        return 0.0
    return sums[j, column]


@kernel
def _adaptive_sum(adaptation, sums, j, column):
    """A sum that only adaptive neurons have, else 0."""
    if adaptation is None:
        return 0.0
    return _sum(sums, j, column)


@kernel
def value(needed, values, k, column):
    """A value that a synapse has only where ``needed`` is not None, else 0."""
    if needed is None:
        return 0.0
    return values[k, column]


@kernel
def set_value(needed, values, k, column, value):
    """Set a value that a synapse has only where ``needed`` is not None."""
    if needed is not None:
        values[k, column] = value


@kernel
def _activate_adaptation(adaptation, j, trace):
    """beta a(t-1), which lowers the eligibility, and rho a(t-1); ``trace`` is a(t-1)."""
    if adaptation is None:
        return 0.0, 0.0
    return adaptation.beta[j] * trace, adaptation.rho * trace


@kernel
def _per_own_response(adaptation, sums, j, value):
    """D of an adaptation trace: ``value`` / P."""
    if adaptation is None:
        return 0.0
    return value / sums[j, P]


@kernel
def _trace(own_decay, state, spike, values, k, column, j):
    """z and z alpha^offset: those of the source or, where neurons have decays of their own, of the synapse."""
    if own_decay is None:
        return spike.trace, spike.plain_trace
    z, power = values[k, column], own_decay.power[j]
    if state != ACTIVATING:
        return z, z * power
    plain = z * own_decay.alpha[j] ** spike.age
    return plain / power, plain


@kernel
def _jump(own_decay, spike, j):
    """Growth of z when the spike enters."""
    if own_decay is None:
        return spike.jump
    return 1.0 / (own_decay.power[j] * own_decay.alpha[j])


@kernel
def _premature(unfiltered, offset, j):
    """Return the gradient that a spike which entered in the step at ``offset`` contributed too early."""
    if unfiltered is None:
        return 0.0
    return unfiltered.premature[offset, j]


@kernel
def _eligibility(unfiltered, adaptation, j, z, d):
    """Return the eligibility of the present step that a signal without a filter meets."""
    if unfiltered is None:
        return 0.0
    return z * unfiltered.response[0, j] + d * _lowered_response(adaptation, unfiltered.response, j)


@kernel
def _lowered_response(adaptation, response, j):
    """Return the eligibility of the present step for D = 1."""
    if adaptation is None:
        return 0.0
    return response[1, j]


@kernel
def _add_to_input(current, j, weight, fixed_point):
    """Add a weight (pA) to a target's input; in whole units of 1 / ``fixed_point`` pA unless that is None."""
    if fixed_point is None:
        current[j] += weight
    else:
        current[j] += np.int64(np.rint(weight * fixed_point))


@kernel
def shrink(values, k, weight, feedback, retained):
    """Let the weight in column ``weight`` decay, and the feedback weight too unless ``feedback`` is NO_COLUMN."""
    values[k, weight] *= retained
    if feedback != NO_COLUMN:
        values[k, feedback] *= retained


@kernel
def move_weight(values, k, weight, feedback, moments, gradient, optimizer, elapsed):
    """Let the optimizer change the weight in column ``weight``, and the feedback weight alike unless NO_COLUMN."""
    before = values[k, weight]
    moved = change(values, k, moments, gradient, optimizer, elapsed)
    values[k, weight] = bounded(before + moved, before, optimizer)
    if feedback != NO_COLUMN:
        values[k, feedback] += moved


@kernel
def update_weight(values, k, columns, gradient, optimizer, elapsed):
    """Update a weight with a gradient, and the feedback weight if that is adaptive."""
    shrink(values, k, WEIGHT, columns.feedback, optimizer.retained)
    move_weight(values, k, WEIGHT, columns.feedback, columns.moments, gradient, optimizer, elapsed)


@arithmetic_kernel
def _process(
    target, values, columns, target_sums, first, last, spike, optimizer, current, fixed_point,
    state, arrives, updates, enters, unfiltered,
):  # fmt: skip
    sums, sums_reg = target_sums.sums, target_sums.sums_reg
    adaptation, own_decay = target_sums.adaptation, target_sums.own_decay
    for k in range(np.uint64(first), np.uint64(last)):
        _prefetch_ahead(target, values, k + spike.ahead)
        j = _target(target, k)
        u, a, q = sums[j, U], sums[j, A], sums[j, Q]
        u_reg, a_reg, q_reg = _sum(sums_reg, j, U), _sum(sums_reg, j, A), _sum(sums_reg, j, Q)
        w, q_w = _adaptive_sum(adaptation, sums, j, W), _adaptive_sum(adaptation, sums, j, Q_W)
        w_reg, q_w_reg = _adaptive_sum(adaptation, sums_reg, j, W), _adaptive_sum(adaptation, sums_reg, j, Q_W)
        x = _adaptive_sum(adaptation, sums, j, X)
        g, e = values[k, GRADIENT], values[k, ELIGIBILITY]
        if unfiltered:
            g -= spike.taken_back.factor * _premature(target_sums.unfiltered, spike.taken_back.offset, j)
        e_reg = value(sums_reg, values, k, columns.eligibility_reg)
        d = value(adaptation, values, k, columns.adaptation)
        z, plain_trace = _trace(own_decay, state, spike, values, k, columns.trace, j)
        if state == ACTIVATING:
            lowered, remaining = _activate_adaptation(adaptation, j, d * spike.remaining_adaptation)
            eligibility = _sum(sums, j, PSI) * (plain_trace - lowered)
            d = _per_own_response(adaptation, sums, j, remaining + eligibility - z * x)
            e = e * spike.remaining + eligibility * spike.growth - (z * u + d * w)
            e_reg = e_reg * spike.remaining_reg + eligibility * spike.growth_reg - (z * u_reg + d * w_reg)
        since_last_spike = (e * a + z * q + d * q_w) + (e_reg * a_reg + z * q_reg + d * q_w_reg)
        if state == INACTIVE:
            since_last_spike = 0.0
        if updates:
            gathered = g + since_last_spike if state == ACTIVE else g
            update_weight(values, k, columns, gathered, optimizer, spike.elapsed)
            g = -since_last_spike
        elif state == ACTIVATING:
            g -= since_last_spike
        if arrives:
            _add_to_input(current, j, values[k, WEIGHT], fixed_point)
        if enters:
            jump = _jump(own_decay, spike, j)
            change_d = _per_own_response(adaptation, sums, j, -jump * x)
            change_e = -(jump * u + change_d * w)
            change_e_reg = -(jump * u_reg + change_d * w_reg)
            g -= change_e * a + jump * q + change_d * q_w
            g -= change_e_reg * a_reg + jump * q_reg + change_d * q_w_reg
            d, e, e_reg, z = d + change_d, e + change_e, e_reg + change_e_reg, z + jump
        values[k, GRADIENT] = g
        values[k, ELIGIBILITY] = e
        set_value(sums_reg, values, k, columns.eligibility_reg, e_reg)
        set_value(adaptation, values, k, columns.adaptation, d)
        set_value(own_decay, values, k, columns.trace, z)


@loop_kernel
def process(synapses, i, first, last, running_sums, spike, optimizer, current, fixed_point):
    """Process a spike of the i-th source at its synapses ``first`` .. ``last - 1``, in constant time each."""
    target_sums = _target_sums(running_sums)
    if has_rows(synapses.rows):
        _process_row(synapses.rows, synapses, i, first, last, target_sums, spike, optimizer, current, fixed_point)
        return
    target, values = targets_in(synapses.records), values_in(synapses.records)
    listed = target, values, synapses.columns, target_sums, first, last, spike, optimizer
    unfiltered = lacks_filter(running_sums.unfiltered)
    arrives, updates, enters = spike.arrives, spike.updates, spike.enters
    # The most frequent cases have loops of their own, without these branches.
    if arrives and updates and enters and not unfiltered:
        _process(*listed, current, fixed_point, spike.state, True, True, True, False)
    elif arrives and updates and enters and spike.state == ACTIVE:
        _process(*listed, current, fixed_point, ACTIVE, True, True, True, True)
    elif arrives and updates and enters:  # of a source that was inactive, from which nothing is taken back
        _process(*listed, current, fixed_point, ACTIVATING, True, True, True, False)
    elif arrives and updates and not unfiltered:
        _process(*listed, current, fixed_point, spike.state, True, True, False, False)
    elif enters and not arrives and spike.state == ACTIVE and not unfiltered:
        _process(*listed, current, fixed_point, ACTIVE, False, False, True, False)
    else:
        _process(*listed, current, fixed_point, spike.state, arrives, updates, enters, unfiltered)


@kernel
def _place_in_row(synapses, i, k):
    """Return the place in its row of the i-th source's synapse with the number ``k``."""
    place = k - synapses.indptr[i]
    absent = synapses.absent[i]
    return place + 1 if absent != NO_TARGET and place > absent else place


@kernel
def _process_row(rows, synapses, i, first, last, target_sums, spike, optimizer, current, fixed_point):
    if rows is not None:
        first, last, absent = _place_in_row(synapses, i, first), _place_in_row(synapses, i, last), synapses.absent[i]
        _process_in_row(
            rows, i, first, last, absent, synapses.columns, target_sums, spike, optimizer, current, fixed_point
        )


@called_kernel
def _process_in_row(
    rows, i, first, last, absent, columns, target_sums, spike, optimizer, current, fixed_point
):  # fmt: skip
    """Process a spike in a part of the i-th row. The frequent cases have loops without branches, which are vectorized.

    The place that belongs to no synapse may be in the part, or just before or behind it.
    """
    row = _row(rows, i)
    input_before = current[absent] if absent != NO_TARGET else 0.0
    of_row = None, row, _columns_of_row(columns), target_sums, first, last, spike
    state, arrives, updates, enters = spike.state, spike.arrives, spike.updates, spike.enters
    if spike.taken_back.factor != 0.0:
        _take_back_in_row(target_sums.unfiltered, row, first, last, spike.taken_back.offset)
    if arrives and updates and state != INACTIVE and optimizer.kind == GRADIENT_DESCENT:
        descent = of_kind(optimizer, GRADIENT_DESCENT)
        if enters and state == ACTIVE:
            _process(*of_row, descent, current, fixed_point, ACTIVE, True, True, True, False)
        elif enters:
            _process(*of_row, descent, current, fixed_point, ACTIVATING, True, True, True, False)
        elif state == ACTIVE:
            _process(*of_row, descent, current, fixed_point, ACTIVE, True, True, False, False)
        else:
            _process(*of_row, descent, current, fixed_point, ACTIVATING, True, True, False, False)
    elif arrives and enters and not updates:
        if state == ACTIVE:
            _process(*of_row, optimizer, current, fixed_point, ACTIVE, True, False, True, False)
        else:
            _process(*of_row, optimizer, current, fixed_point, ACTIVATING, True, False, True, False)
    elif enters and not arrives and state == ACTIVE:
        _process(*of_row, optimizer, current, fixed_point, ACTIVE, False, False, True, False)
    else:
        _process(*of_row, optimizer, current, fixed_point, state, arrives, updates, enters, False)
    if absent != NO_TARGET:
        current[absent] = input_before
    _clear_absent(row, absent)


@kernel
def _own_or_shared(own_decay, values, k, column, trace):
    """The z of the synapse, or the one that all synapses of the source share."""
    if own_decay is None:
        return trace
    return values[k, column]


@kernel
def _own_power(own_decay, j):
    """alpha^offset of a neuron with a decay of its own."""
    if own_decay is None:
        return 0.0
    return own_decay.power[j]


@loop_kernel
def bring_up_to_date(synapses, i, first, last, running_sums, trace, step_ends, taken_back):
    """Replace G, E, D and a synapse's own z by the plain gradient and the plain traces at the present time index.

    With ``step_ends`` the gradient includes the learning signal of the present time index. This is so at the cutoff of
    synapses onto neurons, but not onto readouts, nor at the end of a block. ``taken_back`` is a :class:`TakenBack`.
    """
    offset = offset_in_block(running_sums)
    power, power_reg = kappa_power(running_sums.decay, offset), kappa_power(running_sums.decay_reg, offset)
    factors, target_sums = (power, power_reg, trace, step_ends, taken_back), _target_sums(running_sums)
    if has_rows(synapses.rows):
        _bring_row_up_to_date(synapses.rows, synapses, i, target_sums, factors)
    else:
        target, values = targets_in(synapses.records), values_in(synapses.records)
        unfiltered = lacks_filter(running_sums.unfiltered)
        _bring_up_to_date(target, values, synapses.columns, first, last, target_sums, *factors, unfiltered)


@kernel
def _bring_row_up_to_date(rows, synapses, i, target_sums, factors):
    if rows is not None:
        _bring_up_to_date_in_row(rows, i, synapses.absent[i], synapses.columns, target_sums, *factors)


@called_kernel
def _bring_up_to_date_in_row(rows, i, absent, columns, target_sums, power, power_reg, trace, step_ends, taken_back):
    """Bring the i-th row up to date; each case has a loop without branches, which is vectorized."""
    row = _row(rows, i)
    of_row = None, row, _columns_of_row(columns), 0, len(row), target_sums, power, power_reg, trace
    if lacks_filter(target_sums.unfiltered):
        _bring_up_to_date(*of_row, step_ends, taken_back, True)
    elif step_ends:
        _bring_up_to_date(*of_row, True, taken_back, False)
    else:
        _bring_up_to_date(*of_row, False, taken_back, False)
    _clear_absent(row, absent)


@arithmetic_kernel
def _bring_up_to_date(
    target,
    values,
    columns,
    first,
    last,
    target_sums,
    power,
    power_reg,
    trace,
    step_ends,
    taken_back,
    unfiltered,
):
    sums, sums_reg = target_sums.sums, target_sums.sums_reg
    adaptation, own_decay = target_sums.adaptation, target_sums.own_decay
    ahead = synapses_ahead(np.uint64(first), np.uint64(last))
    for k in range(np.uint64(first), np.uint64(last)):
        _prefetch_ahead(target, values, k + ahead)
        j = _target(target, k)
        e, e_reg = values[k, ELIGIBILITY], value(sums_reg, values, k, columns.eligibility_reg)
        d = value(adaptation, values, k, columns.adaptation)
        z = _own_or_shared(own_decay, values, k, columns.trace, trace)
        g = (e * sums[j, A] + z * sums[j, Q]) + d * _adaptive_sum(adaptation, sums, j, Q_W)
        g += e_reg * _sum(sums_reg, j, A) + z * _sum(sums_reg, j, Q)
        g += d * _adaptive_sum(adaptation, sums_reg, j, Q_W)
        e = (e + z * sums[j, U] + d * _adaptive_sum(adaptation, sums, j, W)) * power
        e_reg += z * _sum(sums_reg, j, U) + d * _adaptive_sum(adaptation, sums_reg, j, W)
        e_reg *= power_reg
        if step_ends:
            g += target_sums.signal[j] * e + target_sums.signal_reg[j] * e_reg
        if unfiltered:
            g -= taken_back.factor * _premature(target_sums.unfiltered, taken_back.offset, j)
            if step_ends:
                g += target_sums.signal_unfiltered[j] * _eligibility(target_sums.unfiltered, adaptation, j, z, d)
        d = d * _adaptive_sum(adaptation, sums, j, P) + z * _adaptive_sum(adaptation, sums, j, X)
        values[k, GRADIENT] += g
        values[k, ELIGIBILITY] = e
        set_value(sums_reg, values, k, columns.eligibility_reg, e_reg)
        set_value(adaptation, values, k, columns.adaptation, d)
        set_value(own_decay, values, k, columns.trace, z * _own_power(own_decay, j))


@kernel
def _take_back_in_row(unfiltered, row, first, last, offset):
    """Subtract from synapses of a row what a spike which entered in the step at ``offset`` contributed too early."""
    if unfiltered is not None and len(unfiltered.premature) > 0:
        for j in range(np.uint64(first), np.uint64(last)):
            row[j, GRADIENT] -= unfiltered.premature[offset, j]


@kernel
def update_all_of(synapses, i, first, last, optimizer, n_samples, elapsed):
    """Update the i-th source's synapses ``first`` .. ``last - 1`` with the mean gradient of ``n_samples`` samples."""
    if has_rows(synapses.rows):
        _update_row(synapses.rows, synapses, i, first, last, optimizer, n_samples, elapsed)
    else:
        _update_range(values_in(synapses.records), synapses.columns, first, last, optimizer, n_samples, elapsed)


@loop_kernel
def _update_range(values, columns, first, last, optimizer, n_samples, elapsed):
    for k in range(np.uint64(first), np.uint64(last)):
        gradient = values[k, GRADIENT] / n_samples
        update_weight(values, k, columns, gradient, optimizer, elapsed)
        values[k, GRADIENT] = 0.0


@kernel
def _update_row(rows, synapses, i, first, last, optimizer, n_samples, elapsed):
    if rows is not None:
        first, last, absent = _place_in_row(synapses, i, first), _place_in_row(synapses, i, last), synapses.absent[i]
        _update_in_row(rows, i, first, last, absent, synapses.columns, optimizer, n_samples, elapsed)


@called_kernel
def _update_in_row(rows, i, first, last, absent, columns, optimizer, n_samples, elapsed):
    row, columns_of_row = _row(rows, i), _columns_of_row(columns)
    if optimizer.kind == GRADIENT_DESCENT:  # a loop without branches, which is vectorized
        descent = of_kind(optimizer, GRADIENT_DESCENT)
        _update_range(row, columns_of_row, first, last, descent, n_samples, elapsed)
    else:
        _update_range(row, columns_of_row, first, last, optimizer, n_samples, elapsed)
    _clear_absent(row, absent)


@kernel
def forget(synapses, running_sums):
    """Set all traces to 0, at the start of a block."""
    _forget(values_in(synapses.records), synapses.columns, running_sums)
    _forget_rows(synapses.rows, synapses.columns, running_sums)


@kernel
def _forget(values, columns, running_sums):
    for k in range(len(values)):
        values[k, ELIGIBILITY] = 0.0
        set_value(running_sums.sums_reg, values, k, columns.eligibility_reg, 0.0)
        set_value(running_sums.adaptation, values, k, columns.adaptation, 0.0)
        set_value(running_sums.own_decay, values, k, columns.trace, 0.0)


@kernel
def _forget_rows(rows, columns, running_sums):
    if rows is not None:
        for i in range(len(rows)):
            _forget(_row(rows, i), columns, running_sums)


@loop_kernel
def deliver(synapses, i, first, last, current, fixed_point):
    """Add the weights of the i-th source, at its synapses ``first`` .. ``last - 1``, to the input of their targets."""
    if has_rows(synapses.rows):
        _deliver_row(synapses.rows, i, current, fixed_point)
    else:
        target, values = targets_in(synapses.records), values_in(synapses.records)
        _deliver(target, values, first, last, current, fixed_point)


@kernel
def _deliver_row(rows, i, current, fixed_point):
    if rows is not None:
        row = _row(rows, i)
        _deliver(None, row, 0, len(row), current, fixed_point)


@loop_kernel
def _deliver(target, values, first, last, current, fixed_point):
    for k in range(np.uint64(first), np.uint64(last)):
        _add_to_input(current, _target(target, k), values[k, WEIGHT], fixed_point)
