"""Compare this simulator with one reference; write how far they differ to one result file.

The checks, and where each is explained: ``nest_eprop_plus``, ``nest_bellec`` (live NEST), ``time_driven`` (the plain
model), ``reference`` (that model against the reference implementation), ``ranks`` (several MPI ranks against one),
``published`` (losses), ``gradients`` (derivatives of the loss), in the modules of ``eprop_core.verification``.
"""

import argparse
import math
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eprop_core.experiments import command_line
from eprop_core.experiments.verification.parameters import Verification
from eprop_core.measurement import results
from eprop_core.measurement.provenance import provenance
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.ranks import launch
from eprop_core.ranks.communicator import Communicator
from eprop_core.verification import bellec_problem, comparison, gradients, published, simulators, variants
from eprop_core.verification import ranks as of_ranks
from eprop_core.verification.comparison import Comparison, Difference
from eprop_core.verification.nest import Nest
from eprop_core.verification.random_problem import Problem, problem_of_variant

TOLERANCE = 1e-9
"""All programs compute in double precision, but sum in different orders; learning amplifies what that leaves."""
PROBLEMS_AT_ONCE = 10
"""Problems whose recordings are held in memory together."""


class Run(NamedTuple):
    """What a check is told."""

    parameters: Verification
    seed: int
    nest: Nest
    communicator: Communicator


def nest_eprop_plus(run: Run) -> Comparison:
    """Compare e-prop+ with NEST."""
    problems = _problems(variants.OF_NEST, run, run.parameters.n_steps, largest=run.parameters.largest)
    return _compare(problems, simulators.event_driven, run.nest.eprop_plus)


def nest_bellec(run: Run) -> Comparison:
    """Compare the rule of Bellec et al. (2020) with NEST."""
    problems = {name: bellec_problem.bellec_problem(name, run.seed) for name in _chosen(bellec_problem.VARIANTS, run)}
    return _compare(problems, simulators.event_driven_bellec, run.nest.bellec)


def time_driven(run: Run) -> Comparison:
    """Compare what NEST lacks with the time-driven model."""
    problems = _problems(variants.BEYOND_NEST, run, run.parameters.n_steps_time_driven)
    return _compare(problems, simulators.event_driven, simulators.time_driven_model)


def reference(run: Run) -> Comparison:
    """Compare the time-driven model with the reference implementation, on small networks for few steps."""
    small = {name: settings | variants.SMALLEST for name, settings in (variants.OF_NEST | variants.BEYOND_NEST).items()}
    problems = _problems(small, run, variants.N_STEPS_REFERENCE)
    return _compare(problems, simulators.time_driven_model, simulators.reference_implementation)


def compare_ranks(run: Run) -> Comparison:
    """Compare ranks together with one alone."""
    return Comparison(of_ranks.differences(run.communicator))


def compare_published(run: Run) -> Comparison:
    """Compare with published losses, NEST and the literal model of Bellec's rule as well.

    Where that has an Adam with an epsilon for each projection, this simulator, which has one, is held against the
    literal model with that one.
    """
    differences = {}
    for name, reproduced in published.run_nest(run.nest).items():
        expected = np.array(published.PUBLISHED[name])
        losses, same_spikes = published.losses(name, reproduced)
        compared = {"NEST": (reproduced["losses"], expected)}
        if name in published.BELLEC:
            literal, literal_same = published.literal_losses(name, reproduced, one_epsilon=False)
            compared["literal model"] = literal, expected
            same_spikes = same_spikes and literal_same
            if reproduced["setting"]["optimizer"]["type"] == "adam":
                expected, _ = published.literal_losses(name, reproduced, one_epsilon=True)
        compared["this simulator"] = losses, expected
        differences[name] = [
            Difference(f"loss, {who}", float(np.abs(of / than - 1.0).max()), published.TOLERANCE)
            for who, (of, than) in compared.items()
        ] + [Difference("spikes", 0.0 if same_spikes else 1.0, 0.0)]
    return Comparison(differences)


def compare_gradients(run: Run) -> Comparison:
    """Compare with derivatives of the loss."""
    return Comparison({name: [gradients.difference(name, run.seed)] for name in gradients.VARIANTS})


CHECKS: dict[str, Callable[[Run], Comparison]] = {
    "nest_eprop_plus": nest_eprop_plus,
    "nest_bellec": nest_bellec,
    "time_driven": time_driven,
    "reference": reference,
    "ranks": compare_ranks,
    "published": compare_published,
    "gradients": compare_gradients,
}


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as JSON can hold them, None for infinity."""
    return {name: None if value == math.inf else value for name, value in values.items()}


def _problems(of: variants.Variants, run: Run, n_steps: int, **more: Any) -> dict[str, Problem]:
    return {name: problem_of_variant(of[name], n_steps, run.seed, **more) for name in _chosen(of, run)}


def _chosen(names: Iterable[str], run: Run) -> list[str]:
    """Return the names of variants that the parameters choose."""
    patterns = run.parameters.variants
    return [name for name in names if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]


def _compare(problems: dict[str, Problem], own: comparison.Simulator, reference: comparison.Simulator) -> Comparison:
    names = list(problems)
    parts = [names[first : first + PROBLEMS_AT_ONCE] for first in range(0, len(names), PROBLEMS_AT_ONCE)]
    compared = Comparison()
    for part in progress(parts, "problems", len(parts)):
        of_part = {name: problems[name] for name in part}
        compared.update(comparison.compare(of_part, own, reference, TOLERANCE))
    return compared


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.verification", __doc__)
    parser.add_argument("check", choices=CHECKS, help="what is compared")
    parser.add_argument("parameters", type=Path, help="JSON file with the key `validation` of a configuration")
    parser.add_argument("--nest", type=Path, help="JSON file that names the interpreter that has NEST")
    command_line.add_run_options(parser)
    options = parser.parse_args()
    communicator = launch.join(options.ranks, oversubscribe=options.oversubscribe)
    result = check(options, communicator)
    if communicator.rank == 0:
        results.write(options.output, result)


def check(options: argparse.Namespace, communicator: Communicator) -> dict[str, Any]:
    """Return the result of what the command line asks for; collective."""
    parameters = parse(Verification, command_line.read_json(options.parameters), f"{options.parameters}: ")
    needs_nest = options.check in ("nest_eprop_plus", "nest_bellec", "published")
    if needs_nest and options.nest is None:
        raise ParameterError(f"--nest: {options.check} needs it")
    found: dict[str, Any] = command_line.read_json(options.nest) if needs_nest else {"python": "", "nest": None}
    nest = Nest(found["python"])
    compared = CHECKS[options.check](Run(parameters, options.seed, nest, communicator))
    return {
        "experiment": "validation",
        "check": options.check,
        "seed": options.seed,
        "ranks": options.ranks,
        "parameters": parameters.model_dump(mode="json"),
        "provenance": {**provenance(communicator), "nest": found["nest"]},
        "differences": [
            {
                "variant": variant,
                "quantity": difference.quantity,
                "max_difference": difference.max_difference if math.isfinite(difference.max_difference) else None,
                "tolerance": difference.tolerance,
                "passed": difference.passed,
            }
            for variant, differences in compared.differences.items()
            for difference in differences
        ],
        "partings": [
            {"variant": variant} | _finite(parting._asdict()) for variant, parting in compared.partings.items()
        ],
        "amplifications": [
            {"variant": variant} | _finite(of._asdict()) for variant, of in compared.amplifications.items()
        ],
        "activities": [{"variant": variant, **of._asdict()} for variant, of in compared.activities.items()],
    }
