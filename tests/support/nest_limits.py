"""Small networks that show where NEST 3.10 differs, for the interpreter that has NEST.

    python nest_limits.py DIRECTORY

writes ``limits.npz``: by model ``<model>_V_m``, the voltages after the first three steps under a constant current;
``<model>_interval``, steps between spikes of a neuron that is always driven, by refractory period (0 to 3 ms);
``refused``, what NEST says of ``eprop_synapse`` with a delay of two steps; ``signal_weights``, what a synapse has
learned, by ``signal_delays`` of the connection that carries the learning signal; and of a readout of the rule of Bellec
et al. (2020) ``arrivals``, ``voltage`` and ``error`` by NEST's step, ``update_steps`` and ``updates`` of the weight.
"""

import sys
from pathlib import Path
from typing import Any

import nest
import numpy as np

DT = 1.0
RECURRENT = ("eprop_iaf", "eprop_iaf_adapt", "eprop_iaf_psc_delta", "eprop_iaf_psc_delta_adapt")
SAMPLE = 20.0  # ms
LEARNING_RATE = 1e-2
AT_REST = {"C_m": 1.0, "E_L": 0.0, "V_m": 0.0, "tau_m": 20.0}
OPTIMIZER = {"type": "gradient_descent", "batch_size": 1, "eta": LEARNING_RATE, "Wmin": -100.0, "Wmax": 100.0}


def reset(**kernel: Any) -> None:
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=DT, total_num_virtual_procs=1, **kernel)


def recorded(device: Any, quantity: str) -> np.ndarray:
    """Values by the step that ends at 1, 2, ... ms."""
    return device.get("events")[quantity]


def neuron(model: str, **parameters: float) -> Any:
    given = AT_REST | parameters
    return nest.Create(model, 1, given | ({"V_reset": -1.0} if "psc_delta" in model else {}))


def constant_current(model: str) -> np.ndarray:
    reset()
    multimeter = nest.Create("multimeter", {"interval": DT, "record_from": ["V_m"]})
    nest.Connect(multimeter, neuron(model, I_e=1.0, **({} if "readout" in model else {"V_th": 100.0})))
    nest.Simulate(4 * DT)
    return recorded(multimeter, "V_m")


def intervals(model: str) -> np.ndarray:
    """Steps between spikes under a current that lifts the voltage above the threshold in every step."""
    found = []
    for t_ref in range(4):
        reset()
        recorder = nest.Create("spike_recorder")
        nest.Connect(neuron(model, I_e=10.0, V_th=0.5, t_ref=t_ref * DT), recorder)
        nest.Simulate(40 * DT)
        (interval,) = np.unique(np.diff(recorded(recorder, "times")[1:] / DT))
        found.append(interval)
    return np.array(found)


def chain(delay: float, signal_delay: float) -> float:
    """Simulate an input channel, a neuron and a readout; return the final weight from channel to neuron."""
    reset()
    generator = nest.Create("spike_generator", 1, {"spike_times": [5.0, 8.0, 20.0, 23.0, 40.0, 60.0]})
    channel, readout = nest.Create("parrot_neuron"), neuron("eprop_readout")
    middle = neuron("eprop_iaf", V_th=0.6, kappa=0.9, kappa_reg=0.9, surrogate_gradient_width=1.0)
    window = nest.Create("step_rate_generator", 1, {"amplitude_times": [DT], "amplitude_values": [1.0]})
    nest.SetDefaults("eprop_synapse", {"optimizer": OPTIMIZER})
    nest.Connect(generator, channel)
    nest.Connect(channel, middle, "all_to_all", {"synapse_model": "eprop_synapse", "delay": delay, "weight": 0.7})
    nest.Connect(middle, readout, "all_to_all", {"synapse_model": "eprop_synapse", "delay": DT, "weight": 1.0})
    signal = {"synapse_model": "eprop_learning_signal_connection", "delay": signal_delay, "weight": 1.0}
    nest.Connect(readout, middle, "all_to_all", signal)
    nest.Connect(window, readout, "all_to_all", {"synapse_model": "rate_connection_delayed", "receptor_type": 1})
    nest.Simulate(70.0)
    return nest.GetConnections(channel, middle).weight


def spikes_that_reach_a_readout_first() -> dict[str, np.ndarray]:
    """A neuron whose current makes it spike in the first step of each sample, and again."""
    reset(
        eprop_learning_window=SAMPLE,
        eprop_reset_neurons_on_update=True,
        eprop_update_interval=SAMPLE,
    )
    source = neuron("eprop_iaf_bsshslm_2020", V_th=0.6, t_ref=7.0, regular_spike_arrival=True, c_reg=0.0)
    readout = neuron("eprop_readout_bsshslm_2020", regular_spike_arrival=True)
    nest.SetDefaults("eprop_synapse_bsshslm_2020", {"average_gradient": False, "optimizer": OPTIMIZER})
    synapse = {"synapse_model": "eprop_synapse_bsshslm_2020", "delay": DT, "weight": 1.0, "tau_m_readout": 20.0}
    signal = {"synapse_model": "eprop_learning_signal_connection_bsshslm_2020", "delay": DT, "weight": 0.0}
    nest.Connect(source, readout, "all_to_all", synapse)
    nest.Connect(readout, source, "all_to_all", signal)
    multimeter = nest.Create("multimeter", {"interval": DT, "record_from": ["V_m", "error_signal"]})
    recorder = nest.Create("spike_recorder")
    nest.Connect(multimeter, readout)
    nest.Connect(source, recorder)
    connection = nest.GetConnections(source, readout)
    nest.Simulate(10.0)  # a spike before NEST's first sample has begun would be an error
    source.I_e = 0.7
    weights = [connection.weight]
    for _ in range(150):
        nest.Simulate(DT)
        weights.append(connection.weight)
    changes = np.diff(weights)
    return {
        "arrivals": recorded(recorder, "times") + DT,
        "voltage": recorded(multimeter, "V_m"),
        "error": recorded(multimeter, "error_signal"),
        "update_steps": 11 + np.flatnonzero(changes),
        "updates": changes[changes != 0.0],
    }


def refused(delay: float) -> str:
    try:
        chain(delay, DT)
    except nest.NESTErrors.IllegalConnection as error:
        return str(error)
    return ""


if __name__ == "__main__":
    constant = {f"{model}_V_m": constant_current(model) for model in (*RECURRENT, "eprop_readout")}
    interval = {f"{model}_interval": intervals(model) for model in ("eprop_iaf", "eprop_iaf_psc_delta")}
    signal_delays = np.array([1, 2, 5])
    np.savez(
        Path(sys.argv[1]) / "limits.npz",
        refused=refused(2 * DT),
        signal_delays=signal_delays,
        signal_weights=[chain(DT, delay * DT) for delay in signal_delays],
        **constant,
        **interval,
        **spikes_that_reach_a_readout_first(),
    )
