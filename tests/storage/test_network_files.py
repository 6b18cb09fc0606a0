"""Networks in files: what is loaded is what was saved, on any number of ranks; damaged files are refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from continued import new_simulation
from damage import refusals_of_changed_bits
from eprop_core.errors import NetworkFileError
from eprop_core.network.connections import Connections
from eprop_core.network.per_neuron import PER_NEURON
from eprop_core.parameters import PROJECTIONS, Network
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from eprop_core.verification.random_problem import Problem
from small_problem import small_problem
from thread_ranks import on_thread_ranks

FEEDBACKS = ["random", "symmetric", "adaptive"]
ONE_FILTER: dict[str, Any] = {"kappa": 0.95, "kappa_reg": 0.95, "c_reg": 2.0}


def problem_with(feedback: str = "random", **settings: Any) -> Problem:
    return small_problem(8, 200, feedback=feedback, **ONE_FILTER, **settings)


def trained(problem: Problem, communicator: Any = None) -> Simulation:
    simulation = new_simulation(problem, communicator)
    simulation.run(problem.stimulus)
    return simulation


def assert_same_connections(one: Simulation, other: Simulation) -> None:
    for name in PROJECTIONS:
        for values, of_other in zip(one.weights(name), other.weights(name), strict=True):
            np.testing.assert_array_equal(values, of_other)


@pytest.mark.parametrize("notes", ["text", [1], {"a": object()}, {"a": {1, 2}}, {"a": b"bytes"}, {("a", 1): 2}])
@pytest.mark.parametrize("save", [Simulation.save, Simulation.save_checkpoint])
def test_notes_that_json_cannot_hold_are_refused(save: Callable[..., None], notes: Any, tmp_path: Path) -> None:
    simulation, path = new_simulation(problem_with()), tmp_path / "saved"
    with pytest.raises(ParameterError, match=r"^notes: must be a mapping that JSON can hold"):
        save(simulation, path, notes)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_size]


def test_a_command_line_may_have_letters_beyond_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["python", "train.py", "--output", "jörg/漢字.json"]
    monkeypatch.setattr("sys.orig_argv", command)
    new_simulation(problem_with()).save(tmp_path / "ä.h5")
    with h5py.File(tmp_path / "ä.h5") as file:
        assert json.loads(file.attrs["provenance"])["command"] == command
    assert Simulation.load(tmp_path / "ä.h5").network == problem_with().network


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_a_loaded_network_answers_as_the_frozen_one(feedback: str, n_ranks: int, tmp_path: Path) -> None:
    problem, path = problem_with(feedback), tmp_path / "network.h5"
    simulation = trained(problem)
    expected = simulation.frozen().run(problem.stimulus)
    assert len(expected.spike_steps) > 20
    simulation.save(path, {"learning_window": 10})

    def answer(communicator: Any) -> Any:
        loaded = Simulation.load(path, communicator=communicator)
        assert (loaded.network, loaded.seed, loaded.step) == (problem.network, 3, 0)
        assert loaded.notes == {"learning_window": 10}
        return loaded.frozen().run(problem.stimulus)

    recordings = on_thread_ranks(n_ranks, answer)
    assert sum(len(recording.spike_steps) for recording in recordings) == len(expected.spike_steps)
    for recording in recordings:
        np.testing.assert_array_equal(recording.readout, expected.readout)
        np.testing.assert_array_equal(recording.error, expected.error)
    assert_same_connections(Simulation.load(path), simulation)


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_a_loaded_network_learns_as_one_with_the_same_weights(feedback: str, tmp_path: Path) -> None:
    problem, path = problem_with(feedback), tmp_path / "network.h5"
    simulation = trained(problem)
    simulation.save(path)
    simulation.reconnect({})  # at rest
    loaded = Simulation.load(path)
    for one in (simulation, loaded):
        one.run(problem.stimulus)
    assert_same_connections(loaded, simulation)
    assert np.any(loaded.weights("recurrent").weight != Simulation.load(path).weights("recurrent").weight)


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_files_are_the_same_from_any_number_of_ranks(feedback: str, tmp_path: Path) -> None:
    """All data but the provenance, and so does the file of a network that was loaded."""
    problem = problem_with(feedback)
    for n_ranks in (1, 2, 5):
        on_thread_ranks(n_ranks, lambda c, n=n_ranks: trained(problem, c).save(tmp_path / f"{n}.h5"))
    Simulation.load(tmp_path / "2.h5").save(tmp_path / "6.h5")
    expected = content(tmp_path / "1.h5")
    assert "edges/recurrent/0/syn_weight" in expected
    for n_ranks in (2, 5, 6):
        found = content(tmp_path / f"{n_ranks}.h5")
        assert set(found) == set(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def collect(name: str, item: Any) -> None:
        found.update({f"{name}@{key}": value for key, value in item.attrs.items()})
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(collect)
        found.update({f"@{key}": value for key, value in file.attrs.items() if key != "provenance"})
    return found


def test_connections_between_the_same_neurons_keep_their_order(tmp_path: Path) -> None:
    """The sum of a target's inputs depends on it, in the last bit."""
    network = parse(Network, {"n_input": 2, "n_recurrent": 3, "n_readout": 1})
    source, target = np.zeros(6, int), np.array([1, 0, 1, 0, 1, 2])
    connections = {"input": Connections(source, target, np.array([0.3, 0.1, -0.7, 0.2, 0.5, 0.4]))}
    simulation = Simulation(network, connections=connections)
    simulation.save(tmp_path / "network.h5")
    weight = Simulation.load(tmp_path / "network.h5").weights("input").weight
    np.testing.assert_array_equal(weight, [0.1, 0.2, 0.3, -0.7, 0.5, 0.4])


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_a_network_gets_a_new_readout(feedback: str, tmp_path: Path) -> None:
    problem, path = problem_with(feedback), tmp_path / "network.h5"
    simulation = trained(problem)
    simulation.save(path)
    new = Simulation.load(path, n_readout=5, seed=9)
    assert new.network.n_readout == 5
    for name in ("input", "recurrent"):
        np.testing.assert_array_equal(new.weights(name).weight, simulation.weights(name).weight)
    drawn = Simulation(new.network, seed=9)
    for name in ("output", "feedback"):
        np.testing.assert_array_equal(new.weights(name).weight, drawn.weights(name).weight)


def test_a_network_goes_on_with_other_parameters(tmp_path: Path) -> None:
    problem, path = problem_with(), tmp_path / "network.h5"
    trained(problem).save(path)
    values = problem.network.model_dump()
    values["plasticity"]["optimizer"]["learning_rate"] = 0.0
    loaded = Simulation.load(path, network=parse(Network, values))
    loaded.run(problem.stimulus)
    assert_same_connections(loaded, Simulation.load(path))
    values["n_input"] += 1
    with pytest.raises(NetworkFileError, match=rf"n_input = {problem.network.n_input}; the given network has"):
        Simulation.load(path, network=parse(Network, values))


DRAWN = {"low": 10.0, "high": 20.0}
FOUR_NEURONS: dict[str, Any] = {"n_input": 2, "n_recurrent": 4, "n_readout": 1}


@pytest.mark.parametrize("changes", [{}, {"neuron": {"C_m": DRAWN}, "plasticity": {"c_reg": DRAWN, "f_target": DRAWN}}])
def test_values_of_neurons_are_kept(changes: dict[str, Any], tmp_path: Path) -> None:
    neuron = {
        "tau_m": DRAWN,
        "V_th": DRAWN,
        "adaptation": {"beta": DRAWN, "tau": 50.0},
        "surrogate_gradient": {"height": {"low": 10.0, "high": 30.0}},
    } | changes.get("neuron", {})
    network = parse(Network, FOUR_NEURONS | changes | {"neuron": neuron})
    given = {name: np.array([11.0, 12.0, 13.0, 14.0]) + k for k, name in enumerate(PER_NEURON)}
    simulation = Simulation(network, neuron_values=given)
    np.testing.assert_equal(simulation.neuron_values(), given)
    simulation.save(tmp_path / "network.h5")
    np.testing.assert_equal(Simulation.load(tmp_path / "network.h5").neuron_values(), given)
    np.testing.assert_equal(Simulation.load(tmp_path / "network.h5", network=network).neuron_values(), given)
    with h5py.File(tmp_path / "network.h5") as file:
        for name, values in given.items():
            np.testing.assert_array_equal(file[f"nodes/recurrent/0/{name}"], values)


def test_other_parameters_replace_values_of_neurons(tmp_path: Path) -> None:
    given = {"C_m": np.array([1.0, 2.0, 3.0, 4.0]), "c_reg": np.array([0.0, 1.0, 2.0, 3.0])}
    Simulation(parse(Network, FOUR_NEURONS), neuron_values=given).save(tmp_path / "network.h5")
    other = parse(Network, FOUR_NEURONS | {"plasticity": {"c_reg": 5.0}})
    values = Simulation.load(tmp_path / "network.h5", network=other).neuron_values()
    assert values["C_m"].tolist() == given["C_m"].tolist()
    assert values["c_reg"].tolist() == [5.0] * 4


def test_a_file_need_not_hold_values_that_its_parameters_give(tmp_path: Path) -> None:
    path = tmp_path / "network.h5"
    Simulation(parse(Network, FOUR_NEURONS | {"neuron": {"V_th": DRAWN}})).save(path)
    with h5py.File(path, "r+") as file:
        del file["nodes/recurrent/0/C_m"]
    assert Simulation.load(path).neuron_values()["C_m"].tolist() == [1.0] * 4
    with h5py.File(path, "r+") as file:
        del file["nodes/recurrent/0/V_th"]
    with pytest.raises(NetworkFileError, match="V_th"):
        Simulation.load(path)


def test_a_batch_that_is_not_complete_is_in_the_file(tmp_path: Path) -> None:
    problem = problem_with()
    values = problem.network.model_dump()
    values["plasticity"] |= {"update": "sample", "batch_size": 3}
    problem = problem._replace(network=parse(Network, values))
    simulation = trained(problem)
    simulation.save(tmp_path / "network.h5")
    assert_same_connections(Simulation.load(tmp_path / "network.h5"), simulation.frozen())


# --- files that cannot be used


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "network.h5"
    trained(problem_with("adaptive")).save(path, {"note": 1})
    return path.read_bytes()


def refused(path: Path, n_ranks: int = 1) -> str:
    """Return the message, which is the same on all ranks."""
    messages = []

    def load(communicator: Any) -> None:
        with pytest.raises(NetworkFileError) as raised:
            Simulation.load(path, communicator=communicator)
        messages.append(str(raised.value))

    on_thread_ranks(n_ranks, load)
    assert len(set(messages)) == 1
    assert "\n" not in messages[0]
    assert messages[0].startswith(f"{path}: ")
    return messages[0]


def test_files_that_are_no_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.h5"
    assert "no such file" in refused(path)
    path.write_text("no HDF5\n")
    assert "damaged, or not a network file" in refused(path, n_ranks=2)
    path.write_bytes(b"")
    assert "damaged, or not a network file" in refused(path)
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros(3)
    assert "not a network of eprop-core" in refused(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(share: float, saved: bytes, tmp_path: Path) -> None:
    path = tmp_path / "network.h5"
    path.write_bytes(saved[: int(share * len(saved))])
    assert "damaged" in refused(path)


def test_a_changed_bit_is_refused_or_changes_nothing(saved: bytes, tmp_path: Path) -> None:
    path, n_tried = tmp_path / "network.h5", 100
    path.write_bytes(saved)
    expected = Simulation.load(path)

    def check(loaded: Simulation) -> None:
        assert (loaded.network, loaded.seed, loaded.notes) == (expected.network, 3, {"note": 1})
        assert_same_connections(loaded, expected)

    n_refused = refusals_of_changed_bits(path, saved, n_tried, lambda: Simulation.load(path), check)
    assert n_refused > n_tried / 4


def replaced(file: h5py.File, name: str, values: Any) -> None:
    del file[name]
    file[name] = values


def set_attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


def set_value(name: str, index: int, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file[name].__setitem__(index, value)


def changed_network(**values: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        network = json.loads(file.attrs["network"]) | values
        file.attrs["network"] = np.bytes_(json.dumps(network))

    return change


EDGES = "edges/recurrent"
CHANGES: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "newer version": (set_attribute("format_version", 2), "has the layout 2 of a newer version of eprop-core"),
    "other format": (set_attribute("format", np.bytes_("other")), "not a network of eprop-core"),
    "NaN": (set_value(f"{EDGES}/0/syn_weight", 3, np.nan), "syn_weight has a value that is not finite"),
    "infinity": (set_value("edges/output/0/syn_weight", 0, np.inf), "syn_weight has a value that is not finite"),
    "no such target": (set_value(f"{EDGES}/target_node_id", 0, 99), "from 0 to 99; allowed are 0 to 14"),
    "another target": (set_value(f"{EDGES}/target_node_id", 0, 1), "does not agree with the index"),
    "no such source": (set_value(f"{EDGES}/source_node_id", 0, 99), "from 0 to 99; allowed are 0 to 14"),
    "negative source": (set_value(f"{EDGES}/source_node_id", 0, -1), "from -1 to"),
    "fewer weights": (lambda file: replaced(file, f"{EDGES}/0/syn_weight", np.zeros(3)), "has the shape"),
    "weights in rows": (lambda file: replaced(file, f"{EDGES}/0/syn_weight", np.zeros((3, 2))), "has the shape (3, 2)"),
    "weights of integers": (
        lambda file: replaced(file, f"{EDGES}/0/syn_weight", file[f"{EDGES}/0/syn_weight"][:].astype(int)),
        "has the type int64",
    ),
    "no weights": (lambda file: file.__delitem__(f"{EDGES}/0/syn_weight"), "there is no dataset"),
    "no edges": (lambda file: file.__delitem__(EDGES), "there is no dataset edges/recurrent"),
    "index": (
        set_value(f"{EDGES}/indices/target_to_source/range_to_edge_id", 0, [5, 2]),
        "the ranges must follow one another",
    ),
    "feedback along other edges": (set_value("edges/feedback/source_node_id", 0, 1), "must reverse the edges"),
    "more neurons": (changed_network(n_recurrent=16), "nodes/recurrent/0/tau_m has the shape (15,); expected (16)"),
    "unknown parameter": (changed_network(n_neurons=1), "network.n_neurons"),
    "no parameters": (lambda file: file.attrs.__delitem__("network"), "damaged"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_files_are_refused(name: str, saved: bytes, tmp_path: Path) -> None:
    path = tmp_path / "network.h5"
    path.write_bytes(saved)
    change, message = CHANGES[name]
    with h5py.File(path, "r+") as file:
        change(file)
    for n_ranks in (1, 2):
        assert message in refused(path, n_ranks)


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = trained(problem_with())
    simulation.save(tmp_path / "network.h5")
    before = (tmp_path / "network.h5").read_bytes()

    def full(dataset: Any, first: int, rows: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("eprop_core.storage.edges.write_rows", full)
    with pytest.raises(OSError, match=r"^.*network\.h5: cannot be written \(no space left on device\)$"):
        simulation.save(tmp_path / "network.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["network.h5"]
    assert (tmp_path / "network.h5").read_bytes() == before
    with pytest.raises(OSError, match="cannot be written"):
        simulation.save(tmp_path / "missing" / "network.h5")


def test_a_dry_run_has_no_network_to_save(tmp_path: Path) -> None:
    values = {"n_input": 2, "n_recurrent": 4, "n_readout": 1, "neuron": {"ignore_and_fire": {"rate": 100.0}}}
    simulation = Simulation(parse(Network, values), dry_run=(0, 2))
    with pytest.raises(ParameterError, match="save: a dry run"):
        simulation.save(tmp_path / "network.h5")
    with pytest.raises(ParameterError, match="save_checkpoint: a dry run"):
        simulation.save_checkpoint(tmp_path)
