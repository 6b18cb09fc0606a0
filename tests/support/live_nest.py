"""The Python that has NEST, for tests that run it live."""

import os

import pytest

NEST_PYTHON = os.environ.get("EPROP_BENCH_NEST_PYTHON", "")
"""An interpreter of an environment with ``nest-simulator==3.10.0``; empty without one."""
needs_nest = pytest.mark.skipif(
    not NEST_PYTHON, reason="EPROP_BENCH_NEST_PYTHON does not name the interpreter of an environment with NEST 3.10"
)
