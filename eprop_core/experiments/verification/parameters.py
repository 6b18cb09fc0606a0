"""Parameters of the target ``verification``: number, size and length of the random networks that are compared."""

from fnmatch import filter as matching

from pydantic import Field, field_validator

from eprop_core.experiments.values import RankCounts, Seeds
from eprop_core.parsing import Parameters, Whole
from eprop_core.verification import bellec_problem, variants


class Verification(Parameters):
    """Random networks of every variant, against NEST, the time-driven model, several ranks and exact gradients."""

    seeds: Seeds = Field(
        [1, 2, 3], description="one network per seed and variant: sizes, densities, weights, rates, input"
    )
    variants: list[str] = Field(
        [], description="patterns of names, such as adam-*: only these variants are compared; all if there are none"
    )
    n_steps: Whole = Field(2000, ge=100, description="steps of a network of e-prop+")
    largest: Whole = Field(100, ge=5, description="most input channels and most recurrent neurons of such a network")
    n_steps_time_driven: Whole = Field(500, ge=100, description="steps against the time-driven model")
    ranks: RankCounts = Field([1, 2, 3], min_length=1, description="numbers of ranks, oversubscribed if need be")

    @field_validator("variants")
    @classmethod
    def _name_variants(cls, patterns: list[str]) -> list[str]:
        names = [*variants.OF_NEST, *variants.BEYOND_NEST, *variants.STDP, *bellec_problem.VARIANTS]
        for pattern in patterns:
            if not matching(names, pattern):
                raise ValueError(f"no variant is named {pattern!r}")
        return patterns
