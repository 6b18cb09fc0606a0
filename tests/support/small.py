"""A data set that is easy to learn, networks of a few neurons, and commands that start programs on several ranks."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core.datasets.events import EventDataset
from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.parsing import parse

N_STEPS, N_CLASSES, CHANNELS_PER_CLASS, WINDOW = 40, 10, 10, 10


def dataset(n_samples: int, seed: int = 1) -> EventDataset:
    """Random spikes, of which the channels of the sample's class have more."""
    random = np.random.default_rng(seed)
    labels = np.arange(n_samples) % N_CLASSES
    n_channels = N_CLASSES * CHANNELS_PER_CLASS
    samples = []
    for label in labels:
        belongs = np.arange(n_channels) // CHANNELS_PER_CLASS == label
        steps, channels = np.nonzero(random.random((N_STEPS, n_channels)) < np.where(belongs, 0.5, 0.02))
        samples.append((steps.astype(np.int32), channels.astype(np.int32)))
    return EventDataset.from_samples(samples, labels, n_channels, N_STEPS, N_CLASSES)


def task(epochs: int = 5, validation_share: float = 0.1, **training: Any) -> TaskParameters:
    """A network of 40 neurons."""
    return parse(
        TaskParameters,
        {
            "dataset": {"name": "digits", "n_steps": N_STEPS},
            "network": {
                "n_recurrent": 40,
                "neuron": {"tau_m": 10.0, "surrogate_gradient": {"width": 0.588}},
                "readout": {"tau_m": 10.0},
                "plasticity": {
                    "kappa": 0.9,
                    "kappa_reg": 0.9,
                    "c_reg": 6.7,
                    "f_target": 20.0,
                    "optimizer": {"learning_rate": 5e-6},
                },
                "input": {
                    "connectivity": {"rule": "pairwise_bernoulli", "probability": 0.25},
                    "weights": {"divide_by": "sqrt_in_degree"},
                },
                "recurrent": {"weights": {"scale": 0.25}},
                "output": {"weights": {"distribution": "uniform", "scale": 0.1, "divide_by": "sqrt_mean_fan"}},
                "feedback": {"weights": {"scale": 10.0, "divide_by": "nothing"}},
            },
            "training": {
                "epochs": epochs,
                "learning_window": WINDOW,
                "samples_per_group": 50,
                "validation_share": validation_share,
                **training,
            },
        },
    )


def regression(epochs: int) -> TaskParameters:
    """A network of 40 neurons that learns sine waves."""
    weights = {"weights": {"scale": 0.03}}
    return parse(
        TaskParameters,
        {
            "dataset": {"name": "sine_waves", "n_steps": 200, "periods": [200, 100]},
            "network": {
                "n_recurrent": 40,
                "neuron": {"V_th": 0.03, "surrogate_gradient": {"height": 10.0, "width": 0.03}},
                "plasticity": {"c_reg": 1.5, "optimizer": {"learning_rate": 1e-6}},
                "input": weights,
                "recurrent": weights,
                "output": weights,
                "feedback": {"weights": {"scale": 0.005}},
            },
            "training": {"epochs": epochs},
        },
    )


STATIC = {f"network.{name}.plastic": False for name in ("input", "recurrent", "output")}


def timing(kind: str = "strong", repeats: int = 1, *, ignore_and_fire: bool = False) -> Timing:
    """Timing of a network of 60 neurons, plastic and static, for 50 steps."""
    return parse(
        Timing,
        {
            "kind": kind,
            "network": {
                "n_input": 40,
                "n_recurrent": 60,
                "n_readout": 2,
                "neuron": {"ignore_and_fire": {"rate": 100.0} if ignore_and_fire else None},
                "input": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 20}},
                "recurrent": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 10}},
                "output": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 30}},
            },
            "variants": {"eprop_plus": {}, "static": STATIC},
            "input_rate": 100.0,
            "n_steps": 50,
            "n_steps_warm_up": 10,
            "repeats": repeats,
        },
    )


def on_ranks(n_ranks: int, module: str) -> list[str]:
    """Return the command that starts ``module`` on ranks, without MPI for none; skip the test where there is no MPI."""
    if n_ranks == 0:
        return [sys.executable, "-m", module]
    pytest.importorskip("mpi4py")
    launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if launcher is None:
        pytest.skip("needs mpiexec")
    return [launcher, "-n", str(n_ranks), sys.executable, "-m", "mpi4py", "-m", module]
