"""Facts that captions state: numbers of seeds and repeats, sizes.

Captions are reStructuredText, and their facts are printed in the page that ``snakemake --report`` makes, in a script:
no names are among them but those that have letters, digits and "_", and other text has all of its punctuation escaped.
"""

import re
from typing import TYPE_CHECKING, Any

from eprop_core.configuration import Configuration
from eprop_core.errors import one_line, printable
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.labels import label_of, name_of

if TYPE_CHECKING:
    from workflow.lib.plan import Plan


def study(configuration: Configuration, name: str) -> dict[str, Any]:
    """Return the facts of a study."""
    parameters = configuration.studies[name]
    return {
        "kind": parameters.kind,
        "tasks": parameters.tasks,
        "seeds": len(set(parameters.seeds)),
        "margin": parameters.margin,
        "varied": [label_of(TaskParameters, path) for path in [*parameters.vary, *parameters.grid]],
        "search": _search(configuration, name),
    }


def _search(configuration: Configuration, name: str) -> dict[str, Any]:
    """Return the facts of the search of a study; none if it has no search."""
    study = configuration.studies[name]
    if study.tune is None:
        return {}
    folds = max(configuration.tasks[task].training.folds or 0 for task in study.tasks)
    return {
        "varied": [name_of(TaskParameters, path).lower() for path in study.tune.values],
        "combinations": len(study.tune.combinations()),
        "runs": len(study.tune.seeds) // (folds or 1),
        "folds": folds > 0,
    }


def sensitivity(configuration: Configuration) -> dict[str, Any]:
    """Return the facts of the trainings with and without a spike."""
    parameters = configuration.sensitivity
    return {"tasks": parameters.tasks, "seeds": len(set(parameters.seeds))} if parameters else {}


def scaling(configuration: Configuration, name: str) -> dict[str, Any]:
    """Return the facts of a scaling experiment."""
    parameters = configuration.scaling[name]
    of_rank = parameters.network_on(1)
    return {
        "kind": parameters.kind,
        "neurons": of_rank.n_recurrent,
        "inputs": of_rank.n_input,
        "model_time": parameters.n_steps * parameters.network.dt / 1000,
        "repeats": parameters.repeats,
        "seeds": len(set(parameters.seeds)),
        "dry": bool(parameters.dry_ranks),
        "dry_together": parameters.dry_together,
        "paired": parameters.paired,
        "note": _escaped(parameters.note),
        "nest_threads": bool(parameters.nest_threads),
        "nest_ranks": bool(parameters.nest_ranks),
        "elsewhere": list(parameters.measured_elsewhere),
    }


def _escaped(text: str) -> str:
    """Return text in one line that reStructuredText shows literally; ``</``, which could end a script, is not in it."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", printable(one_line(text)))


def break_even(configuration: Configuration) -> dict[str, Any]:
    """Return the facts of the break-even experiment."""
    parameters = configuration.break_even
    return {"repeats": parameters.repeats, "seeds": len(set(parameters.seeds))} if parameters else {}


def locality(configuration: Configuration) -> dict[str, Any]:
    """Return the facts of the comparison with backpropagation through time."""
    parameters = configuration.locality
    if parameters is None:
        return {}
    return {
        "task": parameters.task,
        "seeds": len(parameters.seeds),
        "epochs": configuration.tasks[parameters.task].training.epochs,
        "validation": parameters.search.validation_samples,
        "factors": len(parameters.search.factors),
        "output_factors": len(parameters.search.output_factors),
        "samples": parameters.gradients.samples,
        "batch_size": parameters.batch_size,
    }


def baselines(plan: "Plan") -> dict[str, Any]:
    """Return the facts of the comparison of simulators: the input of each network, numbers of repeats, and panels."""
    networks = plan.baselines.values()
    return {
        "networks": {of.name: of.task.dataset.name if of.task else "Poisson input" for of in networks},
        "repeats": sorted({of.parameters.repeats for of in networks}),
        "with_nest": any("nest" in of.parameters.simulators for of in networks),
        "with_training": any(of.task for of in networks),
    }


def verification(configuration: Configuration) -> dict[str, Any]:
    """Return the facts of the verification."""
    parameters = configuration.verification
    return parameters.model_dump() | {"seeds": len(set(parameters.seeds))}
