"""The tutorials run from their first to their last block, and their final results hold."""

import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot

from live_nest import NEST_PYTHON, needs_nest

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"


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


@needs_nest
def test_the_tutorial_with_nest_runs(tmp_path: Path) -> None:
    text = (TUTORIALS / "nest.md").read_text(encoding="utf-8")
    program = tmp_path / "tutorial.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), encoding="utf-8")
    here = os.pathsep.join([str(TUTORIALS.parents[1]), sysconfig.get_path("purelib")])
    run = subprocess.run(
        [NEST_PYTHON, program], env=os.environ | {"PYTHONPATH": here}, cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
