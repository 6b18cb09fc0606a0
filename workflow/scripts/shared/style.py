"""The look of all figures: sizes for print, a palette for the colour-blind, vector files with text as text.

The key ``style`` of the configuration changes colours, font, sizes and labels.
"""

import math
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import Formatter, LogFormatterSciNotation, LogLocator, MaxNLocator, NullLocator

from eprop_core.errors import printable
from eprop_core.experiments.figure_style import FigureStyle
from eprop_core.parsing import ParameterError
from workflow.scripts.shared import fonts
from workflow.scripts.shared.left_out import Reason, Reasons, positive, reasons_of

MILLIMETRE = 1 / 25.4
GREY = "0.45"
NAME_WIDTH = 40
"""Letters of a name in a line."""
NOTE_WIDTH = 0.85
"""Letters of a note below a figure, in a mm of its width, with the usual size of the font."""
LAYOUT_PASSES = 3
"""Axes that keep their aspect settle to within 0.1 mm after so many."""

NO_ROOM = "constrained_layout not applied"
"""How matplotlib begins a warning that texts leave no room for panels, which it then puts one over another."""
GROWTH, MOST_GROWTHS = 1.15, 10
"""By what factor such a figure grows, and how often."""

COLOURS = ("C0", "C1", "C2", "C3", "C4", "C5")
"""matplotlib's names of the colours of the style, whichever they are."""
# Tol's muted palette, for parts of a whole beside lines in the colours above.
MORE_COLOURS = ("#332288", "#88CCEE", "#44AA99", "#999933", "#DDCC77", "#CC6677", "0.8")
MARKERS = ("o", "s", "^", "D", "v", "P")
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

_USUAL = FigureStyle()
_chosen = _USUAL


def use(chosen: FigureStyle = _USUAL) -> None:
    """Set the style for all figures that follow.

    Raises
    ------
    ParameterError
        This machine does not have the font.
    """
    global _chosen
    fonts.check(chosen)
    _chosen = chosen
    sns.set_theme(
        style="ticks",
        palette=sns.color_palette(chosen.colours),
        rc={
            "font.family": "sans-serif",
            "font.sans-serif": [chosen.font],
            "font.size": chosen.font_size,
            "axes.labelsize": chosen.font_size,
            "axes.titlesize": chosen.font_size,
            "xtick.labelsize": chosen.font_size,
            "ytick.labelsize": chosen.font_size,
            "legend.fontsize": chosen.font_size,
            "legend.title_fontsize": chosen.font_size,
            "legend.frameon": False,
            "legend.handlelength": 1.6,
            "axes.linewidth": 0.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.minor.width": 0.4,
            "ytick.minor.width": 0.4,
            "xtick.major.size": 3,
            "ytick.major.size": 3,
            "xtick.minor.size": 1.5,
            "ytick.minor.size": 1.5,
            "lines.linewidth": chosen.line_width,
            "lines.markersize": chosen.marker_size,
            "savefig.dpi": 300,
            "text.parse_math": False,  # a name with dollars is no mathematics
            "svg.fonttype": "none",  # text stays text
            "svg.hashsalt": "eprop-bench",  # the same figure is the same file
            "pdf.fonttype": 42,
            "figure.constrained_layout.use": True,
        },
    )


def one_column() -> float:
    """Return the width of a small figure, inches."""
    return _chosen.one_column * MILLIMETRE


def two_columns() -> float:
    """Return the width of a large figure, inches."""
    return _chosen.two_columns * MILLIMETRE


def points(size: float) -> float:
    """Return the size of text that has ``size`` points where the style has the usual size of the font."""
    return size * _chosen.font_size / _USUAL.font_size


def look(position: int) -> tuple[str, str]:
    """Return the colour and the marker of the line that is drawn as number ``position``."""
    return COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]


def draw_measured_and_dry(
    panel: Axes, measured: pd.DataFrame, dry: pd.DataFrame, x: str, y: str, colour: str, marker: str
) -> None:
    """Draw column ``y`` over ``x``: solid what was measured, dashed with open markers what a dry run says beyond."""
    panel.plot(measured[x], measured[y], color=colour, marker=marker)
    before = measured[measured[x] < dry[x].min()].tail(1)
    beyond = pd.concat([before, dry])
    panel.plot(beyond[x], beyond[y], color=colour, linestyle="--", zorder=1)
    panel.plot(dry[x], dry[y], color=colour, marker=marker, linestyle="", fillstyle="none")


Missing = Mapping[Axes, Sequence[tuple[pd.Series, Reasons]]]
"""Values of a panel, and the reasons for which some are missing."""


def label_panels(axes: Sequence[Axes], missing: Missing | None = None) -> None:
    """Put a, b, c ... above the left end of each panel, and write below the figure why panels leave numbers out."""
    letters: dict[Reason, list[str]] = {}
    for letter, panel in zip("abcdefghijklmnopqrstuvwxyz", axes, strict=False):
        panel.set_title(letter, loc="left", fontweight="bold", fontsize=points(8))
        for reason in {reason: None for shown in (missing or {}).get(panel, ()) for reason in reasons_of(*shown)}:
            letters.setdefault(reason, []).append(letter)
    if letters:
        figure = axes[0].get_figure(root=True)
        assert figure is not None
        reasons = "; ".join(f"where {reason.value} ({', '.join(panels)})" for reason, panels in letters.items())
        note_below(figure, f"Left out {reasons}.")


def note_below(figure: Figure, text: str) -> None:
    """Write a paragraph below the panels of a figure, and below such that are there already."""
    text = textwrap.fill(text, int(NOTE_WIDTH * figure.get_figwidth() / MILLIMETRE / points(1)))
    for legend in figure.legends:
        if legend.get_gid() == "notes":
            title = legend.get_title()
            title.set_text(f"{title.get_text()}\n{text}")
            return
    figure.legend([], [], title=text, title_fontsize=points(6), loc="outside lower left", borderpad=0).set_gid("notes")


def tell_seeds(runs: pd.DataFrame) -> str:
    """Return what means and intervals in a figure of ``runs`` are."""
    n_seeds = runs["seed"].nunique()
    return f"mean and 95 % CI, {n_seeds} seeds" if n_seeds > 1 else "1 seed, without an interval"


def draw_chance(panel: Axes, chance: float, *, named: bool = True) -> Line2D:
    """Draw the level of chance, with its name at the right end unless a legend has it; return the line."""
    if named:
        panel.annotate(
            "chance",
            (1, chance),
            (0, 1),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=GREY,
            ha="right",
            va="bottom",
        )
    return panel.axhline(chance, color=GREY, linestyle="--", linewidth=0.8, zorder=0)


def scale_to_values(panel: Axes, values: Sequence[float]) -> None:
    """Scale the horizontal axis to ascending ``values``, and name each of them there.

    By decades where values span one; zero, if it is there, lies one decade below.
    """
    positive = [value for value in values if value > 0]
    if positive and max(positive) >= 10 * min(positive):
        scale = {} if positive == list(values) else {"linthresh": min(positive), "linscale": 0.5}
        panel.set_xscale("symlog" if scale else "log", **scale)
    name_values(panel, values)


def name_values(panel: Axes, values: Sequence[float]) -> None:
    """Put a tick at each of ``values`` on the horizontal axis, with its number where there is room for it."""
    panel.set_xticks(values)
    panel.xaxis.set_major_formatter(_WhereThereIsRoom())
    panel.xaxis.set_minor_locator(NullLocator())


class _WhereThereIsRoom(Formatter):
    """Numbers that do not overlap; the largest one is there in any case."""

    WIDTH = 0.6
    """Of a digit, relative to the size of the font, with some distance."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:.10g}"

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        names = [self(value) for value in values]
        if not names:
            return names
        axes = self.axis.axes  # type: ignore[union-attr]
        size = mpl.rcParams["xtick.labelsize"] * axes.figure.dpi / 72.0
        places = axes.transData.transform([(value, axes.get_ylim()[0]) for value in values])[:, 0]
        free, shown = np.inf, [""] * len(names)
        for k in np.argsort(-places):
            half = 0.5 * self.WIDTH * size * (len(names[k]) + 0.75)
            if places[k] + half <= free:
                free, shown[k] = places[k] - half, names[k]
        return shown


def set_log(panel: Axes) -> None:
    """Make the vertical axis of a panel that is drawn logarithmic, also where it shows nothing."""
    panel.set_yscale("log")
    sharing = panel.get_shared_y_axes().get_siblings(panel)
    if not any(np.isfinite(other.yaxis.get_minpos()) for other in sharing):
        panel.set_ylim(0.1, 10)


def scale_by_decades(panel: Axes) -> None:
    """Make the vertical axis of a panel that is drawn logarithmic, with numbers on it however little it spans."""
    set_log(panel)
    low, high = panel.get_ylim()
    if high >= 1000 * low:
        return  # powers of ten do
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 6 * low else MaxNLocator(4, steps=(1, 2, 5, 10)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter("")


def limit_decades(
    panel: Axes,
    values: pd.Series,
    low: pd.Series | None = None,
    high: pd.Series | None = None,
    *,
    below: float = 1.5,
    above: float = 1.5,
) -> None:
    """Make the vertical axis logarithmic, with limits by factors beyond ``values`` and their bars.

    Call it before anything is drawn: matplotlib warns of limits that it derives from equal values. A bar that goes down
    to nothing, or by more than a decade, leaves the panel.
    """
    panel.set_yscale("log")
    values = positive(values)
    lowest = values.min() if low is None else low.fillna(values).clip(lower=values / 10).where(values.notna()).min()
    highest = values.max() if high is None else high.fillna(values).where(values.notna()).max()
    if pd.notna(lowest):
        panel.set_ylim(lowest / below, highest * above)


def span_a_decade(panel: Axes) -> None:
    """Let a logarithmic horizontal axis span more than a factor of ten: the numbers on a shorter one would overlap."""
    low, high = panel.get_xlim()
    if high < 11 * low:
        middle, factor = math.sqrt(low * high), math.sqrt(11)
        panel.set_xlim(middle / factor, middle * factor)


def start_at_zero(panel: Axes, values: pd.Series, room: float = 1.1) -> None:
    """Let the vertical axis reach from zero to ``room`` times the largest of ``values``."""
    largest = positive(values).max()
    panel.set_ylim(0, room * largest if pd.notna(largest) else 1)


def wrapped(name: str) -> str:
    """Return a name in lines that fit into a figure."""
    return textwrap.fill(name, NAME_WIDTH, break_on_hyphens=False) if len(name) > NAME_WIDTH else name


def power_of_ten(exponent: int) -> str:
    """Return a power of ten as text."""
    return "10" + str(exponent).translate(SUPERSCRIPTS)


class _Powers(LogFormatterSciNotation):
    """Names of ticks with powers as text."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the name of a tick."""
        formula = super().__call__(x, pos).removeprefix(r"$\mathdefault{").removesuffix("}$")
        number, _, exponent = formula.replace(r"\times", "\u00d7").partition("^")
        return number + exponent.strip("{}").translate(SUPERSCRIPTS)


def _write_powers_as_text(figure: Figure) -> None:
    """Let the ticks of logarithmic axes do without mathematics, which figures do not have."""
    for panel in figure.axes:
        for ticks in (panel.xaxis.major, panel.xaxis.minor, panel.yaxis.major, panel.yaxis.minor):
            if isinstance(ticks.formatter, LogFormatterSciNotation):
                ticks.formatter.__class__ = _Powers  # keeps its base, and which ticks have names


class _OtherNames(Formatter):
    """Replaces tick labels for which the style has others, and adds the original ones to ``texts``."""

    def __init__(self, formatter: Formatter, texts: set[str]) -> None:
        self._formatter, self._texts = formatter, texts

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the name of a tick."""
        return _other(self._formatter(x, pos), self._texts)

    def format_ticks(self, values: Any) -> list[str]:
        """Return the names of all ticks."""
        return [_other(name, self._texts) for name in self._formatter.format_ticks(values)]

    def get_offset(self) -> str:
        """Return what stands at the end of the axis."""
        return self._formatter.get_offset()


def _rename(figure: Figure) -> set[str]:
    """Replace the texts for which the style has others.

    Returns
    -------
    The original texts, each in one line. Tick labels are added when the figure is drawn.
    """
    texts: set[str] = set()
    if not _chosen.labels:
        return texts
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            formatter = axis.get_major_formatter()
            if not isinstance(formatter, _OtherNames):  # panels may share it
                axis.set_major_formatter(_OtherNames(formatter, texts))
    for text in figure.findobj(Text):
        if isinstance(text, Text):
            text.set_text(_other(text.get_text(), texts))
    return texts


def _other(text: str, texts: set[str]) -> str:
    """Return the text that replaces this one, which may have several lines, and add the original to ``texts``."""
    in_one_line = " ".join(text.split())
    texts.add(in_one_line)
    other = _chosen.labels.get(in_one_line)
    return text if other is None else wrapped(other)


def task_name(task: str) -> str:
    """Return the name of a task as it is printed."""
    return task.replace("_", " ")


def _lay_out(figure: Figure) -> None:
    """Arrange the panels; a figure in which their texts leave them no room grows until they have some.

    A large font in a narrow figure does so, and long names.
    """
    for _ in range(MOST_GROWTHS):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", NO_ROOM)
            try:
                for _ in range(LAYOUT_PASSES):
                    figure.draw_without_rendering()
                return
            except UserWarning as warning:
                if not str(warning).startswith(NO_ROOM):
                    raise
        width, height = figure.get_size_inches()
        figure.set_size_inches(GROWTH * width, GROWTH * height)
    figure.draw_without_rendering()


def save(figure: Figure, files: Sequence[str | Path]) -> None:
    """Write the figure in every format that ``files`` name, without dates: equal figures are equal files.

    The layout is made here, once for all formats: each time a figure is drawn, its layout would start from where it
    ended before, and move. If the style has labels, the keywords of an SVG file are all texts that they may replace.
    """
    _write_powers_as_text(figure)
    texts = _rename(figure)
    _lay_out(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:  # the last digits of the layout differ between processes
        axes.set_position(np.round(axes.get_position(original=True).bounds, 9).tolist())
    keywords = sorted(filter(None, texts)) or None
    of_format: dict[str, dict[str, Any]] = {
        ".pdf": {"CreationDate": None},
        ".svg": {"Date": None, "Keywords": keywords},
        ".png": {},
    }
    for file in files:
        if Path(file).suffix not in of_format:
            raise ParameterError(f"{printable(file)}: no picture; its name must end with {', '.join(of_format)}")
        figure.savefig(file, metadata=of_format[Path(file).suffix])


def save_with_numbers(figure: Figure, numbers: pd.DataFrame, files: Sequence[str | Path]) -> None:
    """Write the figure to all ``files`` but the last, and the numbers in it to the last (CSV)."""
    *pictures, table = files
    save(figure, pictures)
    numbers.to_csv(table, index=False)
