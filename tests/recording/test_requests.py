"""What cannot be recorded is refused with one line, before anything is simulated."""

from typing import Any

import numpy as np
import pytest

from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.recording.request import Record
from eprop_core.simulation import Simulation
from recorded import RECORD, SIZES, simulation, stimulus
from thread_ranks import on_thread_ranks


@pytest.mark.parametrize(
    ("request_of", "message"),
    [
        ({"interval": 0}, r"record.interval = 0: must be a whole number of steps, at least 1"),
        ({"interval": 1.5}, r"record.interval = 1.5: must be a whole number"),
        ({"neurons": [1, 2, 1]}, r"record.neurons: an entry is there twice"),
        ({"neurons": [1.5]}, r"record.neurons: must be a list of ids"),
        ({"neurons": [8]}, r"record.neurons: no neuron 8; there are 0 to 7"),
        ({"neurons": [-1]}, r"record.neurons: no neuron -1; there are 0 to 7"),
        ({"synapses": {"input": [1, 2]}}, r"record.synapses.input: must be a list of \(source, target\) pairs of ids"),
        ({"synapses": {"input": [(1, 2), (1, 2)]}}, r"record.synapses.input: an entry is there twice"),
        ({"synapses": {"inputs": [(1, 2)]}}, r"no projection 'inputs'; there are input, recurrent, output, feedback"),
        ({"synapses": {"input": [(6, 0)]}}, r"record.synapses.input: no pair \(6, 0\); sources are 0 to 5, targets 0 "),
        ({"synapses": {"recurrent": [(2, 2)]}}, r"record.synapses.recurrent: no synapse from 2 to 2; a pair must have"),
        (
            {"quantities": ["voltage"]},
            r"record.quantities = \['voltage'\]: must be a list of some of membrane_voltage,",
        ),
        ({"quantities": "weight"}, r"record.quantities = \['weight'\]: must be a list of"),
        ({"neurons": [1], "quantities": ["weight"]}, r"no synapse that is recorded has 'weight' in this network"),
    ],
)
@pytest.mark.parametrize("n_ranks", [1, 2])
def test_what_cannot_be_recorded_is_refused_in_one_line(request_of: dict[str, Any], message: str, n_ranks: int) -> None:
    def run(communicator: Any = None) -> int:
        simulated = simulation(communicator)
        with pytest.raises(ParameterError, match=message) as raised:
            simulated.run(stimulus(), Record(**request_of))
        assert "\n" not in str(raised.value)
        simulated.run(stimulus())  # it goes on
        return simulated.step

    steps = [run()] if n_ranks == 1 else on_thread_ranks(n_ranks, run)
    assert set(steps) == {stimulus().n_steps}


def test_a_pair_with_several_synapses_is_refused() -> None:
    network = {"recurrent": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 7, "allow_multapses": True}}}
    simulated = simulation(**network)
    source, target, _ = simulated.weights("recurrent")
    pairs, counts = np.unique(np.stack([source, target], axis=1), axis=0, return_counts=True)
    twice = tuple(pairs[counts.argmax()].tolist())
    assert counts.max() > 1
    with pytest.raises(ParameterError, match=f"{counts.max()} synapses from {twice[0]} to {twice[1]}"):
        simulated.run(stimulus(), Record(synapses={"recurrent": [twice]}))


def test_a_static_network_has_neither_learning_signals_nor_traces() -> None:
    recorded = simulation().frozen().run(stimulus(), RECORD).recorded
    assert recorded is not None
    assert "learning_signal" not in recorded.neurons
    assert recorded.synapses["input"].keys() == {"weight"}
    with pytest.raises(ParameterError, match="no synapse that is recorded has 'gradient'"):
        simulation().frozen().run(stimulus(), Record(synapses={"input": [(0, 0)]}, quantities=["gradient"]))


def test_a_dry_run_records_nothing() -> None:
    network = parse(Network, {**SIZES, "neuron": {"ignore_and_fire": {"rate": 50.0}}})
    with pytest.raises(ParameterError, match="record: a dry run does not have the other ranks' neurons and synapses"):
        Simulation(network, dry_run=(0, 2)).run(stimulus(), RECORD)


def test_values_are_in_the_order_of_the_request() -> None:
    recorded = simulation().run(stimulus(), RECORD).recorded
    every = simulation().run(stimulus(), Record(neurons=range(8))).recorded
    assert recorded is not None
    assert every is not None
    for quantity, series in recorded.neurons.items():
        np.testing.assert_array_equal(series.values, every.neurons[quantity].values[:, [4, 0]])
