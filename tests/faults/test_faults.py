"""A sample of each class of faults; ``python -m tests.faults`` runs all."""

import pytest

from tests.faults.__main__ import printed
from tests.faults.cases import found_classes, run
from tests.faults.outcome import Outcome

SLOW = ("kills",)
CASES = [
    pytest.param(name, case, marks=[pytest.mark.slow] if name in SLOW else [])
    for name in found_classes()
    for case in range(1 if name in SLOW else 3)  # a kill takes as long as a pipeline
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_fault_ends_as_it_should(name, case):
    outcome = run(name, seed=0, case=case)

    assert outcome.passed, f"{outcome.kind}: {outcome.detail}"


def test_the_table_counts_outcomes_by_class_and_kind():
    outcomes = {"files": [Outcome(True, "right data"), Outcome(True, "right data"), Outcome(False, "hang", "...")]}

    lines = [line.split() for line in printed(outcomes).splitlines()[1:]]

    assert lines == [["files", "3", "2", "1"], ["right", "data", "2", "2", "0"], ["hang", "1", "0", "1"]]
