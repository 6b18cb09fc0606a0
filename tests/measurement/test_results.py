"""Result files are whole or not there."""

import json
import os
import resource
from pathlib import Path

import pytest

from eprop_core.machine import threads
from eprop_core.measurement import results
from eprop_core.measurement.provenance import provenance
from eprop_core.ranks.communicator import SINGLE_RANK


def test_a_result_is_written_with_its_directory(tmp_path: Path) -> None:
    results.write(tmp_path / "new" / "result.json", {"a": [1, 2.5, None]})
    assert json.loads((tmp_path / "new" / "result.json").read_text(encoding="utf-8")) == {"a": [1, 2.5, None]}
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["result.json"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_a_result_that_cannot_be_written_leaves_the_former_one(tmp_path: Path, value: object) -> None:
    results.write(tmp_path / "result.json", {"a": 1})
    with pytest.raises((ValueError, TypeError)):
        results.write(tmp_path / "result.json", {"a": value})
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_full_disk_leaves_the_former_one(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: what is written beyond it fails."""
    results.write(tmp_path / "result.json", {"a": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            results.write(tmp_path / "result.json", {"a": list(range(10_000))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_provenance_can_be_written_and_read_back(tmp_path: Path) -> None:
    made_by = provenance(SINGLE_RANK)
    results.write(tmp_path / "result.json", made_by)
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == made_by
    assert 0 < made_by["processors"][0] <= len(os.sched_getaffinity(0))
    assert made_by["threads"] == [threads.number()]
