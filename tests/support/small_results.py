"""Small results, and checks that all figures and tables must pass."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from eprop_core.experiments.interconnect.parameters import Interconnect
from eprop_core.experiments.interconnect.result import CallTime, InterconnectResult, Pattern
from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.experiments.scaling.result import MessageCost, RankRecord, ScalingResult, Traffic, VariantRecord
from eprop_core.experiments.studies import result as studies_result
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import FinalScore, Operations, SampleNumbers, StudyResult
from eprop_core.measurement.results import Counts, Phases
from eprop_core.parsing import parse
from eprop_core.records import Code, Provenance, Record
from eprop_core.training.curve import CurvePoint
from workflow.scripts.scaling import collect as scaling_collect
from workflow.scripts.shared import style, write_table

PROJECT = Path(__file__).parents[2]
DENSITY, DELAY = "network.input.connectivity.probability", "network.input.delay"
PROVENANCE = Provenance(
    date="2026-01-01T00:00:00+00:00",
    command=["python"],
    code=Code(commit="0123456789abcdef", dirty=False),
    python="3.12.0",
    packages={"numpy": "2.0.0", "numba": "0.61.0"},
    ranks=1,
    hosts=["node"],
    system="Linux",
    cpu="some CPU",
    cores=2,
    processors=[2.0],
    threads=[1],
    memory_bytes=8 * 10**9,
    mpi=None,
)
AnyRecord = TypeVar("AnyRecord", bound=Record)


def changed(record: AnyRecord, **values: Any) -> AnyRecord:
    """Return a validated record with other values; a dictionary changes only these values of a part."""
    current = record.model_dump()
    for name, value in values.items():
        is_part = isinstance(value, dict) and isinstance(current[name], dict)
        current[name] = current[name] | value if is_part else value
    return type(record).model_validate(current)


def counts(**given: int) -> Counts:
    """Counts, zero unless given."""
    return Counts(**dict.fromkeys(Counts.model_fields, 0) | given)


def task(density: float, delay: int) -> TaskParameters:
    projection = {"connectivity": {"rule": "pairwise_bernoulli", "probability": density}, "delay": delay}
    values = {"dataset": {"name": "digits"}, "network": {"n_recurrent": 20, "input": projection}}
    return parse(TaskParameters, values | {"training": {"epochs": 4}})


PHASES = Phases(build=0.5, update=0.2, deliver=0.6, plasticity=0.5, collocate=0.1, communicate=0.05, wait=0.02)


def training_result(seed: int, density: float = 0.1, delay: int = 1) -> StudyResult:
    accuracy = 0.9 + 0.02 * seed - 0.1 * (1 - density)
    curve = [
        CurvePoint(
            epoch=epoch,
            samples=100 * epoch,
            training_time_s=0.1 * epoch,
            training_loss=1.0 / epoch,
            training_accuracy=accuracy - 0.1 / epoch,
            rate_hz=10.0,
            validation_loss=None if epoch % 2 else 1.0,
            validation_accuracy=None if epoch % 2 else accuracy,
        )
        for epoch in range(1, 5)
    ]
    return StudyResult(
        seed=seed,
        parameters=task(density, delay),
        provenance=PROVENANCE,
        chance=0.1,
        loss="mean_squared_error",
        loss_of_best_constant=4.0,
        curve=curve,
        test=FinalScore(samples=50, correct=round(50 * accuracy), accuracy=accuracy, loss=0.5),
        samples=SampleNumbers(training=90, validation=10, test=50, shown=400, learned=400),
        last_answer=None,
        rate_hz=10.0,
        counts=counts(neurons=20, synapses=int(1000 * density), synaptic_events=int(400_000 * density)),
        replaced_synapses={},
        operations_per_sample=Operations(effective_accumulates=900.0 * density, dense=5000),
        times_s={"training": 0.4, "test": 0.1},
        training_time_per_sample_s=0.001,
        per_rank=[studies_result.RankRecord(times_s=PHASES, peak_memory_bytes=100_000_000)],
    )


INTERCONNECT = Interconnect(latency=2.0, bandwidth=5.0)


def interconnect_result(other_work: float | None = 0.03, n_sizes: int = 3) -> InterconnectResult:
    """Messages that all take 1 µs."""
    times = [
        CallTime(pattern=pattern, bytes=8 * 4**n, seconds=1e-6) for pattern in get_args(Pattern) for n in range(n_sizes)
    ]
    return InterconnectResult(
        provenance=PROVENANCE, other_work_processors=other_work, interconnect=INTERCONNECT, times=times
    )


def timing(kind: str) -> Timing:
    drawn = {"connectivity": {"rule": "fixed_in_degree", "in_degree": 5}}
    network = {"n_input": 10, "n_recurrent": 100, "n_readout": 2, "input": drawn, "recurrent": drawn, "output": drawn}
    values = {"kind": kind, "network": network, "input_rate": 10.0, "n_steps": 500, "n_steps_warm_up": 100}
    return parse(Timing, values)


def scaling_result(
    kind: str,
    n_ranks: int,
    *,
    dry_run: bool = False,
    together: int = 1,
    repeats: int = 3,
    other_work: float | None = 0.02,
) -> ScalingResult:
    """A run that takes 2 s on one rank and 1.25 s on two, in the median; the last rank is the slowest.

    A dry run emulates ``together`` ranks from the middle on. ``other_work`` is that of the first repeat; the others
    have less.
    """
    of_repeats = []
    for repeat in range(repeats):
        propagation = {1: 2.0, 2: 1.25}.get(n_ranks, 1.25) + 0.1 * (repeat - 1)
        received = Traffic(exchanges=500, received_bytes=500_000)
        costs = {"all": MessageCost(messages=1000, bytes=10**6), "targets": MessageCost(messages=0, bytes=3 * 10**7)}
        of_ranks = [
            RankRecord(
                rank=rank,
                propagation_s=propagation - 0.01 * (n_ranks - 1 - rank),
                times_s=PHASES,
                counts=counts(
                    neurons=100 // n_ranks,
                    synapses=1000 // n_ranks,
                    spikes=500 // n_ranks,
                    synaptic_events=10**6 // n_ranks,
                ),
                destinations="all",
                traffic=dict.fromkeys(costs if dry_run else ["all"] if n_ranks > 1 else [], received),
                modelled=costs if dry_run else {},
                bytes_per_event=64.0 + n_ranks,
                peak_memory_bytes=10**8,
                other_work_processors=other_work if repeat == 0 or other_work is None else 0.01,
            )
            for rank in (range(n_ranks // 2, n_ranks // 2 + together) if dry_run else range(n_ranks))
        ]
        of_repeats.append(of_ranks)
    processes = together if dry_run else n_ranks
    parameters = timing(kind)
    variant = VariantRecord(
        network=parameters.network,
        model_time_s=0.5,
        interval_steps=1,
        estimated_memory_bytes=12 * 10**7,
        repeats=of_repeats,
    )
    of_processes = {name: getattr(PROVENANCE, name) * processes for name in ("hosts", "processors", "threads")}
    return ScalingResult(
        seed=1,
        parameters=parameters,
        provenance=changed(PROVENANCE, ranks=processes, **of_processes),
        ranks=n_ranks,
        dry_run=dry_run,
        together=together if dry_run else None,
        memory_without_network_bytes=[6 * 10**7] * processes,
        variants={"eprop_plus": variant, "slow": changed(variant, interval_steps=5)},
    )


def scaling_rows(
    kind: str = "strong",
    ranks: tuple[int, ...] = (1, 2),
    dry_ranks: tuple[int, ...] = (),
    variants: int = 1,
    disturbed: tuple[int, ...] = (),
) -> pd.DataFrame:
    """Rows of runs by number of ranks; other work ran beside the first repeat on ``disturbed`` numbers of ranks."""
    load = {n_ranks: 0.5 if n_ranks in disturbed else 0.02 for n_ranks in (*ranks, *dry_ranks)}
    results = [scaling_result(kind, n_ranks, other_work=load[n_ranks]) for n_ranks in ranks]
    results += [scaling_result(kind, n_ranks, other_work=load[n_ranks], dry_run=True) for n_ranks in dry_ranks]
    rows = pd.DataFrame([row for result in results for row in scaling_collect.rows(result, kind, INTERCONNECT)])
    return rows[rows["variant"].isin(rows["variant"].unique()[:variants])]


def check(draw: Callable[[], Figure], directory: Path, *labels: str) -> None:
    """The figure can be written in all formats, fits a page, and has these labels as text."""
    figure = draw()
    width, height = figure.get_size_inches() / style.MILLIMETRE
    assert width == pytest.approx(85) or width == pytest.approx(180)
    assert 40 < height < 240
    files = [directory / f"figure.{file_format}" for file_format in ("pdf", "svg", "png")]
    style.save(figure, [str(file) for file in files])
    picture = plt.imread(files[2])
    assert picture.shape[1] == pytest.approx(width / 25.4 * 300, abs=2)
    brightness = picture[..., :3].sum(axis=2)
    assert len(np.unique(brightness)) > 10
    text = re.sub(r"<[^>]+>", "", files[1].read_text(encoding="utf-8"))
    for label in labels:
        assert label in text, label


def written(numbers: pd.DataFrame, printed: pd.DataFrame, directory: Path) -> tuple[pd.DataFrame, str, str]:
    files = [str(directory / f"table.{file_format}") for file_format in ("csv", "md", "tex")]
    write_table.write(numbers, printed, files, "A caption.", "name")
    texts = [Path(file).read_text(encoding="utf-8") for file in files]
    return pd.read_csv(files[0]), texts[1], texts[2]


def timings(rate: float = 10.0, n_synapses: int = 1000, **seconds: list[float]) -> dict[str, Any]:
    """What one point measured; by default the time-driven model takes ten times as long as the event-driven one."""
    times = {"event_driven": [1e-4] * 3, "time_driven": [1e-3] * 3, "bound": [5e-4] * 3} | seconds
    head = {"synapses": n_synapses, "pairs": 4000, "synaptic_events_per_step": rate / 1000 * n_synapses}
    return {"rate_hz": rate if n_synapses else np.nan, **head, "times": times}


def break_even_runs(points: list[dict[str, Any]]) -> pd.DataFrame:
    rows = []
    for value, point in enumerate(points):
        times = point["times"]
        head = {"series": "firing rate", "parameter": "input_rate", "value": float(value), "seed": 1, **point}
        del head["times"]
        rows += [
            {**head, "repeat": repeat, **{f"{model}_s": of_model[repeat] for model, of_model in times.items()}}
            for repeat in range(3)
        ]
    return pd.DataFrame(rows)
