"""Weight changes of other simulators after one sample, compared with the exact gradient.

Each program needs an environment as in its ``requirements.txt``, whose interpreter ``EPROP_BENCH_NAME_PYTHON`` names.
"""

import math
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import small
from eprop_core.experiments.locality import gradients
from eprop_core.experiments.locality.parameters import GradientPoint
from eprop_core.experiments.points import apply
from eprop_core.parsing import parse
from small_results import PROJECT

RATE = 2.0**-10
EXACT = {
    "samples": 1,
    "network.plasticity.kappa": math.exp(-1.0 / 10.0),  # as the readouts decay
    "network.plasticity.cutoff": None,
    "network.plasticity.c_reg": 0.0,
    "network.plasticity.optimizer.learning_rate": RATE,
    "network.recurrent.connectivity": {"rule": "pairwise_bernoulli", "probability": 0.0},
}
"""Without recurrence and with symmetric feedback, e-prop computes the gradient itself."""


@pytest.mark.parametrize(
    ("folder", "input_cosine"),
    [
        ("braintrace", (0.9, 0.99)),  # pp_prop does not filter eligibility traces as readouts filter spikes
        ("snntorch", (0.9999, 1.0001)),  # single precision
    ],
    ids=["braintrace", "snntorch"],
)
def test_weight_changes_follow_the_gradient(folder: str, input_cosine: tuple[float, float], tmp_path: Path) -> None:
    python = os.environ.get(f"EPROP_BENCH_{folder.upper()}_PYTHON")
    if not python:
        pytest.skip(f"EPROP_BENCH_{folder.upper()}_PYTHON does not name an interpreter")
    point = parse(GradientPoint, apply(small.task(validation_share=0.0).model_dump(mode="json"), EXACT))
    problem = gradients.problem_of(point, small.dataset(1), 1)
    problem.save(tmp_path / "problem.npz")
    program = PROJECT / "simulators" / folder / "measure.py"
    files = [tmp_path / name for name in ("problem.npz", "result.json", "outputs.npz")]
    subprocess.run([python, program, files[0], "training", *files[1:]], check=True, timeout=300)

    expected = gradients.learnt_gradient(problem, "symmetric").gradients
    with np.load(files[2]) as outputs:
        cosines = {
            name: gradients.cosine(problem.connections[name].weight - outputs[f"{name}_weight"], expected[name])
            for name in ("input", "output")
        }
    assert cosines["output"] == pytest.approx(1.0, abs=1e-4)
    assert cosines["input"] is not None
    assert input_cosine[0] < cosines["input"] < input_cosine[1]
