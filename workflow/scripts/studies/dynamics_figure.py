"""Activity of a network before and after its training: rasters, voltages, signals, traces, readouts and weights."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eprop_core.experiments.studies.dynamics import Activity, DynamicsResult
from eprop_core.labels import unit_of
from workflow.scripts.shared import program, style

MAX_READOUTS = 4
"""Readouts whose signals are drawn: those whose targets change most."""

MAX_STEPS = 1000
"""Steps that are drawn, from the first on."""


DRAWN, SPACING = (-1.5, 1.2), 2.8
"""Range of voltages that is drawn, and distance between neurons, in units of the threshold."""


def states(result: DynamicsResult) -> dict[str, Activity]:
    """Return the activity before and after training, by its name in print."""
    return {"before training": result.before, "after training": result.after}


def numbers(result: DynamicsResult) -> pd.DataFrame:
    """Return the drawn values, a row per step of a quantity of a neuron, synapse or readout."""
    parts = []

    def add(state: str, quantity: str, of: str | int, steps: Sequence[int], values: Any) -> None:
        columns = {"state": state, "quantity": quantity, "of": of, "step": steps, "value": values}
        parts.append(pd.DataFrame(columns))

    for state, activity in states(result).items():
        for quantity, series in activity.neurons.items():
            for k, neuron in enumerate(result.neurons):
                add(state, quantity, neuron, series.steps, series.values(k))
        for synapse, series in zip(result.synapses, activity.eligibility_traces, strict=True):
            name = f"{synapse.projection} {synapse.source}-{synapse.target}"
            add(state, "eligibility_trace", name, series.steps, series.values(0))
        for k, values in enumerate(zip(*activity.readout, strict=True)):
            add(state, "readout", k, range(result.n_steps), values)
        add(state, "spike", "recurrent", activity.spike_steps, activity.spike_neurons)
    return pd.concat(parts, ignore_index=True)


def draw(result: DynamicsResult) -> Figure:
    """Return the figure."""
    figure = plt.figure(figsize=(style.two_columns(), 215 * style.MILLIMETRE))
    parts: Any = figure.subfigures(2, 1, height_ratios=(5.2, 1.0))
    upper, lower = parts
    rows = upper.subplots(len(ROWS), 2, sharex=True, sharey="row", height_ratios=[height for _, height, _ in ROWS])
    for column, (state, activity) in zip(rows.T, states(result).items(), strict=True):
        column[0].set_title(state)
        for panel, (_, _, draw_panel) in zip(column, ROWS, strict=True):
            draw_panel(panel, result, activity)
        column[-1].set(xlabel="Time (ms)", xlim=(0, min(result.n_steps, MAX_STEPS) * result.dt))
    for panel, (label, _, _) in zip(rows[:, 0], ROWS, strict=True):
        panel.set_ylabel(label)
    upper.align_ylabels(list(rows[:, 0]))
    weights = lower.subplots(1, len(result.bins), squeeze=False)[0]
    _draw_weights(list(weights), result)
    handles, names = weights[0].get_legend_handles_labels()
    lower.legend(handles, names, loc="outside upper center", ncols=2)
    style.label_panels([*rows[:, 0], weights[0]])
    return figure


def _draw_input(panel: Axes, result: DynamicsResult, activity: Activity) -> None:
    _draw_raster(panel, result, result.input_steps, result.input_channels, result.n_input)


def _draw_spikes(panel: Axes, result: DynamicsResult, activity: Activity) -> None:
    _draw_raster(panel, result, activity.spike_steps, activity.spike_neurons, result.n_recurrent)


def _draw_raster(panel: Axes, result: DynamicsResult, steps: Sequence[int], senders: Sequence[int], n: int) -> None:
    time = np.array(steps) * result.dt
    panel.plot(time, senders, ".", color="black", markersize=1.6, markeredgewidth=0, rasterized=True)
    panel.set_ylim(-0.5, n - 0.5)


def _draw_voltages(panel: Axes, result: DynamicsResult, activity: Activity) -> None:
    """Draw voltages as shares of the largest threshold, one neuron above another, each with its threshold.

    Far from the threshold they are cut off.
    """
    voltage, threshold = activity.neurons["membrane_voltage"], activity.neurons["threshold"]
    thresholds = [threshold.values(k) for k, _ in enumerate(result.neurons)]
    time, unit = np.array(voltage.steps) * result.dt, np.max(thresholds)
    for k, _ in enumerate(result.neurons):
        base, (colour, _) = SPACING * k, style.look(k)
        panel.plot(time, base + thresholds[k] / unit, "--", color=style.GREY, linewidth=0.6)
        drawn = np.clip(voltage.values(k) / unit, *DRAWN)
        panel.plot(time, base + drawn, color=colour, linewidth=0.6)
    panel.set_yticks(SPACING * np.arange(len(result.neurons)), [str(neuron) for neuron in result.neurons])


def _draw_signals(panel: Axes, result: DynamicsResult, activity: Activity) -> None:
    series = activity.neurons.get("learning_signal")
    if series is None:
        panel.text(0.5, 0.5, "none: no plastic synapses", transform=panel.transAxes, ha="center", color=style.GREY)
        return
    for k, _ in enumerate(result.neurons):
        colour, _ = style.look(k)
        panel.plot(np.array(series.steps) * result.dt, series.values(k), color=colour, linewidth=0.6)


def _draw_traces(panel: Axes, result: DynamicsResult, activity: Activity) -> None:
    for synapse, series in zip(result.synapses, activity.eligibility_traces, strict=True):
        colour, _ = style.look(result.neurons.index(synapse.target))
        line = "-" if synapse.projection.startswith("input") else ":"
        panel.plot(np.array(series.steps) * result.dt, series.values(0), line, color=colour, linewidth=0.7)


def _draw_readouts(panel: Axes, result: DynamicsResult, activity: Activity) -> None:
    time = np.arange(result.n_steps) * result.dt
    target, readout = np.array(result.target), np.array(activity.readout)
    target[~np.array(result.learning_window)] = np.nan
    most_varied = np.argsort(-np.nanstd(target, axis=0), kind="stable")[:MAX_READOUTS]
    for number, k in enumerate(sorted(most_varied.tolist())):
        colour, _ = style.look(number)
        panel.plot(time, target[:, k], "--", color=colour, linewidth=0.9)
        panel.plot(time, readout[:, k], color=colour, linewidth=0.7)


def _draw_weights(panels: Sequence[Axes], result: DynamicsResult) -> None:
    for panel, (name, edges) in zip(panels, result.bins.items(), strict=True):
        for (state, activity), colour in zip(states(result).items(), (style.GREY, style.COLOURS[0]), strict=True):
            panel.stairs(activity.weights[name].counts, edges, color=colour, label=state)
        panel.set(xlabel=f"Weight, {name} ({unit_of(DynamicsResult, 'bins')})", ylabel="Synapses")
        if any(any(activity.weights[name].counts) for activity in states(result).values()):
            panel.set_yscale("log")
        panel.set_ylim(bottom=0.5)
        panel.xaxis.set_major_locator(MaxNLocator(4))


ROWS: tuple[tuple[str, float, Callable[[Axes, DynamicsResult, Activity], None]], ...] = (
    ("Input\nchannel", 1.0, _draw_input),
    ("Recurrent\nneuron", 1.4, _draw_spikes),
    ("Voltage,\nneuron", 1.6, _draw_voltages),
    ("Learning\nsignal", 1.3, _draw_signals),
    ("Eligibility\ntrace", 1.3, _draw_traces),
    ("Readout\n(mV)", 1.4, _draw_readouts),
)
"""Label, relative height and content of each row of panels."""


def main() -> None:
    """Draw the figure, and write the numbers in it beside it."""
    options = program.figure_parser("workflow.scripts.studies.dynamics_figure", __doc__)
    options.add_argument("result", type=Path, help="recorded activity before and after training (JSON)")
    given = options.parse_args()
    style.use(given.style)
    result = DynamicsResult.read(given.result)
    style.save_with_numbers(draw(result), numbers(result), given.output)


if __name__ == "__main__":
    program.run(main)
