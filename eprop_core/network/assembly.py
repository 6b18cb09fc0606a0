"""Assembly: from the parameters of a network to the state of one rank."""

from collections.abc import Mapping, Sequence

import numpy as np

from eprop_core.compiled.clock import new_scratch
from eprop_core.model.local_sources import LocalSources
from eprop_core.model.neurons import (
    LOSSES,
    NO_LOWER_BOUND,
    FeedbackTable,
    ReadoutParameters,
    ReadoutState,
    RecurrentParameters,
    RecurrentState,
)
from eprop_core.model.projection import ProjectionState, Resets
from eprop_core.model.rank import ArrivedSignals, Counters, RankState
from eprop_core.model.running_sums import Adaptation, RunningSums
from eprop_core.model.samples import NEVER, SampleSchedule
from eprop_core.model.sources import Sources
from eprop_core.model.spikes import Spikes
from eprop_core.model.stdp import SpikeTiming, longest_list, rule_of
from eprop_core.model.surrogate import kind_of
from eprop_core.model.synapses import NEXT_WEIGHT, NO_COLUMN, WEIGHT, Synapses
from eprop_core.network.bundled_synapses import (
    in_a_list,
    merged,
    merged_rows,
    optimizers,
    part_of,
    parts_of,
    source_groups,
    with_optimizers_of,
)
from eprop_core.network.bundles import Bundle, bundles, onto_neurons
from eprop_core.network.columns import columns_of
from eprop_core.network.connections import Connections, Range
from eprop_core.network.connectivity import by_ids, check_ids, compress, draw, numbers_within, of_local_sources
from eprop_core.network.features import (
    communication_interval,
    decay,
    follows_output,
    has_spike_timing,
    is_stepwise,
    kappa_reg,
    output_is_stepwise,
    projections_in_rows,
    shortest_interval,
    signal_delay,
    smallest_decay,
)
from eprop_core.network.neuron_values import NeuronValues, refractory_steps
from eprop_core.network.projections import ProjectionSpec, Role, projection_with
from eprop_core.network.rows import absent_targets, in_rows, without_rows
from eprop_core.network.signs import check_signs, give_signs, signs_of
from eprop_core.parameters import AllToAll, Network, OptimizerParameters, ProjectionParameters, differs
from eprop_core.parsing import ParameterError

ALL_TO_ALL = AllToAll(rule="all_to_all")


def build(
    network: Network,
    *,
    seed: int,
    connections: Mapping[str, Connections],
    recurrent: Range,
    values: NeuronValues,
    fixed_point: float,
    stored: Mapping[str, Synapses] | None = None,
    sample_length: int = 0,
) -> RankState:
    """Draw or take over the connections of one rank and set everything to rest.

    Parameters
    ----------
    network
        Parameters of the network.
    seed
        Seed of the draws.
    connections
        Explicit connections, by projection; the others are drawn.
    recurrent
        The recurrent neurons of the rank.
    values
        Values in which these neurons differ.
    fixed_point
        Units of the readouts' input in a pA, see :class:`ReadoutRange`.
    stored
        Synapses of the rank that a file holds, by projection; those onto the readouts with the feedback along them.
    sample_length
        Steps of a sample; 0 where nothing happens between samples.

    Raises
    ------
    ParameterError
        A connection or an initial weight that is not allowed.
    """
    stored = stored or {}
    feedback, output = projection_with(network, Role.FEEDBACK), projection_with(network, Role.OUTPUT)
    if network.feedback.kind == "symmetric" and feedback.name in connections:
        raise ParameterError(
            f"connections[{feedback.name!r}]: symmetric feedback has the weights of the output, it must not be given"
        )
    synapses = _onto_neurons(network, seed, connections, recurrent, stored)
    own_output = stored.get(output.name)
    synapses[output.name] = own_output or _synapses(network, output, seed, connections, recurrent)
    if not follows_output(network):
        own = stored.get(feedback.name) or _synapses(network, feedback, seed, connections, recurrent)
        synapses[feedback.name] = own
    elif network.feedback.kind == "adaptive" and output.name not in stored:
        own = _synapses(network, feedback, seed, connections, recurrent)
        put_along = _put_given_along if feedback.name in connections else _put_drawn_along
        put_along(synapses[output.name], own)
    return assemble(network, synapses, recurrent, values, fixed_point, sample_length)


def _onto_neurons(
    network: Network,
    seed: int,
    connections: Mapping[str, Connections],
    recurrent: Range,
    stored: Mapping[str, Synapses],
) -> dict[str, Synapses]:
    """Synapses onto the recurrent neurons of a rank, by bundle, in lists or in rows."""

    def listed(bundle: Bundle) -> Synapses:
        return merged(
            [
                of_local_sources(stored.get(spec.name) or _synapses(network, spec, seed, connections, recurrent))
                for spec in bundle.by_target
            ]
        )

    all_bundles = onto_neurons(network)
    given = {
        bundle.name: listed(bundle)
        for bundle in all_bundles
        if {spec.name for spec in bundle.specs} & {*connections, *stored}
    }
    absent = {name: absent_targets(own, recurrent.n) for name, own in given.items()}
    are_full = {name: (own.n, absent[name] is not None) for name, own in given.items()}
    with_rows = projections_in_rows(network, recurrent.n, are_full)
    synapses = {}
    for bundle in all_bundles:
        name = bundle.name
        lacking = absent.get(name)
        if name not in with_rows:
            own = given.pop(name, None) or listed(bundle)
            synapses[name] = without_rows(own) if with_rows else own
        elif lacking is not None:
            synapses[name] = in_rows(given.pop(name), lacking, recurrent.n)
        else:
            drawn = (_synapses(network, spec, seed, {}, recurrent, rows=True) for spec in bundle.specs)
            synapses[name] = merged_rows(bundle, drawn, recurrent)
    return synapses


def bundled(network: Network, synapses: Mapping[str, Synapses], recurrent: Range) -> dict[str, Synapses]:
    """Return the synapses of a rank by bundle, in lists or in rows, given those of all projections."""
    output = projection_with(network, Role.OUTPUT).name
    listed = {name: in_a_list(own) for name, own in synapses.items() if name != output}
    return _onto_neurons(network, 0, {}, recurrent, listed) | {output: synapses[output]}


def _synapses(
    network: Network,
    projection: ProjectionSpec,
    seed: int,
    connections: Mapping[str, Connections],
    recurrent: Range,
    rows: bool = False,
) -> Synapses:
    """Synapses of a projection on one rank, taken over from ``connections`` or drawn.

    With ``rows``, sources and targets are numbered within those that the projection connects.
    """
    name, columns = projection.name, columns_of(network, projection)
    sources, targets = projection.ranges(recurrent)
    source_ids, target_ids = projection.source_ids, projection.target_ids
    excitatory = None if projection.role is Role.FEEDBACK else network.excitatory_sources(name)
    if name in connections:
        synapses = compress(connections[name], name, sources, targets, columns)
        check_ids(connections[name], name, source_ids, target_ids)
        if excitatory is not None:
            check_signs(name, synapses, sources, signs_of(excitatory, sources))
        return synapses
    # Adaptive feedback has a weight for each output connection, whichever those are.
    along_output = projection.role is Role.FEEDBACK and follows_output(network)
    drawn = draw(
        ALL_TO_ALL if along_output else projection.connectivity,
        projection.parameters.weights,
        seed=seed,
        name=projection.role.value,
        stream=projection.stream,
        sources=numbers_within(source_ids, sources),
        targets=numbers_within(target_ids, targets),
        columns=columns,
        autapses=projection.autapses,
        rows=rows,
    )
    if excitatory is not None:
        assert isinstance(projection.parameters, ProjectionParameters)
        factor = projection.parameters.weights.inhibitory_factor
        signs = signs_of(excitatory, sources)
        own_signs = [signs[max(0, ids.start - sources.first) : max(0, ids.stop - sources.first)] for ids in source_ids]
        give_signs(drawn, np.concatenate(own_signs), factor)
    if projection.between_groups and not rows:
        drawn = by_ids(drawn, source_ids, target_ids, sources, targets)
    return drawn


def _sources(synapses: Synapses) -> np.ndarray:
    """Source of each synapse."""
    return np.repeat(np.arange(len(synapses.indptr) - 1), np.diff(synapses.indptr))


def _put_drawn_along(output: Synapses, feedback: Synapses) -> None:
    """Copy the weights of all pairs of a readout and a neuron to the synapses from neurons to readouts."""
    weight = feedback.values[:, WEIGHT].reshape(len(feedback.indptr) - 1, len(output.indptr) - 1)
    output.values[:, output.columns.feedback] = weight[output.target, _sources(output)]


def _put_given_along(output: Synapses, feedback: Synapses) -> None:
    """Copy the weights from readouts to neurons, in the order of the synapses from neurons to readouts."""
    readout = _sources(feedback)
    order = np.lexsort((readout, feedback.target))
    if not (np.array_equal(feedback.target[order], _sources(output)) and np.array_equal(readout[order], output.target)):
        raise ParameterError("connections['feedback']: adaptive feedback must reverse the pairs of the output")
    output.values[:, output.columns.feedback] = feedback.values[order, WEIGHT]


def _check_bounds(name: str, synapses: Synapses, optimizer: OptimizerParameters) -> None:
    weight = synapses.column(WEIGHT)
    outside = weight[(weight < optimizer.weight_min) | (weight > optimizer.weight_max)]
    if len(outside):
        raise ParameterError(
            f"{name}: initial weight {outside[0]:g} is outside the optimizer's bounds "
            f"{optimizer.weight_min:g} to {optimizer.weight_max:g}"
        )


def assemble(
    network: Network,
    synapses: Mapping[str, Synapses],
    recurrent: Range,
    values: NeuronValues,
    fixed_point: float,
    sample_length: int = 0,
) -> RankState:
    """Assemble the state of one rank around its synapses, with everything at rest.

    Parameters
    ----------
    network
        Parameters of the network.
    synapses
        Synapses of the rank, by name of the bundle; feedback along the output has none of its own.
    recurrent
        The recurrent neurons of the rank.
    values
        Values in which these neurons differ.
    fixed_point
        Units of the readouts' input in a pA, see :class:`ReadoutRange`.
    sample_length
        Steps of a sample; 0 where nothing happens between samples.

    Raises
    ------
    ParameterError
        An initial weight outside the optimizer's bounds.
    """
    *onto_neurons, output = bundles(network)
    lags = [max(bundle.first.parameters.delay, signal_delay(network) - 1) for bundle in onto_neurons]
    interval, depth = communication_interval(network), max(lags) + 1
    parameters = _recurrent_parameters(network, recurrent, values, sample_length)
    samples = _sample_schedule(network, sample_length)

    def spikes_to(spec: ProjectionSpec, lag: int) -> Spikes:
        """Create the spike lists of the sources of a bundle onto neurons, whose first projection is given."""
        depth = lag + spec.parameters.delay + 1 + (_steps_until_cutoff(network) if spec.plastic else 0)
        source = synapses[spec.name].source
        assert source is not None
        return Spikes.none(depth, len(source), LocalSources.of(source, spec.source.size))

    spikes = [spikes_to(bundle.first, lag) for bundle, lag in zip(onto_neurons, lags, strict=True)]
    own_depth = 2 * network.output.delay + interval + 1 + (_steps_until_cutoff(network) if output.first.plastic else 0)
    if has_spike_timing(network):  # until they are at the synapses, and other spikes from there at the neuron
        own_depth = max(own_depth, 2 * max(bundle.first.parameters.delay for bundle in onto_neurons) + 1)
    own_spikes = Spikes.none(own_depth, recurrent.n)
    sums: dict[int, RunningSums] = {}
    states = []
    for bundle, lag, own in zip(onto_neurons, lags, spikes, strict=True):
        advances_sums = lag not in sums
        if advances_sums:
            by_column = synapses[bundle.name].rows is not None
            sums[lag] = _recurrent_sums(network, parameters, lag, by_column)
        state = _state(network, bundle, synapses, recurrent, samples, own, sums[lag], advances_sums)
        states.append(state._replace(spike_timing=_spike_timing(network, bundle.first, state.synapses, recurrent.n)))
    alpha_out = decay(network, network.readout.tau_m)
    readout_sums = RunningSums.before_start(
        network.n_readout,
        alpha_out,
        alpha_out,
        alpha_out,
        network.output.delay,
        is_stepwise=output_is_stepwise(network),
        onto_readouts=True,
    )
    return RankState(
        first_id=recurrent.first,
        interval=interval,
        parameters=parameters,
        neurons=RecurrentState.at_rest(recurrent.n, depth, values.phase),
        readout_parameters=ReadoutParameters(
            alpha=alpha_out,
            E_L=network.readout.E_L,
            loss=LOSSES[network.readout.loss],
            fixed_point=fixed_point,
        ),
        readouts=ReadoutState.at_rest(network.n_readout, interval, max(depth, network.output.delay) + 2),
        onto_neurons=tuple(states),
        output=_state(network, output, synapses, recurrent, samples, own_spikes, readout_sums, advances_sums=True),
        feedback=_feedback(network, synapses, recurrent.n),
        signals=ArrivedSignals.none(depth if follows_output(network) else 0, recurrent.n, network.feedback.delay),
        learns=any(bundle.first.plastic for bundle in onto_neurons),
        samples=samples,
        input_spikes=_of_role(Role.INPUT, onto_neurons, spikes),
        spikes=_of_role(Role.RECURRENT, onto_neurons, spikes),
        own_spikes=own_spikes,
        published=np.zeros(1, np.int64),
        counters=Counters.at_zero(len(states) + 1, sum(len(bundle.specs) for bundle in bundles(network))),
        clock=new_scratch(),
    )


def _of_role(role: Role, onto_neurons: Sequence[Bundle], spikes: Sequence[Spikes]) -> tuple[Spikes, ...]:
    return tuple(own for bundle, own in zip(onto_neurons, spikes, strict=True) if bundle.first.role is role)


def with_optimizers(network: Network, rank: RankState) -> RankState:
    """Return a state of which only the parameters of the optimizers are replaced, by those of ``network``."""
    *onto_neurons, output = (
        state._replace(optimizers=optimizers(bundle, network), parts=with_optimizers_of(bundle, network, state.parts))
        for bundle, state in states(network, rank)
    )
    return rank._replace(onto_neurons=tuple(onto_neurons), output=output)


def _steps_until_cutoff(network: Network) -> int:
    """Steps for which spikes are kept, to find the sources that have been silent since."""
    return network.plasticity.cutoff or 0


def states(network: Network, rank: RankState) -> list[tuple[Bundle, ProjectionState]]:
    """Return the bundles of the projections that carry spikes, with their states on a rank."""
    return list(zip(bundles(network), (*rank.onto_neurons, rank.output), strict=True))


def state_of(network: Network, rank: RankState, name: str) -> tuple[Bundle, ProjectionSpec, ProjectionState]:
    """Return a projection that carries spikes with its bundle, and the state of the bundle on a rank."""
    of_name = ((bundle, spec, state) for bundle, state in states(network, rank) for spec in bundle.specs)
    return next((bundle, spec, state) for bundle, spec, state in of_name if spec.name == name)


def synapses_of(network: Network, rank: RankState, recurrent: Range, name: str) -> Synapses:
    """Return the synapses of a projection that carries spikes; listed copies if it is bundled with others."""
    bundle, spec, state = state_of(network, rank, name)
    return part_of(state.synapses, bundle, spec, recurrent)


def _sample_schedule(network: Network, sample_length: int) -> SampleSchedule:
    plasticity = network.plasticity
    return SampleSchedule(
        length=sample_length,
        neurons_begin=network.input.delay,
        readouts_begin=network.input.delay + network.output.delay,
        reset=plasticity.reset_at_samples,
        batch_size=plasticity.batch_size if plasticity.update == "sample" else 0,
        rate_average=plasticity.rate_average == "sample",
        last=NEVER,
    )


def _recurrent_sums(network: Network, parameters: RecurrentParameters, lag: int, by_column: bool) -> RunningSums:
    """Running sums of the recurrent neurons of a rank."""
    neuron = network.neuron
    return RunningSums.before_start(
        len(parameters.alpha),
        parameters.alpha if differs(network, "tau_m") else float(parameters.alpha[0]),
        network.plasticity.kappa,
        kappa_reg(network),
        lag,
        None if neuron.adaptation is None else Adaptation.of(parameters.beta, parameters.rho),
        network.extent("surrogate_height")[1],
        is_stepwise(network),
        smallest_decay=smallest_decay(network),
        by_column=by_column,
    )


def _state(
    network: Network,
    bundle: Bundle,
    synapses: Mapping[str, Synapses],
    recurrent: Range,
    samples: SampleSchedule,
    spikes: Spikes,
    running_sums: RunningSums,
    advances_sums: bool,
) -> ProjectionState:
    """State of the projections of a bundle."""
    projection, plasticity, own = bundle.first, network.plasticity, synapses[bundle.name]
    is_output = projection.role is Role.OUTPUT
    if projection.plastic:
        values, columns = own.values, own.columns
        smallest, largest = own.extent(WEIGHT)
        for spec in bundle.specs:
            optimizer = network.optimizer(spec.name)
            # The part of a projection may be a copy, which is needed only if some weight is beyond its bounds.
            if smallest < optimizer.weight_min or largest > optimizer.weight_max:
                _check_bounds(spec.name, part_of(own, bundle, spec, recurrent), optimizer)
        if network.optimizer(projection.name).moves_in_each_step:
            values[:, NEXT_WEIGHT] = values[:, WEIGHT]
            if columns.next_feedback != NO_COLUMN:
                values[:, columns.next_feedback] = values[:, columns.feedback]
    return ProjectionState(
        synapses=own,
        sources=Sources.at_rest(
            own.indptr if projection.plastic or projection.spike_timing else own.indptr[:1],
            plasticity.cutoff,
            source_groups(bundle, own) if projection.plastic else 0,
            are_stepwise=output_is_stepwise(network) if is_output else is_stepwise(network),
            lack_filter=running_sums.lacks_filter,
        ),
        spikes=spikes,
        running_sums=running_sums,
        advances_sums=advances_sums,
        optimizers=optimizers(bundle, network),
        parts=parts_of(bundle, network, own, recurrent),
        plastic=projection.plastic,
        updates_at_spikes=plasticity.update == "spike",
        delay=projection.parameters.delay,
        entry_lead=0 if is_output else 1,
        resets=Resets(
            length=samples.length if samples.reset else 0,
            sources_begin=0 if projection.role is Role.INPUT else samples.neurons_begin,
            targets_begin=samples.readouts_begin if is_output else samples.neurons_begin,
            first_step_counts=is_output,
        ),
    )


def _spike_timing(network: Network, projection: ProjectionSpec, synapses: Synapses, n: int) -> SpikeTiming | None:
    """Spike-timing-dependent plasticity of a projection onto the ``n`` neurons of a rank."""
    own, delay = projection.spike_timing, projection.parameters.delay
    if own is None:
        # Projections onto neurons have the same type.
        return SpikeTiming.none() if has_spike_timing(network) else None
    weight = synapses.column(WEIGHT)
    if np.abs(weight).max(initial=0.0) > own.weight_max:
        raise ParameterError(
            f"{projection.name}: initial weight {weight[np.abs(weight).argmax()]:g} is larger than stdp.weight_max = "
            f"{own.weight_max:g}"
        )
    rule = rule_of(**own.model_dump(), dt=network.dt, delay=delay)
    return SpikeTiming.at_rest(rule, n, longest_list(rule.block, delay, shortest_interval(network)))


def _recurrent_parameters(
    network: Network, recurrent: Range, values: NeuronValues, sample_length: int
) -> RecurrentParameters:
    neuron, plasticity, dt = network.neuron, network.plasticity, network.dt
    per_sample = plasticity.rate_average == "sample"
    different, position = np.unique(values.tau_m, return_inverse=True)
    alpha = np.array([decay(network, tau_m) for tau_m in different])[position]
    beta, rho = np.zeros(recurrent.n), 0.0
    if neuron.adaptation is not None:
        first = recurrent.size - round(neuron.adaptation.share * recurrent.size)
        adapting = slice(max(0, first - recurrent.first), None)
        beta[adapting] = values.beta[adapting]
        rho = decay(network, neuron.adaptation.tau)
    return RecurrentParameters(
        alpha=alpha,
        drive=values.tau_m / values.C_m * (1.0 - alpha) * neuron.I_e,
        V_th=values.V_th,
        beta=beta,
        rho=rho,
        V_min=NO_LOWER_BOUND if neuron.V_min is None else neuron.V_min,
        clamps=neuron.V_reset is not None,
        V_reset=0.0 if neuron.V_reset is None else neuron.V_reset,
        refractory_steps=refractory_steps(values.t_ref, network),
        surrogate=kind_of(neuron.surrogate_gradient.function),
        surrogate_height=values.surrogate_height,
        surrogate_width=values.surrogate_width,
        delayed_reset=neuron.delayed_reset,
        kappa_reg=kappa_reg(network),
        rate_per_spike=1.0 / max(1, sample_length) if per_sample else (1.0 - plasticity.kappa_reg) / dt,
        c_reg=values.c_reg / max(1, sample_length) if per_sample else values.c_reg,
        # In the unit of the rate: the mean over a sample is in spikes per step, the moving average in spikes per ms.
        f_target=values.f_target / 1000.0 * (dt if per_sample else 1.0),
        period=network.firing_period,
    )


def _feedback(network: Network, synapses: Mapping[str, Synapses], n: int) -> FeedbackTable:
    """Feedback to the ``n`` recurrent neurons of a rank."""
    if follows_output(network):
        output = synapses[projection_with(network, Role.OUTPUT).name]
        column = WEIGHT if network.feedback.kind == "symmetric" else output.columns.feedback
        return FeedbackTable(output, column, along_output=True, to_all=np.zeros((0, 0)))
    own = synapses[projection_with(network, Role.FEEDBACK).name]
    indptr, target = n * np.arange(network.n_readout + 1), np.tile(np.arange(n), network.n_readout)
    reaches_all = np.array_equal(own.indptr, indptr) and np.array_equal(own.target, target)
    to_all = own.values[:, WEIGHT].reshape(network.n_readout, n).copy() if reaches_all else np.zeros((0, 0))
    return FeedbackTable(own, WEIGHT, along_output=False, to_all=to_all)
