"""Run a script of e-prop that NEST's wheel ships, and the same network in this package; needs both.

    python scripts.py DIRECTORY

reads ``request.json`` of the directory: ``path``, folders in which ``eprop_core`` and what it needs are installed;
``script``, a key of :data:`SCRIPTS`; ``assignments``, new values of names that the script assigns, such as the number
of iterations; ``nmnist``, the folder with the recordings of N-MNIST. Writes ``result.json``: losses by iteration, and
times of the simulation, s, of ``nest`` and ``here``, and the time to read the network.

NEST's scripts are under the GPL and are no part of this project. The lines that are added to them are.
"""

import json
import os
import re
import sys
import time
import types
from pathlib import Path
from typing import Any, NamedTuple

import nest

PLOTS = "# Plot results"
FOLDER = "468j46mzdv-1"
"""Where the script of N-MNIST looks for the recordings."""

IMPORT = "from eprop_core import from_nest, recording_of_nest"
RECORD = """\
with recording_of_nest() as recorded:
    {simulate}"""
REGRESSION = """\
network = from_nest(recorded)
recording = network.run(network.simulation())
events_mm_out = network.readouts(recording, params_mm_out["start"], params_mm_out["stop"])"""
CLASSIFICATION = """\
network = from_nest(recorded)
recording = network.run(network.simulation())
mm_out = {"events": network.readouts(recording)}
training_pipeline = TrainingPipeline()
for training_pipeline.n_iter_sim in range(1, n_iter_sim + 1):
    training_pipeline.evaluate()
results_dict = training_pipeline.get_results()"""


class Script(NamedTuple):
    """Where lines are added to a script."""

    file: str
    simulate: str
    """The line that simulates."""
    added: str
    """Lines before the plots."""
    evaluation: str
    """Heading of the section that evaluates the events; it is repeated. Empty if the added lines do so."""
    loss: str
    """The losses by iteration."""
    within: tuple[str, str] | None = None
    """Beginning of a line of the script, and a line that is added after it."""


def _regression(file: str) -> Script:
    return Script(file, 'nest.Simulate(duration["sim"])', REGRESSION, "# Evaluate training error", "loss")


def _classification(file: str) -> Script:
    return Script(file, "training_pipeline.run()", CLASSIFICATION, "", 'results_dict["loss"]')


_N_MNIST = _classification("eprop_supervised_classification_neuromorphic_mnist")
_SINE_WAVES = _regression("eprop_supervised_regression_sine-waves_bsshslm_2020")
_EVIDENCE = _classification("eprop_supervised_classification_evidence-accumulation_bsshslm_2020")

SCRIPTS = {
    "sine waves, e-prop+": _regression("eprop_supervised_regression_sine-waves"),
    "sine waves, Bellec et al.": _SINE_WAVES,
    "sine waves, Bellec et al. (a)": _SINE_WAVES._replace(
        within=("input_spike_bools[:, 0] = 0", "input_spike_bools[:, 1] = 0")
    ),
    "lemniscate, Bellec et al.": _regression("eprop_supervised_regression_lemniscate_bsshslm_2020"),
    "handwriting, Bellec et al.": _regression("eprop_supervised_regression_handwriting_bsshslm_2020"),
    "evidence accumulation, Bellec et al.": _EVIDENCE,
    "evidence accumulation, Bellec et al. (a)": _EVIDENCE._replace(
        within=("input_spike_bools[:, 0, :] = 0", "input_spike_bools[:, 1, :] = 0")
    ),
    "N-MNIST, e-prop+": _N_MNIST,
    "N-MNIST, e-prop+ (b)": _N_MNIST._replace(
        within=(
            "params_gen_spk_in = [{",
            'params_gen_spk_in = [{"spike_times": np.unique(times)} for times in spike_times]',
        )
    ),
}
"""All scripts; (a) without input spikes in the second step of a sample, (b) with one spike per channel and step."""


def add_after(text: str, begin: str, line: str) -> str:
    """Add a line after the one that begins with ``begin``, with the same indentation."""
    lines = text.split("\n")
    (place,) = (k for k, old in enumerate(lines) if old.strip().startswith(begin))
    indentation = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
    return "\n".join([*lines[: place + 1], indentation + line, *lines[place + 1 :]])


def replaced(text: str, old: str, new: str) -> str:
    """Replace the line ``old``."""
    lines = text.split("\n")
    lines[lines.index(old)] = new
    return "\n".join(lines)


def run(script: Script, assignments: dict[str, Any]) -> dict[str, Any]:
    """Run a script, with new values for assignments, and the added lines."""
    examples = Path(nest.__file__).parent / "doc/examples/pynest/eprop_plasticity"
    path = examples / f"{script.file}.py"
    text = path.read_text(encoding="utf-8").split(PLOTS)[0]
    for name, value in assignments.items():
        text, n = re.subn(rf"^{name} = [^#\n]*", f"{name} = {value!r}  ", text, flags=re.MULTILINE)
        if n != 1:
            raise SystemExit(f"{path.name} assigns {name} {n} times, not once")
    if script.within:
        text = add_after(text, *script.within)
    text = replaced(text, script.simulate, f"{IMPORT}\n{RECORD.format(simulate=script.simulate)}")
    for file in examples.glob("*.txt"):
        if not Path(file.name).exists():
            os.symlink(file, file.name)
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    durations: list[float] = []
    _without_notebooks()
    nest.verbosity = nest.VerbosityLevel.ERROR
    _timed(durations)
    exec(compile(text, str(path), "exec"), names)
    in_nest = [float(loss) for loss in eval(script.loss, names)]

    from eprop_core.interoperability.from_nest import FromNest

    begun = time.perf_counter()
    exec("network = from_nest(recorded)", names)
    read = time.perf_counter() - begun
    network: FromNest = names["network"]
    network.run(network.simulation())  # compiles
    simulation = network.simulation()
    begun = time.perf_counter()
    network.run(simulation)
    seconds = time.perf_counter() - begun
    exec(script.added, names)
    if script.evaluation:
        exec(text.split(script.evaluation)[1], names)
    return {
        "nest": {"loss": in_nest, "seconds": sum(durations)},
        "here": {"loss": [float(loss) for loss in eval(script.loss, names)], "seconds": seconds},
        "read_seconds": read,
    }


def _timed(durations: list[float]) -> None:
    """Let NEST note the seconds of each simulation."""
    simulate = vars(nest)["Simulate"]

    def timed(t: float) -> None:
        begun = time.perf_counter()
        simulate(t)
        durations.append(time.perf_counter() - begun)

    vars(nest)["Simulate"] = timed


def _without_notebooks() -> None:
    """Stand in for packages that the scripts import to show a drawing and to download data."""
    for name, function in (("IPython.display", "Image"), ("requests", "get")):
        module = types.ModuleType(name)
        setattr(module, function, lambda **_: None)
        sys.modules.setdefault(name.split(".")[0], module)
        sys.modules.setdefault(name, module)


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    request = json.loads((directory / "request.json").read_text(encoding="utf-8"))
    sys.path += request["path"]
    os.chdir(directory)
    if request.get("nmnist"):
        os.symlink(request["nmnist"], FOLDER)
    result = run(SCRIPTS[request["script"]], request["assignments"])
    Path("result.json").write_text(json.dumps(result), encoding="utf-8")
