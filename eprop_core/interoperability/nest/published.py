"""Simulate NEST's published settings with their published random numbers; needs a Python with NEST 3.10.

    python published.py DIRECTORY

writes ``<name>.npz`` for each of ``SETTINGS``: ``setting`` (JSON of its fields), the initial connections
``<projection>_source``, ``_target``, ``_weight`` sorted by (target, source), the input as ``input_steps`` and
``input_channels``, ``target`` (steps, readouts), ``spikes`` (steps, recurrent neurons), and NEST's ``losses`` by
iteration. With Bellec's rule, rows are steps of the samples, and the first sample starts later at each population. With
e-prop+, step t is NEST's step that ends at t + 1 ms, and the target starts in step 2.

The settings are those of NEST's tutorials on e-prop and of its tests, ``test_eprop_plasticity.py`` and
``test_eprop_bsshslm_2020_plasticity.py``.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nest
import numpy as np
from devices import multimeter, recorded, recorded_spikes
from network import ERRORS_OF_BELLEC as ERRORS
from network import GENERATORS_OF_BELLEC as GENERATORS
from network import NEURONS_OF_BELLEC as RECURRENT
from network import Problem as Arrays
from network import listed, rate_connection, times

DT = 1.0
N_ITERATIONS = 5
SEED = 1
KAPPA = 0.97
SCALE = 1.0 - KAPPA
"""Factor of the weights of e-prop+, in the tutorials, that replaces the factors (1 - alpha) of Bellec's rule."""


@dataclass(frozen=True)
class Setting:
    """A published run; parameters under NEST's names."""

    task: str
    rule: str
    n_steps: int  # steps of a sample
    neurons: dict[str, dict]  # parameters by model; each model has the same number of neurons
    readout: dict
    optimizer: dict
    n_input: int = 100
    n_recurrent: int = 100
    n_readout: int = 1
    learning_window: int | None = None  # last steps of a sample, in which errors count; None: all
    average_gradient: bool = False
    weight_factors: dict[str, float] = field(default_factory=dict)  # by projection

    @property
    def bellec(self) -> bool:
        """Whether the rule is that of Bellec et al. (2020) instead of e-prop+."""
        return self.rule == "bellec"

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return N_ITERATIONS * self.optimizer["batch_size"]


def _gradient_descent(eta: float, **settings: object) -> dict:
    return {"type": "gradient_descent", "batch_size": 1, "eta": eta, "Wmin": -100.0, "Wmax": 100.0} | settings


def _adam(eta: float, **settings: object) -> dict:
    return _gradient_descent(eta) | {"type": "adam", "beta_1": 0.9, "beta_2": 0.999} | settings


_AT_REST = {"C_m": 1.0, "E_L": 0.0, "I_e": 0.0, "V_m": 0.0}
_SINE_WAVE_NEURON = _AT_REST | {
    "c_reg": 300.0,
    "f_target": 10.0,
    "surrogate_gradient_function": "piecewise_linear",
    "surrogate_gradient_height": 0.3 / 0.03,
    "surrogate_gradient_width": 1.0 * 0.03,
    "t_ref": 0.0,
    "tau_m": 30.0,
    "V_th": 0.03,
}


def _sine_waves_plus(n_steps: int, model: str, optimizer: dict, **neuron: float) -> Setting:
    factors = {"input": SCALE, "recurrent": SCALE, "output": SCALE, "feedback": SCALE}
    given = {"c_reg": 300.0 / n_steps, "kappa": KAPPA, "kappa_reg": KAPPA, "eprop_isi_trace_cutoff": 100}
    if "psc_delta" in model:
        factors = {"output": SCALE, "feedback": 1.0 / SCALE}
        given |= {"V_reset": -0.5, "c_reg": 2.0 / n_steps / SCALE**2, "V_th": 0.5}
    return Setting(
        task="sine_waves",
        rule="eprop_plus",
        n_steps=n_steps,
        neurons={model: _SINE_WAVE_NEURON | {"surrogate_gradient_height": 10.0} | given | neuron},
        readout=_AT_REST | {"eprop_isi_trace_cutoff": 100, "tau_m": 30.0},
        optimizer=optimizer,
        weight_factors=factors,
    )


_CUE_NEURON = _AT_REST | {
    "c_reg": 300.0,
    "f_target": 10.0,
    "regular_spike_arrival": True,
    "surrogate_gradient_function": "piecewise_linear",
    "surrogate_gradient_height": 0.3 / 0.6,
    "surrogate_gradient_width": 1.0 * 0.6,
    "t_ref": 5.0,
    "tau_m": 20.0,
    "V_th": 0.6,
}


def _evidence_accumulation(batch_size: int) -> Setting:
    beta = 1.7 * ((1.0 - np.exp(-DT / 2000.0)) / (1.0 - np.exp(-DT / 20.0)))
    adaptation = {"adapt_beta": beta, "adapt_tau": 2000.0, "adaptation": 0.0}
    return Setting(
        task="evidence_accumulation",
        rule="bellec",
        n_input=40,
        n_readout=2,
        n_steps=2250,
        neurons={"eprop_iaf_bsshslm_2020": _CUE_NEURON, "eprop_iaf_adapt_bsshslm_2020": _CUE_NEURON | adaptation},
        readout=_AT_REST | {"loss": "cross_entropy", "regular_spike_arrival": False, "tau_m": 20.0},
        optimizer=_adam(5e-3, batch_size=batch_size, epsilon=1e-8),
        learning_window=150,
        average_gradient=True,
    )


_ETA_PLUS = 1e-4 * SCALE**2

SETTINGS = {
    "sine-waves-bellec": Setting(
        task="sine_waves",
        rule="bellec",
        n_steps=1000,
        neurons={"eprop_iaf_bsshslm_2020": _SINE_WAVE_NEURON | {"regular_spike_arrival": False}},
        readout=_AT_REST | {"loss": "mean_squared_error", "regular_spike_arrival": False, "tau_m": 30.0},
        optimizer=_gradient_descent(1e-4),
    ),
    "sine-waves": _sine_waves_plus(
        1000,
        "eprop_iaf",
        _gradient_descent(_ETA_PLUS, optimize_each_step=False),
        surrogate_gradient_width=1.0 / 33.3,
    ),
    "regression-lif-adam": _sine_waves_plus(100, "eprop_iaf", _adam(_ETA_PLUS, epsilon=1e-7, optimize_each_step=True)),
    "regression-adaptive": _sine_waves_plus(
        100,
        "eprop_iaf_adapt",
        _gradient_descent(_ETA_PLUS, optimize_each_step=True),
        adapt_beta=0.0174,
        adapt_tau=2000.0,
        adaptation=0.0,
    ),
    "regression-psc_delta": _sine_waves_plus(
        100, "eprop_iaf_psc_delta", _gradient_descent(_ETA_PLUS, optimize_each_step=True)
    ),
    "regression-psc_delta-adaptive": _sine_waves_plus(
        100,
        "eprop_iaf_psc_delta_adapt",
        _gradient_descent(_ETA_PLUS, optimize_each_step=True),
        adapt_beta=1.0,
        adapt_tau=10.0,
        adaptation=0.0,
    ),
    "evidence-accumulation": _evidence_accumulation(1),
    "evidence-accumulation-batch-2": _evidence_accumulation(2),
}


def run(setting: Setting) -> Arrays:
    """Draw the random numbers in the published order, simulate, and compute the losses."""
    random = np.random.RandomState(SEED)
    weights = _draw_weights(random, setting)
    inputs, target = (_sine_waves if setting.task == "sine_waves" else _cues)(random, setting)
    first = ERRORS if setting.bellec else RECURRENT  # NEST's step in which the readouts receive the first target
    generators, populations = _build(setting, weights)
    channels, recurrent = populations["input"]
    _, readouts = populations["output"]
    generators.set([{"spike_times": times(np.flatnonzero(spikes) + GENERATORS, DT)} for spikes in inputs.T])
    _show_target(setting, readouts, target, first)

    of_channels, of_recurrent = nest.Create("spike_recorder"), nest.Create("spike_recorder")
    nest.Connect(channels, of_channels, "all_to_all", {"delay": DT})
    nest.Connect(recurrent, of_recurrent, "all_to_all", {"delay": DT})
    of_readouts = multimeter(readouts, ["readout_signal"], DT)
    result = {"setting": np.array(json.dumps(asdict(setting)))}
    for name, (sources, targets) in populations.items():
        result |= listed(name, sources, targets)
    nest.Simulate((len(target) + first) * DT)

    answer = recorded(of_readouts, "readout_signal", first, len(target), DT)
    n_before = 0 if setting.bellec else 2  # rows before the first target
    n_rows = n_before + len(target)
    sent = GENERATORS + 1 if setting.bellec else 1  # NEST's step in which channels emit the spikes of row 0
    steps, sources = np.nonzero(recorded_spikes(of_channels, channels, sent, n_rows, DT))
    return result | {
        "input_steps": steps,
        "input_channels": sources,
        "target": np.pad(target, ((n_before, 0), (0, 0))),
        "spikes": recorded_spikes(of_recurrent, recurrent, RECURRENT - n_before, n_rows, DT),
        "losses": _losses(setting, answer, target),
    }


def _build(setting: Setting, weights: dict[str, np.ndarray]) -> tuple["nest.NodeCollection", dict]:
    """Create and connect the network; return the generators of the input and the populations of each projection."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=DT, total_num_virtual_procs=1)
    suffix = ""
    if setting.bellec:
        suffix = "_bsshslm_2020"
        nest.set(
            eprop_learning_window=(setting.learning_window or setting.n_steps) * DT,
            eprop_reset_neurons_on_update=True,
            eprop_update_interval=setting.n_steps * DT,
        )
    generators = nest.Create("spike_generator", setting.n_input)
    channels = nest.Create("parrot_neuron", setting.n_input)
    recurrent = nest.NodeCollection()
    for model, parameters in setting.neurons.items():
        flushed = parameters | {"flush_event_send_interval": setting.n_steps * DT}
        recurrent += nest.Create(model, setting.n_recurrent // len(setting.neurons), flushed)
    readouts = nest.Create(f"eprop_readout{suffix}", setting.n_readout, setting.readout)
    populations = {
        "input": (channels, recurrent),
        "recurrent": (recurrent, recurrent),
        "output": (recurrent, readouts),
        "feedback": (readouts, recurrent),
    }

    plastic = {"synapse_model": f"eprop_synapse{suffix}", "delay": DT}
    common: dict[str, object] = {"optimizer": setting.optimizer}
    if setting.bellec:
        plastic["tau_m_readout"] = setting.readout["tau_m"]
        common["average_gradient"] = setting.average_gradient
    nest.SetDefaults(plastic["synapse_model"], common)
    feedback = {"synapse_model": f"eprop_learning_signal_connection{suffix}", "delay": DT}
    no_autapses = {"rule": "all_to_all", "allow_autapses": False}
    nest.Connect(generators, channels, "one_to_one", {"delay": DT})
    for name, (sources, targets) in populations.items():
        synapses = feedback if name == "feedback" else plastic
        nest.Connect(sources, targets, no_autapses, synapses | {"weight": weights[name]})
    if setting.readout.get("loss") == "cross_entropy":
        nest.Connect(readouts, readouts, no_autapses, rate_connection(1, DT))
    return generators, populations


def _show_target(setting: Setting, readouts: "nest.NodeCollection", target: np.ndarray, first: int) -> None:
    """Set the target from NEST's step ``first`` on; with e-prop+, errors count from then on."""
    generators = nest.Create("step_rate_generator", setting.n_readout)
    for generator, values in zip(generators, target.T, strict=True):
        generator.set(amplitude_times=times(np.arange(len(target)) + first - 1, DT), amplitude_values=values)
    nest.Connect(generators, readouts, "one_to_one", rate_connection(2, DT))
    if not setting.bellec:
        window = nest.Create("step_rate_generator", 1, {"amplitude_times": [first - 1.0], "amplitude_values": [1.0]})
        nest.Connect(window, readouts, "all_to_all", rate_connection(1, DT))


def _losses(setting: Setting, answer: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the loss of each iteration."""
    shape = (N_ITERATIONS, setting.optimizer["batch_size"], setting.n_steps, setting.n_readout)
    window = setting.learning_window or setting.n_steps
    answer, target = (values.reshape(shape)[:, :, -window:] for values in (answer, target))
    if setting.task == "sine_waves":
        return 0.5 * np.mean(np.sum((answer - target) ** 2, axis=2), axis=(1, 2))
    return -np.mean(np.sum(target * np.log(answer), axis=3), axis=(1, 2))


def _draw_weights(random: np.random.RandomState, setting: Setting) -> dict[str, np.ndarray]:
    """Return weight matrices (target, source) in single precision, by projection."""
    n_input, n_recurrent, n_readout = setting.n_input, setting.n_recurrent, setting.n_readout
    weights = {
        "input": random.randn(n_input, n_recurrent).T / np.sqrt(n_input),
        "recurrent": random.randn(n_recurrent, n_recurrent).T / np.sqrt(n_recurrent),
    }
    if setting.task == "sine_waves":
        weights["output"] = random.randn(n_recurrent, n_readout).T / np.sqrt(n_recurrent)
        weights["feedback"] = random.randn(n_recurrent, n_readout) / np.sqrt(n_recurrent)
    else:
        limit = np.sqrt(3.0 / ((n_recurrent + n_readout) / 2.0))
        weights["output"] = random.uniform(-limit, limit, (n_recurrent, n_readout)).T
        weights["feedback"] = random.randn(n_recurrent, n_readout)
    return {
        name: matrix.astype(np.float32) * np.float32(setting.weight_factors.get(name, 1.0))
        for name, matrix in weights.items()
    }


def _sine_waves(random: np.random.RandomState, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Return frozen noise (steps, inputs) and a sum of sines (steps, 1), the same in all samples."""
    n_steps, n_samples = setting.n_steps, setting.n_samples
    spikes = random.rand(n_steps, setting.n_input) < 0.05
    if setting.bellec:
        spikes[0] = False
    periods = (1000, 500, 333, 200)
    amplitudes = random.uniform(0.5, 2.0, len(periods))
    phases = random.uniform(0.0, 2.0 * np.pi, len(periods))
    target = np.zeros(n_steps)
    for amplitude, phase, period in zip(amplitudes, phases, periods, strict=True):
        target += amplitude * np.sin(np.linspace(phase, phase + 2.0 * np.pi * (n_steps // period), n_steps))
    target -= target[0]
    target /= max(np.abs(target).max(), 1e-6)
    return np.tile(spikes, (n_samples, 1)), np.tile(target[:, np.newaxis], (n_samples, 1))


def _cues(random: np.random.RandomState, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Return cues, recall and noise (steps, inputs), and as target the side with more cues (steps, 2)."""
    n_cues, n_steps, batch_size = 7, setting.n_steps, setting.optimizer["batch_size"]
    cue_steps, pause, group = 100, 50, setting.n_input // 4
    spikes, targets = [], []
    for _ in range(N_ITERATIONS):
        favoured = random.choice([0, 1], batch_size)
        first = np.array([0.3, 0.7], np.float32)  # probability of a cue on side 0, by the favoured side
        sides = [
            random.choice([0, 1], n_cues, p=np.array([first[side], first[1 - side]], np.float32)) for side in favoured
        ]
        probability = np.zeros((batch_size, n_steps, setting.n_input))
        for sample, cues in enumerate(sides):
            for number, side in enumerate(cues):
                begin = number * (cue_steps + pause) + pause
                probability[sample, begin : begin + cue_steps, side * group : (side + 1) * group] = 0.04
        probability[:, -setting.learning_window :, 2 * group : 3 * group] = 0.04
        probability[:, :, 3 * group :] = 0.04 / 4.0
        drawn = probability > random.rand(*probability.shape)
        drawn[:, 0] = False
        spikes.extend(drawn)
        targets.extend(np.eye(2)[int(cues.sum() > n_cues // 2)] for cues in sides)
    return np.concatenate(spikes), np.repeat(targets, n_steps, axis=0)


if __name__ == "__main__":
    for name, setting in SETTINGS.items():
        np.savez(Path(sys.argv[1]) / f"{name}.npz", **run(setting))
