"""A result file is complete or absent, and has the fields of its model."""

import json
import os
import resource
from pathlib import Path

import pytest
from pydantic import ValidationError

from eprop_core.experiments.compile import CompileResult
from eprop_core.machine import threads
from eprop_core.measurement.results import Result, read_provenance
from eprop_core.parsing import ParameterError
from eprop_core.provenance import provenance


class Small(Result):
    """A result with a list of numbers."""

    values: list[float | None]


def small(*values: float | None) -> Small:
    return Small(provenance=provenance(), values=list(values))


def test_a_result_is_written_with_its_directory_and_read_back(tmp_path: Path) -> None:
    result = small(1, 2.5, None)
    result.write(tmp_path / "new" / "result.json")
    assert Small.read(tmp_path / "new" / "result.json") == result
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["result.json"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_values_that_are_not_finite_numbers_are_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        small(value)


def test_a_full_disk_leaves_the_earlier_result(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: writing beyond it fails."""
    former = small(1)
    former.write(tmp_path / "result.json")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            small(*range(10_000)).write(tmp_path / "result.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Small.read(tmp_path / "result.json") == former
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("wrong", ['"value": [1]', '"values": ["a"]', '"values": [1], "more": 1'])
def test_the_error_of_an_invalid_result_names_the_file(tmp_path: Path, wrong: str) -> None:
    made_by = provenance().model_dump_json()
    (tmp_path / "result.json").write_text(f'{{"provenance": {made_by}, {wrong}}}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"result\.json: (value|more).*expected a result of this suite"):
        Small.read(tmp_path / "result.json")


def test_a_change_by_hand_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    small(1, 2.5).write(file)
    content = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(dict(reversed(content.items()))), encoding="utf-8")  # other layout, same content
    assert Small.read(file).values == [1, 2.5]
    for change in ({"values": [1, 2.6]}, {"sha256": None}):
        file.write_text(json.dumps(content | change), encoding="utf-8")
        with pytest.raises(ParameterError, match=r"result\.json: does not have the checksum.*that nobody has changed"):
            Small.read(file)


def test_a_command_with_a_name_that_is_not_utf_8_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.orig_argv", ["python", os.fsdecode(b"a\xff.py")])
    monkeypatch.setenv("SLURM_JOB_ID", os.fsdecode(b"\xff"))
    small(1).write(tmp_path / "result.json")
    kept = Small.read(tmp_path / "result.json").provenance
    assert kept.command == ["python", "a\\udcff.py"]
    assert kept.batch_job == "\\udcff"


def test_provenance_is_read_from_results_of_any_experiment(tmp_path: Path) -> None:
    made_by = provenance()
    CompileResult(kind="plain", provenance=made_by).write(tmp_path / "result.json")
    assert read_provenance(tmp_path / "result.json") == made_by
    assert 0 < made_by.processors[0] <= len(os.sched_getaffinity(0))
    assert made_by.threads == [threads.number()]
