"""Result of the comparison of simulated with recorded saccades."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.saccades.parameters import SaccadesComparison
from eprop_core.measurement.results import Result
from eprop_core.records import Record


class Statistics(Record):
    """Statistics of a set of recordings; maps have 2 polarities (OFF, ON), 34 rows and 34 columns."""

    events_per_sample: list[int] = Field(description="of each sample", json_schema_extra={"label": "events per sample"})
    share_of_on_events: float | None = Field(description="null: there are no events")
    events_per_saccade: list[float] = Field(description="mean over samples, of the three saccades")
    event_map: list[list[list[float]]] = Field(description="mean events of a sample by pixel")
    event_maps_of_saccades: list[list[list[list[float]]]] = Field(description="the same of each saccade")
    rate: list[float] = Field(
        description="events per sample in each ms", json_schema_extra={"label": "events per ms and sample"}
    )


class Pair(Record):
    """One number of recorded and of simulated samples; null: it is not defined."""

    real: float | None
    simulated: float | None


class Agreement(Record):
    """Agreement of two sets of recordings of the same images; null: a ratio to zero, or a correlation of constants."""

    mean_events_per_sample: Pair = Field(json_schema_extra={"label": "events per sample, mean"})
    deviation_of_events_per_sample: Pair = Field(json_schema_extra={"label": "events per sample, standard deviation"})
    share_of_on_events: Pair = Field(json_schema_extra={"label": "share of ON events"})
    ratio_of_events: float | None = Field(description="simulated / recorded")
    ratio_of_events_by_saccade: list[float | None]
    correlation_of_events_per_sample: float | None = Field(json_schema_extra={"label": "events per sample"})
    correlation_of_event_maps: float | None = Field(json_schema_extra={"label": "maps of events"})
    correlation_of_event_maps_by_saccade: list[float | None]
    correlation_of_rates_in_bins_of_4_ms: float | None = Field(json_schema_extra={"label": "rate in bins of 4 ms"})


class SaccadesResult(Result):
    """Statistics of recorded and of simulated samples, and their agreement."""

    experiment: Literal["saccades"] = "saccades"
    parameters: SaccadesComparison
    agreement: Agreement
    real: Statistics
    simulated: Statistics
