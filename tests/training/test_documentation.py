"""The programs on the page on training do what it says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import small
from eprop_core.parsing import parse
from eprop_core.simulation import Simulation
from eprop_core.training.parameters import TrainingParameters

PAGE = (Path(__file__).parents[2] / "docs" / "how_to" / "training.md").read_text(encoding="utf-8")


def test_the_programs_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results/data/digits").mkdir(parents=True)
    small.dataset(200).save(Path("results/data/digits/train.npz"))
    first, second = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    variables: dict[str, Any] = {}
    exec(first, variables)
    trained = variables["trained"]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(trained.progress.curve)
    assert printed[0].startswith("100 ")
    assert Simulation.load("best.h5").network == trained.kept.network
    exec(second, variables)
    assert sorted(path.name for path in Path("snapshots").iterdir()) == ["1000.h5", "540.h5"]
    assert not Path("checkpoints").exists()


def test_each_schedule_on_the_page_is_allowed() -> None:
    schedules = re.findall(r"^    (\{kind: .*\})(?:  +#.*)?$", PAGE, re.MULTILINE)
    assert len(schedules) == 6
    for schedule in schedules:
        parse(TrainingParameters, {"epochs": 20, "learning_rate_schedule": yaml.safe_load(schedule)})
