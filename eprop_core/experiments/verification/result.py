"""Result of one check of the verification."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.verification.parameters import Verification
from eprop_core.measurement.results import Result
from eprop_core.verification.findings import Activity, Amplification, Difference, Divergence

Check = Literal[
    "nest_eprop_plus", "nest_bellec", "nest_stdp", "time_driven", "reference", "ranks", "published", "gradients"
]


class VerificationResult(Result):
    """Differences of this simulator from one reference, by variant of the model."""

    experiment: Literal["verification"] = "verification"
    check: Check
    seed: int
    ranks: int
    parameters: Verification
    differences: dict[str, list[Difference]]
    divergences: dict[str, Divergence] = Field(description="variants in which a spike differs")
    amplifications: dict[str, Amplification] = Field(description="variants in which rounding grows beyond a tolerance")
    activities: dict[str, Activity]
