"""Trainings that must have the same result."""

from pathlib import Path
from typing import Any

import numpy as np

from eprop_core.experiments.studies.result import StudyResult
from eprop_core.parameters import PROJECTIONS
from eprop_core.simulation import Simulation

UNTIMED = {"test", "samples", "last_answer", "rate_hz", "counts", "operations_per_sample", "replaced_synapses"}


def untimed(result: StudyResult) -> dict[str, Any]:
    """Return all of a result that does not depend on the machine."""
    curve = [point.model_dump(exclude={"training_time_s"}) for point in result.curve]
    return result.model_dump(include=UNTIMED) | {"curve": curve}


def assert_same_training(one: Path, other: Path) -> None:
    """Assert that two trainings have the same result and the same network, to the bit."""
    assert untimed(StudyResult.read(one)) == untimed(StudyResult.read(other))
    assert_same_networks(one.with_suffix(".h5"), other.with_suffix(".h5"))


def assert_same_networks(one: Path, other: Path) -> None:
    networks = [Simulation.load(path) for path in (one, other)]
    assert networks[0].network == networks[1].network
    assert networks[0].notes == networks[1].notes
    for projection in PROJECTIONS:
        for values in zip(*(network.weights(projection) for network in networks), strict=True):
            np.testing.assert_array_equal(*values)
