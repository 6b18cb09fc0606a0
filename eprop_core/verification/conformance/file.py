"""The file of the conformance set; ``docs/reference/conformance.md`` describes its layout."""

import json
from pathlib import Path

import h5py
import numpy as np

from eprop_core.machine.whole_file import whole_file
from eprop_core.parameters import Network
from eprop_core.progress import progress
from eprop_core.time_driven.neurons import per_neuron
from eprop_core.verification.bellec_problem import in_absolute_time
from eprop_core.verification.conformance.cases import BELLEC, Case, cases
from eprop_core.verification.conformance.outcomes import of_nest, of_reference
from eprop_core.verification.conformance.pitfalls import LEARNING, PITFALLS, SAMPLES
from eprop_core.verification.conformance.shown import shown
from eprop_core.verification.nest import Arrays, Nest
from eprop_core.verification.random_problem import Problem, neuron_values

VERSION = 2
"""Of the layout and the cases."""
TOLERANCES = {
    "double": {"readout": 1e-9, "error": 1e-9, "learning_signal": 1e-9, "weights": 1e-9},
    "single": {"readout": 1e-3, "error": 1e-3, "learning_signal": 1e-3, "weights": 1e-3},
}
"""Of the largest value of a quantity in a case; spikes are equal."""


def write(path: Path, nest: Nest) -> None:
    """Compute all cases and write the file."""
    chosen = {case.name: case for case in cases()}
    problems = {name: case.problem() for name, case in progress(chosen.items(), "networks")}
    of_cases = outcomes(chosen, problems, nest)
    with whole_file(path) as temporary, h5py.File(temporary, "w", libver=("v110", "v110")) as file:
        file.attrs.update(
            format="e-prop conformance set",
            version=VERSION,
            tolerances=json.dumps(TOLERANCES),
            pitfalls=json.dumps({name: pitfall.text for name, pitfall in PITFALLS.items()}),
            shown_by_weights=json.dumps([*LEARNING, *SAMPLES]),
            cases=json.dumps(list(chosen)),
        )
        for name, case in progress(chosen.items(), "pitfalls"):
            _write_case(file.create_group(f"cases/{name}"), case, problems[name], of_cases[name])


def outcomes(chosen: dict[str, Case], problems: dict[str, Problem], nest: Nest) -> dict[str, Arrays]:
    """Return the results of cases by their sources."""
    in_nest = {name: problem for name, problem in problems.items() if chosen[name].in_nest}
    others = {name: problem for name, problem in problems.items() if not chosen[name].in_nest}
    return of_nest(nest, chosen, in_nest) | {name: of_reference(chosen[name], one) for name, one in others.items()}


def _write_case(group: h5py.Group, case: Case, problem: Problem, results: Arrays) -> None:
    connections, stimulus = problem.connections, problem.stimulus
    network = in_absolute_time(problem).network if case.rule == BELLEC else problem.network
    group.attrs.update(
        rule=case.rule,
        source="NEST 3.10" if case.in_nest else "reference implementation",
        network=network.model_dump_json(),
        n_steps=stimulus.n_steps,
        n_samples=stimulus.n_samples,
    )
    for name, values in of_neurons(network).items():
        _write(group, f"neurons/{name}", values)
    for name in ("input_steps", "input_channels", "target", "learning_window"):
        _write(group, f"stimulus/{name}", getattr(stimulus, name))
    for projection, listed in connections.items():
        order = np.lexsort((listed.source, listed.target))
        for name, values in listed._asdict().items():
            _write(group, f"connections/{projection}/{name}", values[order])
    for name, values in results.items():
        _write(group, f"results/{name}", values)
    pitfalls = ruled_out = list(case.special)
    if not case.special:
        pitfalls, ruled_out = shown(group, problem, case.pitfalls(network), TOLERANCES["double"], TOLERANCES["single"])
    group.attrs.update(pitfalls=json.dumps(pitfalls), rules_out=json.dumps(ruled_out))


def of_neurons(network: Network) -> dict[str, np.ndarray]:
    """Return the parameters that may differ between neurons, float64 (n_recurrent,)."""
    n, adaptation = network.n_recurrent, network.neuron.adaptation
    values = {name: per_neuron(network, name, neuron_values(network)).copy() for name in ("tau_m", "V_th", "beta")}
    values["beta"][: n if adaptation is None else n - round(adaptation.share * n)] = 0.0
    return values


def _write(group: h5py.Group, name: str, values: np.ndarray) -> None:
    smallest = np.min_scalar_type(int(values.max(initial=0))) if values.dtype.kind == "i" else values.dtype
    compressed = {"compression": "gzip", "compression_opts": 9} if values.nbytes > 1024 else {}
    group.create_dataset(name, data=values.astype(smallest), **compressed)
