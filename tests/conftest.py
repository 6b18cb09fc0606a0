"""Tiers of tests: those that are not listed here are unit tests, which take a minute together once compiled."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONGER = (
    # Networks of all kinds, each of which is compiled by itself; NEST.
    "verification/test_bellec_model.py",
    "verification/test_formulas.py",
    "verification/test_gradients.py",
    "verification/test_nest.py",
    "verification/test_nest_bellec.py",
    "verification/test_nest_limits.py",
    "verification/test_published.py",
    "verification/test_simulators.py",
    # Programs, on one rank and on several.
    "experiments/test_baselines.py",
    "experiments/test_break_even.py",
    "experiments/test_driver.py",
    "experiments/test_interconnect.py",
    "experiments/test_ranks_of_programs.py",
    "experiments/test_rewiring.py",
    "experiments/test_scaling.py",
    "experiments/test_studies.py",
    "ranks/test_ranks.py",
    "ranks/test_without_mpi.py",
    # Figures, and the pipeline.
    "workflow/",
)
"""Modules, or folders of them, that are no unit tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark unit tests."""
    for item in items:
        if not item.path.relative_to(TESTS).as_posix().startswith(LONGER):
            item.add_marker(pytest.mark.unit)
