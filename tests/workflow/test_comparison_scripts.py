"""Tables and figures of comparisons: break-even, baselines, and recorded and simulated events."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from eprop_core.experiments.baselines.parameters import PoissonBaseline
from eprop_core.experiments.baselines.result import Agreement as OutputsAgreement
from eprop_core.experiments.baselines.result import BaselineResult, Compared, Process
from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.experiments.break_even.result import BreakEvenResult, SecondsPerStep
from eprop_core.experiments.saccades.parameters import SaccadesComparison
from eprop_core.experiments.saccades.result import Agreement, Pair, SaccadesResult, Statistics
from eprop_core.parsing import parse
from results_contract import undescribed_columns
from small_results import PROVENANCE, changed, check, written
from workflow.scripts.baselines import collect as baselines_collect
from workflow.scripts.baselines import figure as baselines_figure
from workflow.scripts.baselines import memory_figure
from workflow.scripts.baselines import numbers as baselines_numbers
from workflow.scripts.baselines import table as baselines_table
from workflow.scripts.break_even import collect as break_even_collect
from workflow.scripts.break_even import figure as break_even_figure
from workflow.scripts.break_even import numbers as break_even_numbers
from workflow.scripts.break_even import table as break_even_table
from workflow.scripts.saccades import figure as saccades_figure
from workflow.scripts.saccades import table as saccades_table
from workflow.scripts.shared import other_work

pytestmark = pytest.mark.usefixtures("drawing")


COMPARED = Compared(version="0.1.0", computes="e-prop+", agreement=None)
AGREEMENT = OutputsAgreement(equal_spikes=0.875, readout_difference=0.25, weight_difference=None)


def baseline(**given: Any) -> PoissonBaseline:
    values = {"network": {"n_input": 10, "n_recurrent": 100, "n_readout": 2, "dt": 0.5}, "input_rate": 10.0}
    return parse(PoissonBaseline, values | {"n_steps": 500, "n_steps_warm_up": 100} | given)


def baseline_result(training: bool) -> BaselineResult:
    """Three repeats; this simulator takes 10, 20 and 30 ns per event, NEST a hundred times that.

    Other work disturbs one process of this simulator with static synapses.
    """
    simulators = [(simulator, variant) for variant in ("plastic", "static") for simulator in ("eprop_core", "NEST")]
    simulators += [("eprop_core", "training"), ("NEST", "training")] if training else []
    processes = []
    for repeat in (1, 2, 3):
        for simulator, variant in simulators:
            own: dict[str, Any] = {}
            if simulator == "eprop_core" and variant != "training":
                speeds = {"read_bytes_per_s": 1.2e10, "update_bytes_per_s": 1.3e10, "add_s": 1e-9, "gather_s": 2e-9}
                own = {"bytes_moved_per_event": 52.0 if variant == "plastic" else 12.0, "machine": speeds}
                own |= {"update_s": 0.004, "deliver_s": 0.005, "collocate_s": 0.001}
            process = Process(
                simulator=simulator,
                variant=variant,
                repeat=repeat,
                neurons=100,
                synapses=5000,
                n_steps=500,
                spikes=400,
                synaptic_events=10**6,
                seconds=0.01 * repeat * (100 if simulator == "NEST" else 1),
                processor_s=0.01 * repeat,
                build_s=0.001,
                memory_built_bytes=100_000,
                memory_bytes=140_000,
                threads=1,
                other_work_processors=0.2 if (simulator, variant, repeat) == ("eprop_core", "static", 2) else 0.01,
                **own,
            )
            processes.append(process)
    parameters = baseline()
    return BaselineResult(
        parameters=parameters,
        network=parameters.network,
        provenance=PROVENANCE,
        simulators={"eprop_core": COMPARED, "NEST": changed(COMPARED, version="3.10.0", agreement=AGREEMENT)},
        processes=processes,
        left_out={} if training else {"eprop_core, time_driven": "dense matrices would need 27 GB"},
        learned={},
    )


@pytest.fixture
def baselines() -> pd.DataFrame:
    rows = [
        row for name in ("small", "large") for row in baselines_collect.rows(name, baseline_result(name == "small"))
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def comparison() -> SaccadesResult:
    random = np.random.default_rng(1)

    def statistics() -> Statistics:
        maps = random.random((2, 34, 34)).tolist()
        return Statistics(
            events_per_sample=random.integers(1000, 5000, 20).tolist(),
            share_of_on_events=0.5,
            events_per_saccade=[1000.0, 900.0, 800.0],
            event_map=maps,
            event_maps_of_saccades=[maps] * 3,
            rate=random.random(336).tolist(),
        )

    agreement = Agreement(
        mean_events_per_sample=Pair(real=4000.0, simulated=4100.0),
        deviation_of_events_per_sample=Pair(real=1000.0, simulated=900.0),
        share_of_on_events=Pair(real=0.5, simulated=0.52),
        ratio_of_events=1.025,
        ratio_of_events_by_saccade=[1.0, 1.0, 1.0],
        correlation_of_events_per_sample=0.99,
        correlation_of_event_maps=0.98,
        correlation_of_event_maps_by_saccade=[0.98, 0.98, 0.98],
        correlation_of_rates_in_bins_of_4_ms=0.97,
    )
    return SaccadesResult(
        parameters=SaccadesComparison(nmnist="nmnist", mnist="mnist"),
        provenance=PROVENANCE,
        agreement=agreement,
        real=statistics(),
        simulated=statistics(),
    )


def break_even_rows(disturbance: float = 0.02) -> pd.DataFrame:
    """The event-driven time grows with the rate, and exceeds the time-driven one above 30 spikes/s.

    With the size it stays below. ``disturbance`` is the other work in a repeat at the highest rate.
    """
    path = {"firing rate": "input_rate", "size": "network.n_recurrent"}
    rows = []
    for series, value in [*(("firing rate", rate) for rate in (10.0, 90.0)), ("size", 100), ("size", 200)]:
        rate = value if series == "firing rate" else 10.0
        n_recurrent = 100 if series == "firing rate" else int(value)
        point = {"network": {"n_input": 10, "n_recurrent": n_recurrent, "n_readout": 2}, "input_rate": rate}
        point |= {"n_steps": 50, "n_steps_warm_up": 10, "n_steps_time_driven": 5}
        result = BreakEvenResult(
            seed=1,
            parameters=parse(BreakEvenPoint, point),
            provenance=PROVENANCE,
            rate_hz=rate,
            synapses=1000,
            pairs=4000,
            synaptic_events_per_step=rate,
            seconds_per_step=SecondsPerStep(
                event_driven=[1e-4 * rate, 1.1e-4 * rate, 1.2e-4 * rate],
                time_driven=[3.3e-3] * 3,
                bound=[1e-3] * 3,
            ),
            other_work_processors=[0.01, disturbance if value == 90.0 else 0.02, 0.03],
        )
        rows += break_even_collect.rows({"series": series, "parameter": path[series]}, result)
    return pd.DataFrame(rows)


def test_break_even_is_where_the_ratio_passes_one(tmp_path: Path) -> None:
    table = break_even_numbers.summary(break_even_rows())
    rate, size = (table[table["series"] == series] for series in ("firing rate", "size"))
    assert list(rate["time_driven_ratio"]) == pytest.approx([3, 1 / 3])
    assert break_even_numbers.break_even(rate["x"], rate["time_driven_ratio"]) == pytest.approx(30)
    assert break_even_numbers.break_even(size["x"], size["time_driven_ratio"]) is None
    check(
        lambda: break_even_figure.draw(break_even_rows()),
        tmp_path,
        "Time per step (ms)",
        "Presynaptic rate (spikes/s)",
        "Recurrent neurons",
        "break-even",
        "bound of time-driven",
    )
    _, markdown, _ = written(table, break_even_table.printed(table), tmp_path)
    assert "1.1 (1-1.2)" in markdown


@pytest.mark.parametrize(("disturbance", "mark"), [(0.02, ""), (0.4, "†")])
def test_a_disturbed_point_of_break_even_is_marked(tmp_path: Path, disturbance: float, mark: str) -> None:
    rows = break_even_rows(disturbance)
    table = break_even_numbers.summary(rows)
    assert list(table["other_work_processors"]) == pytest.approx([0.03, max(0.03, disturbance), 0.03, 0.03])
    points = break_even_table.printed(table)["Point"]
    assert [point.endswith("†") for point in points] == [False, bool(mark), False, False]
    texts = [text.get_text() for panel in break_even_figure.draw(rows).axes for text in panel.texts]
    assert texts.count("†") == (3 + 2 if mark else 0)  # three models above, two ratios below
    if mark:
        check(lambda: break_even_figure.draw(rows), tmp_path, other_work.MEANING)


def test_a_disturbed_simulator_is_marked(baselines: pd.DataFrame, tmp_path: Path) -> None:
    table = baselines_numbers.summary(baselines)
    own_static = (table["simulator"] == "eprop_core") & (table["variant"] == "static")
    times = baselines_table.printed(table)["Time (s)"]
    assert list(times.str.endswith("†")) == list(own_static)
    check(lambda: baselines_figure.draw(baselines), tmp_path, other_work.MEANING, "20 (1/100)†")
    texts = [text.get_text() for panel in baselines_figure.draw(baselines).axes for text in panel.texts]
    assert sum(text.endswith("†") for text in texts) == 2 * 2  # time and distance to the limit, of two networks
    assert set(baselines_collect.rows("small", baseline_result(False))[0]) >= {"threads", "other_work_processors"}


def test_simulators_are_compared_by_medians(baselines: pd.DataFrame) -> None:
    table = baselines_numbers.summary(baselines).set_index(["network", "variant", "simulator"])
    own, nest = table.loc["large", "plastic", "eprop_core"], table.loc["large", "plastic", "NEST"]
    assert own["ns_per_synaptic_event"] == pytest.approx(20)
    assert own["seconds_iqr"] == pytest.approx(0.01)
    assert own["rate_hz"] == pytest.approx(16)
    assert own["bytes_per_synapse"] == pytest.approx(28)
    assert own["buffer_bytes_per_neuron"] == pytest.approx(400)
    assert own["synapses_built_per_second"] == pytest.approx(5e6)
    assert own["ratio_to_nest"] == pytest.approx(100)
    assert nest["ratio_to_nest"] == pytest.approx(1)
    assert own["limit_ns"] == pytest.approx(52 / 13 + 2)
    assert table.loc["large", "static", "eprop_core"]["limit_ns"] == pytest.approx(12 / 12 + 1)
    assert table.loc["small", "training", "eprop_core"]["ratio_to_nest"] == pytest.approx(100)


def test_a_phase_is_not_mistaken_for_a_speed_of_the_machine(baselines: pd.DataFrame) -> None:
    own = baselines[(baselines["simulator"] == "eprop_core") & (baselines["variant"] != "training")]
    assert set(own["deliver_s"]) == {0.005}
    assert set(own["add_s"]) == {1e-9}


def test_the_figure_of_baselines_has_its_labels(baselines: pd.DataFrame, tmp_path: Path) -> None:
    labels = ("Time per synaptic event (ns)", "Memory per synapse (bytes)", "Training run (s)", "20 (1/100)")
    check(lambda: baselines_figure.draw(baselines), tmp_path, *labels, "dense matrices would need 27 GB")


def test_many_simulators_stand_in_two_rows(tmp_path: Path) -> None:
    result = baseline_result(training=True)
    others = [changed(process, simulator=name) for process in result.processes[:4] for name in ("third", "fourth")]
    compared = {name: COMPARED.model_dump() for name in ("third", "fourth")}
    processes = [process.model_dump() for process in [*result.processes, *others]]
    more = changed(result, processes=processes, simulators=compared)
    rows = pd.DataFrame(baselines_collect.rows("small", more))
    drawn = baselines_figure.draw(rows)
    assert (
        drawn.get_figheight()
        > baselines_figure.draw(pd.DataFrame(baselines_collect.rows("small", result))).get_figheight()
    )
    (legend,) = (one for one in drawn.legends if one.get_gid() != "notes")
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [
        "event-driven",
        "NEST",
        "third",
        "fourth",
        "static",
        "NEST, static",
        "third, static",
        "fourth, static",
    ]
    check(lambda: baselines_figure.draw(rows), tmp_path, "third", "fourth, static")


@pytest.mark.parametrize("names", [(), ("third", "fourth")])
def test_poisson_input_has_no_panel_of_trainings(names: tuple[str, ...], tmp_path: Path) -> None:
    result = baseline_result(training=False)
    others = [changed(process, simulator=name) for process in result.processes[:4] for name in names]
    more = changed(
        result,
        processes=[process.model_dump() for process in [*result.processes, *others]],
        simulators={name: COMPARED.model_dump() for name in names},
    )
    rows = pd.DataFrame(baselines_collect.rows("large", more))
    check(lambda: baselines_figure.draw(rows), tmp_path, "Memory per synapse (bytes)")
    drawn = baselines_figure.draw(rows)
    assert [panel.get_title("left") for panel in drawn.axes] == ["a", "b", "c"]
    assert "Training run (s)" not in [panel.get_ylabel() for panel in drawn.axes]


def test_memory_over_time_is_drawn_by_simulator(tmp_path: Path) -> None:
    result = baseline_result(training=False)
    measured = [
        changed(process, variant="memory", repeat=1, memory_over_time_bytes=[10**6, 2 * 10**6, 3 * 10**6])
        for process in result.processes[:2]
    ]
    with_memory = changed(result, processes=[process.model_dump() for process in [*result.processes, *measured]])
    assert len(baselines_collect.rows("small", with_memory)) == len(result.processes)
    rows = pd.DataFrame(baselines_collect.memory_rows("small", with_memory))
    assert list(rows["simulator"]) == ["eprop_core"] * 3 + ["NEST"] * 3
    assert list(rows["model_time_s"][:3]) == pytest.approx([0.25 / 3, 0.5 / 3, 0.25])  # 500 steps of half a ms
    grown = memory_figure.growth(rows)
    assert list(grown["growth_kb"]) == pytest.approx([0, 10, 20] * 2)  # of 100 neurons
    check(lambda: memory_figure.draw(rows), tmp_path, "Model time (s)", "Memory (MB)", "Growth per neuron (kB)", "NEST")


def test_the_reference_describes_all_columns(
    baselines: pd.DataFrame, comparison: SaccadesResult, tmp_path: Path
) -> None:
    result = baseline_result(training=True)
    one = changed(result.processes[0], variant="memory", memory_over_time_bytes=[10**6, 2 * 10**6])
    memory = baselines_collect.memory_rows("small", changed(result, processes=[one.model_dump()]))
    tables = {
        "baselines_runs": baselines,
        "baselines_memory": pd.DataFrame(memory),
        "baselines": pd.DataFrame(columns=baselines_numbers.COLUMNS),
        "saccades": saccades_figure.numbers(comparison),
    }
    figures = {
        "baselines": baselines_numbers.summary(baselines),
        "memory_over_time": memory_figure.growth(tables["baselines_memory"]),
        "saccades": tables["saccades"],
    }
    for folder, of_folder in (("tables", tables), ("figures", figures)):
        for name, table in of_folder.items():
            assert undescribed_columns(f"{folder}/{name}.csv", list(table)) == [], name
    assert undescribed_columns("tables/baselines_runs.csv", ["colour"]) == ["colour"]


def test_the_figure_of_saccades_has_its_labels(comparison: SaccadesResult, tmp_path: Path) -> None:
    check(
        lambda: saccades_figure.draw(comparison),
        tmp_path,
        "Events per ms and sample",
        "recorded",
        "simulated",
        "r = 0.990",
    )


def test_the_table_of_baselines_has_its_columns(baselines: pd.DataFrame, tmp_path: Path) -> None:
    numbers = baselines_numbers.summary(baselines)
    read, markdown, _ = written(numbers[list(baselines_numbers.COLUMNS)], baselines_table.printed(numbers), tmp_path)
    assert list(read.columns) == list(baselines_numbers.COLUMNS)
    assert "NEST 3.10.0" in markdown and "87.5" in markdown


def test_the_table_of_saccades_has_its_numbers(comparison: SaccadesResult, tmp_path: Path) -> None:
    numbers = saccades_figure.numbers(comparison)
    _, markdown, _ = written(numbers, saccades_table.printed(numbers), tmp_path)
    assert "1.025" in markdown and "0.99" in markdown
