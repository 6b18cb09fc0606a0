"""Small networks in NEST that are brought here, or refused: for the interpreter that has NEST.

    python small_in_nest.py FOLDER

FOLDER holds ``path.txt``, the folders in which ``eprop_core`` and what it needs are installed. Writes, by case,
``refused.json``: the message of the error; ``warned.json``: the messages of warnings and what is brought in spite of
them; ``spikes.json``: the spikes (times, senders) of the recurrent neurons in ``nest`` and ``here``, and the
``differences`` of the readouts' signals.
"""

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nest
import numpy as np

DT = 1.0
DURATION = 200.0
AT_REST = {"C_m": 1.0, "E_L": -2.0, "V_m": -2.0, "tau_m": 20.0}
OPTIMIZER = {"type": "gradient_descent", "batch_size": 1, "eta": 1e-3, "Wmin": -10.0, "Wmax": 10.0}


class Small:
    """Two inputs, three LIF neurons (of which an adaptive model may take the place) and two readouts."""

    def __init__(self, rule: str = "", model: str = "eprop_iaf", **neuron: Any) -> None:
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.ERROR
        # ResetKernel leaves these as they are.
        nest.set(eprop_reset_neurons_on_update=True, eprop_update_interval=50.0, eprop_learning_window=20.0)
        nest.resolution = DT
        self.rule = rule
        self.generators = nest.Create("spike_generator", 2)
        self.generators.set([{"spike_times": [3.0, 9.0, 14.0, 61.0, 120.0]}, {"spike_times": [5.0, 10.0, 63.0, 122.0]}])
        self.inputs = nest.Create("parrot_neuron", 2)
        self.neurons = nest.Create(f"{model}{rule}", 3, AT_REST | {"V_th": -1.0, "t_ref": 2.0} | neuron)
        self.readouts = nest.Create(f"eprop_readout{rule}", 2, AT_REST)
        self.target = nest.Create("step_rate_generator", 2, {"amplitude_times": [2.0], "amplitude_values": [0.5]})
        self.window = nest.Create("step_rate_generator", 1, {"amplitude_times": [2.0], "amplitude_values": [1.0]})
        nest.SetDefaults(f"eprop_synapse{rule}", {"optimizer": OPTIMIZER})
        self.plastic = {"synapse_model": f"eprop_synapse{rule}", "delay": DT}
        if rule:
            self.plastic["tau_m_readout"] = 20.0

    def connect(self, **left_out: bool) -> "Small":
        """Make all connections but those named."""
        signal = {"synapse_model": f"eprop_learning_signal_connection{self.rule}", "delay": DT, "weight": 0.3}
        no_autapses = {"rule": "all_to_all", "allow_autapses": False}
        pairs = {
            "relay": (self.generators, self.inputs, "one_to_one", {"delay": DT}),
            "input": (self.inputs, self.neurons, "all_to_all", self.plastic | {"weight": 0.9}),
            "recurrent": (self.neurons, self.neurons, no_autapses, self.plastic | {"weight": 0.2}),
            "output": (self.neurons, self.readouts, "all_to_all", self.plastic | {"weight": 0.4}),
            "feedback": (self.readouts, self.neurons, "all_to_all", signal),
            "target": (self.target, self.readouts, "one_to_one", rate(2)),
        }
        if not self.rule:
            pairs["window"] = (self.window, self.readouts, "all_to_all", rate(1))
        for name, pair in pairs.items():
            if name not in left_out:
                nest.Connect(*pair)
        return self


def rate(receptor: int) -> dict[str, Any]:
    return {"synapse_model": "rate_connection_delayed", "delay": DT, "receptor_type": receptor}


BELLEC = "_bsshslm_2020"


def another_neuron_model() -> None:
    small = Small().connect()
    nest.Connect(nest.Create("iaf_psc_delta"), small.neurons)


def a_current() -> None:
    small = Small().connect()
    nest.Connect(nest.Create("dc_generator"), small.neurons)


def poisson_input() -> None:
    small = Small().connect()
    nest.Connect(nest.Create("poisson_generator", 2, {"rate": 20.0}), small.inputs, "one_to_one")


def repeated_drive() -> None:
    small = Small().connect()
    nest.Connect(nest.Create("spike_generator", 1, {"spike_times": [7.0, 50.0]}), small.neurons)


def two_optimizers() -> None:
    small = Small().connect(input=False)
    nest.CopyModel("eprop_synapse", "faster", {"optimizer": OPTIMIZER | {"eta": 1e-2}})
    nest.Connect(small.inputs[:1], small.neurons, "all_to_all", small.plastic)
    nest.Connect(small.inputs[1:], small.neurons, "all_to_all", small.plastic | {"synapse_model": "faster"})


def plastic_and_static() -> None:
    small = Small().connect(input=False)
    nest.Connect(small.inputs[:1], small.neurons, "all_to_all", small.plastic)
    nest.Connect(small.inputs[1:], small.neurons, "all_to_all", {"delay": DT})


def different_delays() -> None:
    small = Small().connect(input=False)
    for k, steps in enumerate((1.0, 2.0)):
        nest.Connect(small.inputs[k : k + 1], small.neurons, "all_to_all", {"delay": steps * DT})


def short_term_plasticity() -> None:
    small = Small().connect(input=False)
    nest.Connect(small.inputs, small.neurons, "all_to_all", {"synapse_model": "tsodyks2_synapse", "delay": DT})


def different_time_constants_of_adaptation() -> None:
    small = Small(model="eprop_iaf_adapt").connect()
    small.neurons.set({"adapt_tau": [10.0, 20.0, 30.0]})


def both_rules() -> None:
    Small().connect()
    nest.Create(f"eprop_readout{BELLEC}", 1)


def no_resets() -> None:
    Small(BELLEC).connect()
    nest.eprop_reset_neurons_on_update = False


def static_with_bellec() -> None:
    small = Small(BELLEC).connect(input=False)
    nest.Connect(small.inputs, small.neurons, "all_to_all", {"delay": DT})


def softmax_of_strangers() -> None:
    Small(BELLEC).connect().readouts.set({"loss": "cross_entropy"})


def another_tau_m_readout() -> None:
    small = Small(BELLEC)
    small.plastic["tau_m_readout"] = 30.0
    small.connect()


def ignoring_neurons() -> None:
    Small(ignore_and_spike=True).connect()


def off_rest() -> None:
    Small(V_m=-1.5).connect()


def half_open_window() -> None:
    Small().connect().window.set({"amplitude_times": [2.0], "amplitude_values": [0.5]})


def switched_generator() -> None:
    Small().connect().generators.set({"start": 20.0})


def simulated_before() -> None:
    Small().connect()
    nest.Simulate(10.0)


def current_with_adam() -> None:
    small = Small(I_e=0.04)
    nest.SetDefaults("eprop_synapse", {"optimizer": OPTIMIZER | {"type": "adam"}})
    small.connect()


def relay_to_another_receptor() -> None:
    small = Small().connect(relay=False)
    nest.Connect(small.generators, small.inputs, "one_to_one", {"delay": DT, "receptor_type": 1})


def frozen_inputs() -> None:
    Small().connect().inputs.frozen = True


def frozen_generators() -> None:
    Small().connect().generators.frozen = True


def two_targets() -> None:
    small = Small().connect()
    nest.Connect(small.target[:1], small.readouts[:1], "one_to_one", rate(2))


def some_gradients_are_averaged() -> None:
    small = Small(BELLEC).connect(input=False)
    nest.CopyModel(f"eprop_synapse{BELLEC}", "averaging", {"average_gradient": True})
    nest.SetDefaults(f"eprop_synapse{BELLEC}", {"average_gradient": False})
    nest.Connect(small.inputs[:1], small.neurons, "all_to_all", small.plastic)
    nest.Connect(small.inputs[1:], small.neurons, "all_to_all", small.plastic | {"synapse_model": "averaging"})


def one_weight_for_all() -> None:
    small = Small().connect(recurrent=False)
    no_autapses = {"rule": "all_to_all", "allow_autapses": False}
    nest.Connect(small.neurons, small.neurons, no_autapses, {"synapse_model": "static_synapse_hom_w", "delay": DT})


def spikes_between_steps() -> None:
    small = Small().connect(relay=False)
    generators = nest.Create("spike_generator", 2, {"allow_offgrid_times": True})
    generators.set({"spike_times": [3.2, 9.0]})
    nest.Connect(generators, small.inputs, "one_to_one", {"delay": DT})


REFUSED: tuple[Callable[[], None], ...] = (
    *(another_neuron_model, a_current, poisson_input, repeated_drive, two_optimizers, plastic_and_static),
    *(
        different_delays,
        short_term_plasticity,
        different_time_constants_of_adaptation,
        both_rules,
        no_resets,
        static_with_bellec,
    ),
    *(softmax_of_strangers, another_tau_m_readout, ignoring_neurons, off_rest, half_open_window, switched_generator),
    *(simulated_before, current_with_adam, relay_to_another_receptor, frozen_inputs, frozen_generators, two_targets),
    *(some_gradients_are_averaged, one_weight_for_all, spikes_between_steps),
)


def refused(build: Callable[[], None]) -> str:
    from eprop_core import ParameterError, from_nest

    build()
    try:
        from_nest(DURATION)
    except ParameterError as error:
        return str(error)
    return ""


def new_nodes() -> str:
    from eprop_core import ParameterError, recording_of_nest

    Small().connect()
    with recording_of_nest():
        nest.Simulate(10.0)
        nest.Create("spike_recorder")
        try:
            nest.Simulate(10.0)
        except ParameterError as error:
            return str(error)
    return ""


def changed(change: Callable[[Small], object]) -> str:
    """Return the message about a change between two calls."""
    from eprop_core import ParameterError, recording_of_nest

    small = Small().connect()
    nest.eprop_learning_window = 20.0  # before the first call, anything may change
    with recording_of_nest():
        nest.Simulate(60.0)
        change(small)
        try:
            nest.Simulate(60.0)
        except ParameterError as error:
            return str(error)
    return ""


def another_base_model() -> str:
    """A network for a kernel in which a script has set the learning rate of the base model."""
    from eprop_core import Network, ParameterError, parse, to_nest

    nest.ResetKernel()
    nest.resolution = DT
    nest.SetDefaults("eprop_synapse", {"optimizer": {"eta": 0.01}})
    try:
        to_nest(parse(Network, {"n_input": 2, "n_recurrent": 3, "n_readout": 1}))
    except ParameterError as error:
        return str(error)
    return ""


def begin_anew(_: Small) -> None:
    Small().connect()


CHANGES: dict[str, Callable[[Small], object]] = {
    "threshold": lambda small: small.neurons.set(V_th=-0.9),
    "voltage": lambda small: setattr(small.neurons, "V_m", -2.0),
    "weight": lambda small: nest.GetConnections(small.inputs, small.neurons).set(weight=0.8),
    "window": lambda _: setattr(nest, "eprop_learning_window", 10.0),
    "begin_anew": begin_anew,
    "same_window": lambda _: setattr(nest, "eprop_learning_window", 20.0),
    "generators": lambda small: small.generators.set({"spike_times": [70.0]}),
}
"""Changes after the first call; the last two change nothing that counts."""


def eta_within_a_batch() -> str:
    from eprop_core import ParameterError, from_nest, recording_of_nest

    Small(BELLEC).connect()
    with recording_of_nest() as recorded:
        nest.Simulate(60.0)
        nest.SetDefaults(f"eprop_synapse{BELLEC}", {"optimizer": {"eta": 0.0}})
        nest.Simulate(60.0)
    try:
        from_nest(recorded)
    except ParameterError as error:
        return str(error)
    return ""


def lif_and_adaptive() -> tuple[Small, None]:
    """Adaptive neurons that have the lower ids in NEST."""
    small = Small(model="eprop_iaf_adapt", adapt_beta=0.5, adapt_tau=50.0)
    small.neurons += nest.Create("eprop_iaf", 2, AT_REST | {"V_th": -1.0, "t_ref": 2.0})
    return small.connect(), None


def current() -> tuple[Small, None]:
    return Small(I_e=0.06).connect(), None


def last_update() -> tuple[Small, None]:
    small = Small().connect()
    nest.Connect(nest.Create("spike_generator", 1, {"spike_times": [150.0]}), small.neurons, syn_spec={"weight": 100.0})
    return small, None


def random_input() -> tuple[Small, Any]:
    small = Small().connect(relay=False)
    nest.Connect(nest.Create("poisson_generator", 2, {"rate": 60.0}), small.inputs, "one_to_one")
    recorder = nest.Create("spike_recorder")
    nest.Connect(small.inputs, recorder)
    return small, recorder


def changing_generators() -> tuple[Small, None]:
    return Small().connect(), None


def moving_origin() -> tuple[Small, None]:
    return Small().connect(), None


def late_target() -> tuple[Small, None]:
    """NEST ignores the delay of its connections."""
    small = Small().connect(target=False, window=False)
    for generator, receptor in ((small.window, 1), (small.target[0], 2)):
        nest.Connect(generator, small.readouts, "all_to_all", rate(receptor) | {"delay": 4.0 * DT})
    small.target[0].set({"amplitude_times": [30.0, 90.0], "amplitude_values": [1.0, -1.0]})
    return small, None


BROUGHT: tuple[Callable[[], tuple[Small, Any]], ...] = (
    *(lif_and_adaptive, current, last_update, random_input, changing_generators, moving_origin, late_target),
)


def spikes(build: Callable[[], tuple[Small, Any]]) -> dict[str, Any]:
    from eprop_core import from_nest, recording_of_nest

    small, given = build()
    recorder = nest.Create("spike_recorder")
    nest.Connect(small.neurons, recorder)
    of_readouts = nest.Create("multimeter", {"record_from": ["readout_signal", "target_signal"], "interval": DT})
    nest.Connect(of_readouts, small.readouts)
    with recording_of_nest() as recorded:
        nest.Simulate(100.0)
        if build is changing_generators:
            small.generators.set({"spike_times": [101.0, 111.0, 121.0]})
            small.target.set({"amplitude_times": [110.0, 120.0], "amplitude_values": [2.0, -1.0]})
        if build is moving_origin:
            small.generators.set({"origin": 100.0, "spike_times": [1.0, 11.0, 21.0, 40.0]})
        nest.Simulate(DURATION - 100.0)
    brought = from_nest(recorded, input_spikes=given)
    recording = brought.run(brought.simulation())
    own, events = brought.readouts(recording), of_readouts.get("events")
    last = float(own["times"].max())
    differences = {}
    for name in ("readout_signal", "target_signal"):
        here = dict(zip(zip(own["times"], own["senders"], strict=True), own[name], strict=True))
        of_nest = zip(events["times"], events["senders"], events[name], strict=True)
        first = float(own["times"].min())
        differences[name] = [abs(value - here[t, k]) for t, k, value in of_nest if first <= t <= last]
    return {
        "nest": pairs(recorder.get("events"), last),
        "here": pairs(brought.spikes(recording), last),
        "differences": differences,
    }


def doubled_spikes() -> list[str]:
    from eprop_core import from_nest

    Small().connect().generators.set({"spike_times": [3.0, 3.0, 8.0]})
    with warnings.catch_warnings(record=True) as caught:
        brought = from_nest(DURATION)
    shown = [brought.stimulus.input_steps.tolist(), brought.stimulus.input_channels.tolist()]
    return [*(str(warning.message) for warning in caught), str(shown)]


def changing_eta() -> list[str]:
    from eprop_core import from_nest, recording_of_nest

    Small().connect()
    with recording_of_nest() as recorded:
        nest.Simulate(60.0)
        nest.SetDefaults("eprop_synapse", {"optimizer": {"eta": 5e-4}})
        nest.Simulate(60.0)
    with warnings.catch_warnings(record=True) as caught:
        brought = from_nest(recorded)
    rates = [(change.step, change.rates["input"]) for change in brought.learning_rates]
    return [*(str(warning.message) for warning in caught), str(rates)]


def weights_that_stop_at_zero() -> list[str]:
    from eprop_core import from_nest

    small = Small()
    bounds = OPTIMIZER | {"Wmin": 0.0, "optimize_each_step": True}
    nest.SetDefaults("eprop_synapse", {"optimizer": bounds})
    small.connect()
    with warnings.catch_warnings(record=True) as caught:
        from_nest(DURATION)
    return [str(warning.message) for warning in caught]


def unfit_recorders() -> list[str]:
    from eprop_core import ParameterError, from_nest

    messages = []
    for settings, n in (({"start": 50.0}, 2), ({"time_in_steps": True}, 2), ({}, 1)):
        small = Small().connect(relay=False)
        nest.Connect(nest.Create("poisson_generator", 2, {"rate": 60.0}), small.inputs, "one_to_one")
        recorder = nest.Create("spike_recorder", 1, settings)
        nest.Connect(small.inputs[:n], recorder)
        try:
            from_nest(DURATION, input_spikes=recorder)
        except ParameterError as error:
            messages.append(str(error))
    return messages


def pairs(events: dict[str, np.ndarray], last: float) -> list[list[int]]:
    """Return (time, sender) of all spikes before ``last``, sorted."""
    spikes = zip(events["times"], events["senders"], strict=True)
    return sorted([round(time), int(sender)] for time, sender in spikes if time < last)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.path += (folder / "path.txt").read_text(encoding="utf-8").splitlines()
    messages = {build.__name__: refused(build) for build in REFUSED}
    messages |= {case.__name__: case() for case in (new_nodes, eta_within_a_batch, another_base_model)}
    found = {build.__name__: spikes(build) for build in BROUGHT}
    messages |= {f"changed_{name}": changed(change) for name, change in CHANGES.items()}
    (folder / "refused.json").write_text(json.dumps(messages), encoding="utf-8")
    warned = {
        case.__name__: case() for case in (doubled_spikes, changing_eta, weights_that_stop_at_zero, unfit_recorders)
    }
    (folder / "warned.json").write_text(json.dumps(warned), encoding="utf-8")
    (folder / "spikes.json").write_text(json.dumps(found), encoding="utf-8")
