"""What someone meets first: short representations, one line for wrong types, numpy's numbers, pictures, warnings."""

import warnings
from typing import Any

import numpy as np
import pytest

import eprop_core
import small
from eprop_core import Connections, Network, Record, Recording, Simulation, Stimulus, TrainingParameters, parse, train
from eprop_core.commands import info
from eprop_core.datasets.events import EventDataset
from eprop_core.errors import DatasetError
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.training.loop import BoundsWarning, SilenceWarning, Trained

SIZES = {"n_input": 20, "n_recurrent": 10, "n_readout": 2}


class OfNoProcess:
    """Behaves as MPI.COMM_NULL."""

    size = 0

    @property
    def rank(self) -> int:
        raise RuntimeError("MPI_ERR_COMM: invalid communicator")

    def __repr__(self) -> str:
        return "OfNoProcess"


@pytest.fixture(scope="module")
def network() -> Network:
    return parse(Network, SIZES)


def stimulus(n_steps: int = 50) -> Stimulus:
    steps, channels = np.nonzero(np.random.default_rng(1).random((n_steps, 20)) < 0.3)
    return Stimulus(n_steps, steps, channels, np.zeros((n_steps, 2)), np.ones(n_steps, np.bool_))


@pytest.fixture(scope="module")
def recording(network: Network) -> Recording:
    return Simulation(network).run(stimulus(), Record(neurons=[0, 1], synapses={"recurrent": [(0, 1)]}))


def trained(**changes: Any) -> Trained:
    """A network after two groups of samples."""
    task = DatasetClassification(small.dataset(20), small.WINDOW)
    values = small.task().network_for(task.n_input, task.n_readout).model_dump()
    for path, value in changes.items():
        *sections, key = path.split("__")
        section = values
        for name in sections:
            section = section[name]
        section[key] = value
    parameters = parse(TrainingParameters, {"epochs": 1, "samples_per_group": 10})
    return train(Simulation(parse(Network, values)), task, parameters)


def test_representations_are_short(network: Network, recording: Recording) -> None:
    assert repr(network) == "Network(n_input=20, n_recurrent=10, n_readout=2)"
    slow = parse(Network, SIZES | {"neuron": {"tau_m": 30.0}, "dt": 0.5})
    assert repr(slow) == "Network(n_input=20, n_recurrent=10, n_readout=2, with its own dt, neuron)"
    assert repr(Simulation(network, seed=3)) == f"Simulation({network!r}, seed=3, at step 0)"
    weights = Connections(np.array([0, 1]), np.array([1, 0]), np.array([-0.5, 2.0]))
    assert repr(weights) == "Connections(2 connections, weights from -0.5 to 2 pA)"
    none = np.zeros(0, np.int64)
    assert repr(Connections(none, none, none)) == "Connections(0 connections)"
    n_spikes = len(stimulus().input_steps)
    assert repr(stimulus()) == f"Stimulus(50 steps, {n_spikes} input spikes, targets of 2 readouts)"
    assert repr(recording).startswith(f"Recording(50 steps, {len(recording.spike_steps)} spikes, 2 readouts, Recorded(")
    assert "1 recurrent synapses: eligibility_trace, gradient, weight" in repr(recording)
    assert recording.recorded is not None
    assert repr(recording.recorded.neurons["threshold"]) == "TimeSeries(50 steps of 2)"
    assert repr(trained()).startswith("Trained(18 samples, training loss ")


def test_numbers_of_numpy_are_those_of_python(network: Network) -> None:
    sizes = {key: np.int64(value) for key, value in SIZES.items()}
    values = sizes | {"dt": np.float64(1.0), "input": {"plastic": np.bool_(True), "excitatory": np.array([0, 1])}}
    read = parse(Network, values)
    assert read == parse(Network, SIZES | {"input": {"excitatory": [0, 1]}})
    assert type(read.n_input) is int
    assert isinstance(values["n_input"], np.int64)  # what is given does not change
    one = Simulation(network, seed=np.int64(2)).weights("input")  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.weight, Simulation(network, seed=2).weights("input").weight)


def test_an_empty_list_holds_no_spikes() -> None:
    nothing = Stimulus(5, [], [], np.zeros((5, 2)), np.ones(5, np.bool_))  # type: ignore[arg-type]
    assert (nothing.input_steps.dtype, len(nothing.input_channels)) == (np.int64, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: Simulation(SIZES), "network: must be a Network, as parse(Network, {...}) returns it, not dict"),
        (lambda net: parse(SIZES, Network), "parse: the first argument must be a class such as Network, not dict"),
        (lambda net: parse(Network, SIZES | {"n_input": np.zeros(2)}), "n_input = [0.0, 0.0]: "),
        (
            lambda net: Simulation(net, connections={"recurrent": np.zeros((10, 10))}),
            "connections.recurrent: must be Connections(source, target, weight); of a matrix with a row for each",
        ),
        (
            lambda net: Simulation(net, connections={"recurrent": ([0], [1], [0.5])}),
            "connections.recurrent: must be Connections(source, target, weight); ",
        ),
        (
            lambda net: Simulation(net, connections=[1]),
            "connections: must be a mapping from projections to Connections",
        ),
        (
            lambda net: Simulation(net, communicator=4),
            "communicator = 4: must be one of mpi4py, such as MPI.",
        ),
        (lambda net: Simulation.load("none.h5", communicator="MPI"), "communicator = 'MPI': must be one of mpi4py"),
        (lambda net: Simulation.from_checkpoint("none", communicator={}), "communicator = {}: must be one of mpi4py"),
        (lambda net: Simulation(net, communicator=OfNoProcess()), "communicator = OfNoProcess: must be one of mpi4py"),
        (
            lambda net: Simulation(net).weights("rec"),
            "projection = 'rec': must be one of input, recurrent, output, feedback",
        ),
        (lambda net: Simulation(net).weights([]), "projection = []: must be one of input, recurrent, output, feedback"),
        (lambda net: Simulation(net).own_weights("rec"), "projection = 'rec': must be one of input, recurrent, output"),
        (
            lambda net: Simulation(net).set_learning_rate(0.1, np.zeros(2)),
            "projection: must be the name of a projection, or None for all, not ndarray of shape (2,) and type float64",
        ),
        (lambda net: Simulation(net, connections=np.zeros(2)), "connections: must be a mapping from projections"),
        (
            lambda net: Simulation(net, neuron_values=5),
            "neuron_values: must be a dictionary of arrays, by name, not",
        ),
        (
            lambda net: Simulation(net, neuron_values=[]),
            "neuron_values: must be a dictionary of arrays, by name, not",
        ),
        (
            lambda net: Simulation(net, destinations=np.array([None])),
            "destinations = array([None], dtype=obj",
        ),
        (lambda net: Simulation(net, time_waiting="a"), "time_waiting: must be True or False, not str"),
        (
            lambda net: Simulation(net, seed=np.zeros((2, 2))),
            "seed = array([[0., 0.],\\n       [0., 0.]]): must",
        ),
        (lambda net: Simulation(net).save(None), "path: must be a path, as text or a Path, not NoneType"),
        (lambda net: Simulation(net).save_checkpoint(1.5), "directory: must be a path, as text or a Path, not float"),
        (lambda net: Simulation.load(2**63), "path: must be a path, as text or a Path, not int"),
        (lambda net: Simulation.from_checkpoint(None), "directory: must be a path, as text or a Path, not NoneType"),
        (
            lambda net: recordings(None),
            "recordings: must be pairs of events and label, not NoneType",
        ),
        (lambda net: recordings([], classes=np.array(3)), "classes = array(3): must be a list of integers or of names"),
        (lambda net: Simulation(net).run({}), "stimulus: must be a Stimulus or a PoissonStimulus, not dict"),
        (lambda net: Simulation(net).run(stimulus(), [0]), "record: must be a Record or a RecordingFile, not list"),
        (lambda net: Record(interval=np.zeros((2, 2))), "record.interval = array([[0., 0.],\\n       [0., 0.]]): must"),
        (lambda net: Record(neurons=3), "record.neurons: must be a list of ids of recurrent neurons, not int"),
        (lambda net: Record(synapses=[(0, 1)]), "record.synapses: must be pairs of (source, target) by projection"),
    ],
)
def test_a_wrong_type_is_refused_in_one_line(network: Network, call: Any, message: str) -> None:
    with pytest.raises(eprop_core.ParameterError) as error:
        call(network)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def recordings(given: Any, **changes: Any) -> EventDataset:
    return EventDataset.from_recordings(given, sensor_size=(3, 3, 2), n_steps=5, duration=0.1, **changes)


def test_masked_events_are_refused() -> None:
    fields = [("t", int), ("x", int), ("y", int), ("p", int)]
    events = np.ma.array(np.zeros(3, fields), mask=[(1, 1, 1, 1), (0, 0, 0, 0), (0, 0, 0, 0)])
    with pytest.raises(DatasetError, match=r"^recording 0: has masked events; expected"):
        recordings([(events, 1)])


def test_connections_of_any_type_are_shown() -> None:
    for weight in (np.array(3), np.array(["a"]), np.array([None]), None):
        assert repr(Connections(np.array([0]), np.array([0]), weight)).startswith("Connections(weights in a ")


def test_a_matrix_becomes_connections_as_the_message_says(network: Network) -> None:
    matrix = np.random.default_rng(1).normal(size=(10, 10)) * ~np.eye(10, dtype=bool)
    target, source = np.nonzero(matrix)
    given = Connections(source, target, matrix[target, source])
    weights = Simulation(network, connections={"recurrent": given}).weights("recurrent")
    np.testing.assert_array_equal(matrix[weights.target, weights.source], weights.weight)


def test_a_silent_network_is_warned_of_once() -> None:
    with pytest.warns(SilenceWarning, match="after 10 training samples: no recurrent neuron fired") as caught:
        trained(neuron__V_th=1e6)
    assert len(caught) == 1


def test_weights_at_their_bounds_are_warned_of() -> None:
    with pytest.warns(BoundsWarning, match=r"of the output weights are at a bound \(-0.05 or 0.05 pA\)"):
        trained(output__weight_min=-0.05, output__weight_max=0.05, output__learning_rate=1e-2)


def test_a_bound_of_zero_that_keeps_weights_positive_is_no_reason_to_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        end = trained(input__excitatory=1.0, input__weight_min=0.0, input__learning_rate=1e-3)
    assert np.mean(end.simulation.weights("input").weight == 0.0) > 0.1


def test_the_version_is_that_of_the_package() -> None:
    lines = dict(line.split(": ", maxsplit=1) for line in info.info())
    assert lines["eprop-core"] == eprop_core.__version__
    assert lines["numpy"] == np.__version__
    assert {"commit", "processor", "compiled code"} <= set(lines)
    with pytest.raises(AttributeError, match="no attribute 'version'"):
        _ = eprop_core.version
