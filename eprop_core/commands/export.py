"""Write a network for other programs."""

import argparse
from pathlib import Path

from eprop_core.errors import printable
from eprop_core.experiments import command_line
from eprop_core.files.arguments import Parser, output_file
from eprop_core.interoperability.nir_graph import INTEGRATIONS, to_nir
from eprop_core.interoperability.to_nest import write_for_nest
from eprop_core.machine.whole_file import whole_file
from eprop_core.simulation import Simulation


def write_nir(options: argparse.Namespace) -> None:
    """Write a network as a graph of NIR."""
    graph = to_nir(Simulation.load(options.network), options.integration)
    import nir  # an extra, which ``to_nir`` has found

    with whole_file(options.output) as temporary:
        nir.write(temporary, graph)


def write_nest(options: argparse.Namespace) -> None:
    """Write a folder that rebuilds a network in NEST."""
    write_for_nest(options.network, options.folder)
    print(f"{printable(options.folder)}: network.py rebuilds network.h5 in NEST 3.10; its first lines say how")


def main() -> None:
    """Run the command line."""
    parser = Parser(prog="python -m eprop_core export", description=__doc__)
    formats = parser.add_subparsers(metavar="FORMAT", required=True)
    of_nir = formats.add_parser(
        "nir", help="Neuromorphic Intermediate Representation", description="Write a network as a graph of NIR."
    )
    of_nir.add_argument("network", metavar="NETWORK", type=Path, help="file that Simulation.save wrote")
    of_nir.add_argument("output", metavar="FILE", type=output_file, help="file to write")
    of_nir.add_argument("--integration", choices=INTEGRATIONS, default="exact", help="of the reader (default: exact)")
    of_nir.set_defaults(write=write_nir)
    of_nest = formats.add_parser(
        "nest", help="NEST 3.10", description="Write a folder that rebuilds a network in NEST, without this package."
    )
    of_nest.add_argument("network", metavar="NETWORK", type=Path, help="file that Simulation.save wrote")
    of_nest.add_argument("folder", metavar="FOLDER", type=Path, help="new folder: network.py and network.h5")
    of_nest.set_defaults(write=write_nest)
    options = parser.parse_args()
    options.write(options)


if __name__ == "__main__":
    command_line.run(main)
