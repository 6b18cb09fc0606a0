"""Parameters of the training loop: what is shown, what varies meanwhile, and when it ends."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from eprop_core.parameters import LEARNING_PROJECTIONS, FixedInDegree, Network
from eprop_core.parsing import ParameterError, Parameters, Whole, different
from eprop_core.training.schedules import Constant, LearningRateSchedule, Listed


class Rewiring(Parameters):
    """Synapses that stand at zero are replaced by new ones at random free places, as many as there were (Deep R)."""

    projections: Annotated[list[Literal["input", "recurrent", "output"]], AfterValidator(different)] = Field(
        min_length=1, description="projections that are rewired; all else keeps its connections"
    )
    groups: Whole = Field(1, ge=1, description="groups of samples from one rewiring to the next")
    l1: float = Field(
        0.0, ge=0, description="pull towards zero: weights shrink by learning_rate times this, pA, per sample"
    )
    temperature: float = Field(
        0.0, ge=0, description="random walk of the weights: variance per sample 2 * learning_rate times this, pA²"
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


VALIDATION_SHARE = 0.1
"""Share of the training samples that are held back where neither the parameters nor the data set say so."""


def check_numbers(network: Network, training: "TrainingParameters", n_learned: int, n_held_back: int) -> None:
    """Raise a :class:`ParameterError` where a training does not fit the numbers of samples to learn and held back."""
    n_groups = training.epochs * -(-n_learned // training.samples_per_group)
    n_shown = training.epochs * n_learned
    if deciding := training.decided_by_validation:
        if n_held_back == 0:
            share = share_held_back(training.validation_share)
            raise ParameterError(
                f"validation_share = {share}: none of {n_learned} samples are held back for {deciding}"
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


def number_held_back(validation_share: float | None, n_samples: int) -> int:
    """Return how many samples are held back; raise a :class:`ParameterError` if none is left."""
    share = share_held_back(validation_share)
    if n_samples <= (n_held_back := round(share * n_samples)):
        raise ParameterError(f"validation_share = {share}: leaves none of {n_samples} samples")
    return n_held_back


def share_held_back(validation_share: float | None) -> float:
    """Return the share of the training samples that is held back; None stands for the default."""
    return VALIDATION_SHARE if validation_share is None else validation_share


class TrainingParameters(Parameters):
    """How a network is trained, whatever the task."""

    epochs: Whole = Field(
        ge=1,
        description="passes over the training samples, each in an order of its own",
        json_schema_extra={"label": "epochs"},
    )
    samples_per_group: Whole = Field(100, ge=1, description="samples per point of the learning curve")
    validation_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of the training samples held back for the learning curve of unseen samples; null: those "
        f"that the data set itself holds back, or {VALIDATION_SHARE} where it holds back none",
    )
    groups_per_validation: Whole | None = Field(
        None, ge=1, description="groups from one look at the samples held back to the next; null: those of an epoch"
    )
    learning_rate_schedule: LearningRateSchedule = Field(
        Constant(), description="what the learning rates of all projections are multiplied by, in each group of samples"
    )
    stop_at_accuracy: float | None = Field(
        None,
        gt=0,
        le=1,
        description="accuracy on the samples held back at which training ends early; null: after all epochs",
    )
    patience: Whole | None = Field(
        None,
        ge=1,
        description="how many looks at the samples held back may follow the best one (by accuracy, or by loss where no "
        "answer is right or wrong) before training ends; null: training ends after all epochs",
    )
    keep: Literal["last", "best"] = Field(
        "last",
        description="network that is tested and kept. last: as training ends; best: with the best accuracy, or the "
        "smallest loss, on the samples held back, the first of those that are equally good",
    )
    rewiring: Rewiring | None = Field(None, description="null: the connections stay as they were drawn")

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
        """A key with a value that needs samples held back; empty if there is none."""
        undecided = {"stop_at_accuracy": None, "patience": None, "keep": "last"}
        return next((key for key, value in undecided.items() if getattr(self, key) != value), "")
