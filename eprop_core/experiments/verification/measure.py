"""Compare this simulator with one reference; write how far they differ to one result file.

The checks, explained in the modules of ``eprop_core.verification``: ``nest_eprop_plus``, ``nest_bellec``,
``nest_stdp`` (live NEST), ``time_driven`` (the plain model), ``reference`` (that model against the reference
implementation), ``ranks`` (several MPI ranks against one), ``published`` (losses), ``gradients`` (derivatives of the
loss).
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from eprop_core.experiments import command_line
from eprop_core.experiments.verification.parameters import Verification
from eprop_core.experiments.verification.problems import chosen, drawn, parts
from eprop_core.experiments.verification.result import Check, VerificationResult
from eprop_core.files.text import read_json
from eprop_core.parsing import ParameterError, parse
from eprop_core.progress import progress
from eprop_core.provenance import provenance
from eprop_core.ranks import launch
from eprop_core.ranks.communicator import SINGLE_RANK, Communicator
from eprop_core.verification import bellec_problem, comparison, gradients, published, simulators
from eprop_core.verification import ranks as of_ranks
from eprop_core.verification.comparison import Comparison
from eprop_core.verification.findings import Difference
from eprop_core.verification.nest import Nest
from eprop_core.verification.random_problem import Problem

TOLERANCE = 1e-9
"""All programs compute in double precision, but sum in different orders; learning amplifies what that leaves."""


class Run(NamedTuple):
    """Arguments of a check."""

    parameters: Verification
    seed: int
    nest: Nest
    communicator: Communicator


def nest_eprop_plus(run: Run) -> Comparison:
    """Compare e-prop+ with NEST."""
    return _compare_drawn("nest_eprop_plus", run, simulators.event_driven, run.nest.eprop_plus)


def nest_bellec(run: Run) -> Comparison:
    """Compare the rule of Bellec et al. (2020) with NEST."""
    names = chosen(bellec_problem.VARIANTS, run.parameters)
    return _compare(
        names,
        lambda name: bellec_problem.bellec_problem(name, run.seed),
        simulators.event_driven_bellec,
        run.nest.bellec,
    )


def nest_stdp(run: Run) -> Comparison:
    """Compare spike-timing-dependent plasticity with NEST."""
    return _compare_drawn("nest_stdp", run, simulators.event_driven, run.nest.stdp)


def time_driven(run: Run) -> Comparison:
    """Compare what NEST lacks with the time-driven model."""
    return _compare_drawn("time_driven", run, simulators.event_driven, simulators.time_driven_model)


def reference(run: Run) -> Comparison:
    """Compare the time-driven model with the reference implementation, on small networks for few steps."""
    return _compare_drawn("reference", run, simulators.time_driven_model, simulators.reference_implementation)


def compare_ranks(run: Run) -> Comparison:
    """Compare ranks together with one alone."""
    return Comparison(of_ranks.differences(run.communicator))


def compare_published(run: Run) -> Comparison:
    """Compare with published losses, NEST and the literal model of Bellec's rule as well."""
    differences = {}
    for name, reproduced in published.run_nest(run.nest).items():
        expected = np.array(published.PUBLISHED[name])
        losses, same_spikes = published.losses(name, reproduced)
        compared = {"NEST": (reproduced["losses"], expected)}
        if name in published.BELLEC:
            literal, literal_same = published.literal_losses(name, reproduced)
            compared["literal model"] = literal, expected
            same_spikes = same_spikes and literal_same
        compared["this simulator"] = losses, expected
        differences[name] = [
            Difference(
                quantity=f"loss, {who}",
                max_difference=np.abs(of / than - 1.0).max(),
                tolerance=published.TOLERANCE,
            )
            for who, (of, than) in compared.items()
        ]
        same = Difference(quantity="spikes", max_difference=0.0 if same_spikes else 1.0, tolerance=0.0)
        differences[name].append(same)
    return Comparison(differences)


def compare_gradients(run: Run) -> Comparison:
    """Compare with derivatives of the loss."""
    return Comparison({name: [gradients.difference(name, run.seed)] for name in gradients.VARIANTS})


CHECKS: dict[Check, Callable[[Run], Comparison]] = {
    "nest_eprop_plus": nest_eprop_plus,
    "nest_bellec": nest_bellec,
    "nest_stdp": nest_stdp,
    "time_driven": time_driven,
    "reference": reference,
    "ranks": compare_ranks,
    "published": compare_published,
    "gradients": compare_gradients,
}


def _compare_drawn(check: Check, run: Run, own: comparison.Simulator, reference: comparison.Simulator) -> Comparison:
    """Compare on the random problems of a check."""
    of_check = drawn(check, run.parameters)
    assert of_check is not None
    return _compare(of_check.variants, lambda name: of_check.problem(name, run.seed), own, reference)


def _compare(
    names: Iterable[str],
    problem: Callable[[str], Problem],
    own: comparison.Simulator,
    reference: comparison.Simulator,
) -> Comparison:
    listed, compared = parts(names), Comparison()
    for part in progress(listed, "problems", len(listed)):
        of_part = {name: problem(name) for name in part}
        compared.update(comparison.compare(of_part, own, reference, TOLERANCE))
    return compared


def measure(
    parameters: Verification,
    check: Check,
    *,
    seed: int = 1,
    communicator: Communicator = SINGLE_RANK,
    nest_python: str = "",
    nest_version: str | None = None,
) -> VerificationResult:
    """Return what one check finds; ``nest_python`` is an interpreter that has NEST, where one is needed. Collective."""
    found = CHECKS[check](Run(parameters, seed, Nest(nest_python), communicator))
    return VerificationResult(
        check=check,
        seed=seed,
        ranks=communicator.size,
        parameters=parameters,
        provenance=provenance(communicator, nest_version),
        **vars(found),
    )


def main() -> None:
    """Run the command line."""
    parser = command_line.parser("eprop_core.experiments.verification", __doc__)
    parser.add_argument("check", choices=get_args(Check), help="what is compared")
    parser.add_argument("parameters", type=Path, help="JSON file with the key `verification` of a configuration")
    parser.add_argument("--nest", type=Path, help="JSON file that names the interpreter that has NEST, and its version")
    command_line.add_run_options(parser)
    options = parser.parse_args()
    communicator = launch.join(options.ranks, oversubscribe=options.oversubscribe)
    parameters = parse(Verification, read_json(options.parameters), f"{options.parameters}: ")
    needs_nest = options.check in ("nest_eprop_plus", "nest_bellec", "nest_stdp", "published")
    if needs_nest and options.nest is None:
        raise ParameterError(f"--nest: {options.check} needs it")
    nest: dict[str, Any] = read_json(options.nest) if needs_nest else {"python": "", "version": None}
    result = measure(
        parameters,
        options.check,
        seed=options.seed,
        communicator=communicator,
        nest_python=nest["python"],
        nest_version=nest["version"],
    )
    if communicator.rank == 0:
        result.write(options.output)
