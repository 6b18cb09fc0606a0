"""Break-even: all models are timed on the same network, and the counts in the result are right."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from eprop_core.experiments.break_even import measure as break_even
from eprop_core.experiments.break_even.parameters import BreakEven
from eprop_core.experiments.break_even.result import BreakEvenResult
from eprop_core.measurement import dense_pass
from eprop_core.parsing import ParameterError, parse

VALUES: dict[str, Any] = {
    "input_rate": 100.0,
    "n_steps": 40,
    "n_steps_warm_up": 10,
    "n_steps_time_driven": 4,
    "repeats": 2,
    "network": {"n_input": 30, "n_recurrent": 20, "n_readout": 2},
    "series": {"rate": {"input_rate": [10.0, 100.0]}, "size": {"network.n_recurrent": [10, 20]}},
}


def test_each_value_of_a_series_makes_a_point() -> None:
    points = parse(BreakEven, VALUES).points()
    assert [point.series for point, _ in points] == ["rate", "rate", "size", "size"]
    assert [measured.input_rate for _, measured in points] == [10.0, 100.0, 100.0, 100.0]
    assert [measured.network.n_recurrent for _, measured in points] == [20, 20, 10, 20]


def test_a_wrong_point_is_refused() -> None:
    with pytest.raises(ParameterError, match="n_recurent"):
        parse(BreakEven, VALUES | {"series": {"size": {"network.n_recurent": [10]}}}).points()
    with pytest.raises(ParameterError, match="ignore_and_fire"):
        parse(BreakEven, VALUES | {"network": VALUES["network"] | {"neuron": {"ignore_and_fire": {"rate": 10.0}}}})


def test_the_dense_pass_advances_traces_and_gradients() -> None:
    random = np.random.default_rng(1)
    trace, surrogate_gradient, signal = random.random(4), random.random(3), random.random(3)
    eligibility, gradient = np.zeros((3, 4)), np.zeros((3, 4))
    dense_pass._advance(eligibility, gradient, trace, surrogate_gradient, signal, 0.9, 3)
    expected = np.outer(surrogate_gradient, trace)
    np.testing.assert_allclose(eligibility, (1 + 0.9 + 0.81) * expected, rtol=1e-14)  # a few roundings
    np.testing.assert_allclose(
        gradient, (3 + 2 * 0.9 + 0.81) * signal[:, np.newaxis] * expected, rtol=1e-14
    )  # a few roundings


@pytest.mark.parametrize("dt", [0.5, 1.0, 2.0])
def test_the_rate_is_in_spikes_per_second(dt: float) -> None:
    """All synapses come from input channels that spike in every step; the neurons never spike."""
    none = {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.0}}
    network = VALUES["network"] | {"dt": dt, "neuron": {"V_th": 1e9}, "recurrent": none, "output": none}
    values = VALUES | {
        "network": network,
        "input_rate": 1000.0 / dt,
        "repeats": 1,
        "series": {"seed": {"n_steps": [40]}},
    }
    _, point = parse(BreakEven, values).points()[0]
    assert break_even.measure(point, seed=1).rate_hz == pytest.approx(1000.0 / dt, rel=1e-12)


def test_a_network_without_synapses_has_no_rate() -> None:
    nothing = {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.0}}
    network = VALUES["network"] | dict.fromkeys(("input", "recurrent", "output", "feedback"), nothing)
    _, point = parse(BreakEven, VALUES | {"network": network}).points()[1]
    result = break_even.measure(point, seed=1)
    assert (result.synapses, result.synaptic_events_per_step, result.rate_hz) == (0, 0, None)


def test_a_point_is_measured(tmp_path: Path) -> None:
    _, point = parse(BreakEven, VALUES).points()[1]
    (tmp_path / "point.json").write_text(point.model_dump_json(), encoding="utf-8")
    command = [*small.on_ranks(0, "eprop_core.experiments.break_even"), str(tmp_path / "point.json")]
    command += ["--seed", "3", "--output", str(tmp_path / "result.json")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    result = BreakEvenResult.read(tmp_path / "result.json")
    assert (result.seed, result.parameters) == (3, point)
    assert {name: len(times) for name, times in result.seconds_per_step} == {
        "event_driven": 2,
        "time_driven": 2,
        "bound": 2,
    }
    assert all(seconds > 0 for seconds in result.seconds_per_step.event_driven + result.seconds_per_step.bound)
    assert result.synapses == 30 * 20 + 20 * 19 + 20 * 2
    assert result.pairs == 20 * (30 + 20 + 2)
    assert result.rate_hz == pytest.approx(1000 * result.synaptic_events_per_step / result.synapses, rel=1e-12)
    assert result.synaptic_events_per_step > 0.5 * 30 * 0.1 * 20  # those of the input alone are twice as many
