"""What is wrong with a plug-in is said in one line: where it is used, before anything runs if its code shows it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
NETWORK = "{n_recurrent: 4, plasticity: {optimizer: {learning_rate: 1e-3}}}"
TASK = """
from typing import ClassVar, Literal
import numpy as np
from eprop_core.tasks.classification import Classification
from eprop_core.tasks.parameters import Generated

class Own(Generated):
    implementation: ClassVar[str] = __name__
    name: Literal["own"]
    n_steps: int = 5

    @property
    def sizes(self):
        return 3, 2

class Samples(Classification):
    def __init__(self, n_input, **options):
        super().__init__(n_samples=2, n_steps=5, n_input=n_input, n_readout=2, **options)

    def label(self, sample):
        return 0

    def events(self, sample):
        return np.array([0, 1]), np.array([0, 1])

def generate(parameters, *, dt, seed, learning_window, loss):
    return Samples(3, learning_window=learning_window, loss=loss), None
"""
DATASET = """
from typing import ClassVar, Literal
import numpy as np
from eprop_core.datasets.events import EventDataset, Splits
from eprop_core.datasets.parameters import DatasetParameters

class Own(DatasetParameters):
    implementation: ClassVar[str] = __name__
    name: Literal["own"]
    n_steps: int = 5
    has_validation: ClassVar[bool] = False

def samples(n):
    return EventDataset.from_samples([(np.array([0, 1]), np.array([0, 1]))] * n, np.arange(n) % 2, 3, 5, 2)

def read(parameters):
    return Splits(samples(4), samples(2))
"""
GRADIENT = """
import math

def own(u):
    return math.exp(-u * u)
"""
SIZES = "    @property\n    def sizes(self):\n        return 3, 2\n"
EVENTS = "return np.array([0, 1]), np.array([0, 1])"
GENERATED = "return Samples(3, learning_window=learning_window, loss=loss), None"
READ = "return Splits(samples(4), samples(2))"


def changed(code: str, old: str, new: str) -> str:
    assert code.count(old) == 1
    return code.replace(old, new)


def installed(directory: Path, kind: str, code: str) -> dict[str, str]:
    """Install the module ``other`` with a plug-in ``own`` of a kind; return the environment that finds it."""
    folder = directory / "site"
    metadata = folder / "other-2.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "other.py").write_text(code, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 2.0\n", encoding="utf-8")
    attribute = "own" if kind == "surrogate_gradients" else "Own"
    (metadata / "entry_points.txt").write_text(f"[eprop_core.{kind}]\nown = other:{attribute}\n", encoding="utf-8")
    return os.environ | {"PYTHONPATH": f"{folder}:{PROJECT}", "NUMBA_DISABLE_JIT": "1"}


def python(environment: dict[str, str], directory: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def load(environment: dict[str, str], directory: Path, task: str) -> subprocess.CompletedProcess[str]:
    """Read a configuration with one task, as Snakemake does."""
    text = f"tasks: {{a: {{{task}, training: {{epochs: 1, learning_window: 1}}}}}}"
    program = f"""
import sys, yaml
from eprop_core import configuration
try:
    configuration.load(yaml.safe_load({text!r}), "my.yaml")
except configuration.ParameterError as error:
    sys.exit(str(error))
"""
    return python(environment, directory, program)


def using(kind: str, environment: dict[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    if kind != "surrogate_gradients":
        return load(environment, directory, f"dataset: {{name: own}}, network: {NETWORK}")
    network = NETWORK.replace("}}", "}}, neuron: {surrogate_gradient: {function: own}}", 1)
    return load(environment, directory, f"dataset: {{name: digits}}, network: {network}")


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        ("tasks", SIZES, "", "class Own: needs the field or property sizes (NotImplementedError)"),
        ("tasks", "    n_steps: int = 5\n", "", "class Own: needs the field or property n_steps (AttributeError: "),
        ("tasks", "return 3, 2", "return 3", "class Own: sizes = 3: Input should be a valid tuple"),
        ("tasks", "return 3, 2", "return 1 // 0", "line 14, in sizes, of other 2.0: ZeroDivisionError: "),
        ("tasks", "    @property\n", "", "class Own: sizes = <bound method "),
        ("tasks", "int = 5", "float = 5.0", "class Own: n_steps = 5.0: Input should be a valid integer"),
        ("tasks", "int = 5", "int = 5\n    x: set = {1}", "its values, written as JSON: x = [1]: "),
        ("tasks", "int = 5", "int = 5\n    x: 'Nothing' = 1", "Own is no model of parameters (PydanticUndefined"),
        ("tasks", "int = 5", "int = 5\n    def __init__(self): ...", "must be a function __init__(self, *, name, n_st"),
        (
            "tasks",
            "int = 5",
            "int = 5\n    def model_post_init(self, _): {}[0]",
            "in model_post_init, of other 2.0: KeyE",
        ),
        ("tasks", "def generate(", "def make(", "generate: must be a function generate(parameters, *, dt, seed, "),
        ("tasks", "*, dt, seed", "*, seed", "loss) (got an unexpected keyword argument 'dt')"),
        ("tasks", "(parameters, *,", "(parameters, more, *,", "loss) (missing a required argument: 'more')"),
        ("tasks", "import numpy", "import nowhere", ", line 3, in <module>, of other 2.0: ModuleNotFoundError: "),
        ("tasks", "class Own", "raise SystemExit(0)\nclass Own", "cannot be imported ("),
        ("tasks", "class Own(", "clss Own(", "cannot be imported (SyntaxError: invalid syntax (other.py, line 7))"),
        ("tasks", 'Literal["own"]', "str", 'a subclass of eprop_core.tasks.parameters.Generated with name: Literal["o'),
        ("tasks", "= __name__", "= 'gone'", "its attribute `implementation` must name a module"),
        ("datasets", "def read(", "def other(", "read: must be a function read(parameters), not NoneType"),
        ("datasets", "def read(parameters", "def read(", "read(parameters) (too many positional arguments)"),
        ("datasets", "[bool] = False", "[str] = 'no'", "class Own: has_validation = 'no': "),
        ("surrogate_gradients", "own(u)", "own(u, height)", "own(u) (missing a required argument: 'height')"),
        ("surrogate_gradients", "own(u)", "owner(u)", "(AttributeError: module 'other' has no attribute 'own')"),
        ("surrogate_gradients", "import math", "import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("surrogate_gradients", "math.exp(-u * u)", "None", "is None at u = 0, must be a number from 0 to 1"),
        ("surrogate_gradients", "math.exp(-u * u)", "math.nan", "is nan at u = 0, must be a number from 0 to 1"),
        ("surrogate_gradients", "math.exp(-u * u)", "2.0 - u", "is 2.0 at u = 0, must be a number from 0 to 1"),
        ("surrogate_gradients", "math.exp(-u * u)", "1 / u", "in own, of other 2.0: ZeroDivisionError: "),
        ("surrogate_gradients", "def own(u):\n    return", "own =", "NameError: name 'u' is not defined"),
        ("surrogate_gradients", "def own(u):\n    return math.exp(-u * u)", "own = 3", "a function own(u), not int"),
    ],
)
def test_a_wrong_plug_in_is_refused_in_one_line_where_it_is_used(
    kind: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    code = {"tasks": TASK, "datasets": DATASET, "surrogate_gradients": GRADIENT}[kind]
    environment = installed(tmp_path, kind, changed(code, old, new))
    refused = using(kind, environment, tmp_path)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert message in line
    assert line.startswith("my.yaml: ") and str(tmp_path / "site" / "other.py") in line
    without = load(environment, tmp_path, f"dataset: {{name: digits}}, network: {NETWORK}")
    assert (without.returncode, without.stderr) == (0, "")


@pytest.mark.parametrize(("kind", "code"), [("tasks", TASK), ("datasets", DATASET), ("surrogate_gradients", GRADIENT)])
def test_a_right_plug_in_is_read(kind: str, code: str, tmp_path: Path) -> None:
    done = using(kind, installed(tmp_path, kind, code), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("{0: 1.0}.get(str(u), float('0'))", "numba cannot compile it ("),
        ("0.5 if u < 2000 else 0.5j", "returns, compiled, a value of type complex128; must be a number"),
    ],
)
def test_a_surrogate_gradient_that_cannot_be_compiled_is_refused(returned: str, message: str, tmp_path: Path) -> None:
    environment = installed(tmp_path, "surrogate_gradients", changed(GRADIENT, "math.exp(-u * u)", returned))
    program = "from eprop_core.experiments import command_line\nfrom eprop_core.model import surrogate\n"
    program += "command_line.run(lambda: surrogate.kind_of('own'))"
    refused = python(environment | {"NUMBA_DISABLE_JIT": "0"}, tmp_path, program)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("error: entry point own of eprop_core.surrogate_gradients (other 2.0, ")
    assert message in line


RUN = """
import numpy as np
from eprop_core.experiments import command_line
from eprop_core.tasks.generate import generate
from eprop_core.tasks.registry import GENERATED_TASKS

def run():
    (own,) = [kind for kind in GENERATED_TASKS if kind.__module__ == "other"]
    task, _ = generate(own(name="own"), dt=1.0, seed=1, learning_window=None, loss="mean_squared_error")
    task.stimulus(np.arange(2))

command_line.run(run)
"""
TARGET = "return 0\n    def target(self, sample):\n        return "


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GENERATED, "return None", "generate must return the task to learn and the one to test or None, not NoneType"),
        (GENERATED, "return 1, None", "the task to learn must be an object of a subclass of eprop_core.tasks.task.Ta"),
        ("Samples(3", "Samples(4", "the task to learn has n_input = 4; its parameters state 3"),
        ("n_samples=2", "n_samples=0", "the task to learn must have n_samples, a whole number of at least 1"),
        ("super().__init__", "dict", "the task to learn has n_steps = None; its parameters state 5"),
        ("label(self, sample)", "label(self)", "label: must be a function label(sample) (too many positional arg"),
        ("return 0\n", "return 0\n    validation = [7]\n", "validation must hold numbers of its 2 samples"),
        (
            EVENTS,
            "return np.zeros((5, 3))",
            "pair of arrays, not ndarray of shape (5, 3) and type float64 (Samples in ",
        ),
        (EVENTS, "return [0.5], [1]", "sample 0: steps has dtype float64: must be int64 (Samples in "),
        (EVENTS, "return [1], [1, 2]", "sample 0: events: steps (1,) and channels (2,) must be equally long"),
        (EVENTS, "return [5], [0]", "sample 0: input spike in step 5: must be in 0..4 (Samples in "),
        (EVENTS, "return [0], [3]", "sample 0: input spike in channel 3: must be in 0..2 (Samples in "),
        (EVENTS, "return [1, 0], [0, 0]", "sample 0: steps of the events must not descend (Samples in "),
        ("return 0\n", 'return "left"\n', "label = left: must be a whole number from 0 to 1 (Samples in "),
        ("return 0\n", "return np.arange(2)\n", "label = [0 1]: must be a whole number from 0 to 1 (Samples in "),
        (
            "return 0\n",
            f"{TARGET}np.zeros(7)\n",
            "the target must be numbers that broadcast to (n_steps, n_readout) = ",
        ),
        ("return 0\n", f"{TARGET}None\n", "the target must be finite (Samples in "),
    ],
)
def test_wrong_samples_are_refused_in_one_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    refused = python(installed(tmp_path, "tasks", changed(TASK, old, new)), tmp_path, RUN)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert message in line
    assert line.startswith("error: ") and f"{tmp_path / 'site' / 'other.py'} of other 2.0" in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (READ, "return None", "read must return eprop_core.datasets.events.Splits, not NoneType"),
        (READ, "return Splits(samples(4), None)", "test must be an EventDataset, not NoneType"),
        (READ, "return Splits(samples(0), samples(2))", "train has no samples"),
        (READ, "return Splits(samples(4), samples(2), notes={'a': {1}})", "notes must be values of JSON ("),
        (READ, "return Splits(samples(4), samples(2), origins={'a': 1})", "origins must be objects of "),
        ("= False", "= True", "has_validation is True, unlike what read returns"),
        ("int = 5", "int = 6", "train has 5 steps per sample; its parameters state 6"),
        (
            "int = 5",
            "int = 5\n    sizes: ClassVar = (4, 2)",
            "(3, 2) channels and outputs; its parameters state (4, 2)",
        ),
        ("[0, 1]), np", "[0.5, 1]), np", "DatasetError: sample 0: steps: of type float64; expected integers"),
        (READ, "raise KeyError('a')", "line 18, in read, of other 2.0: KeyError: 'a'"),
        (READ, "raise SystemExit(0)", "line 18, in read, of other 2.0: SystemExit: 0"),
    ],
)
def test_a_wrong_data_set_is_refused_in_one_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    environment = installed(tmp_path, "datasets", changed(DATASET, old, new))
    (tmp_path / "own.json").write_text('{"name": "own"}', encoding="utf-8")
    program = "import sys\nfrom eprop_core.datasets import prepare\nsys.exit(prepare.main(['own.json', 'prepared']))"
    refused = python(environment, tmp_path, program)
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("error: ")]
    assert message in line
    assert str(tmp_path / "site" / "other.py") in line
    assert not (tmp_path / "prepared").exists()


def test_an_exception_in_a_plug_in_ends_in_one_line_below_the_traceback_of_its_own_code(tmp_path: Path) -> None:
    failed = python(installed(tmp_path, "tasks", changed(TASK, EVENTS, "return 1 // 0")), tmp_path, RUN)
    file = tmp_path / "site" / "other.py"
    message = "ZeroDivisionError: integer division or modulo by zero"
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == f"error: {file}, line 25, in events, of other 2.0: {message}"
    assert failed.stderr.startswith(f'Traceback (most recent call last):\n  File "{file}", line 25, in events\n')
    assert "eprop_core" not in failed.stderr


def test_snakemake_warns_of_a_broken_plug_in_that_is_not_used(tmp_path: Path) -> None:
    environment = installed(tmp_path, "datasets", "import nowhere")
    (tmp_path / "my.yaml").write_text("{}", encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--snakefile", PROJECT / "Snakefile"]
    command += ["--directory", tmp_path, "--configfile", tmp_path / "my.yaml"]
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("warning: ")]
    assert line.startswith("warning: entry point own of eprop_core.datasets (other 2.0, ")
    assert line.endswith("line 1, in <module>, of other 2.0: ModuleNotFoundError: No module named 'nowhere')")
