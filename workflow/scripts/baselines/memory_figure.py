"""Figure of memory over model time: the memory of each simulator, and its growth since the first part of the run."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow.scripts.baselines.collect import MEMORY
from workflow.scripts.shared import figure_of_runs, program, style


def growth(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the memory in MB, and its growth per neuron since the first part of the run, kB."""
    first = rows.groupby(["network", "simulator"])["memory_bytes"].transform("first")
    return rows.assign(
        memory_mb=1e-6 * rows["memory_bytes"], growth_kb=1e-3 * (rows["memory_bytes"] - first) / rows["neurons"]
    )


def draw(rows: pd.DataFrame) -> Figure:
    """Return the figure: colours for simulators, markers for networks."""
    table = growth(rows)
    figure, (memory, grown) = plt.subplots(1, 2, figsize=(style.two_columns(), 60 * style.MILLIMETRE))
    _draw_lines(memory, table, "memory_mb")
    memory.set_ylabel("Memory (MB)")
    style.scale_by_decades(memory)
    _draw_lines(grown, table, "growth_kb")
    grown.set_ylabel("Growth per neuron (kB)")
    handles, labels = memory.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    style.label_panels((memory, grown))
    return figure


def _draw_lines(panel: Axes, table: pd.DataFrame, column: str) -> None:
    simulators, networks = list(table["simulator"].unique()), list(table["network"].unique())
    for (network, simulator), rows in table.groupby(["network", "simulator"], sort=False):
        colour, _ = style.look(simulators.index(simulator))
        _, marker = style.look(networks.index(network))
        label = simulator if len(networks) == 1 else f"{simulator}, {network}"
        panel.plot(rows["model_time_s"], rows[column], color=colour, marker=marker, label=label)
        panel.axvline(rows["model_time_s"].max() / 2, color=style.GREY, linestyle=":", linewidth=0.8, zorder=0)
    panel.set_xlabel("Model time (s)")
    panel.set_xlim(left=0)


def main() -> None:
    """Draw the figure."""
    figure_of_runs.main(
        "workflow.scripts.baselines.memory_figure", __doc__, draw, growth, MEMORY, "table of memory over time (CSV)"
    )


if __name__ == "__main__":
    program.run(main)
