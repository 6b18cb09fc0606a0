"""The random problems of a check: of which variants, how long and how large, and which are in memory together."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from eprop_core.experiments.verification.parameters import Verification
from eprop_core.verification import random_problem, variants
from eprop_core.verification.random_problem import Problem

PROBLEMS_AT_ONCE = 10
"""Problems that are in memory together, with their recordings."""


class Drawn(NamedTuple):
    """Random problems of e-prop+."""

    variants: variants.Variants
    """Settings of each variant, by its name."""
    n_steps: int
    largest: int
    """Most input channels and most recurrent neurons, where the variant does not say how many there are."""

    def problem(self, name: str, seed: int) -> Problem:
        """Draw the problem of a variant."""
        return random_problem.problem_of_variant(self.variants[name], self.n_steps, seed, largest=self.largest)

    def settings(self, name: str, seed: int) -> dict[str, Any]:
        """Draw the sizes, densities and other settings of the problem of a variant."""
        return random_problem.settings_of_variant(self.variants[name], seed, largest=self.largest)


def drawn(check: str, parameters: Verification) -> Drawn | None:
    """Return the random problems of a check; None if its problems do not depend on the parameters."""
    usual = random_problem.LARGEST
    small = {name: own | variants.SMALLEST for name, own in (variants.OF_NEST | variants.BEYOND_NEST).items()}
    of_checks = {
        "nest_eprop_plus": Drawn(variants.OF_NEST, parameters.n_steps, parameters.largest),
        "nest_stdp": Drawn(variants.STDP, parameters.n_steps, parameters.largest),
        "time_driven": Drawn(variants.BEYOND_NEST, parameters.n_steps_time_driven, usual),
        "reference": Drawn(small, variants.N_STEPS_REFERENCE, usual),
    }
    found = of_checks.get(check)
    return found and found._replace(
        variants={name: found.variants[name] for name in chosen(found.variants, parameters)}
    )


def chosen(names: Iterable[str], parameters: Verification) -> list[str]:
    """Return the names of variants that the parameters choose."""
    patterns = parameters.variants
    return [name for name in names if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]


def parts(names: Iterable[str]) -> list[list[str]]:
    """Return the names in parts, each of problems that are in memory together."""
    listed = list(names)
    return [listed[first : first + PROBLEMS_AT_ONCE] for first in range(0, len(listed), PROBLEMS_AT_ONCE)]
