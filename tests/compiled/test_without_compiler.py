"""With ``NUMBA_DISABLE_JIT=1``, kernels are plain Python and give the results of the compiled code.

This file is also the program that runs without the compiler: ``python test_without_compiler.py OUTPUT``.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eprop_core
from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import fill_integers, fill_uniform, philox, to_integer, to_normals
from eprop_core.poisson import poisson_spikes
from eprop_core.verification.ranks import problems, simulate

NETWORKS = ("small, delays", "adaptive feedback, Adam in each step", "per sample")
LARGEST = 2**64 - 1


def results() -> dict[str, np.ndarray]:
    """Simulate networks, and draw random numbers of all kinds."""
    result = {f"{name}/{key}": value for name in NETWORKS for key, value in simulate(problems()[name]).items()}
    counters = [(seed, 3, identifier, 2**33) for seed in (0, 7, LARGEST) for identifier in (0, 2**40 + 3)]
    words = np.array([philox(np.uint64(seed), *others) for seed, *others in counters], np.uint64)
    integers, uniform = np.zeros(20, np.int64), np.zeros(20)
    fill_integers(integers, 1000, np.uint64(LARGEST), int(Purpose.CUES), 5)
    fill_uniform(uniform, -1.0, 2.0, np.uint64(LARGEST), int(Purpose.CUES), 5)
    return result | {
        "philox": words,
        "integers": np.array([integers, *([to_integer(word[0], n) for n in range(1, 21)] for word in words)]),
        "uniform": uniform,
        "normal": np.array([to_normals(word[0], word[1]) for word in words]),
        "poisson": np.array(poisson_spikes(np.full((1, 5), 0.3), 20, seed=9, first_step=3)),
    }


@pytest.fixture(scope="module")
def plain_python(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    output = tmp_path_factory.mktemp("plain") / "results.npz"
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__, str(output)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path(eprop_core.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    with np.load(output) as saved:
        return dict(saved)


def test_plain_python_computes_what_compiled_code_computes(plain_python: dict[str, np.ndarray]) -> None:
    """Spikes, ids and random numbers are equal to the bit, all other numbers up to rounding.

    The compiled code computes whole powers by multiplications, which round differently from Python's power.
    """
    compiled = results()
    assert compiled.keys() == plain_python.keys()
    assert len(compiled["small, delays/first run steps"]) > 50
    for name, values in compiled.items():
        if "/" in name and np.asarray(values).dtype.kind == "f":
            np.testing.assert_allclose(plain_python[name], values, rtol=1e-12, atol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(plain_python[name], values, err_msg=name)


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())
