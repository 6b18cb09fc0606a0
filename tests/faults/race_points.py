"""Faulty points of the race: mutations of ``benchmarks/points.yaml``.

A file is either refused in clear lines, or accepted and drawn.
"""

import io
import traceback
import warnings
import xml.dom.minidom
from pathlib import Path

import numpy as np
import yaml
from matplotlib import pyplot as plt

from eprop_core.parsing import ParameterError
from tests.faults.configuration_drawing import PROJECT, change, one_of, with_changed_text, written
from tests.faults.configurations import deadline, unclear_line
from tests.faults.outcome import Outcome
from workflow.scripts.race import figure
from workflow.scripts.race.numbers import rows
from workflow.scripts.race.points import Point, read
from workflow.scripts.shared import style

NAME = "points"
DEFAULT_CASES = 300
DEADLINE = 30
"""s, of reading and drawing."""


def run_case(random: np.random.Generator, folder: Path) -> Outcome:
    """Read a random file of points, and draw its figure."""
    file = folder / "points.yaml"
    file.write_bytes(_drawn(random))
    shown = file.read_bytes().decode(errors="backslashreplace")[:20_000]
    try:
        with deadline(DEADLINE), warnings.catch_warnings(action="error"):
            found = read(file)
            return _in_figure(found, shown)
    except ParameterError as error:
        wrong = unclear_line(str(error), file)
        return Outcome(wrong is None, "unclear line" if wrong else "refused in one line", f"{wrong}\n{error}\n{shown}")
    except TimeoutError:
        return Outcome(False, "hang", shown)
    except Exception as error:
        return Outcome(False, "traceback", f"{type(error).__name__}: {traceback.format_exc()}\n{shown}")


def _drawn(random: np.random.Generator) -> bytes:
    text = (PROJECT / "benchmarks" / "points.yaml").read_text(encoding="utf-8")
    if random.random() < 0.3:
        return with_changed_text(random, text)
    stanzas = yaml.load(text, yaml.BaseLoader if random.random() < 0.1 else yaml.SafeLoader)
    values = {
        "points": [stanzas[k] for k in random.permutation(len(stanzas))[: int(one_of(random, (1, 2, len(stanzas))))]]
    }
    for stanza in values["points"]:
        stanza["date"] = str(stanza["date"]) if "date" in stanza else "2026-12-01"
    for _ in range(int(one_of(random, (0, 1, 1, 1, 3)))):
        if isinstance(values.get("points"), list) and values["points"]:
            change(random, values)
    return written(values.get("points"))


def _in_figure(points: list[Point], shown: str) -> Outcome:
    table = rows(points)
    if (table["not_measured"] != "").all():
        return Outcome(True, "nothing to draw", shown)
    style.use()
    drawn = figure.draw(table)
    try:
        picture = io.BytesIO()
        drawn.savefig(picture, format="svg")
    finally:
        plt.close(drawn)
    xml.dom.minidom.parseString(picture.getvalue())
    return Outcome(True, "drawn", shown)
