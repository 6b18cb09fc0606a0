"""Names of parameters and measured values come from their fields."""

import pytest

from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.experiments.break_even.result import BreakEvenResult
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.labels import label_of


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("network.input.connectivity.probability", "Input density"),
        ("network.feedback.delay", "Feedback delay (steps)"),
        ("network.neuron.tau_m", "Membrane time constant (ms)"),
        ("network.neuron.surrogate_gradient.function", "Surrogate gradient"),
        ("network.plasticity.optimizer.learning_rate", "Learning rate"),
        ("network.n_recurrent", "Recurrent neurons"),
        ("training.epochs", "Epochs"),
        ("network.input.plastic", "input plastic"),  # has no label
        ("network.neuron.t_ref", "neuron t ref (ms)"),
        ("network.no.such_key", "no such key"),
    ],
)
def test_a_parameter_is_named_by_the_labels_along_its_path(path: str, label: str) -> None:
    assert label_of(TaskParameters, path) == label


def test_parameters_and_results_of_other_experiments_have_labels() -> None:
    assert label_of(BreakEvenPoint, "input_rate") == "Input rate (spikes/s)"
    assert label_of(BreakEvenResult, "rate_hz") == "Presynaptic rate (spikes/s)"
