"""Differences of NEST 3.10, as ``docs/explanation/limits.md`` states them; NEST is run live.

Needs an environment that has ``nest-simulator==3.10.0``; EPROP_BENCH_NEST_PYTHON names its interpreter.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eprop_core.interoperability import nest_programs
from eprop_core.network.connections import Connections
from eprop_core.parameters import Network
from eprop_core.parsing import parse
from eprop_core.stimulus import Stimulus
from eprop_core.verification.bellec_model import train
from eprop_core.verification.nest import Nest, load
from eprop_core.verification.random_problem import Problem
from live_nest import NEST_PYTHON, needs_nest

pytestmark = needs_nest


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The recordings of ``nest_limits.py``."""
    directory = tmp_path_factory.mktemp("limits")
    nest_programs.call(NEST_PYTHON, "nest_limits", directory, Path(__file__).parents[1] / "support")
    return load(directory / "limits.npz")


def test_constant_currents_begin_in_the_second_step_unless_the_neuron_is_psc_delta(
    limits: dict[str, np.ndarray],
) -> None:
    decay = np.exp(-1.0 / 20.0)
    by_step = 20.0 * (1.0 - decay ** np.arange(4))
    for model in ("eprop_iaf_psc_delta", "eprop_iaf_psc_delta_adapt"):
        np.testing.assert_allclose(limits[f"{model}_V_m"], by_step[1:], rtol=1e-14)
    for model in ("eprop_iaf", "eprop_iaf_adapt", "eprop_readout"):
        np.testing.assert_allclose(limits[f"{model}_V_m"], by_step[:3], rtol=1e-14)


def test_clamped_neurons_fire_every_refractory_period_and_a_step(limits: dict[str, np.ndarray]) -> None:
    """Refractory periods are 0 to 3 steps. Our neurons: ``test_neurons.test_neurons_that_are_always_driven``."""
    assert limits["eprop_iaf_interval"].tolist() == [1, 1, 2, 3]
    assert limits["eprop_iaf_psc_delta_interval"].tolist() == [1, 2, 3, 4]


def test_delays_other_than_one_step_are_refused_or_ignored(limits: dict[str, np.ndarray]) -> None:
    """Synapses refuse them; the connection of the learning signal accepts them and acts after one step."""
    assert "currently require a delay of one simulation step" in str(limits["refused"])
    assert limits["signal_delays"].tolist() == [1, 2, 5]
    assert np.ptp(limits["signal_weights"]) == 0.0
    assert abs(limits["signal_weights"][0] - 0.7) > 0.1


def test_spikes_at_a_readout_in_the_first_step_are_left_out_of_the_gradient(limits: dict[str, np.ndarray]) -> None:
    """They change the voltage only. Here they are in the gradient, too (``test_bellec_model.py``)."""
    decay, arrivals = np.exp(-1.0 / 20.0), set(limits["arrivals"].astype(int).tolist())
    for number, first in enumerate(range(24, 144, 20), start=1):
        assert first in arrivals
        assert limits["voltage"][first - 1] == pytest.approx(1.0 + limits["updates"][: number - 1].sum(), rel=1e-12)
        gradient, trace = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
        for step in range(first, first + 20):
            for counts in (True, False):
                trace[counts] = decay * trace[counts] + (step in arrivals and (counts or step > first))
                gradient[counts] += limits["error"][step] * trace[counts]  # seen one step later than the voltage
        assert limits["update_steps"][number] == first + 27  # with the second spike of the next sample
        assert limits["updates"][number] == pytest.approx(-1e-2 * gradient[False], rel=1e-12)
        assert gradient[True] > 1.5 * gradient[False]


def silent_neuron(second_spike: int) -> Problem:
    """A silent neuron learns from a constant error. Its input spikes in steps 5 and 20 + ``second_spike``."""
    plasticity = {
        "update": "sample",
        "rate_average": "sample",
        "reset_at_samples": True,
        "kappa": float(np.exp(-1.0 / 20.0)),
        "cutoff": None,
        "optimizer": {"learning_rate": 1e-3},
    }
    sizes = {"n_input": 1, "n_recurrent": 1, "n_readout": 1}
    one, none = np.zeros(1, int), np.zeros(0, int)
    connections = {
        "input": Connections(one, one, np.array([0.3])),
        "recurrent": Connections(none, none, np.zeros(0)),
        "output": Connections(one, one, np.array([1.0])),
        "feedback": Connections(one, one, np.array([1.0])),
    }
    steps, target, window = np.array([5, 20 + second_spike]), np.full((40, 1), -1.0), np.ones(40, bool)
    stimulus = Stimulus(40, steps, np.zeros(2, int), target, window, n_samples=2)
    return Problem(parse(Network, sizes | {"plasticity": plasticity}), connections, stimulus)


def test_the_last_learning_signal_of_a_sample_is_lost_at_spikes_in_the_second_step() -> None:
    """It is lost if the next spike comes in the second step of the next sample. A spike in its first step is lost."""
    problems = {str(step): silent_neuron(step) for step in (0, 1, 2)}
    nest = Nest(NEST_PYTHON).run("bellec", problems)
    whole, lost = {}, {}
    for name, (network, connections, stimulus) in problems.items():
        window = stimulus.learning_window.copy()
        window[19] = False
        without = replace(stimulus, learning_window=window)
        whole[name], lost[name] = (
            train(network, connections, shown, 2).weights["input"].weight[0] for shown in (stimulus, without)
        )
    of_nest = {name: result["input_weight"][0] for name, result in nest.items()}
    assert abs(whole["1"] - lost["1"]) > 1e-5
    assert of_nest["2"] == pytest.approx(whole["2"], rel=1e-12)
    assert of_nest["1"] == pytest.approx(lost["1"], rel=1e-12)
    network, connections, stimulus = problems["0"]
    alone = replace(stimulus, input_steps=stimulus.input_steps[:1], input_channels=stimulus.input_channels[:1])
    assert of_nest["0"] == pytest.approx(train(network, connections, alone, 2).weights["input"].weight[0], rel=1e-12)
