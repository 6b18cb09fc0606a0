"""The configuration: the files of the project, error messages, and the generated documentation."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel
from snakemake.utils import update_config

from eprop_core import configuration, parsing
from eprop_core.experiments import values
from eprop_core.experiments.studies import parameters as studies_parameters
from eprop_core.interoperability import simulators
from eprop_core.parsing import ParameterError
from workflow.lib import documentation
from workflow.scripts.race.points import Point
from workflow.scripts.shared import style
from workflow.scripts.studies import thinning_curves

PROJECT = Path(__file__).parents[1]
CLUSTER, LARGE, QUICK = (PROJECT / "config" / f"paper_{addition}.yaml" for addition in ("cluster", "large", "quick"))
"""Additions, which are read after ``config/paper_scaling.yaml``."""
RACE = PROJECT / "config" / "race.yaml"
"""An addition, which is read after ``config/baselines.yaml``."""
FILES = sorted(set((PROJECT / "config").glob("*.yaml")) - {CLUSTER, LARGE, QUICK, RACE})


@pytest.fixture(scope="module")
def smoke() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((PROJECT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
    return values


def changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return ``values`` with the key at ``path`` (parts divided by ``/``) set, or removed if value is Ellipsis."""
    values = json.loads(json.dumps(values))  # a copy in which no two sections are the same object
    *parents, key = path.split("/")
    section = values
    for parent in parents:
        section = section[parent]
    if value is ...:
        del section[key]
    else:
        section[key] = value
    return values


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(documentation.schema())
    return schema


def test_the_schema_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_files_of_the_project_are_valid(file: Path, schema: dict[str, Any]) -> None:
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    configuration.load(values, file.name)
    jsonschema.Draft202012Validator(schema).validate(configuration._read_numbers(values))


def test_a_quick_scaling_has_the_published_networks() -> None:
    paper, added = (
        yaml.safe_load(file.read_text(encoding="utf-8")) for file in (PROJECT / "config" / "paper_scaling.yaml", QUICK)
    )
    alone = configuration.load(paper, "paper_scaling.yaml").scaling
    update_config(paper, added)
    for name, scaling in configuration.load(paper, QUICK.name).scaling.items():
        assert scaling.network == alone[name].network
        assert scaling.n_steps == alone[name].n_steps // 10


@pytest.mark.parametrize("addition", [CLUSTER, LARGE], ids=lambda file: file.name)
def test_additions_keep_the_published_setting(addition: Path) -> None:
    files = (PROJECT / "config" / "paper_scaling.yaml", addition)
    paper, added = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    alone = configuration.load(paper, "paper_scaling.yaml").scaling
    update_config(paper, added)
    loaded = configuration.load(paper, f"paper_scaling.yaml {addition.name}")
    assert loaded.scaling.keys() == alone.keys()
    for name, scaling in loaded.scaling.items():
        assert scaling.timing == alone[name].timing
        assert scaling.network_on(128).n_recurrent == 128_000
        if addition == CLUSTER:
            assert min(scaling.ranks) == loaded.ranks_per_node == 128
        else:
            assert {*alone[name].dry_ranks} <= {*scaling.dry_ranks}


def test_the_race_is_the_baselines_with_all_simulators() -> None:
    """Each simulator has a folder with a description; two of them are not in the default comparison."""
    baselines, addition = (
        yaml.safe_load(file.read_text(encoding="utf-8")) for file in (PROJECT / "config" / "baselines.yaml", RACE)
    )
    update_config(baselines, addition)
    loaded = configuration.load(baselines, "baselines.yaml race.yaml").baselines
    assert set(loaded) == {"nmnist", "medium", "large"}
    folders = {folder.name for folder in (PROJECT / "simulators").iterdir() if folder.is_dir()}
    for baseline in loaded.values():
        assert set(baseline.simulators) == folders
    for name in folders:
        assert simulators.described(PROJECT / "simulators" / name).variants


IN_DEGREE = {"rule": "fixed_in_degree"}
DENSITY, KAPPA = "network.input.connectivity.probability", "network.plasticity.kappa"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("taks", {}, ["taks", "no such key"]),
        ("tasks/digits/network/neurn", {}, ["tasks.digits.network.neurn", "no such key"]),
        ("tasks/digits/network/n_input", 5, ["tasks.digits.network.n_input", "no such key"]),
        ("tasks/digits/network/n_recurrent", ..., ["tasks.digits.network.n_recurrent", "required"]),
        ("tasks/digits/network/neuron/tau_m", "10 ms", ["tasks.digits.network.neuron.tau_m", "10 ms", "number"]),
        ("tasks/digits/network/input/connectivity/probability", -0.1, ["probability", "-0.1", "greater than or equal"]),
        ("tasks/digits/training/epochs", 0, ["tasks.digits.training.epochs", "0", "greater than or equal to 1"]),
        ("tasks/digits/training/learning_window", 1000, ["learning_window", "must not exceed dataset.n_steps = 25"]),
        ("tasks/digits/training/folds", 1, ["tasks.digits.training.folds", "1", "greater than or equal to 2"]),
        ("tasks/digits/network/plasticity/cutoff", 1, ["tasks.digits.network.plasticity.cutoff", "1", "2"]),
        ("tasks/digits/network/neuron/t_ref", 0.5, ["neuron.t_ref = 0.5", "multiple of dt"]),
        ("studies/ablation/tasks", ["digit"], ["studies.ablation.tasks", "'digit'", "there are digits, sine_waves"]),
        ("studies/learning/seeds", [], ["studies.learning.seeds", "at least 1"]),
        ("studies/learning/seeds", [-1], ["studies.learning.seeds.0", "-1", "greater than or equal to 0"]),
        ("studies/strong_scaling", {"tasks": ["digits"], "seeds": [1]}, ["studies.strong_scaling", "has this name"]),
        (
            "studies/Learning",
            {"tasks": ["digits"], "seeds": [1]},
            ["studies.Learning", "must begin with a lower-"],
        ),
        (
            "studies/learning/variants",
            {"a\nb": {}},
            ["studies.learning.variants", r"a\nb", "one line of visible characters"],
        ),
        ("studies/ablation/variants", {"a": {DENSITY: 2}}, ["studies.ablation", "probability", "less than or equal"]),
        ("studies/learning/series", {"a": {DENSITY: []}}, ["studies.learning.series.a", "at least 1"]),
        (
            "studies/learning/series",
            {"a": {DENSITY: [0.1, 1.0], "network.n_recurrent": [10]}},
            ["studies.learning.series.a", "equally many"],
        ),
        (
            "studies/sparsity/compared_with",
            {"input": "input, rewired"},
            ["studies.sparsity", "compared_with", "'input'", "the second before the first"],
        ),
        (
            "studies/sparsity/compared_with",
            {"input, rewired": "inputs"},
            ["studies.sparsity", "compared_with", "'inputs'", "must be series"],
        ),
        (
            "studies/sparsity/series",
            {"input": {"network.n_recurrent": [50]}, "input, rewired": {DENSITY: [0.02]}},
            ["studies.sparsity", "compared_with", "first parameter", "must be the same"],
        ),
        (
            "studies/sparsity/series/input, rewired/network.input.fixed_signs",
            [False],
            ["studies.sparsity", "training.rewiring.projections", "input.fixed_signs must be true"],
        ),
        ("studies/sparsity/margin", 0.0, ["studies.sparsity.margin", "0.0", "greater than 0"]),
        ("studies/learning/series", {}, ["studies.learning.series", "at least 1"]),
        ("studies/learning/variants", {}, ["studies.learning.variants", "at least 1"]),
        ("studies/learning/vary", {}, ["studies.learning.vary", "at least 1"]),
        ("studies/learning/grid", {}, ["studies.learning.grid: must have two parameters"]),
        ("studies/learning/grid", {DENSITY: [0.1, 0.2]}, ["studies.learning.grid: must have two", "use vary"]),
        (
            "studies/learning/grid",
            {DENSITY: [0.1], "network.n_recurrent": [10], "network.input.delay": [1]},
            ["studies.learning.grid: must have two parameters"],
        ),
        (
            "studies/ablation/tasks",
            ["digits", "sine_waves"],
            ["studies.ablation.tasks: digits is judged by accuracy, sine_waves by its loss: use a study for each"],
        ),
        ("studies/learning/tasks", ["digits", "digits"], ["studies.learning.tasks", "digits comes twice"]),
        ("studies/learning_runs", {"tasks": ["digits"], "seeds": [1]}, ["learning_runs: another table has this name"]),
        ("studies/weak_scaling_runs", {"tasks": ["digits"], "seeds": [1]}, ["another table has this name"]),
        ("studies/learning/tasks", ["digit"], ["studies.learning.tasks: no task 'digit'; there are digits, sine_w"]),
        ("studies/learning/goals", {"digits": 90}, ["studies.learning.goals.digits = 90", "must not exceed 1"]),
        ("studies/learning/goals", {"sine_waves": 0.0}, ["goals.sine_waves = 0.0", "greater than 0"]),
        ("studies/learning/seeds", [1, 2, 1], ["studies.learning.seeds", "1 comes twice"]),
        ("studies/densities/vary", {DENSITY: [0.1, 0.1]}, ["studies.densities.vary", f"{DENSITY} = 0.1 comes twice"]),
        (
            "studies/learning",
            {"tasks": ["digits"], "seeds": [1], "grid": {DENSITY: [0.1, 0.2, 0.1], "network.input.delay": [1]}},
            [f"studies.learning.grid: {DENSITY} = 0.1, network.input.delay = 1 comes twice"],
        ),
        ("studies/ablation/variants/b", {}, ["studies.ablation.variants: e-prop+ and b are the same"]),
        (
            "studies/sparsity/series/input",
            {DENSITY: [0.1, 0.2, 0.2], "network.input.learning_rate": [0.1, None, None]},
            ["studies.sparsity.series.input", "= 0.2, network.input.learning_rate = null comes twice"],
        ),
        ("studies/densities/vary", {"network.plasticity.cutoff": [5, None]}, ["vary", "cutoff = null", "use variants"]),
        ("studies/ablation/variants", {"a": {}, "b": {"network.dely": 1}}, ["studies.ablation.variants.b: network.de"]),
        ("studies/sparsity/series/input", {DENSITY: [2.0]}, ["studies.sparsity.series.input: network.input.conn", "2"]),
        (
            "studies/densities/vary",
            {"network.output.connectivity.probability": [0.1]},
            ["studies.densities.vary: ", "probability: no such key where rule is all_to_all; allowed: rule"],
        ),
        ("tasks/sine_waves/training/folds", 2, ["training.folds must be null for sine_waves", "generated"]),
        ("tasks/digits/training/folds", 5000, ["training.folds = 5000: must not exceed the 1797 training and test"]),
        ("tasks/digits/network/input/dely", 2, ["tasks.digits.network.input.dely: no such key; close to it: delay"]),
        ("studies/learning/goals", {"digit": 0.9}, ["studies.learning", "goals", "'digit'"]),
        ("tasks/digits/dataset", {"name": "sine_wave"}, ["tasks.digits.dataset", "sine_wave", "sine_waves"]),
        (
            "studies/densities/grid",
            {DENSITY: [0.1], "network.input.delay": [1]},
            ["studies.densities", "one of vary, grid"],
        ),
        ("studies/densities/vary", {DENSITY: [0.1, -0.5]}, ["studies.densities", "probability", "-0.5", "greater"]),
        ("studies/densities/vary", {"network.inptu.delay": [1]}, ["studies.densities", "network.inptu", "no such key"]),
        ("studies/densities/vary", {"network.input.dely": [1]}, ["studies.densities", "network.input.dely", "no such"]),
        ("scaling/strong/ranks", [0], ["scaling.strong.ranks.0", "0", "greater than or equal to 1"]),
        ("scaling/weak/ranks", ..., ["scaling.weak", "ranks, dry_ranks", "one of them"]),
        (
            "scaling/strong/input_rate",
            2000.0,
            ["scaling.strong", "input_rate = 2000.0", "exceed 1000 spikes/s"],
        ),
        ("scaling/strong/dry_ranks", [401], ["scaling.strong", "401 ranks are more than the 400 recurrent neurons"]),
        (
            "scaling/strong/network/neuron",
            {},
            ["scaling.strong", "dry_ranks", "needs network.neuron.ignore_and_fire"],
        ),
        ("scaling/strong/variants", {}, ["scaling.strong.variants", "at least 1"]),
        ("scaling/strong/variants", {"A": {}}, ["scaling.strong.variants.A", "must begin with a lower-case letter"]),
        ("scaling/strong/variants", {"a": {"network.inptu.delay": 2}}, ["variants.a", "network.inptu", "no such key"]),
        ("scaling/strong/variants", {"a": {"network.input.delay": 0}}, ["variants.a", "network.input.delay", "0"]),
        ("studies/exchange", {"tasks": ["digits"], "seeds": [1]}, ["studies.exchange", "another figure has this name"]),
        ("studies/dynamics_digits", {"tasks": ["digits"], "seeds": [1]}, ["another figure has this name"]),
        ("studies/data_digits", {"tasks": ["digits"], "seeds": [1]}, ["another figure has this name"]),
        ("studies/memory_over_time", {"tasks": ["digits"], "seeds": [1]}, ["another figure has this name"]),
        ("studies/baselines_memory", {"tasks": ["digits"], "seeds": [1]}, ["another table has this name"]),
        ("interconnect", {"latency": 1.0, "bandwidth": 0.0}, ["interconnect.bandwidth", "0.0", "greater than 0"]),
        ("scaling/strong/ranks", [1, 2, 1], ["scaling.strong.ranks", "1 comes twice"]),
        ("scaling/weak/ranks", [2**23], ["scaling.weak", "8388608 ranks", "more than 2147483647"]),
        ("studies/learning/seeds", [2**63], ["studies.learning.seeds.0", "less than 9223372036854775808"]),
        ("studies/learning/tasks", [1], ["studies.learning.tasks.0 = 1", "Input should be text, in quotes"]),
        (f"studies/{'a' * 101}", {"tasks": ["digits"], "seeds": [1]}, ["at most 100 characters"]),
        ("tasks/digits/network/n_recurrent", 2**31, ["n_recurrent = 2147483648", "less than 2147483648"]),
        ("tasks/digits/network/n_recurrent", 10**30, ["n_recurrent = 1000000", "less than 2147483648"]),
        ("tasks/sine_waves/dataset/input_rate", 1000.1, ["dataset.input_rate = 1000.1", "exceed 1000 spikes/s"]),
        ("tasks/digits/network/feedback/connectivity", IN_DEGREE | {"in_degree": 11}, ["exceeds the 10 sources"]),
        ("studies/densities/vary", {"network.input": [{}]}, ["network.input = {}: has no place on an axis"]),
        ("studies/densities/vary", {"network.n_recurrent": [*range(1, 102)]}, ["101 values are more than the 100"]),
        (
            "studies/sparsity/series/input",
            {"network.neuron.surrogate_gradient.function": ["arctan"]},
            ["studies.sparsity", "series.input", '"arctan"', "which shows numbers", "use variants"],
        ),
        ("studies/sparsity/series/input", {"network.input.plastic": [True]}, ["plastic = true", "shows numbers"]),
        ("studies/ablation/tasks", list("abcdefg"), ["tasks: 7 are more than the 6 that a figure has room for"]),
        ("studies/learning/tasks", list("abcdefghi"), ["tasks: 9 are more than the 8 that a figure has room for"]),
        (
            "studies/learning/grid",
            {"network.input.delay": [1], "network.n_recurrent": [1, 2, 3, 4, 5, 6, 7]},
            ["grid: network.n_recurrent: 7 are more than the 6"],
        ),
        (
            "tasks/sine_waves/training/validation_share",
            0.9,
            ["training.validation_share = 0.9: leaves none of 1 samples"],
        ),
        (
            "tasks/sine_waves/training/keep",
            "best",
            ["training.validation_share = 0.1: none of 1 samples are for validation, which keep needs"],
        ),
        ("tasks/sine_waves/training/snapshots", [101], ["training.snapshots: 101 exceeds the 100 samples"]),
        (
            "tasks/sine_waves/network/plasticity",
            {"update": "sample", "batch_size": 101},
            ["network.plasticity.batch_size = 101: must not exceed the 100 samples"],
        ),
        ("tasks/digits/dataset", {"name": "shd", "url": "file:///etc/passwd"}, ["dataset.url", "https"]),
        ("tasks/digits/dataset", {"name": "shd", "path": "a\nb"}, ["dataset.path", r"a\nb", "visible characters"]),
        (
            "tasks/digits/network/dt",
            1e-30,
            ["neuron.tau_m = 10.0: must be less than 2147483648 steps of dt"],
        ),
        ("tasks/digits/network/readout/tau_m", 1e300, ["readout.tau_m = 1e+300", "steps of dt = 1.0 ms"]),
        ("tasks/digits/network/neuron/t_ref", 1e300, ["neuron.t_ref = 1e+300", "steps of dt = 1.0 ms"]),
        (
            "tasks/digits/network/output/weights/scale",
            1e300,
            ["output.weights.scale = 1e+300", "equal to 1000000000000000"],
        ),
        ("tasks/digits/dataset", {"name": "mnist", "path": ""}, ["dataset.path = ''", "must be a path"]),
        (
            "tasks/digits/dataset",
            {"name": "shd", "validation_speakers": [1, 2, 1]},
            ["dataset.validation_speakers", "1 comes twice"],
        ),
        ("break_even/series", {"a": {"input_rate": [1.0, 2.0, 1.0]}}, ["break_even.series.a", "1.0 comes twice"]),
        ("break_even/series", {"a": {"network": [{}]}}, ["series.a: network = {}: has no place on an axis"]),
        ("break_even/series", {letter: {"input_rate": [1.0]} for letter in "abcdefg"}, ["7 are more than the 6"]),
        ("studies/ablation/tune/values", {}, ["studies.ablation.tune.values", "at least 1"]),
        ("studies/ablation/tune/values", {KAPPA: [0.9]}, ["tune.values", "2 to 100 combinations, but has 1"]),
        ("studies/ablation/tune/values", {KAPPA: [0.9, 2.0]}, ["studies.ablation.tune", "kappa = 2.0", "less than 1"]),
        (
            "studies/ablation/tune/values",
            {"network.kapa": [1, 2]},
            ["ablation.tune", "network.kapa", "no such"],
        ),
        ("studies/ablation/tune/values", {KAPPA: [0.9, 0.9]}, ["ablation.tune.values", "digits", "comes twice"]),
        (
            "studies/ablation/tune/values",
            {"training.folds": [2, 3]},
            ["tune.values: training.folds: cannot be chosen; allowed are paths below network, and training.epochs"],
        ),
        (
            "studies/ablation/tune/values",
            {"network.plasticity.cutoff": [5, 10]},
            ["ablation: tune.values: network.plasticity.cutoff would replace", "which variants.cutoff of 5 steps sets"],
        ),
        ("studies/ablation/tune/seeds", [1, 1], ["studies.ablation.tune.seeds", "1 comes twice"]),
        ("studies/ablation/tune/validation_share", 0, ["studies.ablation.tune.validation_share", "greater than 0"]),
        ("sensitivity/tasks", ["digit"], ["sensitivity.tasks: no task 'digit'; there are digits, sine_waves"]),
        ("sensitivity/seeds", [], ["sensitivity.seeds", "at least 1"]),
        ("sensitivity/seeds", list(range(7)), ["sensitivity.seeds", "at most 6"]),
        ("scaling/strong/network/input/connectivity/in_degree", 401, ["in_degree = 401 exceeds the 400 sources"]),
        # What only jobs could refuse otherwise.
        (
            "tasks/digits/network/input/weight_max",
            0.01,
            ["tasks.digits: network.input.weight_max = 0.01: must be at least", "may be drawn for input"],
        ),
        (
            "tasks/digits/network/plasticity/optimizer",
            {"weight_min": 0.01},
            ["tasks.digits: network.plasticity.optimizer.weight_min = 0.01: must be at most -"],
        ),
        (
            "studies/ablation/variants/b",
            {"network.recurrent.weight_max": 0.0},
            ["studies.ablation.variants.b: network.recurrent.weight_max = 0.0: must be at least"],
        ),
        (
            "studies/densities/vary",
            {"network.input.weights.scale": [1.0, 1e6]},
            ["studies.densities.vary: network.plasticity.optimizer.weight_max = 100.0: must be at least"],
        ),
        (
            "studies/sparsity/series/input",
            {DENSITY: [0.1, 0.2], "network.output.weight_min": [-100.0, 0.0]},
            ["studies.sparsity.series.input: network.output.weight_min = 0.0: must be at most -"],
        ),
        (
            "studies/ablation/tune/values",
            {"network.output.weight_max": [100.0, 0.001]},
            ["studies.ablation.tune: digits: network.output.weight_max = 0.001: must be at least"],
        ),
        (
            "scaling/strong/variants",
            {"a": {"network.recurrent.weight_max": 0.001}},
            ["scaling.strong: variants.a: on ", "network.recurrent.weight_max = 0.001: must be at least"],
        ),
        (
            "break_even/series",
            {"a": {"network.input.weights.scale": [1.0, 1e6]}},
            ["break_even.series.a: network.plasticity.optimizer.weight_max = 100.0: must be at least"],
        ),
        (
            "tasks/digits/training/snapshots",
            [10**6],
            ["training.snapshots: 1000000 exceeds the"],
        ),
        (
            "tasks/digits/training/validation_share",
            0.9999,
            ["training.validation_share = 0.9999: leaves none of 1437 samples"],
        ),
        (
            "studies/ablation/tune/validation_share",
            1e-4,
            ["tune.validation_share: digits has no validation samples"],
        ),
        ("tasks/digits/dataset/test_share", 1e-3, ["test_share = 0.001: leaves 2 of 1797 samples"]),
        ("tasks/digits/dataset/active_channels", 513, ["active_channels = 513: must not exceed 512"]),
        (
            "tasks/digits/dataset",
            {"name": "synthetic_speech", "train_samples": 1201},
            ["train_samples = 1201: must not exceed the 1200 samples"],
        ),
        (
            "saccades",
            {"nmnist": "a", "mnist": "b", "saccades": {"sensor_size": 16}},
            ["saccades", "saccades.sensor_size = 16: must be 34 as in N-MNIST"],
        ),
    ],
)
def test_a_wrong_value_is_reported_in_one_line(
    smoke: dict[str, Any], path: str, value: Any, expected: list[str]
) -> None:
    with pytest.raises(ParameterError) as error:
        configuration.load(changed(smoke, path, value), "my.yaml")
    (line,) = str(error.value).splitlines()
    assert line.startswith("my.yaml: ")
    for part in expected:
        assert part in line


@pytest.mark.parametrize("model", [configuration.Configuration, Point])
def test_no_message_shows_a_regular_expression(model: type[BaseModel]) -> None:
    """pydantic's own patterns would; those of this project have words."""
    assert "'pattern': '" not in repr(model.__pydantic_core_schema__)


def test_accuracies_of_simulators_need_enough_samples_with_classes(smoke: dict[str, Any]) -> None:
    accuracy = {"samples": 90, "tuning_samples": 10, "validation_samples": 11}
    smoke["tasks"]["digits"]["dataset"] = {"name": "nmnist", "n_steps": 25, "train_samples": 100, "test_samples": 10}
    values = changed(smoke, "baselines/samples/accuracy", accuracy)
    line = "digits: samples + validation_samples = 101: must be at most its 100 training samples"
    with pytest.raises(ParameterError, match=f"^my.yaml: baselines.samples.accuracy: {re.escape(line)}$"):
        configuration.load(values, "my.yaml")
    values["baselines"]["samples"]["accuracy"]["samples"] = 89
    assert configuration.load(values, "my.yaml").baselines["samples"].accuracy is not None
    values["tasks"]["digits"]["dataset"] = {
        "name": "events",
        "train": "x",
        "n_steps": 25,
        "test_share": 0.2,
        "learn": "targets",
    }
    with pytest.raises(ParameterError, match=r"my.yaml: baselines.samples.accuracy: digits: its samples have no class"):
        configuration.load(values, "my.yaml")


@pytest.mark.parametrize(
    ("path", "value"),
    [("repeats", 0), ("tasks", []), ("seed", -1), ("trainin_samples", 5), ("training_samples", None), ("samples", 0)],
)
def test_an_error_names_its_key_even_if_a_kind_of_section_has_the_name_of_another(
    smoke: dict[str, Any], path: str, value: Any
) -> None:
    with pytest.raises(ParameterError, match=rf"^my.yaml: baselines.samples.{path}"):
        configuration.load(changed(smoke, f"baselines/samples/{path}", value), "my.yaml")


@pytest.mark.parametrize(
    ("tau_m", "key"),
    [
        ({"low": 0.0, "high": 1.0, "uniform": 1.0}, "tau_m.low = 0.0"),
        ({"low": 1.0, "uniform": {"high": 0.0}}, "tau_m.high: Field required"),
    ],
)
def test_an_unknown_key_does_not_hide_the_key_of_another_error(smoke: dict[str, Any], tau_m: Any, key: str) -> None:
    with pytest.raises(ParameterError) as error:
        configuration.load(changed(smoke, "tasks/digits/network/neuron/tau_m", tau_m), "my.yaml")
    first, second = str(error.value).splitlines()
    assert first.startswith(f"my.yaml: tasks.digits.network.neuron.{key}")
    assert second.startswith("my.yaml: tasks.digits.network.neuron.tau_m.uniform: no such key")


def test_many_errors_are_counted_and_long_values_are_cut(smoke: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as error:
        configuration.load(changed(smoke, "studies/learning/seeds", ["x" * 10_000] * 1000), "my.yaml")
    *lines, last = str(error.value).splitlines()
    assert len(lines) == 20 and max(map(len, lines)) < 250
    assert last == "my.yaml: 980 other values are not allowed either"


def test_a_long_list_of_seeds_is_looked_at_once() -> None:
    """Each seed is compared with others by its hash: were it with all others, this would count to 10^10."""

    class Counted(int):
        comparisons = 0

        def __eq__(self, other: object) -> bool:
            Counted.comparisons += 1
            return int(self) == other

        def __hash__(self) -> int:
            return hash(int(self))

    parsing.different([Counted(number) for number in range(100_000)])
    assert Counted.comparisons < 1_000_000


def test_looks_of_figures_are_as_many_as_the_configuration_allows() -> None:
    assert len(style.COLOURS) == len(style.MARKERS) == values.LOOKS
    assert len(thinning_curves.LINES) == studies_parameters.SERIES


def test_each_error_has_its_own_line(smoke: dict[str, Any]) -> None:
    values = changed(changed(smoke, "tasks/digits/training/epochs", 0), "studies/learning/sedes", [1])
    with pytest.raises(ParameterError) as error:
        configuration.load(values, "my.yaml")
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(("text", "number"), [("5e-3", 5e-3), ("1E6", 1e6), ("-2.5e+1", -25.0), (".5e0", 0.5)])
def test_numbers_may_be_written_without_a_dot(text: str, number: float) -> None:
    assert configuration._read_numbers({"a": [text]}) == {"a": [number]}


@pytest.mark.parametrize("text", ["e5", "5e", "0x1e5", "digits", "1e5 "])
def test_other_text_stays_text(text: str) -> None:
    assert configuration._read_numbers(text) == text


@pytest.mark.parametrize(
    ("seeds", "allowed"), [([1, 2, 3], True), ([0, 4, 5, 1, 2, 9], True), ([1, 2], False), ([1, 2, 3, 4], False)]
)
def test_seeds_must_test_all_folds_equally_often(smoke: dict[str, Any], seeds: list[int], allowed: bool) -> None:
    values = changed(changed(smoke, "tasks/digits/training/folds", 3), "studies", {})
    values["studies"] = {"learning": {"tasks": ["digits"], "seeds": seeds}}
    if allowed:
        configuration.load(values, "my.yaml")
    else:
        with pytest.raises(ParameterError, match=r"studies.learning.seeds: must test each of the 3 folds of digits"):
            configuration.load(values, "my.yaml")


@pytest.mark.parametrize(("seeds", "allowed"), [([10, 11, 12], True), ([10, 11], False), ([10, 11, 12, 13], False)])
def test_a_search_must_hold_out_all_folds_equally_often(smoke: dict[str, Any], seeds: list[int], allowed: bool) -> None:
    values = changed(changed(smoke, "tasks/digits/training/folds", 3), "studies", {})
    tune = {"values": {KAPPA: [0.8, 0.9]}, "seeds": seeds}
    values["studies"] = {"learning": {"tasks": ["digits"], "seeds": [1, 2, 3], "tune": tune}}
    if allowed:
        configuration.load(values, "my.yaml")
    else:
        with pytest.raises(ParameterError, match=r"learning.tune.seeds: must test each of the 3 folds of digits"):
            configuration.load(values, "my.yaml")


def test_a_search_needs_validation_samples(smoke: dict[str, Any]) -> None:
    values = changed(smoke, "tasks/digits/training/validation_share", 0.0)
    configuration.load(values, "my.yaml")  # the search has a share of its own
    del values["studies"]["ablation"]["tune"]["validation_share"]
    with pytest.raises(ParameterError, match=r"^my.yaml: studies.ablation.tune.validation_share: digits has no"):
        configuration.load(values, "my.yaml")


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("ranks", 2, "1"),
        ("learning_rate_schedule", {"kind": "list", "factors": [1.0, 0.5]}, "constant"),
    ],
)
def test_sensitivity_needs_a_plain_training(smoke: dict[str, Any], key: str, value: Any, allowed: str) -> None:
    with pytest.raises(
        ParameterError, match=rf"^my.yaml: sensitivity.tasks: digits: training.{key}: must be {allowed}$"
    ):
        configuration.load(changed(smoke, f"tasks/digits/training/{key}", value), "my.yaml")


def test_sensitivity_needs_an_input_spike(smoke: dict[str, Any]) -> None:
    values = changed(smoke, "tasks/sine_waves/dataset/input_rate", 0.0)
    values["sensitivity"]["tasks"] = ["sine_waves"]
    with pytest.raises(ParameterError, match=r"^my.yaml: sensitivity.tasks: sine_waves has no input spike"):
        configuration.load(values, "my.yaml")


def test_what_a_comparison_trains_is_checked_as_well_as_what_it_times(smoke: dict[str, Any]) -> None:
    values = changed(smoke, "tasks/digits/network/input/delay", 2)
    values["baselines"]["samples"]["changes"] = {"network.input.delay": 1}
    with pytest.raises(ParameterError, match=r"^my.yaml: baselines.samples.tasks: digits: network.input.delay = 2"):
        configuration.load(values, "my.yaml")


def test_an_error_names_its_tasks_unless_it_concerns_all(smoke: dict[str, Any]) -> None:
    values = changed(smoke, "tasks/more_digits", smoke["tasks"]["digits"])
    study = {"tasks": ["digits", "more_digits"], "seeds": [1]}
    values["tasks"]["more_digits"]["network"]["output"]["connectivity"] = {"rule": "fixed_in_degree", "in_degree": 5}
    values["studies"] = {"of_both": study | {"variants": {"a": {"network.inptu.delay": 1}}}}
    values["studies"]["of_one"] = study | {"vary": {"network.output.connectivity.in_degree": [5, 10]}}
    with pytest.raises(ParameterError) as error:
        configuration.load(values, "my.yaml")
    of_both, of_one = str(error.value).splitlines()
    assert of_both.startswith("my.yaml: studies.of_both.variants.a: network.inptu: no such key")
    assert of_one.startswith("my.yaml: studies.of_one.vary: digits: network.output.connectivity.in_degree: no such key")


def test_learning_curves_may_combine_tasks_with_accuracy_and_with_loss(smoke: dict[str, Any]) -> None:
    assert configuration.load(smoke, "smoke.yaml").studies["learning"].tasks == ["digits", "sine_waves"]


def test_folds_cannot_be_combined_with_the_choice_of_channels(smoke: dict[str, Any]) -> None:
    values = changed(smoke, "tasks/digits/dataset", {"name": "nmnist", "active_channels": 100})
    configuration.load(values, "my.yaml")
    with pytest.raises(ParameterError, match=r"training.folds needs dataset.active_channels = null"):
        configuration.load(changed(values, "tasks/digits/training/folds", 2), "my.yaml")


def test_a_point_is_the_task_with_its_changes(smoke: dict[str, Any]) -> None:
    loaded = configuration.load(smoke, "smoke.yaml")
    point = loaded.point("digits", {DENSITY: 0.5})
    network = point.network_for(n_input=30, n_readout=10)
    assert (network.n_input, network.n_readout, network.n_recurrent) == (30, 10, 50)
    assert network.input.connectivity.probability == 0.5  # type: ignore[union-attr]
    assert loaded.point("digits", {}) == loaded.tasks["digits"]


def test_a_weak_network_grows_with_the_ranks_and_a_strong_one_does_not(smoke: dict[str, Any]) -> None:
    scaling = configuration.load(smoke, "smoke.yaml").scaling
    for name, growth in {"strong": 1, "weak": 3}.items():
        one, three = scaling[name].network_on(1), scaling[name].network_on(3)
        assert one == scaling[name].network
        assert (three.n_input, three.n_recurrent) == (growth * one.n_input, growth * one.n_recurrent)
        assert three.n_readout == one.n_readout
        assert three.recurrent == one.recurrent


def test_a_network_is_that_of_several_ranks(smoke: dict[str, Any]) -> None:
    """Sizes are in proportion, rounded up; a neuron gets as many inputs, and a readout reaches as many neurons."""
    feedback = {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.25}}
    values = changed(smoke, "scaling/weak/network/feedback", feedback)
    values["scaling"]["weak"] |= {"ranks_of_network": 4, "readouts_grow": True}
    scaling = configuration.load(values, "smoke.yaml").scaling["weak"]
    given = scaling.network
    for n_ranks in (1, 4, 6):
        network = scaling.network_on(n_ranks)
        sizes = [(getattr(network, size), getattr(given, size)) for size in ("n_input", "n_recurrent", "n_readout")]
        assert all(4 * (now - 1) < n_ranks * before <= 4 * now for now, before in sizes)
        probability = network.feedback.connectivity.probability  # type: ignore[union-attr]
        assert probability * n_ranks == pytest.approx(0.25 * 4)
        assert network.recurrent == given.recurrent
    assert scaling.network_on(4) == given


def test_mean_degrees_stay_the_same_where_the_network_grows(smoke: dict[str, Any]) -> None:
    """A connection probability decreases as the number of sources grows, for feedback as that of targets grows."""
    feedback = {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.5}}
    values = changed(smoke, "scaling/weak/network/feedback", feedback)
    scaling = configuration.load(values, "smoke.yaml").scaling["weak"]
    network = scaling.network_on(4)
    assert network.feedback.connectivity.probability == 0.125  # type: ignore[union-attr]
    assert network.recurrent == scaling.network.recurrent


def test_documentation_is_up_to_date() -> None:
    for file, text in documentation.documents(PROJECT).items():
        assert file.read_text(encoding="utf-8") == text, "run python -m workflow.lib.documentation"


def test_every_key_is_explained(schema: dict[str, Any]) -> None:
    definitions = schema["$defs"]
    groups = ("$ref", "oneOf")
    unexplained = [
        f"{name}.{key}"
        for name, model in definitions.items()
        for key, field in model["properties"].items()
        if "description" not in field and "const" not in field and not any(group in field for group in groups)
    ]
    assert unexplained == []
