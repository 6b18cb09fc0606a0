"""Teachers: the bits of a stimulus with the same targets, what their functions see, and what they may not return."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eprop_core import CompiledErrorTeacher, ErrorTeacher, ParameterError, Simulation, StimulusError, TargetTeacher
from eprop_core.parameters import PROJECTIONS
from eprop_core.teacher import Teacher
from eprop_core.verification.random_problem import Problem
from pieces import assert_same_bits
from small_problem import N_STEPS, small_problem
from thread_ranks import on_thread_ranks

DOCUMENT = Path(__file__).parents[2] / "docs" / "how_to" / "teachers.md"
UNIT_DELAYS = dict.fromkeys(PROJECTIONS, 1)
LONG_DELAYS = {"input": 2, "recurrent": 4, "output": 5, "feedback": 3}


def squared_error(step: int, readout: Any, target: Any, error: Any) -> None:
    for k in range(len(error)):
        error[k] = readout[k] - target[k]


def without_targets(problem: Problem) -> Any:
    """The same stimulus with targets that would teach something else."""
    stimulus = problem.stimulus
    return type(stimulus)(
        stimulus.n_steps,
        stimulus.input_steps,
        stimulus.input_channels,
        np.full_like(stimulus.target, 17.0),
        stimulus.learning_window,
    )


@pytest.mark.parametrize("every", [1, 3, 8, 70, N_STEPS + 1])
@pytest.mark.parametrize("delay", [UNIT_DELAYS, LONG_DELAYS])
def test_targets_from_a_teacher_give_the_bits_of_a_stimulus(every: int, delay: Any) -> None:
    problem = small_problem(8, delay=delay)
    network, connections, stimulus = problem
    rows = np.vstack([stimulus.target, np.zeros((every, network.n_readout))])
    with_targets, with_teacher = (Simulation(network, connections=connections) for _ in range(2))
    recording = with_targets.run(stimulus)
    assert len(recording.spike_steps) > 30
    taught = with_teacher.run(
        without_targets(problem), teacher=TargetTeacher(lambda step, readout: rows[step : step + every], every)
    )
    assert_same_bits(with_targets, with_teacher, recording, taught)
    learned = with_targets.weights("input").weight
    assert not np.array_equal(learned, connections["input"].weight)


def test_errors_from_a_teacher_give_the_bits_of_the_loss() -> None:
    network, connections, stimulus = small_problem(8)
    by_loss, by_function, in_compiled_code = (Simulation(network, connections=connections) for _ in range(3))
    recording = by_loss.run(stimulus)

    def errors(step: int, readout: np.ndarray) -> np.ndarray:
        return recording.error[step]

    assert_same_bits(by_loss, by_function, recording, by_function.run(stimulus, teacher=ErrorTeacher(errors)))
    compiled = in_compiled_code.run(stimulus, teacher=CompiledErrorTeacher(squared_error))
    assert_same_bits(by_loss, in_compiled_code, recording, compiled)


def test_errors_count_in_the_learning_window_alone() -> None:
    network, connections, stimulus = small_problem(8)
    window = stimulus.learning_window
    assert window.any() and not window.all()
    for teacher in (
        ErrorTeacher(lambda step, readout: np.ones(network.n_readout), 10),
        CompiledErrorTeacher(_ones),
    ):
        recording = Simulation(network, connections=connections).run(stimulus, teacher=teacher)
        assert np.array_equal(recording.error, np.repeat(window[:, np.newaxis], network.n_readout, 1).astype(float))


def _ones(step: int, readout: Any, target: Any, error: Any) -> None:
    error[:] = 1.0


def test_none_keeps_the_targets_or_means_no_errors() -> None:
    network, connections, stimulus = small_problem(8)
    by_stimulus, kept = (Simulation(network, connections=connections) for _ in range(2))
    recording = by_stimulus.run(stimulus)
    assert_same_bits(
        by_stimulus, kept, recording, kept.run(stimulus, teacher=TargetTeacher(lambda step, readout: None, 10))
    )
    simulation = Simulation(network, connections=connections)
    assert not simulation.run(stimulus, teacher=ErrorTeacher(lambda step, readout: None, 10)).error.any()


def test_a_teacher_sees_the_readouts_since_its_last_call() -> None:
    network, connections, stimulus = small_problem(8, delay=LONG_DELAYS)
    calls: list[tuple[int, np.ndarray]] = []

    def watch(step: int, readout: np.ndarray) -> None:
        with pytest.raises(ValueError, match="read-only"):
            readout[:] = 0.0
        calls.append((step, readout.copy()))

    recording = Simulation(network, connections=connections).run(stimulus, teacher=TargetTeacher(watch, 70))
    assert [step for step, _ in calls] == list(range(0, N_STEPS, 70))
    assert [len(readout) for _, readout in calls] == [0] + [70] * (len(calls) - 1)
    seen = np.vstack([readout for _, readout in calls])
    assert np.array_equal(seen, recording.readout[: len(seen)])
    assert seen.any()


def test_a_run_leaves_its_stimulus_and_the_loss_of_the_next_run_as_they_are() -> None:
    network, connections, stimulus = small_problem(8)
    target = stimulus.target.copy()
    simulation, other = (Simulation(network, connections=connections) for _ in range(2))
    simulation.run(stimulus, teacher=ErrorTeacher(lambda step, readout: np.zeros(network.n_readout), 10))
    other.run(stimulus, teacher=ErrorTeacher(lambda step, readout: None, 10))
    assert np.array_equal(stimulus.target, target)
    assert_same_bits(simulation, other, simulation.run(stimulus), other.run(stimulus))


@pytest.mark.parametrize("teacher", ["targets", "errors", "compiled"])
def test_a_teacher_gives_the_same_bits_on_several_ranks(teacher: str) -> None:
    network, connections, stimulus = small_problem(8, delay=LONG_DELAYS)

    def follow(step: int, readout: np.ndarray) -> np.ndarray:
        """Depends on the readouts and on all that came before."""
        return readout[-1:].sum(axis=0) * 0.5 + np.arange(network.n_readout)

    teachers: dict[str, Teacher] = {
        "targets": TargetTeacher(follow, 6),
        "errors": ErrorTeacher(follow, 6),
        "compiled": CompiledErrorTeacher(squared_error),
    }

    def outcome(communicator: Any) -> Any:
        simulation = Simulation(network, connections=connections, communicator=communicator)
        recording = simulation.run(stimulus, teacher=teachers[teacher])
        return recording.readout, recording.error, simulation.weights("input").weight

    alone = outcome(None)
    assert alone[1].any()
    for n_ranks in (2, 3):
        for of_rank in on_thread_ranks(n_ranks, outcome):
            assert all(np.array_equal(one, other) for one, other in zip(alone, of_rank, strict=True))


def test_an_error_of_a_teacher_ends_the_run_on_all_ranks() -> None:
    network, connections, stimulus = small_problem(8)

    def program(communicator: Any) -> str:
        def fail(step: int, readout: np.ndarray) -> None:
            if step == 100 and communicator.rank == 1:
                raise ValueError("the plant has burst")

        simulation = Simulation(network, connections=connections, communicator=communicator)
        with pytest.raises(ValueError, match=r"^the plant has burst$"):
            simulation.run(stimulus, teacher=TargetTeacher(fail, 10))
        return "ended"

    assert on_thread_ranks(2, program) == ["ended", "ended"]


@pytest.mark.parametrize(
    ("returned", "line"),
    [
        ([1.0], "step 0: the teacher returned the shape (1,): must be (2,) or (10, 2), or None"),
        (np.zeros((9, 2)), "step 0: the teacher returned the shape (9, 2): must be (2,) or (10, 2), or None"),
        ("abc", "step 0: what the teacher returned has dtype <U3: must be float64"),
        (
            [[1.0], [1.0, 2.0]],
            "step 0: what the teacher returned has parts of different lengths: must be an array of float64",
        ),
        ([1.0, np.nan], "step 0: the teacher returned a value that is not finite"),
    ],
)
@pytest.mark.parametrize("kind", [TargetTeacher, ErrorTeacher])
def test_a_wrong_value_gets_one_line(kind: Callable[..., Any], returned: Any, line: str) -> None:
    network, connections, stimulus = small_problem(8)
    assert network.n_readout == 2
    with pytest.raises(StimulusError, match=f"^{re.escape(line)}$"):
        Simulation(network, connections=connections).run(
            stimulus, teacher=kind(lambda step, readout: returned, every=10)
        )


@pytest.mark.parametrize("every", [0, -1, 2.0, True])
def test_the_steps_between_calls_are_a_whole_number(every: Any) -> None:
    with pytest.raises(StimulusError, match=r"^every = .*: must be a whole number of steps, at least 1$"):
        TargetTeacher(lambda step, readout: None, every)


@pytest.mark.needs_compiler
def test_a_function_that_cannot_be_compiled_gets_one_line() -> None:
    network, connections, stimulus = small_problem(8)

    def wrong(step: int, readout: Any, target: Any, error: Any) -> None:
        error[:] = no_such_name  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(StimulusError, match=r"^teacher: numba cannot compile its function \(.*no_such_name.*\)$"):
        Simulation(network, connections=connections).run(stimulus, teacher=CompiledErrorTeacher(wrong))


def test_what_is_no_teacher_gets_one_line() -> None:
    network, connections, stimulus = small_problem(8)
    with pytest.raises(ParameterError, match=r"^teacher = .*: must be a TargetTeacher, ErrorTeacher or Compiled"):
        Simulation(network, connections=connections).run(stimulus, teacher=squared_error)  # type: ignore[arg-type]


EXAMPLES = re.findall(r"<!-- tested -->\n```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", range(2))
def test_examples_of_the_document_learn(example: int, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(EXAMPLES[example], f"{DOCUMENT.name} {example}", "exec"), {})


def test_all_examples_are_tested() -> None:
    assert len(EXAMPLES) == 2
