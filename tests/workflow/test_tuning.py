"""The search of a study: which values are tried, which runs decide, and what is chosen."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from eprop_core import configuration
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.tuning import Tuning
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError, parse
from small_results import PROJECT, changed, training_result, written
from workflow.lib.plan import Plan
from workflow.scripts.studies import choose, search_table

RATE, KAPPA = "network.plasticity.optimizer.learning_rate", "network.plasticity.kappa"


def plan_of(folds: int | None = None, **tune: Any) -> Plan:
    """The plan of a study with two variants and seeds 1 to 6."""
    values = yaml.safe_load((PROJECT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
    values["tasks"]["digits"]["training"]["folds"] = folds
    study = values["studies"]["ablation"] | {"seeds": [1, 2, 3, 4, 5, 6]}
    study["tune"] = {"values": {RATE: [1e-5, 2e-5], KAPPA: [0.8, 0.9]}, "seeds": [11, 12, 13], "validation_share": 0.25}
    study["tune"] |= tune
    loaded = configuration.load({"tasks": {"digits": values["tasks"]["digits"]}, "studies": {"ablation": study}}, "x")
    return Plan(loaded, "x")


def test_every_point_tries_every_combination_on_validation_samples() -> None:
    tuning = parse(Tuning, {"values": {RATE: [1e-5, 2e-5], KAPPA: [0.8, 0.9]}, "seeds": [1], "validation_share": 0.25})
    tried = {(changes[RATE], changes[KAPPA]) for changes in tuning.changes()}
    assert tried == {(1e-5, 0.8), (1e-5, 0.9), (2e-5, 0.8), (2e-5, 0.9)}
    assert all(changes["training.validation_share"] == 0.25 for changes in tuning.changes())
    plan = plan_of()
    searched = plan.results_of_search("ablation")
    assert len(set(searched)) == len(searched) == 2 * 4 * 3  # variants, combinations, seeds
    assert all(plan.tasks[Path(file).parent.name].training.validation_share == 0.25 for file in searched)
    own = {Path(file).parent.name for file in plan.results_of_study("ablation")}
    assert len(own) == 2 and all(plan.tasks[name].training.validation_share is None for name in own)


def test_a_fold_is_chosen_for_by_the_runs_that_have_not_seen_it() -> None:
    plan = plan_of(folds=3)
    assert len(plan.choices) == 2 * 3
    for name in {Path(file).parent.name for file in plan.results_of_study("ablation")}:
        for seed in range(1, 7):
            file = plan.task_file(name, str(seed))
            (choice,) = [key for key in plan.choices if file == f"results/chosen/{key}.json"]
            deciding = {int(Path(result).stem.rpartition("-")[2]) for result in plan.results_of_choice(choice)}
            assert {of_search % 3 for of_search in deciding} == {seed % 3}
    without = plan_of()
    assert len(without.choices) == 2
    (name, *_) = {Path(file).parent.name for file in without.results_of_study("ablation")}
    assert without.task_file(name, "1") == without.task_file(name, "6") == f"results/chosen/{name}.json"


def test_another_search_has_other_results() -> None:
    one, other = plan_of(), plan_of(seeds=[14])
    assert not set(one.results_of_study("ablation")) & set(other.results_of_study("ablation"))
    grown = plan_of(seeds=[11])
    assert set(grown.results_of_search("ablation")) < set(one.results_of_search("ablation"))


def results(directory: Path, accuracies: dict[float, list[float | None]], losses: dict[float, float]) -> list[Any]:
    """Candidates with a learning rate each, whose runs end with these scores on validation samples."""
    candidates = []
    for rate, of_runs in accuracies.items():
        files = []
        for seed, accuracy in enumerate(of_runs):
            result = training_result(seed)
            loss = losses.get(rate, 1.0)
            curve = [point.model_copy(update={"validation_accuracy": 1.0}) for point in result.curve[:2]]
            curve += [result.curve[3].model_copy(update={"validation_accuracy": accuracy, "validation_loss": loss})]
            file = directory / f"{rate}-{seed}.json"
            changed(result, curve=[point.model_dump() for point in curve]).write(file)
            files.append(str(file))
        candidates.append({"changes": {RATE: rate}, "results": files})
    return candidates


@pytest.mark.parametrize(
    ("accuracies", "losses", "chosen"),
    [
        ({1e-5: [0.9, 0.5], 2e-5: [0.8, 0.7], 4e-5: [0.7, 0.7]}, {}, 2e-5),  # by the mean, not by the best run
        ({1e-5: [0.8], 2e-5: [0.8], 4e-5: [0.7]}, {1e-5: 2.0, 2e-5: 1.0}, 2e-5),  # by the loss of equal accuracies
        ({1e-5: [0.8], 2e-5: [0.8]}, {}, 1e-5),  # the first of equals
        ({1e-5: [None], 2e-5: [None]}, {1e-5: 2.0, 2e-5: 1.0}, 2e-5),  # no answer is right or wrong
    ],
)
def test_the_best_mean_at_the_end_of_training_is_chosen(
    tmp_path: Path, accuracies: dict[float, list[float | None]], losses: dict[float, float], chosen: float
) -> None:
    candidates = results(tmp_path, accuracies, losses)
    assert candidates[choose.best(candidates)]["changes"] == {RATE: chosen}


def test_the_chosen_values_replace_those_of_the_point_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = training_result(1).parameters
    plan: dict[str, Any] = {"parameters": point.model_dump(mode="json"), "asked": []}
    plan["candidates"] = results(tmp_path, {1e-5: [0.8], 2e-5: [0.9]}, {})
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    output = tmp_path / "chosen.json"
    monkeypatch.setattr("sys.argv", ["choose", str(tmp_path / "plan.json"), "--output", str(output)])
    choose.main()
    chosen: Any = parse(TaskParameters, read_json(output))
    assert chosen.network.plasticity.optimizer.learning_rate == 2e-5
    expected = point.model_dump(mode="json")
    expected["network"]["plasticity"]["optimizer"]["learning_rate"] = 2e-5
    assert chosen.model_dump(mode="json") == expected


def test_nothing_is_chosen_without_validation_samples(tmp_path: Path) -> None:
    curve = [point.model_dump() | {"validation_loss": None} for point in training_result(1).curve]
    changed(training_result(1), curve=curve).write(tmp_path / "1.json")
    with pytest.raises(ParameterError, match="tune: digits has no validation samples to choose by"):
        choose.best([{"results": [str(tmp_path / "1.json")]}])


def test_the_table_of_a_search_tells_what_was_chosen_how_often(tmp_path: Path) -> None:
    folds = [
        results(tmp_path, {1e-5: [0.8], 2e-5: [0.9]}, {}),
        [{"changes": {RATE: rate}, "results": [str(tmp_path / f"{rate}-0.json")]} for rate in (2e-5, 1e-5)][::-1],
    ]
    points = [
        {"task": "digits", "variant": name, "series": "", "changes": {}, "choices": folds} for name in ("one", "other")
    ]
    table = search_table.rows(points)
    assert len(table) == 2 * 2 * 2
    printed = search_table.printed(table, [RATE])
    assert list(printed["Variant"]) == ["one", "one", "other", "other"]
    assert list(printed["Learning rate"]) == ["1e-05", "2e-05"] * 2
    assert list(printed["Chosen (searches)"]) == ["0 of 2", "2 of 2"] * 2
    assert list(printed["Validation accuracy (%)"]) == ["80.0 ± 0.0", "90.0 ± 0.0"] * 2
    written(table, printed, tmp_path)


def test_a_search_chooses_among_any_values(tmp_path: Path) -> None:
    """Sections and null are words in its table, where pandas would take null for a missing number."""
    (of_rate,) = results(tmp_path, {1e-5: [0.8]}, {})
    paths, values = ["network.plasticity.cutoff", "network.neuron.adaptation"], (None, {"beta": 0.1, "tau": 10.0})
    candidates = [
        of_rate | {"changes": dict(zip(paths, (cutoff, values[cutoff == 5]), strict=True))} for cutoff in (None, 5)
    ]
    table = search_table.rows([{"task": "digits", "variant": "", "series": "", "changes": {}, "choices": [candidates]}])
    printed = search_table.printed(table, paths)
    assert printed.iloc[:, 1].tolist() == ["null", "5"]
    assert printed.iloc[:, 2].tolist() == ["null", '{"beta": 0.1, "tau": 10.0}']
    written(table, printed, tmp_path)


def test_the_memory_of_a_run_is_that_of_the_largest_network_it_may_train() -> None:
    plan = plan_of(values={"network.n_recurrent": [20, 30]})
    for name in {Path(file).parent.name for file in plan.results_of_study("ablation")}:
        tasks: list[Any] = plan.possible_tasks(name)
        assert [task.network.n_recurrent for task in tasks] == [20, 30]
    (searched, *_) = plan.results_of_search("ablation")
    name = Path(searched).parent.name
    assert plan.possible_tasks(name) == [plan.tasks[name]]
