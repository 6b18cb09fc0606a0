"""The reference implementation of Bellec et al. (2020) against NEST 3.10, run live on random networks.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

import pytest

from agreement import assert_outcomes_agree, outcome_of
from eprop_core.verification.bellec_problem import VARIANTS, bellec_problem
from eprop_core.verification.comparison import Outcome
from eprop_core.verification.nest import Nest
from eprop_core.verification.simulators import reference_implementation_bellec
from live_nest import NEST_PYTHON, needs_nest

pytestmark = needs_nest

# Both compute in double precision but sum in different orders.
TOLERANCE = 1e-11  # of the largest readout or weight


@pytest.fixture(scope="module")
def nest() -> dict[str, Outcome]:
    """NEST's outcomes of all variants."""
    return Nest(NEST_PYTHON).bellec({name: bellec_problem(name) for name in VARIANTS})


@pytest.mark.parametrize("name", VARIANTS)
def test_the_reference_implementation_equals_nest(name: str, nest: dict[str, Outcome]) -> None:
    problem = bellec_problem(name)
    own = outcome_of(reference_implementation_bellec, problem)
    assert_outcomes_agree(problem, own, nest[name], {"": TOLERANCE}, least_spikes=50)
