"""Compare the results of a simulator with the conformance set; docs/reference/conformance.md describes both files.

    python conformance/check.py RESULTS.h5 [--precision single] [--set FILE] [--cases PATTERN]

It prints for each case "equal", or where the first difference is and what may have been done otherwise, and ends with
exit code 0 if all cases are equal. It needs numpy and h5py only.
"""

import argparse
import fnmatch
import json
import sys
from collections import Counter
from pathlib import Path

import h5py
import numpy as np

SIGNALS = ("readout", "error", "learning_signal")
REQUIRED = ("spike_steps", "spike_neurons", "weights/input", "weights/recurrent", "weights/output")


def first_difference(case, own, tolerances):
    """Return (step, order, quantity, what) of the first difference, or None; raise ValueError for a wrong layout."""
    expected, found = case["results"], []
    for name in REQUIRED:
        if name not in own:
            raise ValueError(f"{name} is missing")
    spikes = [Counter(zip(*(of[name][:].tolist() for name in REQUIRED[:2]), strict=True)) for of in (own, expected)]
    too_many, lacking = spikes[0] - spikes[1], spikes[1] - spikes[0]
    if different := too_many + lacking:
        step, neuron = min(different)
        what = "has a spike too many" if (step, neuron) in too_many else "lacks a spike"
        found.append((step, 0, "spikes", f"neuron {neuron} {what}"))
    for order, name in enumerate((*SIGNALS, *(f"weights/{projection}" for projection in expected["weights"])), 1):
        if name not in own or name not in expected:
            continue
        kind, _, projection = name.partition("/")
        values, wanted = own[name][:].astype(float), expected[name][:]
        if kind == "weights" and 1 in (values.ndim, wanted.ndim):  # the weights at the end only
            values, wanted = (array[-1:] if array.ndim == 2 else array[np.newaxis] for array in (values, wanted))
        if values.shape != wanted.shape:
            raise ValueError(f"{name} has the shape {own[name].shape}, not {expected[name].shape}")
        scale = np.nanmax(np.abs(wanted), initial=0.0)
        if name == "error":  # the small difference of readout and target
            scale = max(scale, np.abs(case["stimulus/target"][:]).max())
        close = np.abs(values - wanted) <= tolerances[kind] * scale
        wrong = np.argwhere(~close & ~np.isnan(wanted))
        if len(wrong):
            row, column = wrong[0]
            place = f"neuron {column}" if name == "learning_signal" else f"readout {column}"
            if kind == "weights":
                ends = (case[f"connections/{projection}/{end}"][column] for end in ("source", "target"))
                place = "synapse from {} to {}".format(*ends)
            step = row if len(wanted) > 1 else case.attrs["n_steps"]
            found.append((step, order, name, f"{place}: {values[row, column]:.12g}, not {wanted[row, column]:.12g}"))
    return min(found, default=None)


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", metavar="RESULTS.h5", type=Path, help="results of a simulator")
    parser.add_argument("--precision", choices=("double", "single"), default="double", help="of the simulator")
    parser.add_argument("--set", type=Path, default=Path(__file__).with_name("eprop_conformance.h5"))
    parser.add_argument("--cases", metavar="PATTERN", default="*", help='only these, for instance "all-learn*"')
    options = parser.parse_args()
    for path in (options.set, options.results):
        if not h5py.is_hdf5(path):
            sys.exit(f"error: {path}: no such file, or not an HDF5 file")
    with h5py.File(options.set) as conformance_set, h5py.File(options.results) as results:
        names = fnmatch.filter(json.loads(conformance_set.attrs["cases"]), options.cases)
        if not names:
            sys.exit(f"error: --cases {options.cases}: no case has such a name")
        tolerances = json.loads(conformance_set.attrs["tolerances"])[options.precision]
        texts = json.loads(conformance_set.attrs["pitfalls"])
        of_weights = json.loads(conformance_set.attrs["shown_by_weights"])
        mastered, differences, n_equal = set(), {}, 0
        for name in names:
            case, own = conformance_set["cases"][name], results.get(f"cases/{name}")
            try:
                difference = None if own is None else first_difference(case, own, tolerances)
            except (TypeError, ValueError) as error:
                sys.exit(f"error: {options.results}: cases/{name}: {error}")
            if own is not None and difference is None:
                mastered |= set(json.loads(case.attrs["pitfalls"]))
                n_equal += 1
            differences[name] = "no results" if own is None else difference
        suspected = {}
        for name, difference in differences.items():
            if difference is None or isinstance(difference, str):
                print(f"{name}: {difference or 'equal'}")
                continue
            step, _, quantity, what = difference
            print(f"{name}: differs first in {quantity}, step {step}, {what}")
            hints = json.loads(conformance_set[f"cases/{name}"].attrs["pitfalls"])
            hints = [hint for hint in hints if hint not in mastered] or hints
            if quantity.startswith("weights"):
                hints = [hint for hint in hints if hint in of_weights] or hints
            print(f"    it may be: {', '.join(hints)}")
            suspected |= dict.fromkeys(hints)
        for hint in suspected:
            print(f"{hint}: {texts[hint]}")
    print(f"{n_equal} of {len(names)} cases are equal")
    sys.exit(n_equal < len(names))


if __name__ == "__main__":
    main()
