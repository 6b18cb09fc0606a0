"""Write a network for other programs."""

import argparse
from pathlib import Path

from eprop_core.experiments import command_line
from eprop_core.interoperability.nir_graph import INTEGRATIONS, to_nir
from eprop_core.machine.whole_file import whole_file
from eprop_core.simulation import Simulation


def write_nir(options: argparse.Namespace) -> None:
    """Write a network as a graph of NIR."""
    graph = to_nir(Simulation.load(options.network), options.integration)
    import nir  # an extra, which ``to_nir`` has found

    with whole_file(options.file) as temporary:
        nir.write(temporary, graph)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m eprop_core export", description=__doc__)
    formats = parser.add_subparsers(metavar="FORMAT", required=True)
    of_nir = formats.add_parser(
        "nir", help="Neuromorphic Intermediate Representation", description="Write a network as a graph of NIR."
    )
    of_nir.add_argument("network", metavar="NETWORK", type=Path, help="file that Simulation.save wrote")
    of_nir.add_argument("file", metavar="FILE", type=Path, help="file to write")
    of_nir.add_argument("--integration", choices=INTEGRATIONS, default="exact", help="of the reader (default: exact)")
    of_nir.set_defaults(write=write_nir)
    options = parser.parse_args()
    options.write(options)


if __name__ == "__main__":
    command_line.run(main)
