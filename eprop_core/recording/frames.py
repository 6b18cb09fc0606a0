"""Recordings as tables of pandas."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from eprop_core.recording.time_series import TimeSeries

if TYPE_CHECKING:
    import pandas as pd

    from eprop_core.recording.recording import Recording


class Frames(NamedTuple):
    """A recording as tables; those of values have a row for each step, and nothing where a value is not known."""

    spikes: "pd.DataFrame"
    """step, neuron"""
    readouts: "pd.DataFrame"
    """Columns (quantity, readout): readout and error."""
    neurons: "pd.DataFrame"
    """Columns (quantity, neuron)."""
    synapses: "dict[str, pd.DataFrame]"
    """Columns (quantity, source, target), by projection."""


def frames(recording: "Recording") -> Frames:
    """Return a recording as tables."""
    import pandas as pd

    def table(series: Mapping[str, TimeSeries], names: list[str], chosen: Iterable[tuple[int, ...]]) -> pd.DataFrame:
        keys = list(chosen)
        parts = [
            pd.DataFrame(
                one.values,
                index=pd.Index(one.steps, name="step"),
                columns=pd.MultiIndex.from_tuples([(quantity, *key) for key in keys], names=["quantity", *names]),
            )
            for quantity, one in series.items()
        ]
        return pd.concat(parts, axis=1).sort_index() if parts else pd.DataFrame()

    readouts = pd.concat(
        {name: pd.DataFrame(getattr(recording, name)) for name in ("readout", "error")},
        axis=1,
        names=["quantity", "readout"],
    ).rename_axis("step")
    spikes = pd.DataFrame({"step": recording.spike_steps, "neuron": recording.spike_neurons})
    if (recorded := recording.recorded) is None:
        return Frames(spikes, readouts, pd.DataFrame(), {})
    neurons = table(recorded.neurons, ["neuron"], zip(recorded.neuron_ids.tolist(), strict=True))
    synapses = {
        name: table(series, ["source", "target"], map(tuple, recorded.synapse_pairs[name].tolist()))
        for name, series in recorded.synapses.items()
    }
    return Frames(spikes, readouts, neurons, synapses)
