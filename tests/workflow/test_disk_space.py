"""The room on disk that is forecast before training begins."""

from pathlib import Path

import pytest

import small
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.parsing import parse
from eprop_core.storage.file_size import estimate_checkpoint, estimate_network_file
from workflow.lib.disk_space import forecast


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def waves(n_recurrent: int) -> TaskParameters:
    values = small.regression(epochs=1).model_dump()
    values["network"]["n_recurrent"] = n_recurrent
    return parse(TaskParameters, values)


def test_networks_are_added_and_the_largest_checkpoint_counts() -> None:
    tasks = {"small-1.h5": waves(100), "small-2.h5": waves(100), "large-1.h5": waves(4000)}
    small_one, _, large = (task.network_for(100, 1) for task in tasks.values())
    size = 2 * estimate_network_file(small_one) + estimate_network_file(large)
    checkpoints = 3 * estimate_checkpoint(large)
    assert checkpoints > 1e9 > size
    line = forecast(tasks)
    assert line is not None
    assert line.startswith(
        f"Disk space: about {size / 1e6:.1f} MB for 3 trained networks, up to {checkpoints / 1e9:.1f} GB for the "
        "checkpoints of each running training; "
    )
    assert line.endswith("B are free")


def test_networks_that_are_there_do_not_count() -> None:
    tasks = {"here.h5": waves(100), "missing.h5": waves(100)}
    Path("here.h5").touch()
    assert str(forecast(tasks)).count(" for 1 trained network,") == 1
    Path("missing.h5").touch()
    assert forecast(tasks) is None
    assert forecast({}) is None


def test_the_size_of_a_data_set_is_known_before_it_is_prepared() -> None:
    task = small.task()
    assert task.dataset.sizes == (512, 10)
    size = estimate_network_file(task.network_for(512, 10))
    assert f" about {size / 1e6:.1f} MB for 1 trained network, " in str(forecast({"network.h5": task}))


def test_a_data_set_whose_size_only_the_data_tell_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    task = small.task()
    monkeypatch.setattr(type(task.dataset), "sizes", None)
    assert "at least 0.0 MB for 1 trained network, " in str(forecast({"network.h5": task}))
