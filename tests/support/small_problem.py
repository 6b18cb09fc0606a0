"""Small random networks that spike and learn."""

from typing import Any

from eprop_core.verification.random_problem import Problem, problem_of_variant
from eprop_core.verification.variants import SMALL

N_STEPS = 500


def small_problem(seed: int, n_steps: int = N_STEPS, **settings: Any) -> Problem:
    return problem_of_variant(SMALL | {"seed": seed} | settings, n_steps)
