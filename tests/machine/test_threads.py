"""Libraries compute on one thread, whatever number the environment exports and whenever they are loaded."""

import os
import subprocess
import sys

import pytest

from eprop_core.machine import threads

LATER = "import scipy.linalg"  # brings a BLAS of its own


@pytest.mark.parametrize("exported", [(), ("OPENBLAS_NUM_THREADS",), threads.VARIABLES], ids=["none", "one", "all"])
def test_libraries_compute_on_one_thread(exported: tuple[str, ...]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in threads.VARIABLES}
    environment |= dict.fromkeys(exported, "2")
    program = f"from eprop_core.machine import threads; threads.use_one(); {LATER}; import os; print(threads.number())"
    program += "; print({os.environ[name] for name in threads.VARIABLES})"
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert finished.stdout.splitlines() == ["1", "{'1'}"]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="where there is one core, no library takes more")
def test_number_counts_the_threads_of_libraries() -> None:
    environment = os.environ | dict.fromkeys(threads.VARIABLES, "2")
    command = [sys.executable, "-c", "from eprop_core.machine import threads; import numpy; print(threads.number())"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert finished.stdout == "2\n"
