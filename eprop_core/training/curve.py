"""The learning curve, and what it says about the best network so far."""

from collections.abc import Sequence

from pydantic import Field

from eprop_core.records import Record


class CurvePoint(Record):
    """A point of the learning curve: a group of training samples, while they are learned."""

    epoch: int
    samples: int = Field(
        description="training samples seen so far", json_schema_extra={"label": "training samples seen"}
    )
    training_time_s: float = Field(description="wall time of training so far")
    training_loss: float = Field(description="mean over the group", json_schema_extra={"label": "training loss"})
    training_accuracy: float | None = Field(description="share of the group; null: no answer is right or wrong")
    rate_hz: float = Field(
        description="mean over neurons and the group", json_schema_extra={"label": "rate", "unit": "spikes/s"}
    )
    validation_loss: float | None = Field(
        description="of all validation samples; null: they were not shown here",
        json_schema_extra={"label": "validation loss"},
    )
    validation_accuracy: float | None = Field(
        description="of all validation samples; null as the loss, or no accuracy",
        json_schema_extra={"label": "validation accuracy"},
    )

    @property
    def goodness(self) -> float | None:
        """Accuracy on the validation samples, or minus their loss if there is none; None: they were not shown here."""
        if self.validation_accuracy is not None or self.validation_loss is None:
            return self.validation_accuracy
        return -self.validation_loss


def best_point(curve: Sequence[CurvePoint]) -> CurvePoint | None:
    """Return the point with the best score on the validation samples, the first of those that are equally good."""
    scores = [(point.goodness, point) for point in curve if point.goodness is not None]
    return max(scores, key=lambda score: score[0])[1] if scores else None


def validations_without_improvement(curve: Sequence[CurvePoint]) -> int:
    """Return how often the validation samples have been shown since the best point."""
    best = best_point(curve)
    return 0 if best is None else sum(point.samples > best.samples for point in curve if point.goodness is not None)
