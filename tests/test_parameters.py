"""Parameters: defaults are valid, and a wrong value is reported in one line."""

import pydantic
import pytest

from eprop_core.datasets.parameters import Events
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, parse

SIZES = {"n_input": 3, "n_recurrent": 4, "n_readout": 1}


def in_degree(n: int, **keywords: object) -> dict[str, object]:
    return {"connectivity": {"rule": "fixed_in_degree", "in_degree": n, **keywords}}


def probability(p: float) -> dict[str, object]:
    return {"connectivity": {"rule": "pairwise_bernoulli", "probability": p}}


def test_defaults_are_valid() -> None:
    network = parse(Network, SIZES)
    assert network == Network(**SIZES)
    assert network.refractory_steps == 0
    assert parse(Network, network.model_dump()) == network
    assert Network.model_validate_json(network.model_dump_json()) == network


@pytest.mark.parametrize(("dt", "t_ref", "steps"), [(1.0, 5.0, 5), (0.1, 0.3, 3), (0.1, 2.0, 20), (0.25, 0.0, 0)])
def test_the_refractory_period_is_rounded_to_steps(dt: float, t_ref: float, steps: int) -> None:
    assert parse(Network, SIZES | {"dt": dt, "neuron": {"t_ref": t_ref}}).refractory_steps == steps


@pytest.mark.parametrize(
    "values",
    [
        {"input": in_degree(3)},
        {"recurrent": in_degree(3)},  # of the three others
        {"recurrent": in_degree(7, allow_multapses=True)},
        {"n_recurrent": 1, "recurrent": in_degree(0)},
        {"n_recurrent": 1, "recurrent": probability(0.5)},  # of no pair at all
        {"n_recurrent": 1, "output": in_degree(2, allow_multapses=True)},
        {"input": probability(0.0)},
        {"input": probability(1.0)},
        {"plasticity": {"cutoff": 3}, "input": {"delay": 2}},
        {"plasticity": {"cutoff": 3}, "input": {"delay": 3, "plastic": False}},
        {"plasticity": {"cutoff": None}, "input": {"delay": 1000}},
        {"plasticity": {"kappa": 0.0, "kappa_reg": 0.0}},
        {"neuron": {"V_reset": -0.5, "V_min": -0.5}},
    ],
)
def test_border_cases_are_allowed(values: dict) -> None:
    parse(Network, SIZES | values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_inputs": 3}, "n_inputs: no such key; close to it: n_input"),
        (
            {"feedback": {"plastic": True}},
            "feedback.plastic: no such key; allowed: kind, weight_decay, targets, connectivity, weights, delay",
        ),
        (
            {"input": {"connectivity": {"rule": "all_to_all", "probability": 0.1}}},
            "input.connectivity.probability: no such key where rule is all_to_all; allowed: rule",
        ),
        (
            {"input": {"connectivity": {"rule": "fixed_in_degree", "in_degree": 1, "degree": 1}}},
            "input.connectivity.degree: no such key where rule is fixed_in_degree; close to it: in_degree",
        ),
        (
            {"plasticity": {"optimizer": {"algorithm": "adm"}}},
            "plasticity.optimizer.algorithm = 'adm': Input should be one of 'gradient_descent', 'adam'",
        ),
        ({"input": {"connectivity": {"probability": 0.1}}}, "input.connectivity.rule: Field required"),
        ({"plasticity": {"optimizer": None}}, "plasticity.optimizer = null: must be keys with values, `key: value`"),
        ({"neuron": "iaf"}, "neuron = 'iaf': must be keys with values, `key: value`"),
        ({"n_recurrent": 0}, "n_recurrent = 0: Input should be greater than or equal to 1"),
        ({"n_input": 3.0}, "n_input = 3.0: Input should be a valid integer"),
        ({"n_input": "3"}, "n_input = '3': Input should be a valid integer"),
        ({"dt": 0.0}, "dt = 0.0: Input should be greater than 0"),
        ({"dt": True}, "dt = true: Input should be a valid number"),
        ({"neuron": {"tau_m": float("nan")}}, "neuron.tau_m = nan: Input should be a finite number"),
        ({"neuron": {"I_e": float("inf")}}, "neuron.I_e = inf: Input should be a finite number"),
        ({"neuron": {"t_ref": 0.5}}, "neuron.t_ref = 0.5 must be a multiple of dt = 1.0"),
        (
            {"neuron": {"surrogate_gradient": {"function": "linear"}}},
            "neuron.surrogate_gradient.function = 'linear': Input should be 'piecewise_linear', "
            "'exponential', 'fast_sigmoid_derivative' or 'arctan'",
        ),
        (
            {"input": probability(-0.1)},
            "input.connectivity.probability = -0.1: Input should be greater than or equal to 0",
        ),
        (
            {"input": probability(1.1)},
            "input.connectivity.probability = 1.1: Input should be less than or equal to 1",
        ),
        ({"input": in_degree(4)}, "input.connectivity.in_degree = 4 exceeds the 3 sources there are"),
        ({"recurrent": in_degree(4)}, "recurrent.connectivity.in_degree = 4 exceeds the 3 sources there are"),
        ({"output": in_degree(5)}, "output.connectivity.in_degree = 5 exceeds the 4 sources there are"),
        ({"feedback": in_degree(2)}, "feedback.connectivity.in_degree = 2 exceeds the 1 sources there are"),
        (
            {"n_recurrent": 1, "recurrent": in_degree(1)},
            "recurrent.connectivity.in_degree = 1 exceeds the 0 sources there are",
        ),
        (
            {"n_recurrent": 1, "recurrent": in_degree(1, allow_multapses=True)},
            "recurrent.connectivity.in_degree = 1 exceeds the 0 sources there are",
        ),
        ({"input": {"delay": 0}}, "input.delay = 0: Input should be greater than or equal to 1"),
        ({"plasticity": {"kappa": 1.0}}, "plasticity.kappa = 1.0: Input should be less than 1"),
        ({"plasticity": {"cutoff": 1}}, "plasticity.cutoff = 1: Input should be greater than or equal to 2"),
        (
            {"plasticity": {"cutoff": 2}, "output": {"delay": 2}},
            "plasticity.cutoff = 2 must exceed output.delay = 2",
        ),
        (
            {"plasticity": {"optimizer": {"weight_min": 1.0, "weight_max": 0.0}}},
            "weight_min must not exceed weight_max = 0.0",
        ),
        ({"input": {"weight_min": 101.0}}, "input: weight_min = 101.0 must not exceed weight_max = 100.0"),
        ({"output": {"epsilon": 1e-3}}, "output.epsilon: only the optimizer adam has an epsilon"),
        ({"neuron": {"V_th": 1.0, "V_reset": 1.0}}, "neuron.V_reset = 1.0 must be below neuron.V_th"),
        ({"neuron": {"V_th": {"low": 0.5, "high": 1.5}, "V_min": 0.5}}, "neuron.V_min = 0.5 must be below neuron.V_th"),
        (
            {"neuron": {"V_reset": -0.5, "V_min": -0.3}},
            "neuron.V_reset = -0.5 must not be below neuron.V_min = -0.3",
        ),
        (
            {"neuron": {"V_reset": 0.0, "delayed_reset": True}},
            "neuron.delayed_reset: has no meaning with neuron.V_reset, it must be false",
        ),
        (
            {"neuron": {"tau_m": {"low": 2.0, "high": 1.0}}},
            "neuron.tau_m: low must not exceed high = 1.0",
        ),
    ],
)
def test_a_wrong_value_is_reported_in_one_line(values: dict, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse(Network, SIZES | values, "network.json: ")
    line = str(caught.value)
    assert line.startswith("network.json: ")
    assert line.endswith(message)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("values", "key"),
    [({"connectivity": {"rule": "small_world"}}, "small_world"), ({"connectivity": {}}, "rule"), (5, "input = 5")],
)
def test_the_error_of_a_wrong_choice_names_the_given_value(values: object, key: str) -> None:
    with pytest.raises(ParameterError, match=key) as caught:
        parse(Network, SIZES | {"input": values})
    assert str(caught.value).startswith("input")
    assert "\n" not in str(caught.value)


def test_an_error_does_not_print_the_whole_network() -> None:
    """This holds for errors that concern several keys, and for missing keys."""
    for values in ({"neuron": {"t_ref": 0.5}}, {"plasticity": {"cutoff": 2}, "input": {"delay": 3}}):
        with pytest.raises(ParameterError) as caught:
            parse(Network, SIZES | values)
        assert "n_recurrent" not in str(caught.value)
    with pytest.raises(ParameterError) as caught:
        parse(Network, {"n_input": 3, "n_recurrent": 4})
    assert "n_readout" in str(caught.value)
    assert "n_recurrent" not in str(caught.value)


def test_each_wrong_key_has_its_own_line() -> None:
    with pytest.raises(ParameterError) as caught:
        parse(Network, {"n_input": 0, "n_recurrent": -1, "n_readout": 1, "dt": 0.0})
    assert [line.split(" = ")[0] for line in str(caught.value).splitlines()] == ["dt", "n_input", "n_recurrent"]


def test_a_value_of_several_possible_types_has_one_line() -> None:
    values = {"name": "events", "train": "a.h5", "test": "b.h5", "n_steps": 5, "validation_groups": [1.5]}
    with pytest.raises(ParameterError) as raised:
        parse(Events, values)
    expected = "a valid integer or text, in quotes if it looks like a number"
    assert str(raised.value) == f"validation_groups.0 = 1.5: Input should be {expected}"


def test_parameters_cannot_be_changed() -> None:
    network = parse(Network, SIZES)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        network.dt = 2.0
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        network.neuron.tau_m = 2.0


@pytest.mark.parametrize(("rate", "dt", "steps"), [(30.0, 1.0, 33), (40.0, 0.5, 50), (1e4, 0.1, 1)])
def test_the_interval_of_given_spikes_is_rounded_to_steps(rate: float, dt: float, steps: int) -> None:
    assert parse(Network, SIZES | {"dt": dt, "neuron": {"ignore_and_fire": {"rate": rate}}}).firing_period == steps


def test_neurons_fire_at_most_once_per_step() -> None:
    with pytest.raises(ParameterError, match=r"ignore_and_fire.rate = 10000.1: must not exceed 10000 spikes/s"):
        parse(Network, SIZES | {"dt": 0.1, "neuron": {"ignore_and_fire": {"rate": 10000.1}}})


@pytest.mark.parametrize(
    ("t_ref", "V_reset", "allowed"),
    [(9.0, None, True), (10.0, None, True), (11.0, None, False), (9.0, 0.0, True), (10.0, 0.0, False)],
)
def test_the_refractory_period_must_not_exceed_the_interval_of_given_spikes(
    t_ref: float, V_reset: float | None, allowed: bool
) -> None:
    """At 100 spikes/s spikes come every 10 ms; a longer refractory period would omit some that other ranks expect."""
    values = SIZES | {"neuron": {"t_ref": t_ref, "V_reset": V_reset, "ignore_and_fire": {"rate": 100.0}}}
    if allowed:
        parse(Network, values)
        return
    with pytest.raises(ParameterError, match="t_ref") as caught:
        parse(Network, values)
    assert "\n" not in str(caught.value)
