"""The reference implementation of the learning rule: each formula once, above the lines that compute it.

It is plain Python without regard to speed, for small networks. A synapse does nothing until a spike passes through it.
Then it goes through the steps since the spike before, one after the other, as the rule is defined: where the
time-driven model advances the traces of all synapses in every step, and the simulator crosses the time between two
spikes at once. Both are compared with it (:mod:`eprop_core.verification.simulators`).

The rule is e-prop (Bellec et al. 2020, Nature Communications 11:3625) with an update of a synapse at each spike that
passes through it ("e-prop+", Korcsak-Gorzo et al.), as NEST 3.10 has it, and with any delays. Connections go from i to
j, readouts are k, t is a step. The error of step t belongs to the recurrent spikes of step t - output.delay, and
reaches the neurons feedback.delay later.

====================  ======================  ===========================
symbol                name here               name in NEST
====================  ======================  ===========================
z_j^t                 spiked                  spike
v_j^t                 voltage                 V_m
a_j^t                 adaptation              adaptation
A_j^t                 threshold               V_th_adapt
beta_j, rho           beta, rho               adapt_beta, adapt_tau
psi_j^t               surrogate_gradient      surrogate_gradient
y_k^t                 readout                 readout_signal
y*_k^t                target                  target_signal
err_k^t               error                   error_signal
W_ji                  weight                  weight
B_jk                  feedback                weight of learning signals
L_j^t                 learning_signal         learning_signal
zbar_ji^t             trace                   z_bar
eps_ji^t              threshold_trace         epsilon
e_ji^t                eligibility             e
ebar_ji^t             filtered                e_bar
ebar_reg_ji^t         filtered_reg            e_bar_reg
R_j^t                 rate_regularization     firing_rate_reg
g_ji                  gradient                grad
====================  ======================  ===========================
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from eprop_core.network.connections import Connections
from eprop_core.parameters import Adam, Network, OptimizerParameters, ReadoutNeuron
from eprop_core.stimulus import Stimulus

_NO_VALUES: Mapping[str, np.ndarray] = {}


@dataclass(frozen=True)
class ReferenceResult:
    """Outcome of a run; steps are relative to its start."""

    spike_steps: np.ndarray
    """int64 (n_spikes,), ascending."""
    spike_neurons: np.ndarray
    """int64 (n_spikes,), ascending within a step."""
    readout: np.ndarray
    """float64 (n_steps, n_readout), mV."""
    error: np.ndarray
    """float64 (n_steps, n_readout)."""
    surrogate_gradient: np.ndarray
    """float64 (n_steps, n_recurrent)."""
    learning_signal: np.ndarray
    """float64 (n_steps, n_recurrent), by the step in which it arrives."""
    weights: dict[str, Connections]
    """By projection, sorted by (target, source), as of the last spike that passed each synapse."""
    weights_over_time: dict[str, np.ndarray]
    """By projection, float64 (n_steps, n_synapses), at the end of each step, in the order of ``weights``."""


@dataclass
class Synapse:
    """A connection, and its traces up to the step before ``next_step``."""

    source: int
    target: int
    weight: float
    feedback: float = 0.0
    """Weight of the connection back from the readout, where feedback is adaptive."""
    next_step: int | None = None
    """None as long as no spike has passed."""
    trace: float = 0.0
    threshold_trace: float = 0.0
    filtered: float = 0.0
    filtered_reg: float = 0.0
    gradient: float = 0.0
    first_moment: float = 0.0
    second_moment: float = 0.0
    optimizer_steps: int = 0


@dataclass
class Neuron:
    """A recurrent neuron; ``beta`` is 0 for those that do not adapt."""

    tau_m: float
    C_m: float
    V_th: float
    beta: float
    c_reg: float
    f_target: float
    t_ref: float
    surrogate_height: float
    surrogate_width: float
    voltage: float = 0.0
    refractory_steps: int = 0
    adaptation: float = 0.0
    spiked: bool = False
    rate: float = 0.0


@dataclass
class SpikeTrains:
    """The spikes of a population."""

    by_source: list[list[int]]
    """Steps, ascending."""
    by_step: list[set[int]] = field(default_factory=list)
    """Sources."""

    def emitted(self, source: int, step: int) -> bool:
        """Return whether a source has emitted a spike in a step."""
        return step >= 0 and source in self.by_step[step]

    def add_step(self, sources: set[int]) -> None:
        """Add the spikes of the next step."""
        for source in sources:
            self.by_source[source].append(len(self.by_step))
        self.by_step.append(sources)


def simulate(
    network: Network,
    connections: Mapping[str, Connections],
    stimulus: Stimulus,
    *,
    neuron_values: Mapping[str, np.ndarray] = _NO_VALUES,
) -> ReferenceResult:
    """Run a network from rest.

    Parameters
    ----------
    network
        Parameters of a network whose weights are updated at spikes; its connectivity is not used.
    connections
        Connections of all projections but symmetric feedback; no pair twice.
    stimulus
        Input spikes, targets and learning window.
    neuron_values
        float64 (n_recurrent,) of parameters in which neurons differ, by name.
    """
    return _Simulation(network, connections, neuron_values).run(stimulus)


class _Simulation:
    def __init__(
        self, network: Network, connections: Mapping[str, Connections], neuron_values: Mapping[str, np.ndarray]
    ) -> None:
        self.network = network
        self.synapses = {
            name: [Synapse(int(i), int(j), float(w)) for i, j, w in zip(*listed, strict=True)]
            for name, listed in connections.items()
        }
        if network.feedback.kind == "adaptive":
            back = {(synapse.target, synapse.source): synapse.weight for synapse in self.synapses.pop("feedback")}
            for synapse in self.synapses["output"]:
                synapse.feedback = back[synapse.source, synapse.target]
        self.projections = network.learning_projections()
        self.optimizers = {name: network.optimizer(name) for name in self.projections}
        n, adaptation = network.n_recurrent, network.neuron.adaptation
        n_constant = n - round(adaptation.share * n) if adaptation else n
        self.rho = math.exp(-network.dt / adaptation.tau) if adaptation else 0.0
        self.neurons = [
            Neuron(
                tau_m=_value_of("tau_m", j, network, neuron_values),
                C_m=_value_of("C_m", j, network, neuron_values),
                V_th=_value_of("V_th", j, network, neuron_values),
                c_reg=_value_of("c_reg", j, network, neuron_values),
                f_target=_value_of("f_target", j, network, neuron_values),
                t_ref=_value_of("t_ref", j, network, neuron_values),
                surrogate_height=_value_of("surrogate_height", j, network, neuron_values),
                surrogate_width=_value_of("surrogate_width", j, network, neuron_values),
                beta=_value_of("beta", j, network, neuron_values) if adaptation and j >= n_constant else 0.0,
            )
            for j in range(n)
        ]
        self.input_spikes = SpikeTrains([[] for _ in range(network.n_input)])
        self.neuron_spikes = SpikeTrains([[] for _ in range(n)])
        self.spikes = {
            name: self.input_spikes if name.startswith("input") else self.neuron_spikes for name in self.projections
        }
        # By step.
        self.surrogate_gradient: list[list[float]] = []
        self.rate_regularization: list[list[float]] = []
        self.readout: list[list[float]] = []
        self.error: list[list[float]] = []
        self.learning_signal: list[list[float]] = []
        self.weights: list[dict[str, Connections]] = []

    def run(self, stimulus: Stimulus) -> ReferenceResult:
        """Simulate all steps."""
        network = self.network
        inputs: list[set[int]] = [set() for _ in range(stimulus.n_steps)]
        for step, channel in zip(stimulus.input_steps.tolist(), stimulus.input_channels.tolist(), strict=True):
            inputs[step].add(channel)
        voltages = [0.0] * network.n_readout
        for step in range(stimulus.n_steps):
            # Output first: errors meet the feedback weights as they are after the updates of the step they arrive in.
            onto_readouts = self._deliver("output", step)
            self._receive_error(step)
            by_projection = [self._deliver(name, step) for name in self.projections if name != "output"]
            onto_neurons = [sum(currents) for currents in zip(*by_projection, strict=True)]
            self.input_spikes.add_step(inputs[step])
            self._update_neurons(onto_neurons)
            voltages = self._update_readouts(voltages, onto_readouts, stimulus, step)
            self.weights.append(self._weights())
        return self._result(stimulus.n_steps)

    # Dynamics

    def _deliver(self, projection: str, step: int) -> list[float]:
        """Let the spikes that arrive in a step pass their synapses; return the input of the targets.

        ::

            input_j^t = sum over i of W_ji z_i^(t - delay), with W_ji as updated by these spikes
        """
        network = self.network
        received = [0.0] * (network.n_readout if projection == "output" else network.n_recurrent)
        emission = step - self.projections[projection].delay
        for synapse in self.synapses[projection]:
            if self.spikes[projection].emitted(synapse.source, emission):
                if self.projections[projection].plastic:
                    self._update_at_spike(projection, synapse, emission)
                received[synapse.target] += synapse.weight
        return received

    def _update_neurons(self, received: list[float]) -> None:
        surrogate_gradients, regularizations = [], []
        for neuron, current in zip(self.neurons, received, strict=True):
            surrogate_gradients.append(self._update_neuron(neuron, current))
            regularizations.append(rate_regularization(neuron, self.network))
        self.neuron_spikes.add_step({j for j, neuron in enumerate(self.neurons) if neuron.spiked})
        self.surrogate_gradient.append(surrogate_gradients)
        self.rate_regularization.append(regularizations)

    def _update_neuron(self, neuron: Neuron, received: float) -> float:
        """Update a neuron, and return its surrogate gradient.

        ::

            v_j^t = alpha_j v_j^(t-1) + input_j^t + (1 - alpha_j) tau_m_j / C_m_j I_e,  alpha_j = exp(-dt / tau_m_j)
            a_j^t = rho a_j^(t-1) + z_j^(t-1),                                        rho = exp(-dt / adapt_tau)
            A_j^t = V_th_j + beta_j a_j^t
            z_j^t = 1 where v_j^t >= A_j^t in a neuron that is not refractory, else 0

        After a spike, V_th_j is subtracted from the voltage; or the voltage is set to V_reset, where there is one, and
        stays there, with the adaptation as it is, as long as the neuron is refractory.
        """
        given = self.network.neuron
        clamped = given.V_reset is not None and neuron.refractory_steps > 0
        neuron.refractory_steps = max(neuron.refractory_steps - 1, 0)
        if not clamped:
            alpha = math.exp(-self.network.dt / neuron.tau_m)
            constant = neuron.tau_m / neuron.C_m * (1.0 - alpha) * given.I_e
            neuron.voltage = alpha * neuron.voltage + received + constant
            if given.V_min is not None:
                neuron.voltage = max(neuron.voltage, given.V_min)
            neuron.adaptation = self.rho * neuron.adaptation + neuron.spiked
        threshold = neuron.V_th + neuron.beta * neuron.adaptation
        neuron.spiked = False
        if neuron.refractory_steps > 0:
            return 0.0
        gradient = surrogate_gradient(neuron, neuron.voltage - threshold, given.surrogate_gradient.function)
        if neuron.voltage >= threshold and not clamped:
            neuron.spiked = True
            neuron.refractory_steps = round(neuron.t_ref / self.network.dt)
            neuron.voltage = neuron.voltage - neuron.V_th if given.V_reset is None else given.V_reset
        return gradient

    def _update_readouts(
        self, voltages: list[float], received: list[float], stimulus: Stimulus, step: int
    ) -> list[float]:
        """Record the readouts and their errors, and return the voltages relative to E_L.

        ::

            y_k^t = v_k^t + E_L,  v_k^t = alpha_out v_k^(t-1) + input_k^t,  alpha_out = exp(-dt / tau_m of the readout)
        """
        network = self.network
        alpha = math.exp(-network.dt / network.readout.tau_m)
        voltages = [alpha * voltage + current for voltage, current in zip(voltages, received, strict=True)]
        self.readout.append([voltage + network.readout.E_L for voltage in voltages])
        learns, target = bool(stimulus.learning_window[step]), stimulus.target[step].tolist()
        self.error.append(error(self.readout[-1], target, network.readout) if learns else [0.0] * network.n_readout)
        return voltages

    def _receive_error(self, step: int) -> None:
        """Let the error that arrives in a step become the learning signal of the step whose spikes led to it.

        ::

            L_j^t = sum over k of B_jk err_k^(t + output.delay)

        B_jk has connections of its own, or is the weight from j to k (symmetric), or changes as that does (adaptive).
        """
        network = self.network
        sent = step - network.feedback.delay
        if sent < network.output.delay:  # no spike of the recurrent neurons can have caused it
            return
        signal = [0.0] * network.n_recurrent
        if network.feedback.kind == "random":
            for synapse in self.synapses["feedback"]:
                signal[synapse.target] += synapse.weight * self.error[sent][synapse.source]
        else:
            for synapse in self.synapses["output"]:
                weight = synapse.weight if network.feedback.kind == "symmetric" else synapse.feedback
                signal[synapse.source] += weight * self.error[sent][synapse.target]
        assert len(self.learning_signal) == sent - network.output.delay
        self.learning_signal.append(signal)

    # Learning

    def _update_at_spike(self, projection: str, synapse: Synapse, emission: int) -> None:
        """Update a synapse as a spike of step ``emission`` passes through it: with all steps before that one.

        The first spike of a source finds the initial weight. The newest steps are left to the next spike where their
        learning signal takes longer to arrive than the spike.
        """
        network, delay = self.network, self.projections[projection].delay
        if synapse.next_step is None:
            synapse.next_step = emission
            return
        if projection == "output":
            synapse.weight *= 1.0 - network.feedback.weight_decay
            synapse.feedback *= 1.0 - network.feedback.weight_decay
            end = emission
        else:
            end = emission - max(0, network.output.delay + network.feedback.delay - 1 - delay)
        optimizer = self.optimizers[projection]
        each_step = isinstance(optimizer, Adam) and optimizer.optimize_each_step
        for step in range(synapse.next_step, end):
            active = self._is_active(projection, synapse, step)
            arrived = self.spikes[projection].emitted(synapse.source, step - delay)
            if projection == "output":
                self._advance_onto_readout(synapse, step, arrived, active)
            else:
                self._advance_onto_neuron(synapse, step, arrived, active)
            if each_step and active:
                optimize(synapse, optimizer, step + 1)
        synapse.next_step = max(synapse.next_step, end)
        if not each_step:
            optimize(synapse, optimizer, end)

    def _is_active(self, projection: str, synapse: Synapse, step: int) -> bool:
        """Return whether a synapse gathers gradient: less than ``cutoff`` steps after a spike of its source."""
        spikes, cutoff = self.spikes[projection].by_source[synapse.source], self.network.plasticity.cutoff
        return cutoff is None or step < spikes[bisect_right(spikes, step) - 1] + cutoff

    def _advance_onto_neuron(self, synapse: Synapse, step: int, arrived: bool, active: bool) -> None:
        """Advance the traces of a synapse onto a recurrent neuron by a step, and gather its gradient.

        ::

            zbar_ji^t     = alpha_j zbar_ji^(t-1) + z_i^(t - delay)
            e_ji^t        = psi_j^t (zbar_ji^t - beta_j eps_ji^(t-1)), 0 beyond the cutoff
            eps_ji^t      = rho eps_ji^(t-1) + e_ji^t
            ebar_ji^t     = kappa ebar_ji^(t-1) + e_ji^t
            ebar_reg_ji^t = kappa_reg ebar_reg_ji^(t-1) + (1 - kappa_reg) e_ji^t
            g_ji          = sum over t of L_j^t ebar_ji^t + R_j^t ebar_reg_ji^t, within the cutoff
        """
        network, rule, j = self.network, self.network.plasticity, synapse.target
        neuron = self.neurons[j]
        synapse.trace = math.exp(-network.dt / neuron.tau_m) * synapse.trace + arrived
        eligibility = 0.0
        if active:
            eligibility = self.surrogate_gradient[step][j] * (synapse.trace - neuron.beta * synapse.threshold_trace)
        synapse.threshold_trace = self.rho * synapse.threshold_trace + eligibility
        synapse.filtered = rule.kappa * synapse.filtered + eligibility
        synapse.filtered_reg = rule.kappa_reg * synapse.filtered_reg + (1.0 - rule.kappa_reg) * eligibility
        if active:
            regularization = self.rate_regularization[step][j] * synapse.filtered_reg
            synapse.gradient += self.learning_signal[step][j] * synapse.filtered + regularization

    def _advance_onto_readout(self, synapse: Synapse, step: int, arrived: bool, active: bool) -> None:
        """Advance the trace of a synapse onto a readout by a step, and gather its gradient.

        ::

            zbar_kj^t = alpha_out zbar_kj^(t-1) + z_j^(t - delay)
            g_kj      = sum over t of err_k^t zbar_kj^t, within the cutoff
        """
        synapse.trace = math.exp(-self.network.dt / self.network.readout.tau_m) * synapse.trace + arrived
        if active:
            synapse.gradient += self.error[step][synapse.target] * synapse.trace

    # Result

    def _result(self, n_steps: int) -> ReferenceResult:
        spikes = [(step, j) for step, sources in enumerate(self.neuron_spikes.by_step) for j in sorted(sources)]
        steps, neurons = np.array(spikes, np.int64).reshape(-1, 2).T
        return ReferenceResult(
            steps,
            neurons,
            np.array(self.readout).reshape(n_steps, self.network.n_readout),
            np.array(self.error).reshape(n_steps, self.network.n_readout),
            np.array(self.surrogate_gradient).reshape(n_steps, self.network.n_recurrent),
            self._arriving_signals(n_steps),
            self.weights[-1],
            {name: np.array([weights[name].weight for weights in self.weights]) for name in self.weights[-1]},
        )

    def _arriving_signals(self, n_steps: int) -> np.ndarray:
        arriving = np.zeros((n_steps, self.network.n_recurrent))
        if self.learning_signal:
            arriving[-len(self.learning_signal) :] = self.learning_signal
        return arriving

    def _weights(self) -> dict[str, Connections]:
        weights = {name: _listed((s.source, s.target, s.weight) for s in of) for name, of in self.synapses.items()}
        kind = self.network.feedback.kind
        if kind != "random":
            weights["feedback"] = _listed(
                (s.target, s.source, s.weight if kind == "symmetric" else s.feedback) for s in self.synapses["output"]
            )
        return weights


def surrogate_gradient(neuron: Neuron, distance: float, function: str) -> float:
    """Return the stand-in for the derivative of a spike by the voltage, at a distance (mV) from the threshold.

    ::

        psi_j^t = height_j f(|v_j^t - A_j^t| / width_j)
    """
    u = abs(distance) / neuron.surrogate_width
    shapes: dict[str, Callable[[], float]] = {
        "piecewise_linear": lambda: max(0.0, 1.0 - u),
        "exponential": lambda: math.exp(-u),
        "fast_sigmoid_derivative": lambda: (1.0 + u) ** -2,
        "arctan": lambda: 1.0 / (1.0 + u * u),
    }
    return neuron.surrogate_height * shapes[function]()


def rate_regularization(neuron: Neuron, network: Network) -> float:
    """Advance a neuron's rate by a step, and return how far it is from its target.

    ::

        rate_j^t = kappa_reg rate_j^(t-1) + (1 - kappa_reg) z_j^t / dt    (spikes per ms)
        R_j^t    = c_reg (rate_j^t - f_target)
    """
    rule = network.plasticity
    neuron.rate = rule.kappa_reg * neuron.rate + (1.0 - rule.kappa_reg) * (neuron.spiked / network.dt)
    return neuron.c_reg * (neuron.rate - neuron.f_target / 1000.0)


def error(readout: list[float], target: list[float], parameters: ReadoutNeuron) -> list[float]:
    """Return the derivatives of the loss by the readouts.

    ::

        err_k^t = y_k^t - y*_k^t                                  (mean squared error)
        err_k^t = exp(y_k^t) / (sum over l of exp(y_l^t)) - y*_k^t    (cross entropy)
    """
    answer = readout
    if parameters.loss == "cross_entropy":
        total = math.fsum(math.exp(y) for y in readout)
        answer = [math.exp(y) / total for y in readout]
    return [y - wanted for y, wanted in zip(answer, target, strict=True)]


def optimize(synapse: Synapse, optimizer: OptimizerParameters, n_steps: int) -> None:
    """Let the gradient change a weight, within its bounds and, where that is fixed, its sign.

    ::

        W_ji <- W_ji - eta g_ji    (gradient descent)

    ``n_steps`` is the number of the step that follows, to which Adam's moments are advanced.
    """
    if isinstance(optimizer, Adam):
        change = adam(synapse, optimizer, n_steps)
    else:
        change = -optimizer.learning_rate * synapse.gradient
    synapse.gradient = 0.0
    synapse.feedback += change
    weight = min(max(synapse.weight + change, optimizer.weight_min), optimizer.weight_max)
    if optimizer.fixed_signs and math.copysign(1.0, weight) != math.copysign(1.0, synapse.weight):
        weight = math.copysign(0.0, synapse.weight)
    synapse.weight = weight


def adam(synapse: Synapse, parameters: Adam, n_steps: int) -> float:
    """Advance Adam's moments through all steps up to ``n_steps``, and return the change of the weight.

    The gradient acts in the first of these steps; it is 0 in the others.

    ::

        m_n    = beta_1 m_(n-1) + (1 - beta_1) g_n
        v_n    = beta_2 v_(n-1) + (1 - beta_2) g_n^2
        change = - sum over n of eta sqrt(1 - beta_2^n) / (1 - beta_1^n) m_n / (sqrt(v_n) + epsilon)
    """
    change, gradient = 0.0, synapse.gradient
    while synapse.optimizer_steps < n_steps:
        synapse.optimizer_steps += 1
        synapse.first_moment += (1.0 - parameters.beta_1) * (gradient - synapse.first_moment)
        synapse.second_moment += (1.0 - parameters.beta_2) * (gradient * gradient - synapse.second_moment)
        gradient = 0.0
        correction = math.sqrt(1.0 - parameters.beta_2**synapse.optimizer_steps)
        correction /= 1.0 - parameters.beta_1**synapse.optimizer_steps
        direction = synapse.first_moment / (math.sqrt(synapse.second_moment) + parameters.epsilon)
        change -= parameters.learning_rate * correction * direction
    return change


def _value_of(name: str, j: int, network: Network, values: Mapping[str, np.ndarray]) -> float:
    """Return a parameter of neuron j: its own, or else that of its group, or else that of all neurons."""
    if name in values:
        return float(values[name][j])
    last = 0
    for group in (network.groups or {}).values():
        last += group.size
        if j < last:
            own = getattr(group, name)
            if own is not None:
                return float(own)
            break
    of_all = {"c_reg": network.plasticity, "f_target": network.plasticity, "beta": network.neuron.adaptation}
    if name.startswith("surrogate_"):
        return float(getattr(network.neuron.surrogate_gradient, name.removeprefix("surrogate_")))
    return float(getattr(of_all.get(name, network.neuron), name))


def _listed(connections: Iterable[tuple[int, int, float]]) -> Connections:
    listed = sorted(connections, key=lambda connection: (connection[1], connection[0]))
    ends = np.array([(source, target) for source, target, _ in listed], np.int64).reshape(-1, 2)
    return Connections(ends[:, 0], ends[:, 1], np.array([weight for *_, weight in listed]))
