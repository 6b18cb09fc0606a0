"""Results of the experiment on the cost of locality."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.locality.parameters import AccuracyParameters, Feedback, GradientPoint, Method
from eprop_core.measurement.results import Result
from eprop_core.records import Record

_COSINE = "cosine of the gradients; null: one of them is zero"


class Alignment(Record):
    """Cosine between the gradients of e-prop and of backpropagation through time."""

    seed: int
    feedback: Feedback
    input_cosine: float | None = Field(description=_COSINE, json_schema_extra={"label": "input weights"})
    recurrent_cosine: float | None = Field(description=_COSINE, json_schema_extra={"label": "recurrent weights"})
    output_cosine: float | None = Field(description=_COSINE, json_schema_extra={"label": "output weights"})
    all_cosine: float | None = Field(description=_COSINE, json_schema_extra={"label": "all weights"})
    output_difference: float | None = Field(
        description="largest difference between the derivatives by output weights, over the largest derivative; null: "
        "all are zero"
    )
    spikes: int = Field(description="of the recurrent neurons, which both programs have alike")
    readout_difference: float = Field(description="largest difference of readouts, over the largest readout")


class GradientResult(Result):
    """The gradients of one point, by seed and kind of feedback."""

    experiment: Literal["locality_gradients"] = "locality_gradients"
    parameters: GradientPoint
    backpropagation: str = Field(description="program and version")
    alignments: list[Alignment]


class AccuracyResult(Result):
    """Test accuracy of one method, with its search for the learning rates."""

    experiment: Literal["locality_accuracy"] = "locality_accuracy"
    parameters: AccuracyParameters
    method: Method
    seed: int
    factor: float = Field(description="of all learning rates, the one that was chosen")
    output_factor: float = Field(description="further one of the output weights, the one that was chosen")
    tried: list[tuple[float, float, float]] = Field(
        description="both factors, and the accuracy on held-out samples with them"
    )
    accuracy: float = Field(
        description="fraction of the test samples that are classified correctly",
        json_schema_extra={"label": "accuracy"},
    )
    test_samples: int
