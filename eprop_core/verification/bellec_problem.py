"""Random problems for the learning rule of Bellec et al. (2020): samples, and one update after each batch of them."""

import math
from typing import Any

import numpy as np

from eprop_core.parameters import LEARNING_PROJECTIONS, Network
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.verification.random_problem import Problem, around, random_problem
from eprop_core.verification.variants import Variants

N_SAMPLES = 10  # not a multiple of the batch sizes: the last batch remains incomplete

VARIANTS: Variants = (
    {
        f"{loss}-{neuron}-{algorithm}-batch-{batch_size}": {
            "loss": loss,
            "share": share,
            "algorithm": algorithm,
            "batch_size": batch_size,
        }
        for loss in ("mean_squared_error", "cross_entropy")
        for neuron, share in (("lif", None), ("adaptive", 1.0), ("mixed", 0.5))
        for algorithm in ("gradient_descent", "adam")
        for batch_size in (1, 3)
    }
    | {f"random-{seed}": {} for seed in range(20)}
    | {f"{function}": {"surrogate": function} for function in ("exponential", "fast_sigmoid_derivative", "arctan")}
    | {f"refractory-{steps}": {"refractory_steps": steps, "input_probability": 0.1} for steps in range(6)}
    | {f"dt-{dt}": {"dt": dt, "c_reg": 5.0} for dt in (0.1, 0.25, 2.0)}
    | {f"V_min{V_min}": {"V_min": V_min} for V_min in (-0.5, 0.0)}
    | {
        f"static-{static}": {"plastic": {name: name != static for name in LEARNING_PROJECTIONS}}
        for static in LEARNING_PROJECTIONS
    }
    | {"weight-bounds": {"bounded": True, "share": 0.5}, "rare-spikes": {"input_probability": 0.01, "batch_size": 2}}
    | {"random-values-per-neuron": {"spread_of_others": 0.8, "share": 0.6, "I_e": 1.0, "c_reg": 5.0, "dt": 0.5}}
)


def bellec_problem(name: str, *more_seeds: int, **more: Any) -> Problem:
    """The random problem of e-prop+ with this learning rule, cut into samples; ``more_seeds`` draw other ones.

    ``more`` settings override those of the variant.
    """
    seed = [list(VARIANTS).index(name), *more_seeds]
    rng = np.random.default_rng([*seed, 2020])
    steps_per_sample = int(more.pop("steps_per_sample", rng.integers(40, 151)))
    adapts = rng.random() < 0.5
    chosen: dict[str, Any] = {
        "loss": str(rng.choice(["mean_squared_error", "cross_entropy"])),
        "share": float(rng.uniform()) if adapts else None,
        "algorithm": str(rng.choice(["gradient_descent", "adam"])),
        "batch_size": int(rng.integers(1, 4)),
        "learning_window": int(rng.integers(10, steps_per_sample + 1)),
        "n_input": int(rng.integers(5, 41)),
        "n_recurrent": int(rng.integers(5, 31)),
        "n_readout": int(rng.integers(2, 5)),
        "input_probability": float(10 ** rng.uniform(-1.5, -0.7)),
        "surrogate": "piecewise_linear",
    }
    chosen |= VARIANTS[name] | more
    own = ("loss", "share", "algorithm", "batch_size", "learning_window", "surrogate")
    shared = {key: value for key, value in chosen.items() if key not in own}
    network, connections, shown = random_problem(seed, N_SAMPLES * steps_per_sample, **shared)
    return Problem(
        _learns_by_samples(network, chosen, float(rng.uniform(0.1, 1.0))),
        connections,
        _in_samples(shown, steps_per_sample, chosen, rng),
    )


def _learns_by_samples(network: Network, chosen: dict[str, Any], beta: float) -> Network:
    values = network.model_dump()
    V_th = values["neuron"]["V_th"]
    optimizer = values["plasticity"]["optimizer"] | {"algorithm": chosen["algorithm"]}
    optimizer["learning_rate"] *= 3.0
    if chosen["algorithm"] == "adam":
        # Each of the ten updates moves a weight by up to the learning rate. Gradients are some 1 to 1e4, their rounding
        # up to 1e-10; where a gradient is zero, an epsilon of that size would let Adam make a full step of rounding.
        optimizer |= {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2, "learning_rate": 0.02 * V_th}
    values["plasticity"] |= {
        "update": "sample",
        "batch_size": chosen["batch_size"],
        "rate_average": "sample",
        "reset_at_samples": True,
        "kappa": math.exp(-network.dt / network.readout.tau_m),
        "cutoff": None,
        "optimizer": optimizer,
    }
    values["readout"]["loss"] = chosen["loss"]
    values["neuron"]["surrogate_gradient"]["function"] = chosen["surrogate"]
    if chosen["share"] is not None:
        beta_of_neurons = around(beta * V_th, chosen.get("spread_of_others", 0.0))
        adaptation = {"beta": beta_of_neurons, "tau": 50.0 * network.dt, "share": chosen["share"]}
        values["neuron"]["adaptation"] = adaptation
    return parse(Network, values)


def _in_samples(shown: Stimulus, steps_per_sample: int, chosen: dict[str, Any], rng: np.random.Generator) -> Stimulus:
    """Give classes for targets, and let errors count at the ends of the samples.

    NEST loses input spikes of a sample's first step, and the last learning signal of a sample before a spike of the
    second step; here are none.
    """
    kept = shown.input_steps % steps_per_sample > 1
    target = shown.target
    if chosen["loss"] == "cross_entropy":
        n_readout = target.shape[1]
        target = np.repeat(np.eye(n_readout)[rng.integers(n_readout, size=N_SAMPLES)], steps_per_sample, axis=0)
    from_end = steps_per_sample - np.arange(shown.n_steps) % steps_per_sample
    return Stimulus(
        shown.n_steps,
        shown.input_steps[kept],
        shown.input_channels[kept],
        target,
        from_end <= chosen["learning_window"],
        n_samples=N_SAMPLES,
    )


def in_absolute_time(problem: Problem) -> Problem:
    """The problem for the simulation, in which samples begin later for those whom the spikes reach later.

    These are ``input.delay`` steps for the neurons, and ``output.delay`` more for the readouts. The last sample is
    followed by one without input, at whose beginning its update is made.
    """
    network, connections, stimulus = problem
    n_samples = stimulus.n_samples
    values = network.model_dump()
    values["neuron"]["delayed_reset"] = True
    n_steps = stimulus.n_steps // n_samples * (n_samples + 1)
    target, window = np.zeros((n_steps, network.n_readout)), np.zeros(n_steps, np.bool_)
    begin = network.input.delay + network.output.delay
    target[begin : stimulus.n_steps + begin] = stimulus.target
    window[begin : stimulus.n_steps + begin] = stimulus.learning_window
    events = stimulus.input_steps, stimulus.input_channels
    shown = Stimulus(n_steps, *events, target, window, n_samples=n_samples + 1)
    return Problem(parse(Network, values), connections, shown)
