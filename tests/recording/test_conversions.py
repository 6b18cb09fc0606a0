"""Recordings as tables of pandas and objects of Neo."""

import numpy as np

from recorded import N_STEPS, RECORD, simulation, stimulus


def test_tables_have_a_row_for_each_step() -> None:
    recording = simulation().run(stimulus(), RECORD)
    spikes, readouts, neurons, synapses = recording.to_pandas()
    assert recording.recorded is not None
    assert len(spikes) == len(recording.spike_steps) > 0
    assert spikes["neuron"].tolist() == recording.spike_neurons.tolist()
    np.testing.assert_array_equal(readouts["error"].to_numpy(), recording.error)
    assert neurons.index.tolist() == list(range(N_STEPS))
    voltages = recording.recorded.neurons["membrane_voltage"]
    np.testing.assert_array_equal(neurons["membrane_voltage"][4], voltages.values[:, 0])
    signals = recording.recorded.neurons["learning_signal"]
    column = neurons["learning_signal"][0]
    np.testing.assert_array_equal(column[signals.steps], signals.values[:, 1])
    assert column.isna().sum() == N_STEPS - len(signals.steps) > 0
    weights = recording.recorded.synapses["output"]["weight"]
    np.testing.assert_array_equal(synapses["output"]["weight"][3][1], weights.values[:, 0])


def test_tables_of_a_run_without_a_request_have_spikes_and_readouts() -> None:
    frames = simulation().run(stimulus()).to_pandas()
    assert len(frames.spikes) > 0
    assert frames.neurons.empty
    assert frames.synapses == {}


def test_neo_has_spike_trains_and_signals_with_times_and_units() -> None:
    recording = simulation(dt=0.5).run(stimulus(), RECORD)
    (segment,) = recording.to_neo(dt=0.5).segments
    assert sum(len(train) for train in segment.spiketrains) == len(recording.spike_steps) > 0
    train = segment.spiketrains[0]
    own = recording.spike_steps[recording.spike_neurons == train.annotations["neuron"]]
    np.testing.assert_array_equal(train.times.rescale("ms").magnitude, 0.5 * own)
    signals = {signal.name: signal for signal in segment.analogsignals}
    assert recording.recorded is not None
    voltage, recorded = signals["membrane_voltage"], recording.recorded.neurons["membrane_voltage"]
    np.testing.assert_array_equal(voltage.magnitude, recorded.values)
    assert (str(voltage.units.dimensionality), float(voltage.sampling_period.rescale("ms"))) == ("mV", 0.5)
    assert voltage.array_annotations["neuron"].tolist() == [4, 0]
    assert str(signals["firing_rate"].units.dimensionality) == "Hz"
    trace = signals["input.eligibility_trace"]
    assert trace.array_annotations["source"].tolist() == [2, 0]
