"""Measurements that other work on the machine disturbed: marked alike in all tables and figures."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from workflow.scripts.shared.style import note_below

COLUMN = "other_work_processors"
"""Processors that were busy with other work, in the mean over a repeat; missing where that is unknown."""
LIMIT = 0.1
"""Processors, beyond which a measurement counts as disturbed."""
MARK = "†"
MEANING = f"{MARK} other work took more than {LIMIT:g} of a processor during the measurement"


def largest(groups: Any) -> Any:
    """Return the largest value of each group of rows, missing where none was recorded."""
    return groups[COLUMN].max() if COLUMN in groups.obj else float("nan")


def disturbed(table: pd.DataFrame) -> pd.Series:
    """Return which rows were disturbed; not those of which it is unknown."""
    return table[COLUMN] > LIMIT


def marks(table: pd.DataFrame) -> pd.Series:
    """Return the mark of each row, or nothing."""
    return disturbed(table).map({True: MARK, False: ""})


def note(table: pd.DataFrame) -> str:
    """Return what a printed table has to say of its marks."""
    sentences = [f"{MEANING}."] if disturbed(table).any() else []
    n_unknown = int(table[COLUMN].isna().sum())
    if n_unknown:
        rows = "" if n_unknown == len(table) else f" for {n_unknown} of {len(table)} rows"
        sentences.append(f"Whether other work disturbed the measurement is unknown{rows}.")
    return " ".join(sentences)


def mark(panel: Axes, x: pd.Series, y: pd.Series, table: pd.DataFrame) -> None:
    """Mark the points of a panel, a row of ``table`` each, that were disturbed."""
    which = disturbed(table).to_numpy()
    for place in zip(x.to_numpy()[which], y.to_numpy()[which], strict=True):
        panel.annotate(MARK, place, (0, 2), textcoords="offset points", ha="center", va="bottom")


def explain(figure: Figure) -> None:
    """Say below the panels what the marks mean, if there are any."""
    texts = [text for panel in figure.axes for text in panel.findobj(Text)]
    if any(text.get_text().endswith(MARK) for text in texts):
        note_below(figure, f"{MEANING}.")
