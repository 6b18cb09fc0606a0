"""The model as its formulas state it: every trace, rate and moment is a sum over recorded histories, in absolute time.

Only voltages, thresholds and refractory times are carried from step to step, since their definition is recursive. All
else is recorded by step, and a gradient is the sum over the history indices that an update gathers. The model is for
small networks and short runs: the operations of a step grow with the number of synapses times that of steps before it.

Notation, with ``d`` the delay of a projection, ``d_out`` and ``d_fb`` those of output and feedback: a spike emitted in
step e arrives in step e + d; ``psi_j(h)`` is the surrogate gradient of a neuron in step h, ``err_k(t)`` the error of a
readout. Of a synapse from i to j, an index h is active if i has emitted a spike in the steps h - cutoff + 1 .. h:

    zbar(h)   = sum over arrivals a <= h of alpha_j^(h - a)
    e(h)      = psi_j(h) (zbar(h) - beta_j sum over g < h of rho^(h - 1 - g) e(g)) where h is active, else 0
    ebar(h)   = sum over g <= h of kappa^(h - g) e(g)
    ebar_r(h) = (1 - kappa_reg) sum over g <= h of kappa_reg^(h - g) e(g)
    R_j(h)    = c_reg ((1 - kappa_reg) sum over g <= h of kappa_reg^(h - g) z_j(g) / dt - f_target)
    L_j(h)    = sum over k of B_jk(h + d_out + d_fb) err_k(h + d_out)
    gradient  = sum over active h of L_j(h) ebar(h) + R_j(h) ebar_r(h), onto readouts of err_j(h) zbar(h)

with ``B(t)`` as it stands after the updates of step t. A spike that arrives in step T, unless it is its source's first,
updates its synapses with the gradient of the indices that no earlier one has gathered, up to T - 1 - horizon. The
horizon is d_out onto readouts and max(d, d_out + d_fb - 1) onto recurrent neurons.

Samples begin ``input.delay`` steps later at the recurrent neurons than at the inputs, and at the readouts another
``output.delay`` later. Where they reset, all sums begin with the sample of their index, a population is at rest in the
first step of each, and what came before the first one leaves neither trace nor gradient; else it counts as a part of
the first. A spike whose emission and arrival are not in the same sample, or that arrives at a recurrent neuron in the
first step of one, is then lost; it counts for the cutoff, but updates nothing.

Where samples update, the batch that ends with sample n updates a synapse in the step horizon steps after the start of
its target's sample n + 1, with the mean gradient over the samples of the batch. A batch's own errors meet the feedback
weights before its update, even those that arrive later. With a rate that is averaged over the sample, of ``length``
steps, R_j ebar_r is replaced by c_reg (mean of z_j over the sample - f_target) e / length.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, Adam, GradientDescent, Network
from eprop_core.stimulus import Stimulus


class Outcome(NamedTuple):
    """Results of a run; rows are its steps."""

    spikes: np.ndarray
    """bool (n_steps, n_recurrent)."""
    distance: np.ndarray
    """float64 (n_steps, n_recurrent), mV: voltage above threshold; not a number in refractory neurons."""
    readout: np.ndarray
    """float64 (n_steps, n_readout), mV."""
    error: np.ndarray
    """float64 (n_steps, n_readout)."""
    weights: dict[str, np.ndarray]
    """By projection, float64 (n_steps, n_synapses): after the updates of the step, in the order of the connections."""
    frozen: dict[str, np.ndarray]
    """By projection, float64 (n_synapses,): with the update of the last batch, as if training ended with the run."""


@dataclass
class _Projection:
    """The synapses of a projection; rows of the histories are steps, columns synapses."""

    name: str
    sources: str
    targets: str
    """Names of the populations."""
    emitted: np.ndarray
    """bool (n_steps, n_sources), spikes of the sources."""
    source: np.ndarray
    target: np.ndarray
    delay: int
    horizon: int
    plastic: bool
    optimizer: GradientDescent | Adam
    weight: np.ndarray
    feedback: np.ndarray | None
    powers: np.ndarray
    """What the presynaptic trace keeps after as many steps as the row says."""
    arrives: np.ndarray
    """bool, a spike of the source arrives, and is not lost."""
    active: np.ndarray
    """bool, the source has emitted a spike, lost or not, within the cutoff."""
    trace: np.ndarray
    """zbar."""
    eligibility: np.ndarray
    """e."""
    filtered: np.ndarray
    """ebar."""
    filtered_reg: np.ndarray
    """ebar_r."""
    moves: dict[int, list[tuple[int, np.ndarray]]] = field(default_factory=dict)
    """Adam: by source, the steps of the moments at which a gradient moves them, and these gradients."""
    counted: dict[int, int] = field(default_factory=dict)
    """Adam: by source, how many steps the moments have moved."""


class FormulaModel:
    """One run of a network from rest; the constructor computes its ``outcome``.

    ``neuron_values`` are the values of parameters that differ between neurons.
    """

    def __init__(
        self,
        network: Network,
        connections: Mapping[str, Connections],
        stimulus: Stimulus,
        neuron_values: Mapping[str, np.ndarray],
    ) -> None:
        self.network, self.stimulus, rule = network, stimulus, network.plasticity
        input_delay, output_delay = network.input.delay, network.output.delay
        self.offset = {"input": 0, "recurrent": input_delay, "readout": input_delay + output_delay}
        self.error_delay = output_delay + network.feedback.delay
        self.length = stimulus.n_steps // stimulus.n_samples if rule.counts_samples else stimulus.n_steps
        self.horizon = {
            name: max(getattr(network, name).delay, self.error_delay - 1) for name in ("input", "recurrent")
        } | {"output": output_delay}
        # The last samples' updates are made after the run, in steps without input, whose errors do not count.
        until_updates = self.offset["readout"] + max(self.horizon.values()) + 1 if rule.update == "sample" else 0
        self.n_steps = n_steps = stimulus.n_steps + until_updates

        n = network.n_recurrent
        self.tau_m = np.broadcast_to(neuron_values.get("tau_m", network.neuron.tau_m), n).astype(float)
        self.V_th = np.broadcast_to(neuron_values.get("V_th", network.neuron.V_th), n).astype(float)
        self.C_m = np.broadcast_to(neuron_values.get("C_m", network.neuron.C_m), n).astype(float)
        self.c_reg = np.broadcast_to(neuron_values.get("c_reg", rule.c_reg), n).astype(float)
        adaptation = network.neuron.adaptation
        self.beta, self.rho = np.zeros(n), 0.0
        if adaptation is not None:
            beta = np.broadcast_to(neuron_values.get("beta", adaptation.beta), n)
            self.beta[n - round(adaptation.share * n) :] = beta[n - round(adaptation.share * n) :]
            self.rho = math.exp(-network.dt / adaptation.tau)

        # In the unit of the rate: spikes per step in the mean over a sample, spikes per ms in the moving average.
        f_target = np.broadcast_to(neuron_values.get("f_target", rule.f_target), n)
        self.target_rate = f_target / 1000.0 * (network.dt if rule.rate_average == "sample" else 1.0)
        decays = {"kappa": rule.kappa, "kappa_reg": rule.kappa_reg, "rho": self.rho}
        self.powers = {name: _powers(decay, n_steps) for name, decay in decays.items()}

        self.input_spikes = np.zeros((n_steps, network.n_input), bool)
        self.input_spikes[stimulus.input_steps, stimulus.input_channels] = True
        self.spikes = np.zeros((n_steps, n), bool)
        self.distance, self.psi = np.full((n_steps, n), np.nan), np.zeros((n_steps, n))
        self.rate_error, self.voltage, self.threshold = np.zeros((3, n_steps, n))
        self.readout, self.error = np.zeros((2, n_steps, network.n_readout))
        self.projections = {name: self._projection(name, connections) for name in LEARNING_PROJECTIONS}
        self.random_feedback = np.zeros((n, network.n_readout))
        if network.feedback.kind == "random":
            listed = connections["feedback"]
            np.add.at(self.random_feedback, (listed.target, listed.source), listed.weight)
        self.outcome = self._run()

    def _projection(self, name: str, connections: Mapping[str, Connections]) -> _Projection:
        network, (source, target, weight) = self.network, connections[name]
        given, shape = getattr(network, name), (self.n_steps, len(source))
        feedback = None
        if name == "output" and network.feedback.kind == "adaptive":
            back = connections["feedback"]
            of_pair = dict(zip(zip(back.target, back.source, strict=True), back.weight, strict=True))
            feedback = np.zeros(shape)
            feedback[0] = [of_pair[pair] for pair in zip(source, target, strict=True)]
        weights = np.zeros(shape)
        weights[0] = weight
        tau_m = network.readout.tau_m if name == "output" else self.tau_m[target]
        return _Projection(
            name=name,
            sources="input" if name == "input" else "recurrent",
            targets="readout" if name == "output" else "recurrent",
            emitted=self.input_spikes if name == "input" else self.spikes,
            source=source,
            target=target,
            delay=given.delay,
            horizon=self.horizon[name],
            plastic=given.plastic,
            optimizer=network.optimizer(name),
            weight=weights,
            feedback=feedback,
            powers=_powers(np.exp(-network.dt / tau_m), self.n_steps),
            arrives=np.zeros(shape, bool),
            active=np.zeros(shape, bool),
            trace=np.zeros(shape),
            eligibility=np.zeros(shape),
            filtered=np.zeros(shape),
            filtered_reg=np.zeros(shape),
        )

    def _run(self) -> Outcome:
        network, n = self.network, self.network.n_recurrent
        self.v, self.a, self.r, self.z = np.zeros(n), np.zeros(n), np.zeros(n, int), np.zeros(n, bool)
        self.v_readout = np.zeros(network.n_readout)
        for t in range(self.n_steps):
            if self._is_first_of_sample("recurrent", t):
                self.v, self.a, self.r, self.z = np.zeros(n), np.zeros(n), np.zeros(n, int), np.zeros(n, bool)
            if self._is_first_of_sample("readout", t):
                self.v_readout = np.zeros(network.n_readout)
            # Output first: feedback along it carries the weights that errors meet on arrival.
            received = {name: self._deliver(self.projections[name], t) for name in ("output", "input", "recurrent")}
            self._step_neurons(t, received["input"] + received["recurrent"])
            self._step_readouts(t, received["output"])
            for projection in self.projections.values():
                self._record_traces(projection, t)
        shown = slice(self.stimulus.n_steps)
        weights = {name: projection.weight for name, projection in self.projections.items()}
        feedback = self.projections["output"].feedback
        if feedback is not None:
            weights["feedback"] = feedback
        return Outcome(
            self.spikes[shown],
            self.distance[shown],
            self.readout[shown],
            self.error[shown],
            {name: history[shown] for name, history in weights.items()},
            {name: history[-1] for name, history in weights.items()},
        )

    # Samples

    def _sample(self, population: str, step: int) -> int:
        return (step - self.offset[population]) // self.length

    def _start(self, population: str, sample: int) -> int:
        return self.offset[population] + sample * self.length

    def _is_first_of_sample(self, population: str, step: int) -> bool:
        if not self.network.plasticity.reset_at_samples:
            return False
        sample = self._sample(population, step)
        return sample >= 0 and step == self._start(population, sample)

    def _is_lost(self, projection: _Projection, emission: int) -> bool:
        """Whether a spike does not arrive, as samples reset before."""
        if not self.network.plasticity.reset_at_samples:
            return False
        arrival = emission + projection.delay
        if projection.targets == "recurrent" and self._is_first_of_sample("recurrent", arrival):
            return True
        return self._sample(projection.sources, emission) != self._sample(projection.targets, arrival)

    def _since(self, projection: _Projection, step: int) -> int:
        """First step that traces of ``step`` remember; the next step where they remember nothing."""
        if not self.network.plasticity.reset_at_samples:
            return 0
        sample = self._sample(projection.targets, step)
        return self._start(projection.targets, sample) if sample >= 0 else step + 1

    # Dynamics

    def _deliver(self, projection: _Projection, t: int) -> np.ndarray:
        """Update the synapses of a projection as due in step t, and return the input that their targets receive."""
        for history in (projection.weight, projection.feedback):
            if history is not None and t > 0:
                history[t] = history[t - 1]
        emission = t - projection.delay
        if emission >= 0 and not self._is_lost(projection, emission):
            projection.arrives[t] = projection.emitted[emission, projection.source]
        if projection.plastic and self.network.plasticity.update == "spike":
            for source in np.unique(projection.source[projection.arrives[t]]):
                self._update_at_spike(projection, source, t)
        elif projection.plastic:
            self._update_at_sample(projection, t)
        size = self.network.n_readout if projection.name == "output" else self.network.n_recurrent
        received = np.zeros(size)
        np.add.at(received, projection.target, projection.weight[t] * projection.arrives[t])
        return received

    def _step_neurons(self, t: int, received: np.ndarray) -> None:
        given, surrogate = self.network.neuron, self.network.neuron.surrogate_gradient
        alpha = np.exp(-self.network.dt / self.tau_m)
        is_clamped = (self.r > 0) & (given.V_reset is not None)
        self.r = np.maximum(self.r - 1, 0)
        v = alpha * self.v + received + self.tau_m / self.C_m * (1.0 - alpha) * given.I_e
        if given.delayed_reset:
            v -= self.V_th * self.z
        if given.V_min is not None:
            v = np.maximum(v, given.V_min)
        self.v = np.where(is_clamped, self.v, v)
        self.a = np.where(is_clamped, self.a, self.rho * self.a + self.z)
        distance = self.v - (self.V_th + self.beta * self.a)
        u = np.abs(distance) / surrogate.width
        shape = {
            "piecewise_linear": np.maximum(0.0, 1.0 - u),
            "exponential": np.exp(-u),
            "fast_sigmoid_derivative": 1.0 / (1.0 + u) ** 2,
            "arctan": 1.0 / (1.0 + u**2),
        }[surrogate.function]
        self.psi[t] = np.where(self.r == 0, surrogate.height * shape, 0.0)
        may_spike = (self.r == 0) & ~is_clamped
        self.distance[t, may_spike] = distance[may_spike]
        self.spikes[t] = self.z = may_spike & (distance >= 0.0)
        if given.V_reset is not None:
            self.v = np.where(self.z, given.V_reset, self.v)
        elif not given.delayed_reset:
            self.v = self.v - self.V_th * self.z
        self.voltage[t], self.threshold[t] = self.v, self.V_th + self.beta * self.a
        self.r[self.z] = self.network.refractory_steps
        rule = self.network.plasticity
        rate = (1.0 - rule.kappa_reg) * _filtered(self.spikes[: t + 1], self.powers["kappa_reg"]) / self.network.dt
        self.rate_error[t] = rate - self.target_rate

    def _step_readouts(self, t: int, received: np.ndarray) -> None:
        given, shown = self.network.readout, self.stimulus
        self.v_readout = math.exp(-self.network.dt / given.tau_m) * self.v_readout + received
        self.readout[t] = answer = self.v_readout + given.E_L
        if given.loss == "cross_entropy":
            answer = np.exp(answer) / np.exp(answer).sum()
        if t < shown.n_steps and shown.learning_window[t]:
            self.error[t] = answer - shown.target[t]

    # Traces

    def _record_traces(self, projection: _Projection, t: int) -> None:
        rule, since = self.network.plasticity, self._since(projection, t)
        first = 0 if rule.cutoff is None else max(0, t - rule.cutoff + 1)
        projection.active[t] = projection.emitted[first : t + 1, projection.source].any(axis=0)
        projection.trace[t] = _filtered(projection.arrives[since : t + 1], projection.powers)
        if projection.name == "output":
            return
        threshold_trace = _filtered(projection.eligibility[since:t], self.powers["rho"])
        driven = projection.trace[t] - self.beta[projection.target] * threshold_trace
        projection.eligibility[t] = projection.active[t] * self.psi[t, projection.target] * driven
        present = projection.eligibility[since : t + 1]
        projection.filtered[t] = _filtered(present, self.powers["kappa"])
        projection.filtered_reg[t] = (1.0 - rule.kappa_reg) * _filtered(present, self.powers["kappa_reg"])

    def _learning_signal(self, h: int, latest: int) -> np.ndarray:
        """L_j(h) of all neurons, with no later feedback weights than those after step ``latest``."""
        error = self.error[h + self.network.output.delay]
        if self.network.feedback.kind == "random":
            return self.random_feedback @ error
        output = self.projections["output"]
        weight = output.weight if self.network.feedback.kind == "symmetric" else output.feedback
        assert weight is not None
        signal = np.zeros(self.network.n_recurrent)
        np.add.at(signal, output.source, weight[min(h + self.error_delay, latest)] * error[output.target])
        return signal

    def _gradient(self, projection: _Projection, chosen: np.ndarray, h: int, latest: int) -> np.ndarray:
        """What index h adds to the gradients of the ``chosen`` synapses, active or not."""
        rule, target = self.network.plasticity, projection.target[chosen]
        if projection.name == "output":
            return self.error[h, target] * projection.trace[h, chosen]
        by_signal = self._learning_signal(h, latest)[target] * projection.filtered[h, chosen]
        if rule.rate_average == "moving":
            return by_signal + self.c_reg[target] * self.rate_error[h, target] * projection.filtered_reg[h, chosen]
        start = self._start("recurrent", self._sample("recurrent", h))
        rate = self.spikes[start : start + self.length, target].mean(axis=0)
        rate_error = rate - self.target_rate[target]
        return by_signal + self.c_reg[target] * rate_error * projection.eligibility[h, chosen] / self.length

    # Updates

    def _update_at_spike(self, projection: _Projection, source: int, t: int) -> None:
        chosen = np.flatnonzero(projection.source == source)
        earlier = np.flatnonzero(projection.arrives[:t, chosen[0]])
        if not earlier.size:
            return
        self._decay_weights(projection, chosen, t)
        optimizer = projection.optimizer
        gathered = range(max(0, int(earlier[-1]) - projection.horizon), max(0, t - projection.horizon))
        gradients = ((h, self._gradient(projection, chosen, h, t)) for h in gathered if projection.active[h, chosen[0]])
        if isinstance(optimizer, Adam) and optimizer.optimize_each_step:
            for h, gradient in gradients:
                self._change(projection, chosen, t, _adam(projection, source, gradient, h + 1))
            return
        total = sum((gradient for _, gradient in gradients), np.zeros(len(chosen)))
        if isinstance(optimizer, Adam):
            self._change(projection, chosen, t, _adam(projection, source, total, t - projection.horizon))
        else:
            self._change(projection, chosen, t, -optimizer.learning_rate * total)

    def _update_at_sample(self, projection: _Projection, t: int) -> None:
        for number, batch in enumerate(self._batches(), start=1):
            if t != self._update_step(projection, batch):
                continue
            chosen = np.arange(len(projection.source))
            latest = self._update_step(self.projections["output"], batch) - 1
            total = np.zeros(len(chosen))
            for sample in batch:
                for h in self._indices(projection, sample):
                    total += projection.active[h] * self._gradient(projection, chosen, h, latest)
            mean = total / len(batch)
            self._decay_weights(projection, chosen, t)
            if isinstance(projection.optimizer, Adam):
                self._change(projection, chosen, t, _adam(projection, 0, mean, number))
            else:
                self._change(projection, chosen, t, -projection.optimizer.learning_rate * mean)

    def _batches(self) -> Iterator[range]:
        """Samples of each batch. The last one may be incomplete: it updates only after the run."""
        size, n_samples = self.network.plasticity.batch_size, self.stimulus.n_samples
        return (range(first, min(first + size, n_samples)) for first in range(0, n_samples, size))

    def _indices(self, projection: _Projection, sample: int) -> range:
        start, end = (self._start(projection.targets, n) for n in (sample, sample + 1))
        return range(0 if sample == 0 and not self.network.plasticity.reset_at_samples else start, end)

    def _update_step(self, projection: _Projection, batch: range) -> int:
        return self._start(projection.targets, batch.stop) + projection.horizon

    def _decay_weights(self, projection: _Projection, chosen: np.ndarray, t: int) -> None:
        if projection.name != "output":
            return
        for history in (projection.weight, projection.feedback):
            if history is not None:
                history[t, chosen] *= 1.0 - self.network.feedback.weight_decay

    def _change(self, projection: _Projection, chosen: np.ndarray, t: int, change: np.ndarray) -> None:
        optimizer, before = projection.optimizer, projection.weight[t, chosen]
        after = np.clip(before + change, optimizer.weight_min, optimizer.weight_max)
        if optimizer.fixed_signs:
            after = np.where(np.signbit(after) == np.signbit(before), after, np.copysign(0.0, before))
        projection.weight[t, chosen] = after
        if projection.feedback is not None:
            projection.feedback[t, chosen] += change


def _powers(decay: float | np.ndarray, n: int) -> np.ndarray:
    """Powers 0 to n - 1 by row, in a column for each decay."""
    return np.atleast_1d(decay) ** np.arange(n)[:, np.newaxis]


def _filtered(history: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Sum over the rows of a history, weighted by the power of their age; the last one's age is 0."""
    return (history * powers[: len(history)][::-1]).sum(axis=0)


def _adam(projection: _Projection, source: int, gradient: np.ndarray, n_steps: int) -> np.ndarray:
    """Change by the steps of Adam up to ``n_steps``, in the first of which the gradient acts, none in the others."""
    adam = projection.optimizer
    assert isinstance(adam, Adam)
    counted = projection.counted.get(source, 0)
    if n_steps <= counted:
        assert not gradient.any()
        return np.zeros_like(gradient)
    projection.counted[source] = n_steps
    moves = projection.moves.setdefault(source, [])
    moves.append((counted + 1, gradient))
    step = np.arange(counted + 1, n_steps + 1)[:, np.newaxis]
    age = step - np.array([at for at, _ in moves])
    gradients = np.array([moved for _, moved in moves])
    first_moment = (1.0 - adam.beta_1) * adam.beta_1**age @ gradients
    second_moment = (1.0 - adam.beta_2) * adam.beta_2**age @ gradients**2
    correction = np.sqrt(1.0 - adam.beta_2**step) / (1.0 - adam.beta_1**step)
    direction = correction * first_moment / (np.sqrt(second_moment) + adam.epsilon)
    return -adam.learning_rate * direction.sum(axis=0)
