"""The tutorials run from their first to their last block, and their final results hold."""

import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot

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
