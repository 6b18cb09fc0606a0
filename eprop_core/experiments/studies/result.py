"""Result of a training run."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.measurement.results import Counts, Phases, Result
from eprop_core.records import Record
from eprop_core.training.curve import CurvePoint


class FinalScore(Record):
    """Score on samples that training never saw."""

    samples: int = Field(description="number of test samples")
    correct: int | None = Field(description="right answers; null: no answer is right or wrong")
    accuracy: float | None = Field(description="share of right answers", json_schema_extra={"label": "test accuracy"})
    loss: float = Field(json_schema_extra={"label": "test loss"})


class SampleNumbers(Record):
    """Numbers of samples."""

    training: int = Field(description="samples that are learned from")
    validation: int = Field(description="validation samples, which are not learned")
    test: int
    shown: int = Field(
        description="training samples shown, over all epochs", json_schema_extra={"label": "training samples"}
    )
    learned: int = Field(description="training samples that the tested network had been shown")


class Answer(Record):
    """Target and readout within the learning window of a sample, mV: a list of readouts per step."""

    target: list[list[float]]
    readout: list[list[float]]


class Operations(Record):
    """Synaptic operations per sample at inference, as NeuroBench counts them."""

    effective_accumulates: float = Field(
        description="spikes times the synapses with a weight that they reach",
        json_schema_extra={"label": "synaptic operations per sample"},
    )
    dense: int = Field(description="one per step and pair of neurons")


class RankRecord(Record):
    """Measurements of one rank."""

    times_s: Phases
    peak_memory_bytes: int = Field(json_schema_extra={"label": "peak memory"})


class StudyResult(Result):
    """A training run of one task with one seed."""

    experiment: Literal["studies"] = "studies"
    seed: int
    parameters: TaskParameters
    chance: float | None = Field(description="accuracy of a guess; null: no answer is right or wrong")
    loss: Literal["mean_squared_error", "cross_entropy"]
    loss_of_best_constant: float = Field(description="loss of readouts that stay at the mean of the target")
    curve: list[CurvePoint]
    test: FinalScore | None = Field(description="null: nothing is held out")
    samples: SampleNumbers
    last_answer: Answer | None = Field(description="to the last training sample; null where answers are right or wrong")
    rate_hz: float = Field(
        description="rate while the last group was learned", json_schema_extra={"label": "rate", "unit": "spikes/s"}
    )
    counts: Counts = Field(description="of the whole training, all ranks")
    replaced_synapses: dict[str, int] = Field(description="synapses replaced by rewiring, by projection")
    operations_per_sample: Operations
    times_s: dict[str, float] = Field(description="wall time of build, training, validation, checkpoints and test")
    training_time_per_sample_s: float = Field(json_schema_extra={"label": "time per training sample"})
    per_rank: list[RankRecord]
