"""Losses published with NEST's tutorials and tests and with the original e-prop, and the networks to reproduce them.

NEST draws the random numbers of these networks in the published order and runs them
(``interoperability/nest/published.py``).
"""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eprop_core.interoperability import nest_programs
from eprop_core.network.connections import Connections
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, Adam, GradientDescent, Network
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from eprop_core.stimulus import Stimulus
from eprop_core.verification.bellec_model import train
from eprop_core.verification.bellec_problem import in_absolute_time
from eprop_core.verification.nest import Nest, load
from eprop_core.verification.random_problem import Problem

# Losses of the first five iterations, as NEST's tests assert them to a relative 1e-8; of "sine-waves", e-prop+ at full
# length, six decimals are known.
PUBLISHED: dict[str, tuple[float, ...]] = {
    "sine-waves-bellec": (101.964356999041, 103.466731126205, 103.340607074771, 103.680244037686, 104.412775748752),
    "sine-waves": (107.737321, 106.422533, 107.378694, 108.108390, 107.764006),
    "regression-lif-adam": (0.14000491891386, 0.28735818029752, 0.22263713699860, 0.23015072431384, 0.17565248170694),
    "regression-adaptive": (0.02242584487453, 0.01916753791522, 0.00571493935652, 0.00037875376195, 0.00037823157578),
    "regression-psc_delta": (0.27039631749159, 0.51390204375229, 0.53473859833866, 0.53608474802202, 0.49323580244201),
    "regression-psc_delta-adaptive": (
        0.16416646182675,
        0.27952159282830,
        0.29937515524341,
        0.26160957500433,
        0.26384514215024,
    ),
    "evidence-accumulation": (0.741152550006, 0.740388187700, 0.665785233177, 0.663644193322, 0.729428962844),
    "evidence-accumulation-batch-2": (
        0.702163370672,
        0.735555303152,
        0.740354864111,
        0.683882815282,
        0.707841122268,
    ),
}

TOLERANCE = 1e-8
"""Relative; NEST's own tests ask for it."""

BELLEC = ("sine-waves-bellec", "evidence-accumulation", "evidence-accumulation-batch-2")
EPROP_PLUS = tuple(name for name in PUBLISHED if name not in BELLEC)

Run = dict[str, Any]


def run_nest(nest: Nest) -> dict[str, Run]:
    """NEST's run of each setting: what it was given, and what came out."""
    with tempfile.TemporaryDirectory(prefix="published.") as directory:
        nest_programs.call(nest.python, "published", Path(directory))
        runs: dict[str, Run] = {name: load(Path(directory) / f"{name}.npz") for name in PUBLISHED}
    return {name: run | {"setting": json.loads(str(run["setting"]))} for name, run in runs.items()}


def connections_of(run: Run) -> dict[str, Connections]:
    return {
        projection: Connections(*(run[f"{projection}_{key}"] for key in Connections._fields))
        for projection in PROJECTIONS
    }


def network_of(setting: dict[str, Any], plasticity: dict[str, Any]) -> Network:
    """Return the network with what both rules share."""
    *_, neuron = setting["neurons"].values()  # the last ones adapt
    adaptation = None
    if "adapt_tau" in neuron:
        share = 1.0 / len(setting["neurons"])
        adaptation = {"beta": neuron["adapt_beta"], "tau": neuron["adapt_tau"], "share": share}
    surrogate_gradient = {key: neuron[f"surrogate_gradient_{key}"] for key in ("function", "height", "width")}
    return parse(
        Network,
        {key: setting[key] for key in ("n_input", "n_recurrent", "n_readout")}
        | {
            "neuron": {key: neuron[key] for key in ("tau_m", "V_th", "t_ref")}
            | {"V_reset": neuron.get("V_reset"), "adaptation": adaptation, "surrogate_gradient": surrogate_gradient},
            "readout": {
                "tau_m": setting["readout"]["tau_m"],
                "loss": setting["readout"].get("loss", "mean_squared_error"),
            },
            "plasticity": plasticity | {key: neuron[key] for key in ("c_reg", "f_target")},
        },
    )


def eprop_plus_network(setting: dict[str, Any]) -> Network:
    (neuron,) = setting["neurons"].values()
    optimizer = setting["optimizer"]
    given = {"algorithm": optimizer["type"], "learning_rate": optimizer["eta"]}
    if optimizer["type"] == "adam":
        given |= {key: optimizer[key] for key in ("beta_1", "beta_2", "epsilon", "optimize_each_step")}
    trace = {"kappa": neuron["kappa"], "kappa_reg": neuron["kappa_reg"], "cutoff": neuron["eprop_isi_trace_cutoff"]}
    return network_of(setting, trace | {"optimizer": given})


def eprop_plus_stimulus(run: Run) -> Stimulus:
    n_steps = len(run["target"])
    return Stimulus(n_steps, run["input_steps"], run["input_channels"], run["target"], np.arange(n_steps) > 1)


def losses(name: str, run: Run) -> tuple[np.ndarray, bool]:
    """Simulate event-driven; return the losses, and whether the spikes are those of NEST."""
    problem = bellec_problem(run) if name in BELLEC else eprop_plus_problem(run)
    recording = Simulation(problem.network, connections=problem.connections).run(problem.stimulus)
    rows = len(run["target"])
    steps, neurons = recording.spike_steps, recording.spike_neurons
    error, within = recording.error[2:], steps < rows
    if name in BELLEC:  # samples begin one step later for the neurons, two for the readouts
        steps, within = steps - 1, steps <= rows
        error = recording.error[2 : rows + 2]
    same = np.array_equal([steps[within], neurons[within]], np.nonzero(run["spikes"]))
    loss = loss_of(run["setting"], error, run["target"])
    return loss.reshape(len(PUBLISHED[name]), -1).sum(axis=1), same


def literal_losses(name: str, run: Run) -> tuple[np.ndarray, bool]:
    """Let the literal model simulate a run with Bellec's rule; return losses, and whether spikes are NEST's."""
    network, connections, stimulus = bellec_samples(run)
    trained = train(network, connections, stimulus, stimulus.n_samples)
    loss = loss_of(run["setting"], trained.error, run["target"])
    return loss.reshape(len(PUBLISHED[name]), -1).sum(axis=1), np.array_equal(trained.spikes, run["spikes"])


def loss_of(setting: dict[str, Any], error: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return what each step and readout adds to its iteration's loss; the softmax is the error plus the target."""
    if setting["task"] == "sine_waves":
        return np.asarray(0.5 * error**2)
    window = setting["learning_window"]
    counts = np.arange(len(target)) % setting["n_steps"] >= setting["n_steps"] - window
    shares = np.where(counts[:, np.newaxis], error + target, 1.0)
    return np.asarray(-target * np.log(shares) / (window * setting["optimizer"]["batch_size"]))


def eprop_plus_problem(run: Run) -> Problem:
    """Return the problem of a run with e-prop+."""
    return Problem(eprop_plus_network(run["setting"]), connections_of(run), eprop_plus_stimulus(run))


def bellec_problem(run: Run) -> Problem:
    """Return the problem of a run with Bellec's rule, for the event-driven simulation."""
    return in_absolute_time(bellec_samples(run))


def bellec_samples(run: Run) -> Problem:
    """Return the problem of a run with Bellec's rule, with the steps of its samples."""
    setting = run["setting"]
    network, factors = bellec_network(setting), bellec_factors(setting)
    optimizers = {projection: optimizer_of(setting, factor) for projection, factor in factors.items()}
    values = network.model_dump()
    values["plasticity"]["optimizer"] = optimizers["input"].model_dump()
    for projection in LEARNING_PROJECTIONS:
        values[projection] |= optimizers[projection].model_dump(include={"learning_rate", "epsilon"})
    return Problem(parse(Network, values), scaled_connections(run), bellec_stimulus(run))


def bellec_stimulus(run: Run) -> Stimulus:
    """Return what a run with Bellec's rule is shown."""
    setting, n_steps = run["setting"], len(run["target"])
    window = setting["learning_window"] or setting["n_steps"]
    counts = np.arange(n_steps) % setting["n_steps"] >= setting["n_steps"] - window
    events = run["input_steps"], run["input_channels"]
    return Stimulus(n_steps, *events, run["target"], counts, n_samples=n_steps // setting["n_steps"])


def scaled_connections(run: Run) -> dict[str, Connections]:
    """Return the connections of a run with Bellec's rule, with weights of this project."""
    factors = bellec_factors(run["setting"])
    return {
        projection: Connections(source, target, factors[projection] * weight)
        for projection, (source, target, weight) in connections_of(run).items()
    }


def bellec_factors(setting: dict[str, Any]) -> dict[str, float]:
    """Return this project's weights relative to NEST's, whose voltages and traces have factors that ours have not."""
    network, (neuron, *_) = bellec_network(setting), setting["neurons"].values()
    alpha, kappa = math.exp(-network.dt / neuron["tau_m"]), network.plasticity.kappa
    regular = all(neuron["regular_spike_arrival"] for neuron in setting["neurons"].values())
    of_voltage = 1.0 if regular else 1.0 - alpha
    return {"input": of_voltage, "recurrent": of_voltage, "output": 1.0 - kappa, "feedback": 1.0 - kappa}


def bellec_network(setting: dict[str, Any]) -> Network:
    plasticity = {
        "update": "sample",
        "batch_size": setting["optimizer"]["batch_size"],
        "rate_average": "sample",
        "reset_at_samples": True,
        "kappa": math.exp(-1.0 / setting["readout"]["tau_m"]),
        "cutoff": None,
    }
    return network_of(setting, plasticity)


def optimizer_of(setting: dict[str, Any], factor: float) -> GradientDescent | Adam:
    """Return the optimizer of weights that are ``factor`` times NEST's.

    Their gradients are 1 / factor times NEST's, and where NEST takes the mean over the learning window, its length
    times.
    """
    given = setting["optimizer"]
    gradient = (setting["learning_window"] if setting["average_gradient"] else 1.0) / factor
    if given["type"] == "gradient_descent":
        return GradientDescent(learning_rate=factor / gradient * given["eta"])
    return Adam(
        algorithm="adam",
        learning_rate=factor * given["eta"],
        beta_1=given["beta_1"],
        beta_2=given["beta_2"],
        epsilon=gradient * given["epsilon"],
    )
