"""The networks of the race are fixed: a result of another network, input or number of steps is no point of the race.

Their one place is the configuration: ``config/baselines.yaml`` and, for `scaling`, ``config/nest_scaling.yaml``.
"""

from pathlib import Path
from typing import Any

import yaml

from eprop_core import configuration
from eprop_core.configuration import Configuration
from eprop_core.experiments.baselines.parameters import BaselineParameters, SampleBaseline
from eprop_core.experiments.scaling.parameters import Scaling, Timing
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.parsing import ParameterError, shown
from workflow.scripts.shared.values import first_difference

FOLDER = Path(__file__).parents[3] / "config"
BASELINES, ADDED, SCALING = "baselines.yaml", "race.yaml", "nest_scaling.yaml"
FREE = {"simulators", "repeats", "time_driven_steps", "memory_steps", "accuracy.learning_rate_factors"}
"""Parameters of a comparison that may differ: who takes part, and what does not change a point."""
FREE_OF_SCALING = {"repeats", "paired", "oversubscribe", "destinations"}
PLASTIC = "eprop_plus"
"""Variant of the scaling experiment that is in the race; the others may differ."""
FREE_OF_TASK = {"dataset.path"}


def check(network: str, baseline: BaselineParameters, task: TaskParameters | None) -> None:
    """Check the problem of a result that is to become points.

    Parameters
    ----------
    network
        Name of the network in the race.
    baseline
        Parameters of the result.
    task
        The task whose samples were shown; None for Poisson input.

    Raises
    ------
    ParameterError
        A parameter is not that of the race.
    """
    files = f"config/{BASELINES} and config/{ADDED}"
    fixed = networks()
    expected = fixed.baselines[network]
    free = FREE
    if isinstance(baseline, SampleBaseline) and baseline.accuracy is None:  # a point may lack a training
        free = free | {"accuracy"}
    _compare(f"baselines.{network}", baseline, expected, free, files)
    if isinstance(expected, SampleBaseline):
        name = expected.tasks[0]
        _compare(f"tasks.{name}", task, fixed.tasks[name], FREE_OF_TASK, files)


def check_scaling(timing: Timing, seed: int) -> None:
    """Check the network and the input of a result of the scaling experiment ``nest_strong``.

    Raises
    ------
    ParameterError
        A parameter is not that of the race.
    """
    expected = scaling()
    others = {f"variants.{name}" for name in (*timing.variants, *expected.variants) if name != PLASTIC}
    _compare("scaling.nest_strong", timing, expected.timing, FREE_OF_SCALING | others, f"config/{SCALING}")
    if seed not in expected.seeds:
        raise ParameterError(
            f"scaling.nest_strong.seeds: {seed}: must be {expected.seeds[0]} in the race (config/{SCALING})"
        )


def networks() -> Configuration:
    """Return the configuration of `nmnist`, `medium` and `large`, with the trainings of ``config/race.yaml``."""
    values, added = _values(BASELINES), _values(ADDED)
    for name, baseline in added["baselines"].items():
        values["baselines"][name] |= baseline
    return configuration.load(values, f"config/{BASELINES}")


def scaling() -> Scaling:
    """Return the configuration of `scaling`."""
    return configuration.load(_values(SCALING), f"config/{SCALING}").scaling["nest_strong"]


def _values(file: str) -> Any:
    return yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))


def _compare(where: str, given: Any, fixed: Any, free: set[str], files: str) -> None:
    """Raise a :class:`ParameterError` for the first parameter that is neither free nor as it is fixed."""
    found = {} if given is None else given.model_dump(mode="json")
    if difference := first_difference(found, fixed.model_dump(mode="json"), free):
        path, here, there = difference
        must = "left out" if there is None else shown(there)
        raise ParameterError(f"{where}.{path} = {shown(here)}: must be {must} in the race ({files})")
