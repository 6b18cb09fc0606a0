"""Fixtures that the tests of the scripts share."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from small_results import DELAY, DENSITY, training_result
from workflow.scripts.shared import read_table, style
from workflow.scripts.studies import collect as studies_collect


@pytest.fixture
def drawing() -> Any:
    """Figures in the suite's style, which are closed afterwards."""
    style.use()
    yield
    plt.close("all")


@pytest.fixture
def study(tmp_path: Path) -> Any:
    """Return a function that writes results for changes of the density and the delay and collects them."""

    def make(
        changes: list[dict[str, Any]],
        seeds: tuple[int, ...] = (1, 2, 3),
        names: list[dict[str, str]] | None = None,
        goals: dict[str, float] | None = None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        points = []
        for index, changed in enumerate(changes):
            files = [tmp_path / f"{index}-{seed}.json" for seed in seeds]
            for seed, file in zip(seeds, files, strict=True):
                training_result(seed, changed.get(DENSITY, 0.1), changed.get(DELAY, 1)).write(file)
            default = changed.get(DENSITY, 0.1) == 0.1 and changed.get(DELAY, 1) == 1
            point = {"task": "digits", "variant": "", "series": "", "changes": changed, "default": default}
            point |= names[index] if names else {}
            points.append({"panel": point["series"], **point, "results": [str(file) for file in files]})
        tables = studies_collect.collect(points, goals or {}, margin=0.02)
        written = []
        for table in tables:  # as the scripts read them
            table.to_csv(tmp_path / "table.csv", index=False)
            written.append(read_table.read(tmp_path / "table.csv"))
        return written[0], written[1]

    return make
