"""Draw the figure of ``docs/explanation/algorithm.md``: one synapse over time, step by step and from constants.

Run it in the directory of the project after a change of the algorithm.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eprop_core.files.arguments import Parser
from workflow.lib.one_synapse import N_STEPS, SPIKES, FromConstants, Synapse, one_synapse
from workflow.scripts.shared import style

FILE = Path("docs/pictures/algorithm.svg")
HEIGHT = 158 * style.MILLIMETRE
DARK, LIGHT, SHADE = style.COLOURS[0], style.COLOURS[5], "0.91"
"""Constants, what follows from them, and the time in which the source is inactive."""
STEPS = np.arange(N_STEPS)


def draw(synapse: Synapse) -> Figure:
    """Return the figure: the neuron above, the synapse below; step by step on the left, sums and constants right."""
    figure = Figure(figsize=(style.two_columns(), HEIGHT), layout="constrained")
    panels = figure.subplots(7, 2, sharex=True, height_ratios=(0.3, 1, 1, 1, 1, 1, 1))
    neuron, stepwise, constant = synapse
    for column in panels.T:
        _draw_spikes(column[0], constant)
        for panel in column[1:]:
            _mark_events(panel, constant)
        for panel in column[4:]:
            _shade_inactive(panel, constant)
        column[-1].set(xlabel="step", xticks=range(0, N_STEPS, 25))
    _draw_steps(panels[1:3, 0], ("surrogate\ngradient $\\psi_j$", "learning\nsignal $L_j$"), neuron)
    _draw_legend(panels[3, 0])
    names = "presynaptic\ntrace $\\bar{z}$", "filtered\neligibility $\\bar{e}$", "gradient $g$"
    for panel, values in zip(panels[4:, 0], (constant.trace, constant.filtered, constant.gradient), strict=True):
        panel.plot(STEPS, values, color=LIGHT, linewidth=2.4)
    _draw_steps(panels[4:, 0], names, (stepwise.trace, stepwise.filtered, stepwise.gradient))
    _draw_steps(panels[1:4, 1], ("$U$", "$A$", "$Q$"), tuple(constant.sums))
    for panel, name, values in zip(panels[4:, 1], ("$z$", "$E$", "$G$"), constant.stored, strict=True):
        _draw_constants(panel, values, constant)
        panel.set_ylabel(name)
    for panel in panels[1:, 1]:
        panel.yaxis.label.set(rotation=0, ha="right", va="center")
    _draw_titles(panels, len(constant.events))
    figure.align_ylabels()
    return figure


def write(file: Path) -> None:
    """Write the figure, with outlines in place of letters: formulas look the same whichever fonts a reader has."""
    with mpl.rc_context():
        style.use()
        mpl.rcParams.update({"text.parse_math": True, "mathtext.fontset": "stix", "svg.fonttype": "path"})
        style.save(draw(one_synapse()), [file])


def _draw_titles(panels: np.ndarray, n_events: int) -> None:
    titles = {
        (1, 0): ("a", "Neuron $j$: its signals"),
        (1, 1): ("b", "Neuron $j$: running sums for all its synapses"),
        (4, 0): ("c", "Synapse from $i$ to $j$: the rule, in every step"),
        (4, 1): ("d", f"The same synapse: constants between {n_events} events"),
    }
    for place, (letter, title) in titles.items():
        panels[place].set_title(title, loc="left")
        panels[place].annotate(
            letter, (0, 1), (-12, 6), xycoords="axes fraction", textcoords="offset points", weight="bold", fontsize=8
        )


def _draw_spikes(panel: Axes, constant: FromConstants) -> None:
    panel.vlines(SPIKES, 0.0, 0.45, color="black", linewidth=1.2)
    panel.text(0, 0.2, "spikes of $i$ ", ha="right", va="center")
    for event in constant.events:
        side = "left" if "activation" in event.names else "center"
        name = event.names[-1].replace(" ", "\n").replace("spike", "")
        panel.text(event.step, 0.6, name, ha=side, va="bottom", fontsize=6, linespacing=0.9)
    panel.set_ylim(0, 1)
    panel.set_axis_off()


def _mark_events(panel: Axes, constant: FromConstants) -> None:
    for event in constant.events:
        style_of = "-" if "spike" in event.names else (0, (3, 2))
        panel.axvline(event.step, color="0.65", linewidth=0.5, linestyle=style_of, zorder=0)


def _shade_inactive(panel: Axes, constant: FromConstants) -> None:
    for event, following in pairwise(constant.events):
        if "cutoff" in event.names:
            panel.axvspan(event.step, following.step, color=SHADE, linewidth=0, zorder=-1)


def _draw_steps(panels: Sequence[Axes], names: Sequence[str], courses: Sequence[np.ndarray]) -> None:
    """Draw a dot in every step."""
    for panel, name, values in zip(panels, names, courses, strict=True):
        panel.plot(STEPS, values, linestyle="", marker="o", markersize=1.2, markeredgewidth=0, color="black")
        panel.set_ylabel(name)


def _draw_constants(panel: Axes, values: np.ndarray, constant: FromConstants) -> None:
    """Draw a level from each event to the next one."""
    steps = [event.step for event in constant.events]
    panel.step([*steps, N_STEPS], [*values[steps], values[-1]], where="post", color=DARK, linewidth=0.5)
    panel.hlines(values[steps], steps, [*steps[1:], N_STEPS], color=DARK, linewidth=1.8)
    panel.plot(steps, values[steps], color=DARK, marker="o", markersize=3.5, linestyle="", clip_on=False)


def _draw_legend(panel: Axes) -> None:
    """Explain dots and lines in the place of a panel."""
    panel.clear()
    panel.set_axis_off()
    handles = [
        Line2D([], [], color="black", marker="o", markersize=1.5, linestyle=""),
        Line2D([], [], color=DARK, marker="o", markersize=3.5, linewidth=1.8),
        Line2D([], [], color=LIGHT, linewidth=2.4),
        Patch(color=SHADE),
    ]
    labels = [
        "computed in every step",
        "computed at an event, constant until the next one",
        "follows in any step from the constants and the sums",
        "inactive source: no gradient, traces only decay",
    ]
    panel.legend(handles, labels, loc="center left", borderpad=0, labelspacing=0.35)


def main() -> None:
    """Write the figure."""
    Parser(prog="python -m workflow.lib.algorithm_figure", description=__doc__).parse_args()
    write(FILE)


if __name__ == "__main__":
    main()
