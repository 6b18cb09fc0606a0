"""The tutorials run from their first to their last block, and their final results hold."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot

from live_nest import NEST_PYTHON, needs_nest

PROJECT = Path(__file__).parents[1]
TUTORIALS = PROJECT / "docs" / "tutorials"


@pytest.mark.parametrize("name", ["first_network", "looking_inside"])
def test_a_tutorial_in_python_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pyplot.switch_backend("agg")
    blocks = re.findall(r"```python\n(.*?)```", (TUTORIALS / f"{name}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert sum("assert" in block for block in blocks) > 0
    values: dict[str, Any] = {}
    for block in blocks:
        exec(block, values)
    pyplot.close("all")
    assert (tmp_path / f"{name}.png").exists()


def test_the_study_trains_fifteen_networks(tmp_path: Path) -> None:
    text = (TUTORIALS / "study.md").read_text(encoding="utf-8")
    (configuration,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "membrane.yaml").write_text(configuration, encoding="utf-8")
    (call,) = re.findall(r"^    snakemake (.*)$", text.replace("\\\n", " "), re.MULTILINE)
    arguments = call.replace("config/config.yaml", str(PROJECT / "config" / "config.yaml")).split()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile"), "--dry-run", *arguments]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.search(r"^train_one_rank +15$", run.stdout + run.stderr, re.MULTILINE)


@needs_nest
def test_the_tutorial_with_nest_runs(tmp_path: Path) -> None:
    text = (TUTORIALS / "nest.md").read_text(encoding="utf-8")
    program = tmp_path / "tutorial.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), encoding="utf-8")
    here = os.pathsep.join([str(PROJECT), sysconfig.get_path("purelib")])
    run = subprocess.run(
        [NEST_PYTHON, program], env=os.environ | {"PYTHONPATH": here}, cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
