"""The examples of docs/how_to/extending.md: plug-ins in a distribution, and changes of a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).parents[1]
TEXT = (PROJECT / "docs" / "how_to" / "extending.md").read_text(encoding="utf-8")
TRAINING = ("train_one_rank", "train_many_ranks")
TIMING = ("time_one_rank", "time_many_ranks")
PARTS = ("Snakefile", "config", "docs", "envs", "eprop_core", "profiles", "pyproject.toml", "simulators", "workflow")


class Block(NamedTuple):
    """A block of code and its file, which is the last one that the text names before the block."""

    file: str
    language: str
    content: str


def blocks() -> Iterator[Block]:
    file = ""
    for match in re.finditer(r"^`([\w./-]+)`:$|^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        if match[1]:
            file = match[1]
        else:
            yield Block(file, match[2], match[3])


def write(directory: Path, *, patches: bool) -> None:
    """Write the files of the text below ``directory`` and, with ``patches``, change existing files."""
    for block in blocks():
        file = directory / block.file
        if block.language != "diff":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.content, encoding="utf-8")
        elif patches:
            text = file.read_text(encoding="utf-8")
            lines = block.content.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -").removesuffix("\n")
            after = "".join(line[1:] for line in lines if line[0] in " +").removesuffix("\n")
            assert text.count(before) == 1, f"{block.file}: {text.count(before)} places for\n{block.content}"
            file.write_text(text.replace(before, after), encoding="utf-8")


class Checkout(NamedTuple):
    """A project, and the folders that Python searches before its environment."""

    project: Path
    path: list[Path]
    is_compiled: bool = True
    """Whether kernels are compiled: a changed project would compile all of them again."""

    def run(self, directory: Path, *command: object) -> str:
        """Return what a command prints."""
        search = os.pathsep.join(map(str, [*self.path, self.project]))
        environment = os.environ | {"PYTHONPATH": search}
        environment |= {} if self.is_compiled else {"NUMBA_DISABLE_JIT": "1"}
        run = subprocess.run(
            list(map(str, command)), cwd=directory, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout + run.stderr

    def python(self, directory: Path, program: str) -> str:
        return self.run(directory, sys.executable, "-c", program)

    def snakemake(self, directory: Path, *arguments: object) -> dict[str, int]:
        """Run Snakemake; return the number of jobs by rule."""
        call = [sys.executable, "-m", "snakemake", "--snakefile", self.project / "Snakefile", "--directory", directory]
        output = self.run(directory, *call, "--cores", 2, *arguments)
        rows = re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)
        return {rule: int(number) for rule, number in rows if rule not in ("all", "total", "parameters")}


def test_every_example_has_a_file() -> None:
    assert all(block.file for block in blocks())
    assert {block.language for block in blocks()} == {"python", "toml", "yaml", "diff"}
    changed = {block.file for block in blocks() if block.language == "diff"}
    assert all((PROJECT / file).exists() for file in changed)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("examples")
    write(directory, patches=False)
    return directory


@pytest.fixture(scope="module")
def installed(examples: Path) -> Checkout:
    """This project, with the plug-ins installed from their distribution."""
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", examples / "site"]
    subprocess.run([*map(str, command), str(examples / "eprop-examples")], check=True, capture_output=True)
    return Checkout(PROJECT, [examples / "site"])


def test_a_configuration_with_plug_ins_is_read_without_the_compiler(installed: Checkout, examples: Path) -> None:
    program = """
import sys, yaml
from eprop_core import configuration
with open("examples.yaml") as file:
    read = configuration.load(yaml.safe_load(file), "examples.yaml")
print(type(read.tasks["bars"].dataset).__name__, read.tasks["two_rates"].network.neuron.surrogate_gradient.function)
print({"numba", "sklearn"} & set(sys.modules))
"""
    assert installed.python(examples, program) == "Bars gaussian\nset()\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: bars", "name: bar", "dataset.name = 'bar': Input should be one of 'digits', 'mnist', "),
        ("two_rates}", "two_rates, n: 3}", "dataset.n: no such key where name is two_rates; "),
        ("gaussian}", "gauss}", "function = 'gauss': Input should be 'piecewise_linear', 'exponential', "),
    ],
)
def test_errors_of_plug_ins_read_like_those_of_built_in_parts(
    installed: Checkout, examples: Path, old: str, new: str, message: str
) -> None:
    text = (examples / "examples.yaml").read_text(encoding="utf-8")
    (examples / "wrong.yaml").write_text(text.replace(old, new), encoding="utf-8")
    program = """
import yaml
from eprop_core import configuration
try:
    configuration.load(yaml.safe_load(open("wrong.yaml").read()), "wrong.yaml")
except configuration.ParameterError as error:
    print(error)
"""
    output = installed.python(examples, program)
    assert message in output
    assert all(line.startswith("wrong.yaml: ") for line in output.splitlines())


@pytest.mark.parametrize(
    ("group", "entry", "message"),
    [
        (
            "surrogate_gradients",
            "arctan = eprop_examples.surrogate_gradients:gaussian",
            "piecewise_linear, exponential, ",
        ),
        ("surrogate_gradients", "gaussian = other:gaussian", " (other 2.0): eprop-examples 0.1.0 has this name, too"),
        (
            "surrogate_gradients",
            "Gauss = other:gaussian",
            "entry point Gauss of eprop_core.surrogate_gradients (other 2.0): a name has ",
        ),
        ("datasets", "gone = nowhere:Gone", "cannot be imported (ModuleNotFoundError: No module named 'nowhere')"),
        ("datasets", "lines = eprop_examples.parameters:Bars", 'DatasetParameters with name: Literal["lines"]'),
        ("datasets", "bars_2 = other:Bars2", "its attribute `implementation` must name a module"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_a_problem_of_its_own(
    installed: Checkout, tmp_path: Path, group: str, entry: str, message: str
) -> None:
    add_distribution(tmp_path, f"[eprop_core.{group}]\n{entry}\n")
    module = """
from typing import Literal
from eprop_core.datasets.parameters import DatasetParameters

class Bars2(DatasetParameters):
    name: Literal["bars_2"]
"""
    if "Bars2" in entry:
        (tmp_path / "other.py").write_text(module, encoding="utf-8")
    program = "from eprop_core import configuration, plug_ins\nprint(*plug_ins.PROBLEMS, sep='\\n')"
    problems = Checkout(PROJECT, [*installed.path, tmp_path]).python(PROJECT, program)
    assert message in problems
    assert problems.count("\n") == 1


def add_distribution(directory: Path, entry_points: str) -> None:
    metadata = directory / "other-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 2.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def test_a_broken_plug_in_that_is_not_used_is_a_warning(tmp_path: Path) -> None:
    add_distribution(tmp_path, "[eprop_core.datasets]\ngone = other:Gone\n")
    (tmp_path / "other.py").write_text("import nowhere\n", encoding="utf-8")
    (tmp_path / "my.yaml").write_text("{}", encoding="utf-8")
    call = [sys.executable, "-m", "snakemake", "--dry-run", "--snakefile", PROJECT / "Snakefile"]
    output = Checkout(PROJECT, [tmp_path]).run(tmp_path, *call, "--configfile", tmp_path / "my.yaml")
    (line,) = [line for line in output.splitlines() if line.startswith("warning: ")]
    assert line.startswith("warning: entry point gone of eprop_core.datasets (other 2.0, ")
    assert line.endswith("line 1, in <module>, of other 2.0: ModuleNotFoundError: No module named 'nowhere')")


def test_an_exception_in_a_plug_in_ends_a_program_with_one_line_below_its_traceback(
    examples: Path, tmp_path: Path
) -> None:
    shutil.copytree(examples / "eprop-examples" / "eprop_examples", tmp_path / "eprop_examples")
    add_distribution(tmp_path, "[eprop_core.tasks]\ntwo_rates = eprop_examples.parameters:TwoRates\n")
    file = tmp_path / "eprop_examples" / "two_rates.py"
    text = file.read_text(encoding="utf-8")
    assert text.count("random.integers(2)") == 1
    file.write_text(text.replace("random.integers(2)", "1 // 0"), encoding="utf-8")
    network = {"n_recurrent": 4, "plasticity": {"optimizer": {"learning_rate": 1e-3}}}
    task = {"dataset": {"name": "two_rates"}, "network": network, "training": {"epochs": 1}}
    (tmp_path / "task.json").write_text(json.dumps(task), encoding="utf-8")
    command = [sys.executable, "-m", "eprop_core.experiments.studies", "task.json", "--output", "result.json"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{PROJECT}", "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    traceback = run.stderr[run.stderr.index("Traceback") :]
    last = traceback.splitlines()[-1]
    assert last.startswith(f"error: {file}, line ")
    assert last.endswith(", in events, of other 2.0: ZeroDivisionError: integer division or modulo by zero")
    assert f'File "{PROJECT}' not in traceback
    assert not (tmp_path / "result.json").exists()


@pytest.fixture(scope="module")
def finished(installed: Checkout, examples: Path) -> Path:
    """A directory in which the examples of plug-ins have run: on one rank, and on two."""
    directory = examples / "run"
    directory.mkdir()
    jobs = installed.snakemake(directory, "--configfile", examples / "examples.yaml")
    expected = {"compile": 1, "prepare_dataset": 1, **dict.fromkeys((*TRAINING, *TIMING), 1)}
    assert {rule: jobs.get(rule) for rule in expected} == expected
    return directory


needs_two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two ranks on two cores")


@needs_two_cores
class TestPlugIns:
    def test_results_record_the_versions_of_plug_ins(self, finished: Path) -> None:
        results = [json.loads(file.read_text()) for file in (finished / "results" / "studies").glob("*/seed-1.json")]
        assert {result["parameters"]["dataset"]["name"] for result in results} == {"two_rates", "bars"}
        assert all(result["provenance"]["packages"]["eprop-examples"] == "0.1.0" for result in results)
        assert all(0.0 <= result["test"]["accuracy"] <= 1.0 for result in results)
        assert (finished / "results" / "figures" / "examples.svg").exists()
        timed = next((finished / "results" / "scaling").glob("gaussian-*/ranks-2_seed-1.json"))
        assert json.loads(timed.read_text())["provenance"]["ranks"] == 2

    @pytest.mark.parametrize(("dataset", "n_ranks"), [("two_rates", 1), ("bars", 2)])
    def test_results_are_the_same_on_one_rank_and_on_two(
        self, finished: Path, installed: Checkout, dataset: str, n_ranks: int
    ) -> None:
        task = next((finished / "results" / "parameters" / "tasks").glob(f"{dataset}-*.json"))
        result = json.loads((finished / "results" / "studies" / task.stem / "seed-1.json").read_text())
        assert result["provenance"]["ranks"] == n_ranks
        launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if launcher is None:
            pytest.skip("needs mpiexec")
        program = ["eprop_core.experiments.studies", task, "--output", "other_ranks.json"]
        program += [
            part for data in (finished / "results" / "datasets").glob(f"{dataset}-*") for part in ("--data", data)
        ]
        if n_ranks == 1:
            installed.run(finished, launcher, "-n", 2, sys.executable, "-m", "mpi4py", "-m", *program, "--ranks", 2)
        else:
            installed.run(finished, sys.executable, "-m", *program)
        other = json.loads((finished / "other_ranks.json").read_text())
        assert other["provenance"]["ranks"] == 3 - n_ranks
        assert other["test"] == result["test"]
        assert [point["training_loss"] for point in other["curve"]] == [
            point["training_loss"] for point in result["curve"]
        ]

    def test_compiled_code_is_loaded_from_the_cache(self, finished: Path, installed: Checkout) -> None:
        program = """
from eprop_core.experiments.compile import run_briefly
from eprop_core.model.loop import run_steps
from eprop_core.network.features import kind, network_of
network = network_of("dense-surrogate_gaussian")
run_briefly(network)
print(kind(network), sum(run_steps.stats.cache_misses.values()), sum(run_steps.stats.cache_hits.values()) > 0)
"""
        assert installed.python(finished, program) == "dense-surrogate_gaussian 0 True\n"

    @pytest.mark.parametrize(
        ("module", "old", "new", "repeated"),
        [
            ("surrogate_gradients", "-u * u", "-u * u * u", {"compile": 1, **dict.fromkeys((*TRAINING, *TIMING), 1)}),
            ("two_rates", "(2)", "(0, 2)", {"train_one_rank": 1}),
            ("bars", "0.4", "0.5", {"prepare_dataset": 1, "train_many_ranks": 1}),
            ("parameters", "(40, ge=1", "(40, ge=2", {"prepare_dataset": 1, **dict.fromkeys(TRAINING, 1)}),
            ("bars", "return Splits", "# a comment\n    return Splits", {}),
            ("surrogate_gradients", "Return exp", "It returns exp", {}),
        ],
    )
    def test_a_change_repeats_the_jobs_that_use_it(
        self,
        finished: Path,
        installed: Checkout,
        examples: Path,
        module: str,
        old: str,
        new: str,
        repeated: dict[str, int],
    ) -> None:
        file = examples / "site" / "eprop_examples" / f"{module}.py"
        text = file.read_text(encoding="utf-8")
        assert text.count(old) >= 1
        file.write_text(text.replace(old, new), encoding="utf-8")
        try:
            jobs = installed.snakemake(finished, "--configfile", examples / "examples.yaml", "--dry-run")
        finally:
            file.write_text(text, encoding="utf-8")
        computing = {"compile", "prepare_dataset", *TRAINING, *TIMING}
        assert {rule: number for rule, number in jobs.items() if rule in computing} == repeated

    def test_the_time_driven_model_has_the_same_surrogate_gradient(self, finished: Path, installed: Checkout) -> None:
        neuron = "{'surrogate_gradient': {'function': 'gaussian'}}"
        equal, changed = comparison(installed, finished, neuron=neuron, optimizer="{}")
        assert (equal, changed > 50) == (100, True)


def comparison(checkout: Checkout, directory: Path, **values: str) -> tuple[float, float]:
    """Run ``compare.py`` with other values; return the percentages of weights that are equal, and have changed.

    The network is of the kind that the examples have compiled.
    """
    (program,) = (block.content for block in blocks() if block.file == "compare.py")
    for name, value in values.items():
        program, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", program, flags=re.MULTILINE)
        assert found == 1
    equal, changed = re.findall(r"([\d.]+)%", checkout.python(directory, program))
    return float(equal), float(changed)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the project with all changes."""
    directory = tmp_path_factory.mktemp("changed")
    for part in PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(PROJECT / part, directory)
    write(directory, patches=True)
    return Checkout(directory, [], is_compiled=False)


class TestChanges:
    def test_an_added_optimizer_loss_and_surrogate_gradient_agree_with_the_time_driven_model(
        self, changed: Checkout, tmp_path: Path
    ) -> None:
        neuron, readout = "{'surrogate_gradient': {'function': 'cauchy'}}", "{'loss': 'absolute_error'}"
        equal, learned = comparison(changed, tmp_path, neuron=neuron, readout=readout)
        assert equal > 95 and learned > 50  # the sign of a gradient near zero is that of a rounding

    def test_an_added_loss_has_its_value(self, changed: Checkout, tmp_path: Path) -> None:
        program = """
import numpy as np
from eprop_core.recording.recording import Recording
from eprop_core.tasks.losses import LOSSES
from eprop_core.tasks.parameters import SineWaves
from eprop_core.tasks.regression import Regression

waves = SineWaves(name="sine_waves", periods=[100])
task = Regression(waves, dt=1.0, seed=1, learning_window=10, loss="absolute_error")
sample = np.zeros(1, np.int64)
none = np.zeros(0, np.int64)
readout = task.targets(sample)[0] - 0.5
print(task.score(sample, Recording(none, none, readout, np.zeros_like(readout))).loss)
"""
        assert float(changed.python(tmp_path, program)) == pytest.approx(5.0, rel=1e-12)

    def test_an_added_experiment_runs_once(self, changed: Checkout, tmp_path: Path) -> None:
        target = ("--configfile", changed.project / "footprint.yaml", "--", "footprint")
        jobs = changed.snakemake(tmp_path, *target)
        assert jobs == {"footprint": 1, "footprint_table": 1, "estimate_footprint": 1}
        table = (tmp_path / "results" / "tables" / "footprint.md").read_text(encoding="utf-8")
        assert re.search(r"\| +1000 \|", table)
        assert changed.snakemake(tmp_path, "--dry-run", *target) == {}

    def test_documents_are_generated_with_the_additions(self, changed: Checkout) -> None:
        changed.run(changed.project, sys.executable, "-m", "workflow.lib.documentation")
        pages = (changed.project / "docs" / "reference" / "configuration").glob("*.md")
        keys = "".join(page.read_text(encoding="utf-8") for page in pages)
        assert all(name in keys for name in ("cauchy", "sign_descent", "absolute_error", "Footprint"))
