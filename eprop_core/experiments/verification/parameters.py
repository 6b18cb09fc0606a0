"""Parameters of the target ``verification``: number, size and length of the random networks that are compared."""

from fnmatch import filter as matching

from pydantic import Field, field_validator

from eprop_core.experiments.values import RankCounts, Seeds
from eprop_core.parsing import Parameters, Whole
from eprop_core.verification import bellec_problem, variants


class Verification(Parameters):
    """Comparison of random networks with NEST, the time-driven model, several ranks and exact gradients."""

    seeds: Seeds = Field(
        [1, 2, 3],
        description="one random network per seed and variant, with random sizes, densities, weights, rates and input",
    )
    variants: list[str] = Field(
        [], description="name patterns of the variants to compare, such as adam-*; empty: all variants"
    )
    n_steps: Whole = Field(2000, ge=100, description="time steps of a network with e-prop+")
    largest: Whole = Field(
        100, ge=5, description="maximum number of input channels, and of recurrent neurons, of such a network"
    )
    n_steps_time_driven: Whole = Field(500, ge=100, description="time steps of comparisons with the time-driven model")
    ranks: RankCounts = Field(
        [1, 2, 3], min_length=1, description="numbers of MPI ranks, oversubscribed if there are fewer cores"
    )

    @field_validator("variants")
    @classmethod
    def _name_variants(cls, patterns: list[str]) -> list[str]:
        names = [*variants.OF_NEST, *variants.BEYOND_NEST, *variants.STDP, *bellec_problem.VARIANTS]
        for pattern in patterns:
            if not matching(names, pattern):
                raise ValueError(f"no variant is named {pattern!r}")
        return patterns
