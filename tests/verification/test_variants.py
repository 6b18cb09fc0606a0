"""The variants that are compared."""

import pytest

from eprop_core.network.features import kind
from eprop_core.verification.bellec_problem import VARIANTS, bellec_problem
from eprop_core.verification.random_problem import random_problem
from eprop_core.verification.ranks import problems
from eprop_core.verification.variants import BEYOND_NEST, KINDS, OF_NEST


@pytest.mark.parametrize("seed", [1, 2])
def test_kinds_are_all_that_is_compiled(seed: int) -> None:
    compared = [bellec_problem(name, seed) for name in VARIANTS] + list(problems().values())
    for variant in [*OF_NEST.values(), *BEYOND_NEST.values()]:
        settings = {name: value for name, value in variant.items() if name != "seed"}
        compared.append(random_problem([seed, variant["seed"]], 10, **settings))
    assert {kind(problem.network) for problem in compared} == set(KINDS) - {"adaptive"}  # of a published network
