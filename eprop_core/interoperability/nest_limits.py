"""What NEST 3.10 cannot simulate of a network."""

import math
from collections.abc import Iterator

from eprop_core.network.features import has_spike_timing
from eprop_core.network.projections import projections
from eprop_core.parameters import SURROGATE_GRADIENTS, Network, differs
from eprop_core.parsing import ParameterError


def check_nest_can_simulate(network: Network) -> None:
    """Raise a :class:`ParameterError` that names the first feature of a network that NEST 3.10 lacks."""
    for key, reason in _beyond_nest(network):
        raise ParameterError(f"{key}: {reason}")


def _beyond_nest(network: Network) -> Iterator[tuple[str, str]]:
    """Yield the key of each such feature, and what NEST can do instead."""
    neuron, of_stdp = network.neuron, has_spike_timing(network)
    for projection in projections(network):
        if projection.parameters.delay != 1 and not of_stdp:
            delay = f"{projection.parameters.delay} steps"
            yield f"{projection.name}.delay", f"NEST's e-prop synapses have a delay of one step, this network {delay}"
    if network.feedback.kind != "random":
        yield "feedback.kind", f"NEST's feedback weights are fixed, and this network's are {network.feedback.kind}"
    if neuron.ignore_and_fire is not None:
        yield "neuron.ignore_and_fire", "NEST's neurons of e-prop fire when their voltage reaches the threshold"
    if of_stdp:
        yield from _beyond_stdp(network)
        return
    if neuron.surrogate_gradient.function not in SURROGATE_GRADIENTS:
        yield "neuron.surrogate_gradient.function", f"NEST has no {neuron.surrogate_gradient.function}"
    yield from _beyond_bellec(network) if network.plasticity.update == "sample" else _beyond_eprop_plus(network)


def _beyond_stdp(network: Network) -> Iterator[tuple[str, str]]:
    """NEST's neurons of e-prop have no ``stdp_synapse``, so they are of the model ``iaf_psc_delta``."""
    neuron, taus = network.neuron, {}
    if neuron.V_reset is None:
        yield "neuron.V_reset", "must not be null with stdp: NEST's iaf_psc_delta is reset to a voltage"
    if neuron.adaptation is not None:
        yield "neuron.adaptation", "must be null with stdp: NEST's iaf_psc_delta does not adapt"
    if network.plasticity.update == "sample":
        yield "plasticity.update", 'must be "spike" with stdp'
    for projection in projections(network):
        if projection.plastic:
            yield f"{projection.name}.plastic", "must be false where other synapses have stdp, as in NEST"
        if projection.spike_timing is not None:
            taus[projection.spike_timing.tau_minus] = projection.name
    if len(taus) > 1:
        yield f"{list(taus.values())[-1]}.stdp.tau_minus", "must be the same everywhere, it belongs to NEST's neurons"


def _beyond_eprop_plus(network: Network) -> Iterator[tuple[str, str]]:
    if network.plasticity.reset_at_samples:
        yield (
            "plasticity.reset_at_samples",
            'NEST resets neurons only with the rule of Bellec et al. (update: "sample")',
        )
    if network.neuron.delayed_reset:
        yield "neuron.delayed_reset", 'NEST delays it only with the rule of Bellec et al. (update: "sample")'
    if network.readout.loss != "mean_squared_error":
        yield "readout.loss", f"NEST's eprop_readout has mean_squared_error, this network {network.readout.loss}"


def _beyond_bellec(network: Network) -> Iterator[tuple[str, str]]:
    rule, neuron = network.plasticity, network.neuron
    kappa = math.exp(-network.dt / network.readout.tau_m)
    wanted = [
        ("plasticity.reset_at_samples", rule.reset_at_samples, True),
        ("plasticity.rate_average", rule.rate_average, "sample"),
        ("plasticity.cutoff", rule.cutoff, None),
        ("neuron.delayed_reset", neuron.delayed_reset, True),
        ("neuron.V_reset", neuron.V_reset, None),
    ]
    for key, value, needed in wanted:
        if value != needed:
            yield key, f'must be {needed} where plasticity.update is "sample", as in NEST\'s rule of Bellec et al.'
    if not math.isclose(rule.kappa, kappa, rel_tol=1e-12):
        yield "plasticity.kappa", f"must be exp(-dt / readout.tau_m) = {kappa!r}, as in NEST's rule of Bellec et al."
    for name in ("tau_m", "V_th"):
        if differs(network, name):
            yield f"neuron.{name}", "must be one value for all neurons, as in NEST's rule of Bellec et al."
