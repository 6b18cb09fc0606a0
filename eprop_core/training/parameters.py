"""Parameters of the training loop: what is shown, what varies meanwhile, and when it ends."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from eprop_core.datasets.parameters import VALIDATION_SHARE
from eprop_core.parameters import LEARNING_PROJECTIONS, FixedInDegree, Network
from eprop_core.parsing import ParameterError, Parameters, Whole, different
from eprop_core.training.schedules import Constant, LearningRateSchedule, Listed


class Rewiring(Parameters):
    """Synapses whose weight is zero are replaced by new ones between random unconnected pairs of neurons (Deep R)."""

    projections: Annotated[list[Literal["input", "recurrent", "output"]], AfterValidator(different)] = Field(
        min_length=1, description="projections that are rewired; all others keep their connections"
    )
    groups: Whole = Field(1, ge=1, description="groups of samples from one rewiring to the next")
    l1: float = Field(
        0.0, ge=0, description="L1 regularization: weights shrink by learning_rate times this, pA, per sample"
    )
    temperature: float = Field(
        0.0,
        ge=0,
        description="random walk of the weights with a variance of 2 * learning_rate times this, pA², per sample",
    )


def check_rewirable(network: Network, rewiring: Rewiring) -> None:
    """Raise a :class:`ParameterError` where a network cannot be rewired like this."""
    if network.plasticity.update == "sample":  # a batch updates when the next begins, after the rewiring
        raise ParameterError('rewiring: plasticity.update must be "spike"')
    for name in rewiring.projections:
        projection = getattr(network, name)
        if any(getattr(projection, parts, None) is not None for parts in ("targets", "pairs", "sources")):
            raise ParameterError(f"rewiring.projections: {name} connects groups, which are not rewired")
        if not network.optimizer(name).fixed_signs:
            raise ParameterError(f"rewiring.projections: {name}.fixed_signs must be true")
        if not projection.plastic:
            raise ParameterError(f"rewiring.projections: {name} must be plastic")
        if projection.stdp is not None:
            raise ParameterError(f"rewiring.projections: {name} must not have stdp, which has no gradient")
        if isinstance(projection.connectivity, FixedInDegree) and projection.connectivity.allow_multapses:
            raise ParameterError(f"rewiring.projections: {name}.connectivity.allow_multapses must be false")
    if "output" in rewiring.projections and network.feedback.kind == "adaptive":
        raise ParameterError("rewiring.projections: output has feedback weights that adapt along it")


def check_numbers(network: Network, training: "TrainingParameters", n_learned: int, n_validation: int) -> None:
    """Raise a :class:`ParameterError` where a training does not fit its numbers of samples."""
    n_groups = training.epochs * -(-n_learned // training.samples_per_group)
    n_shown = training.epochs * n_learned
    if deciding := training.decided_by_validation:
        if n_validation == 0:
            share = resolve_validation_share(training.validation_share)
            raise ParameterError(
                f"validation_share = {share}: none of {n_learned} samples are for validation, which {deciding} needs"
            )
        if training.groups_per_validation is not None and training.groups_per_validation > n_groups:
            raise ParameterError(
                f"groups_per_validation = {training.groups_per_validation}: for {deciding}, it must not exceed the "
                f"{n_groups} groups of all epochs"
            )
    # An incomplete batch at the end counts when the network is tested; but one must be completed.
    plasticity = network.plasticity
    if plasticity.update == "sample" and plasticity.batch_size > n_shown:
        raise ParameterError(
            f"network.plasticity.batch_size = {plasticity.batch_size}: must not exceed the {n_shown} samples that "
            "training shows in all epochs, or nothing would be learned"
        )


def count_validation_samples(validation_share: float | None, n_samples: int) -> int:
    """Return the number of validation samples; raise a :class:`ParameterError` if none is left."""
    share = resolve_validation_share(validation_share)
    if n_samples <= (n_validation := round(share * n_samples)):
        raise ParameterError(f"validation_share = {share}: leaves none of {n_samples} samples")
    return n_validation


def resolve_validation_share(validation_share: float | None) -> float:
    """Return the share of the training samples that is for validation; None stands for the default."""
    return VALIDATION_SHARE if validation_share is None else validation_share


class TrainingParameters(Parameters):
    """How a network is trained, whatever the task."""

    epochs: Whole = Field(
        ge=1,
        description="passes over the training samples, each in a new random order",
        json_schema_extra={"label": "epochs"},
    )
    samples_per_group: Whole = Field(
        100, ge=1, description="training samples per group, which is a point of the learning curve"
    )
    validation_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="fraction of the training samples that are held out as validation samples; null: the validation "
        f"samples of the data set, or {VALIDATION_SHARE} if it has none",
    )
    groups_per_validation: Whole | None = Field(
        None, ge=1, description="groups between validations; null: one validation per epoch"
    )
    learning_rate_schedule: LearningRateSchedule = Field(
        Constant(), description="factor of the learning rates of all projections in each group of samples"
    )
    stop_at_accuracy: float | None = Field(
        None,
        gt=0,
        le=1,
        description="early stopping at this validation accuracy; null: training ends after all epochs",
    )
    patience: Whole | None = Field(
        None,
        ge=1,
        description="early stopping after this many validations without a new best accuracy (or loss, for regression "
        "tasks); null: training ends after all epochs",
    )
    keep: Literal["last", "best"] = Field(
        "last",
        description="network that is tested and kept. last: at the end of training; best: with the highest validation "
        "accuracy, or the lowest validation loss, the first one if several are equal",
    )
    rewiring: Rewiring | None = Field(
        None, description="rewiring during training (Deep R); null: connections are fixed"
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.decided_by_validation and self.validation_share == 0.0:
            raise ValueError(f"{self.decided_by_validation} needs validation_share > 0")
        for name in LEARNING_PROJECTIONS:
            schedule = self.learning_rate_schedule.of(name)
            if isinstance(schedule, Listed) and schedule.samples is None and len(schedule.factors) > self.epochs:
                raise ValueError(
                    f"learning_rate_schedule: {len(schedule.factors)} factors are more than epochs = {self.epochs}"
                )
        return self

    @property
    def decided_by_validation(self) -> str:
        """A key with a value that needs validation samples; empty if there is none."""
        undecided = {"stop_at_accuracy": None, "patience": None, "keep": "last"}
        return next((key for key, value in undecided.items() if getattr(self, key) != value), "")
