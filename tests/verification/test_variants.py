"""The variants that are compared."""

import pytest

from eprop_core.experiments.verification.parameters import Verification
from eprop_core.network.features import kind
from eprop_core.parsing import ParameterError, parse
from eprop_core.verification.bellec_problem import VARIANTS, bellec_problem
from eprop_core.verification.random_problem import problem_of_variant
from eprop_core.verification.ranks import problems
from eprop_core.verification.variants import BEYOND_NEST, KINDS, OF_NEST, STDP


def test_kinds_are_those_of_all_variants() -> None:
    """A seed draws the size of a network, and so whether it is large enough for rows."""
    compared = list(problems().values())
    for seed in (1, 2):
        compared += [bellec_problem(name, seed) for name in VARIANTS]
        variants = [*OF_NEST.values(), *BEYOND_NEST.values(), *STDP.values()]
        compared += [problem_of_variant(variant, 10, seed) for variant in variants]
    assert {kind(problem.network) for problem in compared} == set(KINDS)


def test_names_are_unique() -> None:
    assert not OF_NEST.keys() & BEYOND_NEST.keys()


def test_variants_are_chosen_by_patterns_of_their_names() -> None:
    assert parse(Verification, {"variants": ["adam-*", "cross_entropy-lif-*"]}).variants
    with pytest.raises(ParameterError, match=r"variants.*no variant is named 'adams-\*'"):
        parse(Verification, {"variants": ["adams-*"]})
