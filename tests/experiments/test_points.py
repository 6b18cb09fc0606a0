"""Points of a study: the parameters that they change, and the hash that equal ones share."""

import pytest

from eprop_core.experiments import points
from eprop_core.parameters import GradientDescent
from eprop_core.parsing import ParameterError


def test_one_parameter_is_changed_at_a_time() -> None:
    changes = [point.changes for point in points.one_at_a_time({"a.b": [1, 2], "c": [3]})]
    assert changes == [{"a.b": 1}, {"a.b": 2}, {"c": 3}]


def test_every_combination_is_taken() -> None:
    changes = [point.changes for point in points.all_combinations({"a": [1, 2], "b": [3, 4]})]
    assert changes == [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3}, {"a": 2, "b": 4}]


def test_an_empty_grid_has_one_point() -> None:
    assert points.all_combinations({}) == [points.Point({})]


def test_parameters_are_changed_together() -> None:
    assert points.together({"a": [1, 2], "b": [3, 4]}, "both") == [
        points.Point({"a": 1, "b": 3}, series="both"),
        points.Point({"a": 2, "b": 4}, series="both"),
    ]


def test_changes_are_made_in_a_copy() -> None:
    values = {"a": {"b": 1, "c": 2}, "d": 3}
    assert points.apply(values, {"a.b": {"e": 5}, "d": 4}) == {"a": {"b": {"e": 5}, "c": 2}, "d": 4}
    assert values == {"a": {"b": 1, "c": 2}, "d": 3}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("x.b", "x: no such key; allowed: a, d"),
        ("a.size.y", "a.size: no such key; close to it: sizes"),
        ("d.e.f", "d = null: has no key e.f"),
    ],
)
def test_an_unknown_path_is_refused(path: str, message: str) -> None:
    with pytest.raises(ParameterError) as error:
        points.apply({"a": {"sizes": 1}, "d": None}, {path: 0})
    assert str(error.value) == message


def test_equal_parameters_have_the_same_hash_and_different_ones_do_not() -> None:
    name = points.content_hash(GradientDescent(learning_rate=0.5))
    assert name == points.content_hash(GradientDescent(weight_max=100.0, learning_rate=0.5))
    assert name != points.content_hash(GradientDescent(learning_rate=0.25))


def test_zeros_of_both_signs_are_the_same() -> None:
    names = {points.content_hash(GradientDescent(learning_rate=zero)) for zero in (0.0, -0.0)}
    assert len(names) == 1
