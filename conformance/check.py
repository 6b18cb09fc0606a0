"""Compare the results of a simulator with the conformance set; docs/reference/conformance.md describes both files.

    python conformance/check.py RESULTS.h5 [--precision single] [--set FILE] [--cases PATTERN]

It prints for each case "equal", or where the first difference is, and at the end what may have been done otherwise in
the first case that differs. The exit code is 0 if all cases are equal. It needs numpy and h5py only.
"""

import argparse
import fnmatch
import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

FORMAT, VERSION = "e-prop conformance set", 2
SPIKES, SIGNALS = ("spike_steps", "spike_neurons"), ("readout", "error", "learning_signal")
REQUIRED = tuple(f"weights/{projection}" for projection in ("input", "recurrent", "output"))
WEIGHTS = (*REQUIRED, "weights/feedback")
CANNOT_READ = (KeyError, OSError, RuntimeError)
"""Errors that h5py raises if a file is damaged."""
LARGEST = 10**7
"""Most values of a data set that is read; those of the set have far fewer."""


class Difference(NamedTuple):
    """The first value that differs; of several in one step, the first of this order is named."""

    step: int
    order: int
    quantity: str
    what: str
    is_number: bool = True


def entry(group, name):
    """Return an entry of the results, None if there is none; raise ValueError if it is not in the file itself.

    The results may be those of others, and a link could name any file of this machine.
    """
    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or (link := group.get(part, getlink=True)) is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name} is a link; expected is an entry of the file itself")
        group = group[part]
    if isinstance(group, h5py.Dataset) and (group.is_virtual or group.external):
        raise ValueError(f"{name} lies in another file; expected is data in the file itself")
    return group


def read(own, name, shapes, kinds="fiu"):
    """Return a data set of the results, None if there is none; raise ValueError if it is not as it should be."""
    shown = " or ".join("({})".format(", ".join(map(str, shape))) for shape in shapes)
    expected = f"expected is a data set of {'integers' if kinds == 'iu' else 'real numbers'} with the shape {shown}"
    try:
        if (data := entry(own, name)) is None:
            if name in (*SPIKES, *REQUIRED):
                raise ValueError(f"{name} is missing; {expected}")
            return None
        if not isinstance(data, h5py.Dataset):
            raise ValueError(f"{name} is a group; {expected}")
        if data.shape is None or data.dtype.kind not in kinds:
            what = "is empty (a null dataspace)" if data.shape is None else f"has the type {data.dtype}"
            raise ValueError(f"{name} {what}; {expected}")
        if data.shape not in shapes and not (shapes == [("n_spikes",)] and data.ndim == 1):
            raise ValueError(f"{name} has the shape {data.shape}; {expected}")
        if (most := max(data.size, math.prod(data.chunks or ()))) > LARGEST:
            raise ValueError(f"{name} has {most} values, or pieces of so many; expected is a number up to {LARGEST}")
        return data[:]
    except CANNOT_READ as error:
        raise ValueError(f"{name} is damaged; {expected}") from error


def results_of(results, name):
    """Return the group of a case, None if there is none; raise ValueError if it is something else."""
    try:
        own = entry(results, name)
    except CANNOT_READ:
        raise ValueError(f"{name} is damaged; expected is a group") from None
    if isinstance(own, h5py.Dataset):
        raise ValueError(f"{name} is a data set; expected is a group with spikes and weights")
    return own


def first_difference(case, own, tolerances):
    """Return the first difference or None, and what was compared; raise ValueError if the layout is wrong."""
    expected, found, compared = case["results"], [], ["spikes"]
    n_steps = int(case.attrs["n_steps"])
    steps, neurons = (read(own, name, [("n_spikes",)], "iu").tolist() for name in SPIKES)
    if len(steps) != len(neurons):
        raise ValueError(f"spike_steps has {len(steps)} values and spike_neurons {len(neurons)}; expected is one each")
    wanted = Counter(zip(*(expected[name][:].tolist() for name in SPIKES), strict=True))
    too_many, lacking = (spikes := Counter(zip(steps, neurons, strict=True))) - wanted, wanted - spikes
    if different := too_many + lacking:
        step, neuron = min(different)
        what = "has a spike too many" if (step, neuron) in too_many else "lacks a spike"
        found.append(Difference(step, 0, "spikes", f"neuron {neuron} {what}"))
    for order, name in enumerate((*SIGNALS, *WEIGHTS), 1):
        if name not in expected:
            continue
        kind, _, projection = name.partition("/")
        wanted = expected[name][:]
        shapes = [(n_steps, wanted.shape[-1]), wanted.shape[-1:]] if kind == "weights" else [wanted.shape]
        if (values := read(own, name, shapes)) is None:
            continue
        compared.append(name)
        values, at_end = values.astype(float), 1 in (values.ndim, wanted.ndim)
        if at_end:
            values, wanted = (array[-1:] if array.ndim == 2 else array[np.newaxis] for array in (values, wanted))
        scale = np.nanmax(np.abs(wanted), initial=0.0)
        if name == "error":  # the small difference of readout and target
            scale = max(scale, np.abs(case["stimulus/target"][:]).max())
        wrong = np.argwhere(~(np.abs(values - wanted) <= tolerances[kind] * scale) & ~np.isnan(wanted))
        if len(wrong):
            row, column = wrong[0]
            place = f"neuron {column}" if name == "learning_signal" else f"readout {column}"
            if kind == "weights":
                ends = (case[f"connections/{projection}/{end}"][column] for end in ("source", "target"))
                place = "synapse from {} to {}".format(*ends)
            value = "NaN" if np.isnan(values[row, column]) else f"{values[row, column]:.12g}"
            what = f"{place}: {value}, not {wanted[row, column]:.12g}"
            found.append(Difference(n_steps if at_end else int(row), order, name, what, value != "NaN"))
    return min(found, default=None), compared


def ignored(results, names):
    """Yield what the results have and the checker does not read."""
    if not (listed := names_in(results, "cases")):
        yield "the file has no group cases/NAME"
        return
    unknown = [f"cases/{name}" for name in listed if name not in names]
    for case in (f"cases/{name}" for name in listed if name in names):
        of_case = [*names_in(results, case), *(f"weights/{name}" for name in names_in(results, f"{case}/weights"))]
        unknown += [f"cases/*/{name}" for name in of_case if name not in (*SPIKES, *SIGNALS, "weights", *WEIGHTS)]
    for name, count in Counter(unknown).items():
        yield f"{name} is not compared: the set has no such name" + (f" (in {count} cases)" if count > 1 else "")


def names_in(results, name):
    """Return the names in a group of the results; none where it is no group of the file itself."""
    try:
        group = entry(results, name)
        return list(group) if isinstance(group, h5py.Group) else []
    except (ValueError, *CANNOT_READ):
        return []


def hints_of(case, quantity, mastered, of_weights):
    """Return the pitfalls that may be the reason, without those that other cases rule out, the likely ones first."""
    listed = json.loads(case.attrs["pitfalls"])
    hints = [hint for hint in listed if hint not in mastered] or listed
    return sorted(hints, key=lambda hint: quantity.startswith("weights") and hint not in of_weights)


def fail(message):
    """End with a line, whatever characters the name of a file has."""
    sys.exit(f"error: {printable(message)}")


def printable(text):
    """Return a text with escapes for what ends a line or controls a terminal, as names of others may have."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def opened(path):
    """Open a file, or end with a line."""
    if not path.is_file() or not h5py.is_hdf5(path):  # a named pipe would be waited for
        fail(f"{path}: no such file, or not an HDF5 file")
    try:
        return h5py.File(path)
    except CANNOT_READ as error:
        fail(f"{path}: cannot be opened: {str(error).splitlines()[0]}")


def compare(conformance_set, results, options):
    """Compare the chosen cases, print what is found and return whether all are equal."""
    attributes = conformance_set.attrs
    if (attributes.get("format"), attributes.get("version")) != (FORMAT, VERSION):
        fail(f"{options.set}: not a conformance set of version {VERSION}, which this checker reads")
    known = json.loads(attributes["cases"])
    if not (names := fnmatch.filter(known, options.cases)):
        fail(f"--cases {options.cases}: no case has such a name")
    tolerances = json.loads(attributes["tolerances"])[options.precision]
    mastered, first, n_equal, compared = set(), None, 0, Counter()
    for name in names:
        case = conformance_set["cases"][name]
        try:
            if (own := results_of(results, f"cases/{name}")) is None:
                print(f"{name}: no results")
                continue
            difference, quantities = first_difference(case, own, tolerances)
        except ValueError as error:
            print(f"{name}: not compared: {error}")
            continue
        compared.update(quantities)
        if difference is None:
            mastered |= set(json.loads(case.attrs["rules_out"]))
            n_equal += 1
            print(f"{name}: equal")
        else:
            first = first or (name, case, difference)
            when = "at the end" if difference.step == case.attrs["n_steps"] else f"step {difference.step}"
            print(f"{name}: differs first in {difference.quantity}, {when}, {difference.what}")
    if first is not None and first[-1].is_number:
        name, case, difference = first
        print(f"{name} may differ for one of these reasons:")
        for hint in hints_of(case, difference.quantity, mastered, json.loads(attributes["shown_by_weights"])):
            print(f"    {hint}: {json.loads(attributes['pitfalls'])[hint]}")
    for line in ignored(results, known):
        print(f"warning: {printable(line)}")
    print(f"compared: {', '.join(f'{name} in {n} cases' for name, n in compared.items()) or 'nothing'}")
    print(f"{n_equal} of {len(names)} cases are equal")
    return n_equal == len(names)


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", metavar="RESULTS.h5", type=Path, help="results of a simulator")
    parser.add_argument("--precision", choices=("double", "single"), default="double", help="of the simulator")
    parser.add_argument("--set", type=Path, default=Path(__file__).with_name("eprop_conformance.h5"))
    parser.add_argument("--cases", metavar="PATTERN", default="*", help='only these, for instance "all-learn*"')
    options = parser.parse_args()
    with opened(options.set) as conformance_set, opened(options.results) as results:
        try:
            equal = compare(conformance_set, results, options)
        except CANNOT_READ as error:
            fail(f"{options.set} or {options.results} is damaged: {str(error).splitlines()[0]}")
    sys.exit(not equal)


if __name__ == "__main__":
    main()
