"""Measures of runs: accuracy on unseen samples or, where no answer is right or wrong, the loss.

That is the loss on unseen samples, or the training loss where nothing is held out.
"""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from eprop_core.experiments.studies.result import FinalScore
from eprop_core.labels import name_of
from eprop_core.parameters import LOSS_UNITS
from eprop_core.training.curve import CurvePoint


class Measure(NamedTuple):
    """A column of the table of runs."""

    column: str
    name: str
    unit: str
    factor: float
    """From the column to the unit."""
    digits: int
    sign: int
    """1 where more is better, -1 where less is."""

    @property
    def label(self) -> str:
        """The text on an axis or above a column."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def format_axis(self, panel: Axes) -> None:
        """Label the vertical axis, and show all of it."""
        panel.set_ylabel(self.label)
        panel.set_ylim(bottom=0)
        if self.unit == "%":
            panel.set_ylim(0, 1.02)
        panel.yaxis.set_major_formatter(lambda value, _: f"{self.factor * value:g}")


ACCURACY = Measure("test_accuracy", name_of(FinalScore, "accuracy"), "%", 100, 1, 1)
NMSE = Measure("training_nmse", "NMSE", "", 1, 3, -1)
"""Normalized mean squared error: the training loss over that of the target's mean."""


def measure_of(runs: pd.DataFrame) -> Measure:
    """Return the measure that all ``runs`` have."""
    if runs["test_accuracy"].notna().all():
        return ACCURACY
    units = "/".join(dict.fromkeys(LOSS_UNITS[loss] for loss in runs["loss"]))
    if runs["test_loss"].notna().all():
        return Measure("test_loss", name_of(FinalScore, "loss"), units, 1, 2, -1)
    return Measure("training_loss", name_of(CurvePoint, "training_loss"), units, 1, 2, -1)
