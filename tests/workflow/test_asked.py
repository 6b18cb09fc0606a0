"""Results of another run under the name of this one are refused where they are collected."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from eprop_core import configuration
from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.parsing import ParameterError
from small_results import changed, scaling_result, training_result
from workflow.lib.plan import Plan
from workflow.scripts.scaling import collect as collect_scaling
from workflow.scripts.shared import asked
from workflow.scripts.studies import choose
from workflow.scripts.studies import collect as collect_study

RATE = "network.plasticity.optimizer.learning_rate"
VALUES: dict[str, Any] = {
    "tasks": {
        "digits": {
            "dataset": {"name": "digits"},
            "network": {
                "n_recurrent": 20,
                "input": {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.1}},
            },
            "training": {"epochs": 4},
        }
    },
    "studies": {
        "sizes": {"tasks": ["digits"], "seeds": [1, 2], "vary": {"network.n_recurrent": [20, 30]}},
        "tuned": {
            "tasks": ["digits"],
            "seeds": [1, 2],
            "variants": {"all": {}, "fewer": {"network.n_recurrent": 10}},
            "tune": {"values": {RATE: [1e-4, 2e-4]}, "seeds": [11, 12], "validation_share": 0.25},
        },
    },
}


def plan_of() -> Plan:
    return Plan(configuration.load(VALUES, "my.yaml"), "my.yaml")


def write_all(plan: Plan) -> None:
    """Write the results that the studies ask for, small ones, in the present directory."""
    for kind, name in (
        *(("studies", study) for study in VALUES["studies"]),
        *(("choices", one) for one in plan.choices),
    ):
        for group in json.loads(plan.text(kind, name))["asked"]:
            for file, run in group["runs"].items():
                changed(training_result(run["seed"]), parameters=group["parameters"]).write(file)


def collect(plan: Plan, kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("plan.json").write_text(plan.text(kind, name), encoding="utf-8")
    program, outputs = {"studies": (collect_study, 3), "choices": (choose, 1), "scaling": (collect_scaling, 1)}[kind]
    files = [f"output-{number}" for number in range(outputs)]
    monkeypatch.setattr(sys, "argv", [program.__name__, "plan.json", "--output", *files])
    program.main()


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    made = plan_of()
    write_all(made)
    return made


def test_results_that_were_asked_for_are_collected(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for study in VALUES["studies"]:
        collect(plan, "studies", study, monkeypatch)


def test_a_result_of_another_seed_is_refused(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = plan.results_of_study("sizes")
    shutil.copy(first, second)
    with pytest.raises(ParameterError) as error:
        collect(plan, "studies", "sizes", monkeypatch)
    assert str(error.value) == (
        f"{second}: seed = 1: must be 2; expected the result of the run after which the file is named (delete it, and "
        "the next call makes it again)"
    )


def test_a_result_of_another_point_is_refused(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    small, _, large, _ = plan.results_of_study("sizes")
    shutil.copy(large, small)
    with pytest.raises(ParameterError, match=r"parameters\.network\.n_recurrent = (20|30): must be (20|30); expected"):
        collect(plan, "studies", "sizes", monkeypatch)


def test_chosen_values_may_be_any(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    name = plan.results_of_study("tuned")[0]
    values = json.loads(plan.text("studies", "tuned"))["asked"]
    values = next(group for group in values if name in group["runs"])["parameters"]
    values["network"]["plasticity"]["optimizer"]["learning_rate"] = 1e-3
    changed(training_result(1), parameters=values).write(name)
    collect(plan, "studies", "tuned", monkeypatch)


def test_a_search_refuses_results_of_other_values(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = next(iter(plan.choices))
    low, high = (candidate["results"][0] for candidate in plan.choices[choice]["candidates"])
    shutil.copy(low, high)
    with pytest.raises(ParameterError, match=r"learning_rate = 0\.0001: must be 0\.0002; expected"):
        collect(plan, "choices", choice, monkeypatch)


@pytest.mark.parametrize(
    ("keys", "message"),
    [({"n_ranks": 1}, "ranks = 1: must be 2"), ({"n_ranks": 2, "dry_run": True}, "dry_run = True: must be False")],
)
def test_timings_of_other_ranks_are_refused(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    file, result = tmp_path / "ranks-2_seed-1.json", scaling_result("strong", **keys)
    result.write(file)
    run = {"seed": 1, "ranks": 2, "dry_run": False}
    group = {"parameters": Timing.model_dump(result.parameters, mode="json"), "chosen": [], "runs": {str(file): run}}
    with pytest.raises(ParameterError, match=message):
        asked.check({"asked": [group]})
