"""Print what the file of a network or a checkpoint holds: parameters, populations, connections, weights, provenance."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eprop_core.errors import NetworkFileError, one_line, printable
from eprop_core.experiments import command_line
from eprop_core.files.arguments import Parser
from eprop_core.network.projections import projections
from eprop_core.storage.checkpoint import read_state_header
from eprop_core.storage.network import Header, read_header, weights_in_pieces


class Weights(NamedTuple):
    """Statistics of the weights of a projection, pA."""

    mean: float
    deviation: float
    smallest: float
    largest: float
    share_of_zeros: float

    @classmethod
    def of(cls, pieces: Iterator[np.ndarray]) -> "Weights":
        """Return those of weights that come in pieces."""
        n, total, squares, smallest, largest, zeros = 0, 0.0, 0.0, np.inf, -np.inf, 0
        for weight in pieces:
            n += len(weight)
            with np.errstate(over="ignore"):  # a deviation that is too large is infinite
                total += float(weight.sum())
                squares += float((weight**2).sum())
            smallest, largest = min(smallest, float(weight.min())), max(largest, float(weight.max()))
            zeros += int(np.count_nonzero(weight == 0.0))
        if n == 0:
            return cls(0.0, 0.0, 0.0, 0.0, 0.0)
        mean = total / n
        variance = max(0.0, squares / n - mean * mean) if math.isfinite(squares) else math.inf
        return cls(mean, variance**0.5, smallest, largest, zeros / n)


def describe(path: Path) -> Iterator[str]:
    """Yield the lines of a description.

    Raises
    ------
    NetworkFileError
        The file is no network, damaged, or from a newer version.
    """
    header = read_header(path)
    network = header.network
    yield f"{printable(path)}: {'checkpoint' if header.has_state else 'network'} of eprop-core, layout {header.version}"
    try:
        yield from map(printable, _origin(header))
    except (KeyError, TypeError, AttributeError) as error:
        raise NetworkFileError(f"{path}: provenance is damaged ({one_line(error)})") from None
    if header.has_state:
        state = read_state_header(path)
        yield f"state: after step {state.step}, written by {state.n_ranks} rank{'s' if state.n_ranks > 1 else ''}"
    yield f"populations: {network.n_input} input, {network.n_recurrent} recurrent, {network.n_readout} readout"
    for name, group in (network.groups or {}).items():
        (ids,) = network.ids([name])
        kind = {None: "", True: ", excitatory", False: ", inhibitory"}[group.excitatory]
        yield f"group {name}: recurrent neurons {ids.start} to {ids.stop - 1}{kind}"
    width = max(12, *(len(projection.name) + 2 for projection in projections(network)))
    yield f"{'projection':<{width}}{'connections':>12}{'delay':>9}{'mean':>12}{'deviation':>12}{'smallest':>12}" + (
        f"{'largest':>12}{'zeros':>9}   (weights in pA)"
    )
    for projection in projections(network):
        if projection.name not in header.n_edges:
            yield f"{projection.name:<{width}}{'along the output, with its weights':>34}"
            continue
        weights = Weights.of(weights_in_pieces(path, projection.name))
        delay = f"{projection.parameters.delay * network.dt:g} ms"
        numbers = "".join(f"{value:>12.5g}" for value in weights[:4])
        n_edges = header.n_edges[projection.name]
        yield f"{projection.name:<{width}}{n_edges:>12}{delay:>9}{numbers}{weights.share_of_zeros:>9.1%}"
    if header.notes:
        yield f"notes: {json.dumps(header.notes)}"
    yield "parameters that differ from the defaults:"
    yield json.dumps(network.model_dump(mode="json", exclude_defaults=True), indent=1)


def _origin(header: Header) -> Iterator[str]:
    given = header.provenance
    code = given["code"]
    commit = (
        "" if code["commit"] is None else f", commit {code['commit'][:12]}{' with changes' if code['dirty'] else ''}"
    )
    yield f"written: {given['date']}, eprop-core {given['packages'].get('eprop-core', 'unknown')}{commit}"
    yield f"seed: {header.seed}"


def main() -> None:
    """Run the command line."""
    parser = Parser(prog="python -m eprop_core describe", description=__doc__)
    parser.add_argument(
        "network", metavar="NETWORK", type=Path, help="file that Simulation.save wrote, or a checkpoint"
    )
    for line in describe(parser.parse_args().network):
        print(line)


if __name__ == "__main__":
    command_line.run(main)
