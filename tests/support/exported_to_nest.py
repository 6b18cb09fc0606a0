"""Simulate an exported network in NEST, without eprop_core: for the interpreter that has NEST.

    python exported_to_nest.py FOLDER

FOLDER holds ``network.py`` and ``network.h5``, as ``write_for_nest`` writes them; ``stimulus.npz``, the fields of a
``Stimulus``; and ``path.txt``: the folder of the programs that record, the name of the one to use, and a folder in
which h5py is installed. Writes ``result.npz``, what that program returns.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    programs, program, packages = (folder / "path.txt").read_text(encoding="utf-8").splitlines()
    sys.path[:0] = [str(folder), programs]
    sys.path.append(packages)
    exported = importlib.import_module("network")
    if Path(str(exported.__file__)).parent != folder:
        sys.exit(f"{exported.__file__} is not the exported script")
    network, arrays = exported.load(str(folder / "network.h5"))
    with np.load(folder / "stimulus.npz") as shown:
        problem = {**shown, **arrays, "network": np.array(json.dumps(network))}
    result = importlib.import_module(program).run(problem)
    if "eprop_core" in sys.modules:
        sys.exit("the exported network has imported eprop_core")
    np.savez(folder / "result.npz", **result)
