"""Pictures of what runs and trainings return; needs matplotlib, which the extra ``plot`` installs.

Functions draw into the given axes, or into those of a new figure, and return them. They do not show or save anything.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eprop_core.parsing import ParameterError, expect
from eprop_core.poisson import PoissonStimulus
from eprop_core.recording.recording import Recording
from eprop_core.recording.request import NEURON_QUANTITIES, SYNAPSE_QUANTITIES
from eprop_core.recording.time_series import TimeSeries
from eprop_core.stimulus import Stimulus
from eprop_core.training.curve import CurvePoint
from eprop_core.training.loop import Trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_MOST_LINES = 8
"""Lines in a panel that are named in its legend."""


def raster(recording: Recording, *, dt: float = 1.0, axes: "Axes | None" = None) -> "Axes":
    """Draw a dot for each spike.

    Parameters
    ----------
    recording
        Spikes of a run.
    dt
        Simulation step of the network, ms.
    axes
        Where to draw; None makes a figure.

    Returns
    -------
    Axes
        Time (ms) from left to right, neurons from bottom to top.
    """
    expect("recording", recording, Recording, "a Recording, as Simulation.run returns it")
    axes = _axes(axes)
    axes.plot(recording.spike_steps * dt, recording.spike_neurons, ".", markersize=2, color="black")
    axes.set(xlim=(0.0, max(len(recording.readout) * dt, dt)), xlabel="time (ms)", ylabel="neuron")
    return axes


def learning_curve(training: "Trained | Sequence[CurvePoint]", *, axes: "Axes | None" = None) -> "Axes":
    """Draw the accuracy over training samples, or the loss where no answer is right or wrong.

    Parameters
    ----------
    training
        What :func:`eprop_core.train` returns, or the points of a learning curve.
    axes
        Where to draw; None makes a figure.

    Returns
    -------
    Axes
        A line for the training samples, and one for the validation samples, if there are any.
    """
    curve = training.progress.curve if isinstance(training, Trained) else list(training)
    if not curve or not all(isinstance(point, CurvePoint) for point in curve):
        raise ParameterError("training: must be what train returns, or a list of CurvePoint with at least one entry")
    axes = _axes(axes)
    measure = "loss" if curve[0].training_accuracy is None else "accuracy"
    for of, marker in (("training", ""), ("validation", "o")):
        points = [(point.samples, getattr(point, f"{of}_{measure}")) for point in curve]
        points = [(samples, value) for samples, value in points if value is not None]
        if points:
            axes.plot(*zip(*points, strict=True), marker=marker or None, markersize=3, label=of)
    axes.set(xlabel="training samples", ylabel=measure)
    axes.set_ylim(bottom=0.0, top=1.0 if measure == "accuracy" else None)
    axes.legend()
    return axes


def dynamics(recording: Recording, stimulus: Stimulus | PoissonStimulus | None = None, *, dt: float = 1.0) -> "Figure":
    """Draw the readouts, the spikes and all values that were recorded, over time.

    Parameters
    ----------
    recording
        What a run returned. With ``record=``, each quantity of neurons and synapses has a panel.
    stimulus
        The stimulus of the run, whose targets are drawn beside the readouts; None draws none.
    dt
        Simulation step of the network, ms.

    Returns
    -------
    Figure
        A panel for each quantity, with a line for each readout, neuron or synapse.
    """
    expect("recording", recording, Recording, "a Recording, as Simulation.run returns it")
    expect("stimulus", stimulus, (Stimulus, PoissonStimulus, type(None)), "the Stimulus of the run")
    panels = _panels(recording)
    figure: Figure
    figure, all_axes = _pyplot().subplots(
        len(panels) + 2, sharex=True, squeeze=False, figsize=(7.0, 1.4 * (len(panels) + 2)), layout="constrained"
    )
    readouts, spikes, *others = all_axes[:, 0]
    steps = np.arange(len(recording.readout))
    names = [f"readout {k}" for k in range(recording.readout.shape[1])]
    lines = readouts.plot(steps * dt, recording.readout, linewidth=1.0)
    if stimulus is not None:
        readouts.set_prop_cycle(None)
        lines += readouts.plot(steps * dt, stimulus.target, linestyle="--", linewidth=1.0)
        names += [f"target {k}" for k in range(recording.readout.shape[1])]
    _name_lines(readouts, lines, names)
    readouts.set_ylabel("readouts\n(mV)")
    raster(recording, dt=dt, axes=spikes)
    for axes, (quantity, series, names) in zip(others, panels, strict=True):
        _name_lines(axes, axes.plot(series.steps * dt, series.values, linewidth=1.0), names)
        unit = {**NEURON_QUANTITIES, **SYNAPSE_QUANTITIES}[quantity.rpartition(" ")[2]]
        axes.set_ylabel("\n".join([*quantity.replace("_", " ").split(" "), *([f"({unit})"] if unit else [])]))
    for axes in all_axes[:-1, 0]:
        axes.set_xlabel("")
    all_axes[-1, 0].set_xlabel("time (ms)")
    figure.align_ylabels()
    return figure


def _panels(recording: Recording) -> list[tuple[str, TimeSeries, list[str]]]:
    """Return what was recorded: the quantity, its values, and the name of each line."""
    recorded = recording.recorded
    if recorded is None:
        return []
    names = [f"neuron {neuron}" for neuron in recorded.neuron_ids]
    panels = [(quantity, series, names) for quantity, series in recorded.neurons.items()]
    for projection, quantities in recorded.synapses.items():
        pairs = [f"{source} \N{RIGHTWARDS ARROW} {target}" for source, target in recorded.synapse_pairs[projection]]
        panels += [(f"{projection} {quantity}", series, pairs) for quantity, series in quantities.items()]
    return panels


def _name_lines(axes: "Axes", lines: "list[Line2D]", names: list[str]) -> None:
    """Name a few lines in a legend, but not many."""
    if 1 < len(names) <= _MOST_LINES:
        axes.legend(lines, names, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="x-small", frameon=False)


def _axes(axes: "Axes | None") -> "Axes":
    return _pyplot().subplots(layout="constrained")[1] if axes is None else axes


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error}; pictures need matplotlib: pip install '.[plot]' in a clone") from None
    return pyplot
