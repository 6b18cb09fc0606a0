"""Rewiring, compared with a plain implementation that lists all free places, and in training."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.compiled.purpose import Purpose
from eprop_core.compiled.random import generator
from eprop_core.experiments.studies.measure import measure
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import StudyResult
from eprop_core.network.connections import Connections
from eprop_core.parsing import ParameterError, parse
from eprop_core.simulation import Simulation
from eprop_core.tasks.dataset import DatasetClassification
from eprop_core.training.parameters import Rewiring
from eprop_core.training.rewiring import replace, rewire

SPARSE = {"rule": "pairwise_bernoulli", "probability": 0.1}


def task(projections: tuple[str, ...] = ("input", "recurrent", "output"), **rewiring: Any) -> TaskParameters:
    """The small task, sparse, with signs fixed; rewired after each group."""
    values = small.task(epochs=2).model_dump(mode="json")
    values["network"]["plasticity"]["optimizer"]["fixed_signs"] = True
    for name in ("input", "recurrent", "output"):
        values["network"][name]["connectivity"] = SPARSE
    values["training"]["rewiring"] = {"projections": list(projections), **rewiring}
    return parse(TaskParameters, values)


def simulation(seed: int = 1) -> Simulation:
    return Simulation(task().network_for(100, 10), seed=seed)


@pytest.fixture(scope="module")
def samples() -> DatasetClassification:
    return DatasetClassification(small.dataset(100), small.WINDOW)


def pairs(connections: Connections) -> list[tuple[int, int]]:
    return list(zip(connections.source.tolist(), connections.target.tolist(), strict=True))


@pytest.mark.parametrize("autapses", [True, False])
@pytest.mark.parametrize(("n_synapses", "n_stay"), [(20, 12), (20, 0), (20, 20), (70, 40), (0, 0)])
def test_removed_synapses_are_replaced_at_free_places(autapses: bool, n_synapses: int, n_stay: int) -> None:
    n = 9
    places = [(source, target) for target in range(n) for source in range(n) if autapses or source != target]
    random = np.random.default_rng(3)
    chosen = [places[i] for i in random.permutation(len(places))[:n_synapses]]
    source, target = np.array(chosen, np.int64).reshape(-1, 2).T
    before = Connections(source, target, random.normal(size=n_synapses))
    stays = random.permutation(n_synapses) < n_stay
    numbers = {"seed": 5, "purpose": Purpose.INPUT_REWIRING, "identifier": 2}
    after = replace(
        before,
        stays,
        n_sources=n,
        n_targets=n,
        autapses=autapses,
        random=generator(**numbers),  # type: ignore[arg-type]
    )
    kept = [pair for pair, stay in zip(chosen, stays, strict=True) if stay]
    free = [place for place in places if place not in kept]
    new = generator(**numbers).choice(len(free), n_synapses - n_stay, replace=False)  # type: ignore[arg-type]
    assert pairs(after) == kept + [free[i] for i in new]
    assert len(set(pairs(after))) == n_synapses
    assert np.array_equal(after.weight[:n_stay], before.weight[stays])
    assert not after.weight[n_stay:].any()


def test_new_synapses_have_uniform_places_and_signs() -> None:
    zero = np.zeros(1, np.int64)
    places, signs = np.zeros((3, 4)), []
    for identifier in range(600):
        random = generator(seed=1, purpose=Purpose.INPUT_REWIRING, identifier=identifier)
        one = Connections(zero, zero, np.ones(1))
        new = replace(one, np.zeros(1, np.bool_), n_sources=3, n_targets=4, autapses=True, random=random)
        places[new.source[0], new.target[0]] += 1
        signs.append(np.signbit(new.weight[0]))
    # 600 / 12 places: five standard deviations of the binomial distribution
    assert np.abs(places - 50).max() < 5 * np.sqrt(50 * 11 / 12)
    assert abs(np.mean(signs) - 0.5) < 5 * np.sqrt(0.25 / 600)


def test_weights_shrink_and_diffuse_before_synapses_at_zero_are_replaced() -> None:
    network = simulation()
    before = {name: network.weights(name) for name in ("input", "recurrent", "output", "feedback")}
    rewiring = Rewiring(projections=["recurrent"], l1=2.0, temperature=0.5)
    eta, n_samples = 5e-6, 400
    replaced = rewire(network, rewiring, {"recurrent": eta * n_samples}, number=3)
    after = network.weights("recurrent")
    random = generator(seed=1, purpose=Purpose.RECURRENT_REWIRING, identifier=3)
    expected = {}
    for source, target, weight in zip(*before["recurrent"], strict=True):
        moved = abs(weight) - eta * 2.0 * n_samples + np.sqrt(2 * eta * 0.5 * n_samples) * random.standard_normal()
        if moved > 0:
            expected[source, target] = np.copysign(moved, weight)
    found = {pair: weight for pair, weight in zip(pairs(after), after.weight, strict=True) if weight != 0}
    assert found == pytest.approx(expected, rel=1e-14)  # some roundings each
    assert replaced == {"recurrent": len(before["recurrent"].source) - len(expected)}
    assert 0 < len(expected) < len(after.source) == len(before["recurrent"].source)
    for name in ("input", "output", "feedback"):
        assert all(map(np.array_equal, network.weights(name), before[name]))


def test_without_shrinkage_and_diffusion_only_synapses_at_zero_are_replaced() -> None:
    network = simulation()
    before = network.weights("input")
    weight = np.where(np.arange(len(before.weight)) % 5 == 0, -0.0, before.weight)
    network.reconnect({"input": before._replace(weight=weight)})
    assert rewire(network, Rewiring(projections=["input"]), {"input": 1e-4}, number=1) == {
        "input": int((weight == 0).sum())
    }
    after = dict(zip(pairs(network.weights("input")), network.weights("input").weight, strict=True))
    stays = weight != 0
    kept = [pair for pair, stay in zip(pairs(before), stays, strict=True) if stay]
    assert [after[pair] for pair in kept] == weight[stays].tolist()


def untimed(result: StudyResult) -> dict[str, Any]:
    """Values that do not depend on how fast the machine is."""
    keys = {"test", "samples", "counts", "operations_per_sample", "replaced_synapses"}
    curve = [point.model_dump(exclude={"training_time_s"}) for point in result.curve]
    return result.model_dump(include=keys) | {"curve": curve}


def test_training_keeps_the_number_of_synapses_and_repeats(samples: DatasetClassification) -> None:
    rewired = task(l1=10.0, temperature=0.1)
    first, second = (untimed(measure(rewired, samples, samples, seed=4)) for _ in range(2))
    assert first == second
    assert min(first["replaced_synapses"].values()) > 0
    counts = Simulation(rewired.network_for(100, 10), seed=4).counts
    synapses = {f"{name}_synapses" for name in ("input", "recurrent", "output", "feedback")}
    assert {key: first["counts"][key] for key in synapses} == {key: counts[key] for key in synapses}
    seconds = [n * small.N_STEPS * 1e-3 for n in [50, 40] * 2]
    spikes = [point["rate_hz"] * 40 * duration for point, duration in zip(first["curve"], seconds, strict=True)]
    assert sum(spikes) == pytest.approx(first["counts"]["spikes"], rel=1e-12)  # counted on through rewirings


def test_rewiring_every_other_group_starts_after_the_second(samples: DatasetClassification) -> None:
    rewired, fixed = task(l1=10.0, groups=2).model_dump(), task().model_dump()
    fixed["training"]["rewiring"] = None
    curves = [
        untimed(measure(parse(TaskParameters, values), samples, samples, seed=4))["curve"]
        for values in (rewired, fixed)
    ]
    assert curves[0][:2] == curves[1][:2]
    assert curves[0][2] != curves[1][2]


def test_ranks_do_not_change_the_result(tmp_path: Path, samples: DatasetClassification) -> None:
    for split in ("train", "test"):
        samples.dataset.save(tmp_path / f"{split}.npz")
    (tmp_path / "task.json").write_text(task(l1=10.0, temperature=0.1).model_dump_json(), encoding="utf-8")
    results = []
    for n_ranks in (1, 2):
        command = small.on_ranks(n_ranks if n_ranks > 1 else 0, "eprop_core.experiments.studies")
        command += [str(tmp_path / "task.json"), "--data", str(tmp_path), "--output", str(tmp_path / "result.json")]
        command += ["--ranks", str(n_ranks), "--oversubscribe"]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
        results.append(untimed(StudyResult.read(tmp_path / "result.json")))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plasticity": {"optimizer": {"fixed_signs": False}}}, "input.fixed_signs must be true"),
        ({"input": {"plastic": False}}, "input must be plastic"),
        (
            {"input": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 3, "allow_multapses": True}}},
            "input.connectivity.allow_multapses must be false",
        ),
        ({"feedback": {"kind": "adaptive"}}, "feedback weights that adapt along it"),
    ],
)
def test_projections_that_cannot_be_rewired_are_refused(changes: dict[str, Any], message: str) -> None:
    values = task().model_dump(mode="json")
    for part, of_part in changes.items():
        for key, value in of_part.items():
            of_key = values["network"][part][key]
            values["network"][part][key] = {**of_key, **value} if key == "optimizer" else value
    with pytest.raises(ParameterError, match=message):
        parse(TaskParameters, values)
