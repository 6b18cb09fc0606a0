"""The training and test samples of a generated task."""

import importlib
import inspect
from typing import Any

import numpy as np

from eprop_core import plug_ins
from eprop_core.arrays import array_of
from eprop_core.parameters import Loss
from eprop_core.parsing import ParameterError, is_whole, kind_of, shown
from eprop_core.plug_ins import Call, check_callable
from eprop_core.tasks.classification import Classification
from eprop_core.tasks.parameters import Generated
from eprop_core.tasks.task import Task


def generate(
    parameters: Generated,
    *,
    dt: float,
    seed: int,
    learning_window: int | None,
    loss: Loss,
) -> tuple[Task, Task | None]:
    """Return what is learned, and what is shown once after training: None where nothing is held out.

    Parameters
    ----------
    parameters
        Parameters of the task; their ``implementation`` names the module that makes the samples.
    dt
        ms, length of a step.
    seed
        Seed of the samples.
    learning_window
        Steps at the end of each sample in which errors count; None: all.
    loss
        Loss whose gradient is the error.

    Raises
    ------
    ParameterError
        The module makes something else than these tasks.
    """
    module = importlib.import_module(parameters.implementation)
    where = f"task {parameters.name} ({plug_ins.described(module.__name__)})"
    made = module.generate(parameters, dt=dt, seed=seed, learning_window=learning_window, loss=loss)
    if not (isinstance(made, tuple | list) and len(made) == 2):
        raise ParameterError(
            f"{where}: generate must return the task to learn and the one to test or None, not {kind_of(made)}"
        )
    learnt, tested = made
    _check(learnt, parameters, f"{where}: the task to learn")
    if tested is not None:
        _check(tested, parameters, f"{where}: the task to test")
    return learnt, tested


def _check(task: Any, parameters: Generated, where: str) -> None:
    """Raise a :class:`ParameterError` if an object is no task as its parameters state it."""
    if not isinstance(task, Task):
        raise ParameterError(f"{where} must be an object of a subclass of {Task.__module__}.Task, not {kind_of(task)}")
    n_input, n_readout = parameters.sizes
    for name, stated in (("n_steps", parameters.n_steps), ("n_input", n_input), ("n_readout", n_readout)):
        given = getattr(task, name, None)
        if given != stated:
            raise ParameterError(f"{where} has {name} = {shown(given)}; its parameters state {stated}")
    if not is_whole(getattr(task, "n_samples", None), 1):
        raise ParameterError(f"{where} must have n_samples, a whole number of at least 1")
    if task.validation is not None:
        validation = array_of("int64", f"{where}: validation", task.validation, ParameterError)
        if not np.isin(validation, np.arange(task.n_samples)).all():
            raise ParameterError(f"{where}: validation must hold numbers of its {task.n_samples} samples")
    for kind in (Task, Classification) if isinstance(task, Classification) else (Task,):
        for name, method in vars(kind).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                _, *arguments = inspect.signature(method).parameters
                check_callable(getattr(task, name), Call(name, tuple(arguments)), f"{where}: {name}")
