"""From NEST's generators to a stimulus of this package."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from eprop_core.interoperability.nest_network import NetworkOfNest
from eprop_core.interoperability.nest_neurons import EQUAL
from eprop_core.interoperability.nest_populations import Driven
from eprop_core.interoperability.nest_snapshot import Call
from eprop_core.interoperability.nest_synapses import ApproximationWarning
from eprop_core.parsing import ParameterError
from eprop_core.stimulus import Stimulus

SpikeTrain = tuple[np.ndarray, np.ndarray]
"""Times, ms, and NEST's ids of the neurons that spike."""


class LearningRates(NamedTuple):
    """Learning rates from a step on."""

    step: int
    rates: dict[str, float]
    """By plastic projection."""


def stimulus_of(network: NetworkOfNest, calls: Sequence[Call], inputs: SpikeTrain | None = None) -> Stimulus:
    """Return what the generators show in one call after the other.

    Spikes of a generator that reach the recurrent neurons past the inputs, as they force a last update of all weights,
    end the stimulus: its last step is that in which they arrive, whose readouts they do not change yet. With the rule
    of Bellec et al., silence completes the last sample.

    Parameters
    ----------
    network
        The network.
    calls
        All calls from the beginning on.
    inputs
        Spikes of the inputs that take the place of those of the generators.

    Raises
    ------
    ParameterError
        A generator, or spikes of it, that have no counterpart here.
    """
    dt, shift = network.network.dt, network.first_step
    calls = list(calls)
    last = min(_step(calls[-1].end, dt), _last_step(network, calls))
    n_steps = max(1, last - shift + 1)
    steps, channels = _input(network, calls, inputs)
    steps = steps - shift
    kept = (steps >= 0) & (steps < n_steps)
    # NEST computes the errors of Bellec's rule one step after the readouts, when these know one another.
    lag = shift + 1 if network.sample_steps else shift
    target = _driven_rates(network, network.generators.targets, calls, n_steps, lag)
    if network.sample_steps:
        rows = np.arange(n_steps) - (network.network.input.delay + network.network.output.delay)
        window = (rows >= 0) & (rows % network.sample_steps >= network.sample_steps - network.window_steps)
    else:
        window = _window(_driven_rates(network, network.generators.windows, calls, n_steps, lag))
    silence = -n_steps % network.sample_steps if network.sample_steps else 0
    input_steps, input_channels = _once(steps[kept], channels[kept])
    return Stimulus(
        n_steps + silence,
        input_steps,
        input_channels,
        np.pad(target, ((0, silence), (0, 0))),
        np.pad(window, (0, silence)),
        n_samples=(n_steps + silence) // network.sample_steps if network.sample_steps else 1,
    )


def _step(time: float, dt: float) -> int:
    return round(time / dt)


def _last_step(network: NetworkOfNest, calls: Sequence[Call]) -> int:
    """Return NEST's step in which a generator reaches the recurrent neurons past the inputs."""
    dt, driven = network.network.dt, network.generators.neurons
    connected = {(int(source), int(steps)) for source, steps in zip(driven.source, driven.steps, strict=True)}
    arrivals = [int(step) + delay for source, delay in connected for step in _spike_steps(source, calls, dt)]
    if len(set(arrivals)) > 1:
        raise ParameterError(
            f"spike_generator {driven.source[0]}: drives recurrent neurons several times, in ms "
            f"{min(arrivals) * dt:g} and {max(arrivals) * dt:g}; here only inputs do that, once is taken as the end"
        )
    return min(arrivals, default=_step(calls[-1].end, dt))


def _spike_steps(generator: int, calls: Iterable[Call], dt: float) -> np.ndarray:
    """Return NEST's steps of all spikes of a generator, int64."""
    found = []
    for call in calls:
        settings = call.generators[generator]
        steps = _steps_within(call, settings["origin"] + np.asarray(settings["spike_times"], float), dt)[0]
        if len(steps):
            _check_always_on("spike_generator", generator, settings, call)
            if settings["allow_offgrid_times"] or settings["precise_times"]:
                raise ParameterError(
                    f"spike_generator {generator}: allow_offgrid_times and precise_times must be False, as spikes are "
                    "in steps here"
                )
            if (np.asarray(settings["spike_multiplicities"]) != 1).any():
                raise ParameterError(f"spike_generator {generator}: spike_multiplicities must be 1")
        found.append(steps)
    return np.concatenate(found)


def _steps_within(call: Call, times: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps of those times, ms, that a call simulates, and which these are."""
    steps = np.rint(times / dt)
    within = (steps > _step(call.begin, dt)) & (steps <= _step(call.end, dt))
    return steps[within].astype(int), within


def _check_always_on(model: str, generator: int, settings: dict[str, Any], call: Call) -> None:
    on, off = (settings["origin"] + settings[end] for end in ("start", "stop"))
    if settings["frozen"] or on > call.begin * (1.0 + EQUAL) or off < call.end * (1.0 - EQUAL):
        raise ParameterError(f"{model} {generator}: frozen, origin, start and stop must not cut off any of its signal")


def _input(network: NetworkOfNest, calls: Sequence[Call], given: SpikeTrain | None) -> tuple[np.ndarray, np.ndarray]:
    """Return NEST's steps, and channels, in which the inputs spike."""
    dt = network.network.dt
    if given is not None:
        times, senders = np.asarray(given[0]), np.asarray(given[1])
        ids = network.ids["input"]
        if not np.isin(senders, ids).all():
            raise ParameterError(f"input_spikes: senders must be the parrot_neurons {ids[0]} to {ids[-1]}")
        return np.rint(times / dt).astype(int), np.searchsorted(ids, senders)
    # A generator that also drives recurrent neurons ends the stimulus, so it shows nothing.
    driven, ends = network.generators.inputs, set(network.generators.neurons.source.tolist())
    steps_of = {int(source): _spike_steps(int(source), calls, dt) for source in np.unique(driven.source)}
    steps, channels = [np.empty(0, int)], [np.empty(0, int)]
    for source, channel, delay in zip(driven.source.tolist(), driven.target, driven.steps, strict=True):
        if source not in ends:
            steps.append(steps_of[source] + delay)
            channels.append(np.full(len(steps_of[source]), channel))
    return np.concatenate(steps), np.concatenate(channels)


def _once(steps: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """Return the spikes in order, (2, n); several of one channel in one step become one."""
    spikes = np.unique(np.stack([steps, channels]), axis=1)
    if lost := len(steps) - spikes.shape[1]:
        warnings.warn(
            f"input: {lost} of {len(steps)} spikes share channel and step with another one, and are left out",
            ApproximationWarning,
            stacklevel=5,
        )
    return spikes


def _driven_rates(network: NetworkOfNest, driven: Driven, calls: Sequence[Call], n_steps: int, lag: int) -> np.ndarray:
    """Return the weighted rates that reach each readout, float64 (n_steps, n_readout); they arrive ``lag`` earlier.

    Rates reach NEST's readouts one step later, whatever the delay of the connection.
    """
    values = np.zeros((n_steps, network.network.n_readout))
    readouts, numbers = np.unique(driven.target, return_counts=True)
    if (numbers > 1).any():
        node = network.ids["readout"][readouts[numbers > 1][0]]
        raise ParameterError(f"readout {node}: several step_rate_generators drive one receptor, and NEST reads one")
    for source, readout, _, weight in zip(*driven, strict=True):
        changes, amplitudes = _amplitudes(int(source), calls, network.network.dt)
        at = np.arange(n_steps) - 1 + lag
        values[:, readout] = weight * amplitudes[np.searchsorted(changes, at, side="right")]
    return values


def _amplitudes(generator: int, calls: Sequence[Call], dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Return NEST's steps in which a rate changes, and the rates before the first and from each of them on."""
    changes, amplitudes = [np.empty(0, int)], [np.zeros(1)]
    for call in calls:
        settings = call.generators[generator]
        times = np.asarray(settings["amplitude_times"], float)
        if len(times):
            _check_always_on("step_rate_generator", generator, settings, call)
        steps, now = _steps_within(call, times, dt)
        changes.append(steps)
        amplitudes.append(np.asarray(settings["amplitude_values"], float)[now])
    return np.concatenate(changes), np.concatenate(amplitudes)


def _window(signal: np.ndarray) -> np.ndarray:
    """Return the learning window, bool (n_steps,), from the signal at each readout."""
    window = signal[:, 0] == 1.0
    if ((signal != 1.0) & (signal != 0.0)).any():
        raise ParameterError("learning window: must be 0 or 1 at the readouts")
    if (signal != signal[:, :1]).any():
        raise ParameterError("learning window: must be the same at all readouts")
    return np.asarray(window)


def learning_rates_of(network: NetworkOfNest, calls: Sequence[Call], n_steps: int) -> tuple[LearningRates, ...]:
    """Return the learning rates of the first step and all their changes in a stimulus of ``n_steps``.

    Raises
    ------
    ParameterError
        Another value of an optimizer changes, or a learning rate changes within a sample.
    """
    found: list[LearningRates] = []
    first = calls[0].optimizers
    for call in calls:
        rates = {}
        for name, models in network.synapse_models.items():
            for model in models:
                for key, value in call.optimizers[model].items():
                    if key != "eta" and value != first[model][key]:
                        raise ParameterError(f"{model}: {key} changes after {call.begin:g} ms; only eta may do so")
            etas = {call.optimizers[model]["eta"] for model in models}
            if len(etas) > 1:
                raise ParameterError(f"{name}: eta differs between {' and '.join(models)} after {call.begin:g} ms")
            rates[name] = network.rate_factors[name] * etas.pop()
        if not found or rates != found[-1].rates:
            found.append(LearningRates(_step_of_change(network, call.begin) if found else 0, rates))
    if len(found) > 1 and not network.sample_steps:
        warnings.warn(
            "eta: changes; NEST updates a weight with the rate of its last spike, this "
            "package with that of the next one, so that the first update after a change differs",
            ApproximationWarning,
            stacklevel=3,
        )
    return tuple(change for change in found if change.step < n_steps)


def _step_of_change(network: NetworkOfNest, time: float) -> int:
    """Return the step from which on a change of a rate after NEST's ``time``, ms, holds.

    With the rule of Bellec et al., the rate at the beginning of a batch is that of its gradient, and the batch updates
    the weights when the next one begins.
    """
    done, batch = _step(time, network.network.dt), network.sample_steps * network.network.plasticity.batch_size
    if not batch:
        return max(0, done - network.first_step + 1)
    if done % batch > network.first_step:  # by then, the batch has reached the neurons
        raise ParameterError(f"eta: changes after {time:g} ms, within a batch; it may change between batches")
    return done // batch * batch + batch
