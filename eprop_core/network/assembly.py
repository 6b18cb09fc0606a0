"""Building: from the parameters of a network to all that one rank holds."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from eprop_core.compiled.clock import new_scratch
from eprop_core.compiled.random import Purpose
from eprop_core.model.loop import NEVER, ArrivedSignals, Rank, Samples
from eprop_core.model.neurons import (
    LOSSES,
    NO_LOWER_BOUND,
    Feedback,
    ReadoutParameters,
    ReadoutState,
    RecurrentParameters,
    RecurrentState,
)
from eprop_core.model.optimizers import Optimizer, optimizer_of
from eprop_core.model.projection import Projection, Resets
from eprop_core.model.running_sums import Adaptation, RunningSums
from eprop_core.model.sources import Sources
from eprop_core.model.spikes import Spikes
from eprop_core.model.surrogate import kind_of
from eprop_core.model.synapses import NEXT_WEIGHT, NO_COLUMN, WEIGHT, Synapses
from eprop_core.network.columns import columns_of
from eprop_core.network.connections import Connections, Range
from eprop_core.network.connectivity import compress, draw, weight_scale
from eprop_core.network.degrees import mean_in_degree
from eprop_core.network.features import communication_interval, follows_output, is_stepwise, kappa_reg
from eprop_core.network.neuron_values import NeuronValues
from eprop_core.parameters import AllToAll, Network, PairwiseBernoulli, Uniform
from eprop_core.parameters import Projection as ProjectionParameters
from eprop_core.parsing import ParameterError

ALL_TO_ALL = AllToAll(rule="all_to_all")


def projection_ranges(network: Network, recurrent: Range) -> dict[str, tuple[Range, Range]]:
    """Sources and targets of each projection's synapses that the rank with these recurrent neurons owns.

    Synapses live with their recurrent target; those onto readouts with their recurrent source.
    """
    n_input, n_readout = Range.whole(network.n_input), Range.whole(network.n_readout)
    return {
        "input": (n_input, recurrent),
        "recurrent": (Range.whole(network.n_recurrent), recurrent),
        "output": (recurrent, n_readout),
        "feedback": (n_readout, recurrent),
    }


def build(
    network: Network,
    *,
    seed: int,
    connections: Mapping[str, Connections],
    recurrent: Range,
    values: NeuronValues,
    fixed_point: float,
) -> Rank:
    """Draw or take over the connections of one rank and set everything to rest."""
    synapses = {}
    for name, (sources, targets) in projection_ranges(network, recurrent).items():
        columns = columns_of(network, name)
        if name in connections:
            synapses[name] = compress(connections[name], name, sources, targets, columns)
        else:
            projection = getattr(network, name)
            # Feedback that adapts has a weight for each output connection, whichever those are.
            drawn = ALL_TO_ALL if name == "feedback" and follows_output(network) else projection.connectivity
            synapses[name] = draw(
                drawn,
                projection.weights,
                seed=seed,
                source_purpose=Purpose[f"{name.upper()}_SOURCES"],
                weight_purpose=Purpose[f"{name.upper()}_WEIGHTS"],
                sources=sources,
                targets=targets,
                columns=columns,
                autapses=name != "recurrent",
            )
    if follows_output(network):
        _put_feedback_along(synapses["output"], synapses.pop("feedback"))
    return assemble(network, synapses, recurrent, values, fixed_point)


def _put_feedback_along(output: Synapses, feedback: Synapses) -> None:
    """Copy the weights from readout to neuron to the synapses from neuron to readout, where they have room for it."""
    column = output.columns.feedback
    if column == NO_COLUMN:
        return
    n_recurrent, n_readout = len(output.indptr) - 1, len(feedback.indptr) - 1
    weight = np.zeros((n_recurrent, n_readout))
    weight[feedback.target, np.repeat(np.arange(n_readout), np.diff(feedback.indptr))] = feedback.values[:, WEIGHT]
    output.values[:, column] = weight[np.repeat(np.arange(n_recurrent), np.diff(output.indptr)), output.target]


_USUAL_EXPONENT, _LARGEST_EXPONENT = 50, 1000
"""Of the units in a pA, a power of two: usual ones, and as many as a double can hold and multiply by a weight."""
_ENOUGH_UNITS = 2.0**40
"""In the largest initial weight: it is rounded by 1e-12 of itself at most."""


def _fixed_point(in_degree: float, initial: float, largest: float) -> float:
    """Units in a pA, a power of two, with which no sum of ``in_degree`` weights of up to ``largest`` pA overflows.

    The sum is an int64. Units are not finer than usual, unless the largest ``initial`` weight would have too few.
    """
    room = math.floor(62.0 - math.log2(max(1.0, in_degree) * largest)) if largest > 0.0 else _USUAL_EXPONENT
    usual = 2.0 ** min(room, _USUAL_EXPONENT)
    return usual if initial == 0.0 or initial * usual >= _ENOUGH_UNITS else 2.0 ** min(room, _LARGEST_EXPONENT)


class ReadoutRange(NamedTuple):
    """What bounds the weights onto the readouts; a function of the whole network, so the same on any number of ranks.

    The readouts' input is added in fixed point, whose unit is chosen here, once. Weights are trusted to stay below the
    largest weight, which is checked after each run: bounds far out of reach must not coarsen the sums.
    """

    fixed_point: float
    """Units in a pA, a power of two."""
    largest_weight: float
    """Size (pA) that no weight may exceed: the optimizer's bound, or where that is farther, a thousand times the
    largest initial weight. This is raised to 100 pA where that leaves enough bits to the initial weights."""

    @classmethod
    def of(cls, network: Network, connections: Mapping[str, Connections]) -> "ReadoutRange":
        """The range of ``network``, of which ``connections`` are given and the others are drawn."""
        in_degree, initial = _in_degree_of_readouts(network, connections), _largest_initial_weight(network, connections)
        if not network.output.plastic:
            return cls(_fixed_point(in_degree, initial, initial), initial)
        optimizer = network.plasticity.optimizer
        bound = max(abs(optimizer.weight_min), abs(optimizer.weight_max))
        largest = max(initial, min(bound, max(100.0, 1000.0 * initial)))
        fixed_point = _fixed_point(in_degree, initial, largest)
        if 0.0 < initial * fixed_point < _ENOUGH_UNITS:
            largest = max(initial, min(bound, 1000.0 * initial))
            fixed_point = _fixed_point(in_degree, initial, largest)
        return cls(fixed_point, largest)


def _in_degree_of_readouts(network: Network, connections: Mapping[str, Connections]) -> float:
    if "output" in connections:
        target = np.asarray(connections["output"].target, np.int64)
        return float(np.bincount(target).max()) if target.size else 1.0
    connectivity = network.output.connectivity
    if isinstance(connectivity, PairwiseBernoulli):
        return float(network.n_recurrent)
    return mean_in_degree(connectivity, network.n_recurrent)


def _largest_initial_weight(network: Network, connections: Mapping[str, Connections]) -> float:
    """Size (pA) that no initial weight onto a readout exceeds."""
    if "output" in connections:
        return float(np.abs(connections["output"].weight).max(initial=0.0))
    # A normal number from 53 random bits stays below 9 standard deviations.
    output = network.output
    return 9.0 * abs(weight_scale(output.weights, output.connectivity, network.n_recurrent, network.n_readout))


def _check_bounds(name: str, weight: np.ndarray, optimizer: Optimizer) -> None:
    if weight.size and (weight.min() < optimizer.weight_min or weight.max() > optimizer.weight_max):
        outside = weight[(weight < optimizer.weight_min) | (weight > optimizer.weight_max)]
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
) -> Rank:
    """Put the parts of a rank together around its connections.

    ``sample_length`` is the number of steps of a sample, or 0 where nothing happens between samples.
    """
    plasticity, neuron, dt = network.plasticity, network.neuron, network.dt
    alpha_out = math.exp(-dt / network.readout.tau_m)
    signal_delay = network.output.delay + network.feedback.delay
    lags = {name: max(getattr(network, name).delay, signal_delay - 1) for name in ("input", "recurrent")}
    interval = communication_interval(network)
    n = recurrent.n
    parameters = _recurrent_parameters(network, recurrent, values, sample_length)
    samples = Samples(
        length=sample_length,
        neurons_begin=network.input.delay,
        readouts_begin=network.input.delay + network.output.delay,
        reset=plasticity.reset_at_samples,
        batch_size=plasticity.batch_size if plasticity.update == "sample" else 0,
        rate_average=plasticity.rate_average == "sample",
        last=NEVER,
    )
    weight_decay = {"output": network.feedback.weight_decay}

    def projection(name: str, n_sources: int) -> Projection:
        chosen: ProjectionParameters = getattr(network, name)
        optimizer = optimizer_of(network.optimizer(name), weight_decay.get(name, 0.0))
        if chosen.plastic:
            values, columns = synapses[name].values, synapses[name].columns
            _check_bounds(name, values[:, WEIGHT], optimizer)
            if optimizer.each_step:
                values[:, NEXT_WEIGHT] = values[:, WEIGHT]
                if columns.next_feedback != NO_COLUMN:
                    values[:, columns.next_feedback] = values[:, columns.feedback]
        return Projection(
            synapses=synapses[name],
            sources=Sources.at_rest(n_sources if chosen.plastic else 0, plasticity.cutoff),
            optimizer=optimizer,
            plastic=chosen.plastic,
            updates_at_spikes=plasticity.update == "spike",
            delay=chosen.delay,
            entry_lead=0 if name == "output" else 1,
            resets=Resets(
                length=sample_length if plasticity.reset_at_samples else 0,
                sources_begin=0 if name == "input" else samples.neurons_begin,
                targets_begin=samples.readouts_begin if name == "output" else samples.neurons_begin,
                first_step_counts=name == "output",
            ),
        )

    def recurrent_sums(name: str) -> RunningSums:
        adaptation = None
        if neuron.adaptation is not None:
            adaptation = Adaptation(parameters.beta, parameters.rho)
        return RunningSums.before_start(
            n,
            parameters.alpha if isinstance(neuron.tau_m, Uniform) else math.exp(-dt / neuron.tau_m),
            plasticity.kappa,
            kappa_reg(network),
            lags[name],
            adaptation,
            neuron.surrogate_gradient.height,
            is_stepwise(network),
            smallest_decay=smallest_decay(network),
        )

    input_sums = recurrent_sums("input")
    shared = lags["input"] == lags["recurrent"]
    depth = max(lags.values()) + 1
    arrived_depth = depth if follows_output(network) else 0
    return Rank(
        first_id=recurrent.first,
        interval=interval,
        parameters=parameters,
        neurons=RecurrentState.at_rest(n, depth, values.phase),
        readout_parameters=ReadoutParameters(
            alpha=alpha_out,
            E_L=network.readout.E_L,
            loss=LOSSES[network.readout.loss],
            fixed_point=fixed_point,
        ),
        readouts=ReadoutState.at_rest(network.n_readout, interval, max(depth, network.output.delay) + 2),
        input=projection("input", network.n_input),
        recurrent=projection("recurrent", network.n_recurrent),
        output=projection("output", n),
        feedback=_feedback(network, synapses, n),
        signals=ArrivedSignals.none(arrived_depth, n, network.feedback.delay),
        input_sums=input_sums,
        recurrent_sums=input_sums if shared else recurrent_sums("recurrent"),
        shared_sums=shared,
        output_sums=RunningSums.before_start(
            network.n_readout,
            alpha_out,
            alpha_out,
            alpha_out,
            network.output.delay,
            is_stepwise=is_stepwise(network),
            onto_readouts=True,
        ),
        learns=network.input.plastic or network.recurrent.plastic,
        samples=samples,
        input_spikes=Spikes.none(lags["input"] + network.input.delay + 1, network.n_input),
        spikes=Spikes.none(lags["recurrent"] + network.recurrent.delay + 1, network.n_recurrent),
        own_spikes=Spikes.none(2 * network.output.delay + interval + 1, n),
        published=np.zeros(1, np.int64),
        counts=np.zeros(4, np.int64),
        times=np.zeros(4),
        clock=new_scratch(),
    )


def smallest_decay(network: Network) -> float:
    """Smallest decay per step of a membrane or an adaptation that any neuron of the whole network may have."""
    neuron = network.neuron
    tau_m = neuron.tau_m.low if isinstance(neuron.tau_m, Uniform) else neuron.tau_m
    decay = math.exp(-network.dt / tau_m)
    if neuron.adaptation is None:
        return decay
    rho = math.exp(-network.dt / neuron.adaptation.tau)
    return min(decay, rho - neuron.adaptation.beta * neuron.surrogate_gradient.height)


def _recurrent_parameters(
    network: Network, recurrent: Range, values: NeuronValues, sample_length: int
) -> RecurrentParameters:
    neuron, plasticity, dt = network.neuron, network.plasticity, network.dt
    per_sample = plasticity.rate_average == "sample"
    different, position = np.unique(values.tau_m, return_inverse=True)
    alpha = np.array([math.exp(-dt / tau_m) for tau_m in different])[position]
    beta, rho = np.zeros(recurrent.n), 0.0
    if neuron.adaptation is not None:
        first = recurrent.size - round(neuron.adaptation.share * recurrent.size)
        beta[max(0, first - recurrent.first) :] = neuron.adaptation.beta
        rho = math.exp(-dt / neuron.adaptation.tau)
    return RecurrentParameters(
        alpha=alpha,
        drive=values.tau_m / neuron.C_m * (1.0 - alpha) * neuron.I_e,
        V_th=values.V_th,
        beta=beta,
        rho=rho,
        V_min=NO_LOWER_BOUND if neuron.V_min is None else neuron.V_min,
        clamps=neuron.V_reset is not None,
        V_reset=0.0 if neuron.V_reset is None else neuron.V_reset,
        refractory_steps=network.refractory_steps,
        surrogate=kind_of(neuron.surrogate_gradient.function),
        surrogate_height=neuron.surrogate_gradient.height,
        surrogate_width=neuron.surrogate_gradient.width,
        delayed_reset=neuron.delayed_reset,
        kappa_reg=kappa_reg(network),
        rate_per_spike=1.0 / max(1, sample_length) if per_sample else (1.0 - plasticity.kappa_reg) / dt,
        c_reg=plasticity.c_reg / max(1, sample_length) if per_sample else plasticity.c_reg,
        # In the unit of the rate: the mean over a sample is in spikes per step, the moving average in spikes per ms.
        f_target=plasticity.f_target / 1000.0 * (dt if per_sample else 1.0),
        period=network.firing_period,
    )


def _feedback(network: Network, synapses: Mapping[str, Synapses], n: int) -> Feedback:
    """Feedback to ``n`` recurrent neurons."""
    if follows_output(network):
        output = synapses["output"]
        column = WEIGHT if network.feedback.kind == "symmetric" else output.columns.feedback
        return Feedback(output, column, along_output=True, to_all=False)
    own = synapses["feedback"]
    offset, target = n * np.arange(network.n_readout + 1), np.tile(np.arange(n), network.n_readout)
    to_all = np.array_equal(own.indptr, offset) and np.array_equal(own.target, target)
    return Feedback(own, WEIGHT, along_output=False, to_all=to_all)
