"""Recordings as objects of Neo (Garcia et al. 2014, doi:10.3389/fninf.2014.00010)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eprop_core.recording.request import NEURON_QUANTITIES, SYNAPSE_QUANTITIES
from eprop_core.recording.time_series import TimeSeries

if TYPE_CHECKING:
    from eprop_core.recording.recording import Recording

_UNITS = {"": "dimensionless", "spikes/s": "Hz"}
"""Names that Neo has for units."""


def neo_block(recording: "Recording", dt: float) -> Any:
    """Return a recording as a ``neo.Block`` with one segment; ``dt`` is the step in ms."""
    import neo
    import quantities

    def signal(name: str, one: TimeSeries, unit: str, **annotations: np.ndarray) -> Any:
        first = int(one.steps[0]) if len(one.steps) else 0
        interval = int(one.steps[1]) - first if len(one.steps) > 1 else 1
        return neo.AnalogSignal(
            one.values,
            units=_UNITS.get(unit, unit),
            sampling_period=interval * dt * quantities.ms,
            t_start=first * dt * quantities.ms,
            name=name,
            array_annotations=annotations,
        )

    segment = neo.Segment()
    n_steps = max(len(recording.readout), int(recording.spike_steps.max(initial=-1)) + 1)
    for neuron in np.unique(recording.spike_neurons).tolist():
        times = recording.spike_steps[recording.spike_neurons == neuron] * dt * quantities.ms
        segment.spiketrains.append(neo.SpikeTrain(times, t_stop=n_steps * dt * quantities.ms, neuron=neuron))
    steps = np.arange(len(recording.readout))
    segment.analogsignals.append(signal("readout", TimeSeries(steps, recording.readout), "mV"))
    segment.analogsignals.append(signal("error", TimeSeries(steps, recording.error), ""))
    if (recorded := recording.recorded) is not None:
        for quantity, one in recorded.neurons.items():
            segment.analogsignals.append(signal(quantity, one, NEURON_QUANTITIES[quantity], neuron=recorded.neuron_ids))
        for projection, series in recorded.synapses.items():
            source, target = recorded.synapse_pairs[projection].T
            for quantity, one in series.items():
                unit, name = SYNAPSE_QUANTITIES[quantity], f"{projection}.{quantity}"
                segment.analogsignals.append(signal(name, one, unit, source=source, target=target))
    block = neo.Block()
    block.segments.append(segment)
    return block
