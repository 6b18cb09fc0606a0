"""Write the conformance set: python -m eprop_core.verification.conformance FILE --nest PYTHON."""

from pathlib import Path

from eprop_core.files.arguments import Parser
from eprop_core.verification.conformance.file import write
from eprop_core.verification.nest import Nest

if __name__ == "__main__":
    parser = Parser(prog="python -m eprop_core.verification.conformance", description=__doc__)
    parser.add_argument("file", metavar="FILE", type=Path, help="HDF5 file to write")
    parser.add_argument("--nest", metavar="PYTHON", required=True, help="interpreter that has NEST 3.10")
    options = parser.parse_args()
    write(options.file, Nest(options.nest))
