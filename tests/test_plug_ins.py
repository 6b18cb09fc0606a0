"""Faulty plug-ins end in one line where they are used, before any job if the fault can be seen in their code."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core import plug_ins
from eprop_core.datasets import prepare
from eprop_core.datasets.parameters import DatasetParameters, Digits
from eprop_core.datasets.registry import check_dataset
from eprop_core.errors import DatasetError
from eprop_core.model import surrogate
from eprop_core.parameters import PLUG_IN_SURROGATE_GRADIENTS, plug_in_surrogate_gradient
from eprop_core.parsing import ParameterError, parse
from eprop_core.plug_ins import DATASETS, SURROGATE_GRADIENTS, TASKS
from eprop_core.stimulus import StimulusError
from eprop_core.tasks.generate import generate
from eprop_core.tasks.parameters import GENERATE, Generated, SineWaves, StatedByTask

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


Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs the module ``other`` with a plug-in ``own`` of a group."""
    metadata = tmp_path / "other-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 2.0\n", encoding="utf-8")
    caches = (plug_ins.distribution, plug_in_surrogate_gradient, surrogate.kind_of, surrogate.function_of)

    def write(group: str, code: str) -> None:
        (tmp_path / "other.py").write_text(code, encoding="utf-8")
        attribute = "own" if group == SURROGATE_GRADIENTS else "Own"
        (metadata / "entry_points.txt").write_text(f"[{group}]\nown = other:{attribute}\n", encoding="utf-8")
        (found,) = Distribution.discover(path=[str(tmp_path)])
        monkeypatch.setattr(plug_ins, "_entry_points", lambda: found.entry_points)

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plug_ins, "PROBLEMS", [])
    for cache in caches:
        cache.cache_clear()
    yield write
    sys.modules.pop("other", None)
    for cache in caches:
        cache.cache_clear()


def parameters(group: str) -> Any:
    """Return the parameters of the installed plug-in, read as a configuration is."""
    if group == TASKS:
        *_, own = plug_ins.with_plug_ins(group, Generated, SineWaves)
        read: Any = parse(own, {"name": "own"})
        plug_ins.check(read, StatedByTask, GENERATE)
        return read
    *_, own = plug_ins.with_plug_ins(group, DatasetParameters, Digits)
    read = parse(own, {"name": "own"})
    check_dataset(read)
    return read


def gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the installed surrogate gradient."""
    found, _ = plug_ins.found(SURROGATE_GRADIENTS, ())
    monkeypatch.setitem(PLUG_IN_SURROGATE_GRADIENTS, "own", found["own"])
    plug_in_surrogate_gradient("own")


def line_of(error: pytest.ExceptionInfo[Exception], directory: Path) -> str:
    """Return the message of an error, one line that names the file of the plug-in."""
    assert "\n" not in str(error.value)
    assert str(directory / "other.py") in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("group", "old", "new", "message"),
    [
        (TASKS, SIZES, "", "class Own: needs the field or property sizes (NotImplementedError)"),
        (TASKS, "    n_steps: int = 5\n", "", "class Own: needs the field or property n_steps (AttributeError: "),
        (TASKS, "return 3, 2", "return 3", "class Own: sizes = 3: Input should be a valid tuple"),
        (TASKS, "return 3, 2", "return 1 // 0", "line 14, in sizes, of other 2.0: ZeroDivisionError: "),
        (TASKS, "    @property\n", "", "class Own: sizes = <bound method "),
        (TASKS, "int = 5", "float = 5.0", "class Own: n_steps = 5.0: Input should be a valid integer"),
        (TASKS, "int = 5", "int = 5\n    x: set = {1}", "its values, written as JSON: x = [1]: "),
        (TASKS, "int = 5", "int = 5\n    x: 'Nothing' = 1", "Own is no model of parameters (PydanticUndefined"),
        (TASKS, "int = 5", "int = 5\n    def __init__(self): ...", "must be a function __init__(self, *, name, n_st"),
        (TASKS, "int = 5", "int = 5\n    def model_post_init(self, _): {}[0]", "in model_post_init, of other 2"),
        (TASKS, "def generate(", "def make(", "generate: must be a function generate(parameters, *, dt, seed, "),
        (TASKS, "*, dt, seed", "*, seed", "loss) (got an unexpected keyword argument 'dt')"),
        (TASKS, "(parameters, *,", "(parameters, more, *,", "loss) (missing a required argument: 'more')"),
        (TASKS, "import numpy", "import nowhere", ", line 3, in <module>, of other 2.0: ModuleNotFoundError: "),
        (TASKS, "class Own", "raise SystemExit(0)\nclass Own", "cannot be imported ("),
        (TASKS, "class Own(", "clss Own(", "cannot be imported (SyntaxError: invalid syntax (other.py, line 7))"),
        (TASKS, 'Literal["own"]', "str", 'a subclass of eprop_core.tasks.parameters.Generated with name: Literal["o'),
        (TASKS, "= __name__", "= 'gone'", "its attribute `implementation` must name a module"),
        (DATASETS, "def read(", "def other(", "read: must be a function read(parameters), not NoneType"),
        (DATASETS, "def read(parameters", "def read(", "read(parameters) (too many positional arguments)"),
        (DATASETS, "[bool] = False", "[str] = 'no'", "class Own: has_validation = 'no': "),
        (
            DATASETS,
            "[bool] = False",
            "[bool] = False\n    def is_here(self, more): ...",
            "is_here() (missing a required",
        ),
    ],
)
def test_a_wrong_task_or_data_set_is_refused_in_one_line(
    group: str, old: str, new: str, message: str, install: Install, tmp_path: Path
) -> None:
    install(group, changed(TASK if group == TASKS else DATASET, old, new))
    with pytest.raises(ParameterError) as error, plug_ins.blaming():
        parameters(group)
    assert message in line_of(error, tmp_path)


def test_right_plug_ins_are_read(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    for group, code in ((TASKS, TASK), (DATASETS, DATASET)):
        install(group, code)
        assert parameters(group).n_steps == 5
        sys.modules.pop("other")
    install(SURROGATE_GRADIENTS, GRADIENT)
    gradient(monkeypatch)
    assert plug_ins.PROBLEMS == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("own(u)", "own(u, height)", "own(u) (missing a required argument: 'height')"),
        ("own(u)", "owner(u)", "(AttributeError: module 'other' has no attribute 'own')"),
        ("import math", "import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("math.exp(-u * u)", "None", "is None at u = 0, must be a number from 0 to 1"),
        ("math.exp(-u * u)", "math.nan", "is nan at u = 0, must be a number from 0 to 1"),
        ("math.exp(-u * u)", "2.0 - u", "is 2.0 at u = 0, must be a number from 0 to 1"),
        ("math.exp(-u * u)", "1 / u", "in own, of other 2.0: ZeroDivisionError: "),
        ("def own(u):\n    return", "own =", "NameError: name 'u' is not defined"),
        ("def own(u):\n    return math.exp(-u * u)", "own = 3", "a function own(u), not int"),
    ],
)
def test_a_wrong_surrogate_gradient_is_refused_in_one_line(
    old: str, new: str, message: str, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(SURROGATE_GRADIENTS, changed(GRADIENT, old, new))
    with pytest.raises(ParameterError) as error:
        gradient(monkeypatch)
    assert message in line_of(error, tmp_path)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("{0: 1.0}.get(str(u), float('0'))", "numba cannot compile it ("),
        ("0.5 if u < 2000 else 0.5j", "returns, compiled, a value of type complex128; must be a number"),
    ],
)
def test_a_surrogate_gradient_that_cannot_be_compiled_is_refused(
    returned: str, message: str, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(SURROGATE_GRADIENTS, changed(GRADIENT, "math.exp(-u * u)", returned))
    gradient(monkeypatch)
    with pytest.raises(ParameterError) as error:
        surrogate.kind_of("own")
    assert message in line_of(error, tmp_path)


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
        (EVENTS, "return np.zeros((5, 3))", "not ndarray of shape (5, 3) and type float64 (Samples in "),
        (EVENTS, "return [0.5], [1]", "sample 0: steps has dtype float64: must be int64 (Samples in "),
        (EVENTS, "return [1], [1, 2]", "sample 0: events: steps (1,) and channels (2,) must be equally long"),
        (EVENTS, "return [5], [0]", "sample 0: input spike in step 5: must be in 0..4 (Samples in "),
        (EVENTS, "return [0], [3]", "sample 0: input spike in channel 3: must be in 0..2 (Samples in "),
        (EVENTS, "return [1, 0], [0, 0]", "sample 0: steps of the events must not descend (Samples in "),
        ("return 0\n", 'return "left"\n', "label = left: must be a whole number from 0 to 1 (Samples in "),
        ("return 0\n", "return np.arange(2)\n", "label = [0 1]: must be a whole number from 0 to 1 (Samples in "),
        ("return 0\n", f"{TARGET}np.zeros(7)\n", "the target must be numbers that broadcast to (n_steps, "),
        ("return 0\n", f"{TARGET}None\n", "the target must be finite (Samples in "),
    ],
)
def test_wrong_samples_are_refused_in_one_line(
    old: str, new: str, message: str, install: Install, tmp_path: Path
) -> None:
    install(TASKS, changed(TASK, old, new))
    read = parameters(TASKS)
    with pytest.raises((ParameterError, StimulusError)) as error:
        task, _ = generate(read, dt=1.0, seed=1, learning_window=None, loss="mean_squared_error")
        task.stimulus(np.arange(2))
    assert message in line_of(error, tmp_path)


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
            "int = 5\n    sizes: ClassVar[tuple[int, int]] = (4, 2)",
            "(3, 2) channels and readouts; its parameters",
        ),
        ("[0, 1]), np", "[0.5, 1]), np", "DatasetError: sample 0: steps: of type float64; expected integers"),
        (READ, "raise KeyError('a')", "line 17, in read, of other 2.0: KeyError: 'a'"),
        (READ, "raise SystemExit(0)", "line 17, in read, of other 2.0: SystemExit: 0"),
    ],
)
def test_a_wrong_data_set_is_refused_in_one_line(
    old: str, new: str, message: str, install: Install, tmp_path: Path
) -> None:
    install(DATASETS, changed(DATASET, old, new))
    read = parameters(DATASETS)
    with pytest.raises((ParameterError, DatasetError)) as error, plug_ins.blaming():
        prepare.read(read)
    assert message in line_of(error, tmp_path)


def test_an_exception_in_a_plug_in_has_one_line_and_the_traceback_of_its_own_code(
    install: Install, tmp_path: Path
) -> None:
    install(DATASETS, changed(DATASET, READ, "return 1 // 0"))
    read, file = parameters(DATASETS), tmp_path / "other.py"
    with pytest.raises(plug_ins.PlugInError) as error, plug_ins.blaming("a: "):
        prepare.read(read)
    message = "ZeroDivisionError: integer division or modulo by zero"
    assert str(error.value) == f"a: {file}, line 17, in read, of other 2.0: {message}"
    (note,) = error.value.__notes__
    assert note.startswith(f'Traceback (most recent call last):\n  File "{file}", line 17, in read\n')
    assert "eprop_core" not in note


def test_exceptions_of_this_project_keep_their_type() -> None:
    with pytest.raises(ZeroDivisionError), plug_ins.blaming():
        _ = 1 // 0
