"""Figure of the verification: a dot per variant and quantity, against the tolerance, by check."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eprop_core.labels import name_of
from eprop_core.verification.findings import AMPLIFICATION, DISTANCE, Difference
from workflow.scripts.shared import program, style
from workflow.scripts.verification.numbers import CHECKS, largest, read_differences, without_steps

EQUAL = 1e-18
"""Where a difference of zero is drawn."""
LARGEST = 1e-4
"""Larger differences, and those that are no number, are drawn here."""
TOLERANCE_COLOURS = (style.COLOURS[0], style.COLOURS[1])
"""Of the dots, and of their tolerance's line; the second where a quantity has a larger tolerance for some variants."""
ROW = 3.6 * style.MILLIMETRE


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return what is drawn: the largest difference of each variant and quantity. How it comes to be is no quantity."""
    of_quantities = ~without_steps(table["quantity"]).isin([AMPLIFICATION, DISTANCE])
    return largest(table[of_quantities], ["check", "variant", "quantity"])


def draw(dots: pd.DataFrame) -> Figure:
    """Return the figure of what :func:`differences` returns."""
    checks = [check for check in CHECKS.values() if check in set(dots["check"])]
    quantities = [list(dots.loc[dots["check"] == check, "quantity"].unique()) for check in checks]
    heights = [len(of_check) + 1.4 for of_check in quantities]
    figure, panels = plt.subplots(
        len(checks),
        1,
        sharex=True,
        squeeze=False,
        figsize=(1.5 * style.one_column(), ROW * sum(heights) + 12 * style.MILLIMETRE),
        height_ratios=heights,
    )
    for panel, check, of_check in zip(panels[:, 0], checks, quantities, strict=True):
        _draw_check(panel, dots[dots["check"] == check], of_check)
        panel.set_title(check, loc="left", fontsize=style.points(7), fontweight="bold")
    last = panels[-1, 0]
    last.set_xscale("log")
    last.set_xlim(EQUAL / 4, 2 * LARGEST)
    exponents = range(-16, -3, 4)
    labels = [style.power_of_ten(exponent) for exponent in exponents]
    last.set_xticks([EQUAL, *(10.0**exponent for exponent in exponents)], ["equal", *labels[:-1], f"≥{labels[-1]}"])
    last.minorticks_off()
    last.set_xlabel(f"{name_of(Difference, 'max_difference')} (relative)")
    return figure


def _draw_check(panel: Axes, dots: pd.DataFrame, quantities: list[str]) -> None:
    random = np.random.default_rng(1)  # dots of one row are spread, so that all can be seen
    for place, quantity in enumerate(quantities):
        of_quantity = dots[dots["quantity"] == quantity]
        for tolerance, colour in zip(sorted(of_quantity["tolerance"].unique()), TOLERANCE_COLOURS, strict=False):
            of_tolerance = of_quantity[of_quantity["tolerance"] == tolerance]
            values = of_tolerance["max_difference"].fillna(LARGEST).clip(EQUAL, LARGEST).to_numpy()
            heights = place + random.uniform(-0.28, 0.28, len(values))
            failed = (of_tolerance["passed"] < of_tolerance["comparisons"]).to_numpy()
            panel.plot(values[~failed], heights[~failed], "o", color=colour, markersize=2, alpha=0.6, mew=0)
            panel.plot(values[failed], heights[failed], "X", color="black", markersize=4, mew=0)
            panel.vlines(max(tolerance, EQUAL), place - 0.42, place + 0.42, colour, linewidth=1.2)
    panel.axvline(3.2 * EQUAL, color=style.GREY, linewidth=0.4, linestyle=":")
    panel.set_ylim(len(quantities) - 0.4, -0.6)
    panel.set_yticks(range(len(quantities)), quantities)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color="0.9", linewidth=0.4)
    panel.set_axisbelow(True)


def main() -> None:
    """Draw the figure."""
    options = program.figure_parser("workflow.scripts.verification.figure", __doc__)
    options.add_argument("table", type=Path, help="table of differences (CSV)")
    given = options.parse_args()
    style.use(given.style)
    dots = differences(read_differences(given.table))
    style.save_with_numbers(draw(dots), dots, given.output)


if __name__ == "__main__":
    program.run(main)
