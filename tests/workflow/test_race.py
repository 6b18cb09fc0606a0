"""The race: which points are allowed, stanzas from results, figure and table."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from eprop_core.experiments.baselines.parameters import PoissonBaseline, SampleBaseline
from eprop_core.experiments.baselines.result import BaselineResult, Compared, Learned, Process
from eprop_core.parsing import ParameterError, parse
from results_contract import undescribed_columns, undescribed_tables
from small_results import PROJECT, PROVENANCE, changed, check, scaling_result, written
from workflow.scripts.race import figure, fixed, table
from workflow.scripts.race.numbers import rows
from workflow.scripts.race.points import NOBODY, Point, read
from workflow.scripts.race.stanzas import stanzas, stanzas_of_scaling

pytestmark = pytest.mark.usefixtures("drawing")

MEASURED: dict[str, Any] = {
    "ns_per_event": {"median": 9.0, "low": 8.5, "high": 10.0},
    "clock": "wall",
    "bytes_per_synapse": 28.5,
    "repeats": 5,
    "events": 1e6,
}
TRAINING = {"samples": 900, "seconds": 2.0, "accuracy": 0.7, "test_samples": 100, "learning_rate": 1.0}
POINT: dict[str, Any] = {
    "network": "medium",
    "simulator": "some simulator",
    "version": "3.10",
    "computes": "e-prop+",
    "hardware": {"processor": "some CPU", "cores": 1},
    "measured": MEASURED,
    "commit": "0123abc",
    "by": "someone",
    "date": "2026-12-01",
}
BOMB = "- network: medium\n  x0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"  x{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]\n" for n in range(1, 10)
)
"""Lists of lists, whose aliases make a billion numbers."""
INVITATION = {"network": "large", "simulator": "another", "computes": "e-prop", "not_measured": "no GPU yet"}


def points(*given: dict[str, Any]) -> list[Point]:
    return [parse(Point, one) for one in given]


def test_all_points_of_the_repository_are_allowed() -> None:
    found = read(PROJECT / "benchmarks" / "points.yaml")
    assert any(point.measured for point in found)
    assert any(point.not_measured for point in found)


def test_the_stanza_of_the_documentation_is_allowed(tmp_path: Path) -> None:
    text = (PROJECT / "docs" / "reference" / "race.md").read_text(encoding="utf-8")
    file = tmp_path / "points.yaml"
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    (point,) = read(file)
    assert (point.by, point.date) == ("Ada Lovelace", "2026-12-01")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "huge"}, "stanza 2: network = 'huge'"),
        ({"measured": None}, "must have either measured or not_measured"),
        ({"not_measured": "no GPU yet"}, "must have either measured or not_measured"),
        ({"commit": None}, "commit: is needed where something was measured"),
        ({"by": NOBODY}, "by: must be who measured"),
        ({"date": "2026-13-01"}, "month must be in 1..12"),
        ({"version": 3.1}, "stanza 2: version"),
        ({"simulator": "a\x1bb"}, "the character .* is not allowed|visible characters"),
        ({"by": "=1+1"}, "which spreadsheets obey"),
        ({"commit": "v0.2"}, "commit = 'v0.2': must be 7 to 40 of the digits 0-9 and a-f"),
        ({"date": "yesterday"}, "date = 'yesterday': must be a day, YYYY-MM-DD"),
        ({"hardware": {"processor": "some CPU", "cores": 1, "gpu": "A100"}}, "must end in 'on a GPU' if"),
        ({"simulator": "some simulator on a GPU"}, "must end in 'on a GPU' if and only if hardware.gpu is given"),
        ({"measured": MEASURED | {"ns_per_event": {"median": 9.0, "low": 9.5, "high": 10.0}}}, "low <= median <= high"),
        ({"measured": MEASURED | {"bytes_per_synapse": 0.0}}, "bytes_per_synapse"),
        ({"measured": MEASURED | {"training": TRAINING}}, "measured.training: is for nmnist alone, not medium"),
        ({"network": "nmnist", "measured": MEASURED | {"training": TRAINING | {"accuracy": 70.0}}}, "accuracy = 70"),
        (
            {"measured": MEASURED | {"clock": "processor"}, "hardware": {"processor": "some CPU", "cores": 2}},
            "processor time is for one core alone",
        ),
    ],
)
def test_a_wrong_point_is_refused_by_its_place(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text(yaml.safe_dump([POINT, POINT | changes]), encoding="utf-8")
    with pytest.raises(ParameterError, match=message) as caught:
        read(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("commit: 0123abc", "commit: 1234567", r"commit = 1234567: Input should be text, in quotes if .* \(line 22\)"),
        ("version: '3.10'", "version: 3.10", r"version = 3.1: Input should be text, in quotes if .* \(line 8\)"),
        ("events: 1000000.0", "events: -9.3e6", r"measured.events = -9300000.0: .* greater than 0 \(line 21\)"),
        ("repeats: 5", "repeats: 2", r"measured.repeats = 2: .* greater than or equal to 3 \(line 20\)"),
        (
            "low: 8.5",
            "low: 9.5",
            r"measured.ns_per_event: must be low <= median <= high, not 9.5 <= 9 <= 10 \(line 14\)",
        ),
        ("date: '2026-12-01'", "date: 2026-13-01", r"date = '2026-13-01': month must be in 1..12 \(line 24\)"),
        ("  by: someone\n", "", r"by: is needed where something was measured \(line 6\)"),
        ("computes: e-prop+", "network: large", r"network: the key comes twice, first in line 6 \(line 9\)"),
    ],
)
def test_a_wrong_point_is_refused_by_its_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    """The second stanza begins in line 6."""
    file = tmp_path / "points.yaml"
    text = yaml.safe_dump([INVITATION], sort_keys=False) + "\n" + yaml.safe_dump([POINT], sort_keys=False)
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ParameterError, match=rf"^{file}: stanza 2: {message}$"):
        read(file)


@pytest.mark.parametrize("changes", [{}, {"not_measured": "another reason"}])
def test_a_point_is_listed_once(changes: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text(yaml.safe_dump([INVITATION, POINT, INVITATION | changes], sort_keys=False), encoding="utf-8")
    message = rf"^{file}: stanza 3: has network, .* of stanza 1: a point is listed once \(line 24\)$"
    with pytest.raises(ParameterError, match=message):
        read(file)


@pytest.mark.parametrize("invitation", [{}, {"computes": "another wording"}, {"simulator": "Some Simulator"}])
def test_an_invitation_to_what_is_measured_is_refused(invitation: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    invited = INVITATION | {key: POINT[key] for key in ("network", "simulator")} | invitation
    others = [invited | {"network": "large"}, invited | {"simulator": "some simulator on a GPU"}]
    file.write_text(yaml.safe_dump([*others, POINT], sort_keys=False), encoding="utf-8")
    assert len(read(file)) == 3
    file.write_text(yaml.safe_dump([*others, invited, POINT], sort_keys=False), encoding="utf-8")
    message = rf"^{file}: stanza 3: not_measured: stanza 4 has measured .* on medium: delete this stanza \(line 12\)$"
    with pytest.raises(ParameterError, match=message):
        read(file)


def test_a_measurement_of_another_day_is_another_point(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text(yaml.safe_dump([POINT, POINT | {"date": "2026-12-02"}]), encoding="utf-8")
    assert len(read(file)) == 2


def test_a_number_may_be_written_without_the_sign_of_its_exponent(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text(yaml.safe_dump([POINT]).replace("1000000.0", "9.3e6"), encoding="utf-8")
    (point,) = read(file)
    assert point.measured is not None and point.measured.events == 9.3e6


def test_points_in_json_may_be_indented_by_tabs(tmp_path: Path) -> None:
    file = tmp_path / "points.json"
    file.write_text(json.dumps([POINT, INVITATION], indent="\t"), encoding="utf-8")
    assert [point.network for point in read(file)] == ["medium", "large"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", r"no valid YAML: .* \(line 1\)"),
        ("network: medium", r"must be a list, .* \(line 1\)"),
        ("[]", "has no stanza"),
        ("- {network: medium, network: large}", r"stanza 1: network: the key comes twice, first in line 1"),
        ("- &a [*a]", "contains an alias of itself"),
        ("- " + 3000 * "[" + 3000 * "]", "nested deeper"),
        ("- commit: " + 5000 * "9", "a number must have at most"),
        ("- {1: 2}", "this key is a number to YAML"),
        ("- {<<: 3}", r"no valid YAML: expected a mapping .* \(line 1\)"),
        (BOMB, "more than 1000000 values, counting those that aliases repeat"),
    ],
)
def test_a_file_that_holds_no_points_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match=message):
        read(file)


def result(other_work: float | None) -> BaselineResult:
    """Three processes of two simulators: 10, 20 and 30 ns of wall time per event, and half of that on the core."""
    processes = [
        Process(
            simulator=name,
            variant=variant,
            repeat=repeat,
            neurons=100,
            synapses=5000,
            n_steps=500,
            spikes=400,
            synaptic_events=10**6,
            seconds=0.01 * repeat,
            processor_s=0.005 * repeat,
            memory_bytes=140_000,
            threads=1,
            other_work_processors=other_work,
        )
        for repeat in (1, 2, 3)
        for name in ("eprop_core", "NEST")
        for variant in ("plastic", "static")
    ]
    network = {"n_input": 10, "n_recurrent": 100, "n_readout": 2}
    values = {"network": network, "input_rate": 10.0, "n_steps": 500, "n_steps_warm_up": 100}
    parameters = parse(PoissonBaseline, values)
    return BaselineResult(
        parameters=parameters,
        provenance=PROVENANCE,
        network=parameters.network,
        simulators={
            name: Compared(version=version, computes="e-prop+", agreement=None)
            for name, version in (("eprop_core", "0.1.0"), ("NEST", "3.10.0"))
        },
        processes=processes,
        left_out={},
        learned={},
    )


@pytest.mark.parametrize(
    ("other_work", "clock", "factor"), [(0.02, "wall", 1), (0.4, "processor", 2), (None, "processor", 2)]
)
def test_stanzas_are_medians_on_the_clock_that_nothing_disturbed(
    other_work: float | None, clock: str, factor: int
) -> None:
    own, nest = stanzas("medium", result(other_work))
    assert (own["simulator"], nest["simulator"], nest["version"]) == ("eprop_core", "NEST", "3.10.0")
    assert own["measured"]["clock"] == clock
    assert own["measured"]["ns_per_event"] == pytest.approx(
        {"median": 20 / factor, "low": 15 / factor, "high": 25 / factor}
    )
    assert (own["measured"]["bytes_per_synapse"], own["measured"]["repeats"]) == (28.0, 3)
    assert (own["commit"], own["date"], own["by"]) == ("0123456789abcdef", "2026-01-01", NOBODY)
    parse(Point, own | {"by": "someone"})
    with pytest.raises(ParameterError, match="by: must be"):
        parse(Point, own)


def test_a_gpu_that_computed_is_in_the_stanza() -> None:
    on_gpu = [changed(one, gpu="1 some GPU") for one in result(0.02).processes if one.simulator == "NEST"]
    (made,) = stanzas("medium", changed(result(0.02), processes=on_gpu))
    assert made["hardware"]["gpu"] == "1 some GPU"
    parse(Point, made | {"simulator": "NEST on a GPU", "by": "someone"})


def run_of_stanzas(plan: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Call the program that writes stanzas."""
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    command = [sys.executable, "-m", "workflow.scripts.race.stanzas", folder / "plan.json"]
    return subprocess.run(
        [*command, "--output", folder / "points.yaml"], cwd=PROJECT, capture_output=True, text=True, check=False
    )


def test_points_of_another_network_are_refused(tmp_path: Path) -> None:
    file, free = tmp_path / "result.json", {"simulators": [], "repeats": 3}
    small, race = result(0.02), fixed.networks().baselines["medium"]
    small.write(file)
    plan = {"results": {"medium": str(file), "mine": str(file)}, "tasks": {"medium": None, "mine": None}}
    done = run_of_stanzas(plan, tmp_path)
    message = f"error: {file}: baselines.medium.network.n_input = 10: must be 1000 in the race (config/baselines.yaml"
    assert done.returncode == 1 and done.stderr.startswith(message), done.stderr
    assert not (tmp_path / "points.yaml").exists()
    changed(small, parameters=race.model_copy(update=free)).write(file)
    done = run_of_stanzas(plan, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [one["network"] for one in yaml.safe_load((tmp_path / "points.yaml").read_text())] == ["medium", "medium"]
    done = run_of_stanzas({"results": {"mine": str(file)}, "tasks": {"mine": None}}, tmp_path)
    assert done.stderr.startswith(f"error: {tmp_path / 'plan.json'}: no result that could be a point; the race has nmn")


def test_the_problems_of_the_race_are_those_of_the_configuration() -> None:
    race = fixed.networks()
    nmnist, task = race.baselines["nmnist"], race.tasks["nmnist"]
    assert isinstance(nmnist, SampleBaseline) and nmnist.accuracy is not None and nmnist.accuracy.samples == 900
    elsewhere = task.model_copy(update={"dataset": task.dataset.model_copy(update={"path": "/data"})})
    fixed.check("nmnist", nmnist, elsewhere)
    fixed.check("nmnist", nmnist.model_copy(update={"accuracy": None}), task)
    with pytest.raises(ParameterError, match=r"^tasks.nmnist.dataset.name = 'digits': must be 'nmnist' in the race"):
        fixed.check("nmnist", nmnist, race.tasks["nmnist_simulated"])
    fewer = nmnist.accuracy.model_copy(update={"samples": 800})
    with pytest.raises(ParameterError, match=r"accuracy.samples = 800: must be 900 in the race"):
        fixed.check("nmnist", nmnist.model_copy(update={"accuracy": fewer}), task)


def test_a_scaling_of_another_network_is_refused() -> None:
    timing = fixed.scaling().timing
    fixed.check_scaling(timing.model_copy(update={"repeats": 7, "variants": {"eprop_plus": {}}}), 1)
    variants = {"eprop_plus": {"network.plasticity.cutoff": 50}}
    with pytest.raises(ParameterError, match=r"variants.eprop_plus.network.plasticity.cutoff = 50: must be left out "):
        fixed.check_scaling(timing.model_copy(update={"variants": variants}), 1)
    with pytest.raises(
        ParameterError, match=r"^scaling.nest_strong.n_steps = 20: must be 200 in the race \(config/nes"
    ):
        fixed.check_scaling(timing.model_copy(update={"n_steps": 20}), 1)
    with pytest.raises(ParameterError, match=r"seeds: 2: must be 1 in the race"):
        fixed.check_scaling(timing, 2)


def test_memory_that_cannot_be_measured_stops_no_other_point(tmp_path: Path) -> None:
    """The second simulator does not grow."""
    processes = [
        changed(one, memory_bytes=-4096 if one.simulator == "NEST" else one.memory_bytes)
        for one in result(0.02).processes
    ]
    own, nest = stanzas("medium", changed(result(0.02), processes=processes))
    assert (own["measured"]["bytes_per_synapse"], nest["measured"]["bytes_per_synapse"]) == (28.0, None)
    found = rows([parse(Point, one | {"by": "someone"}) for one in (own, nest)])
    check(lambda: figure.draw(found), tmp_path, "not measured")
    assert list(table.printed(found)["Bytes per synapse"]) == ["28", "not measured"]
    check(lambda: figure.draw(found[found["simulator"] == "NEST"]), tmp_path, "not measured")


@pytest.mark.parametrize(("other_work", "seconds"), [(0.02, 2.0), (0.4, 1.5)])
def test_a_training_is_timed_by_the_clock_of_the_point(other_work: float, seconds: float) -> None:
    learned = Learned(
        accuracy=0.83,
        test_samples=100,
        samples=900,
        learning_rate_factor=3.0,
        tried=[(1.0, 0.5), (3.0, 0.8)],
        seconds=2.0,
        processor_s=1.5,
        synaptic_events=10**6,
    )
    own, nest = stanzas("nmnist", changed(result(other_work), learned={"eprop_core": learned}))
    expected = {"samples": 900, "seconds": seconds, "accuracy": 0.83, "test_samples": 100, "learning_rate": 3.0}
    assert own["measured"]["training"] == expected
    assert "training" not in nest["measured"]
    parse(Point, own | {"by": "someone"})


def test_points_of_scaling_are_those_of_all_cores_together() -> None:
    """1.25 s on two ranks, and a million events on both together; other work leaves a point out."""
    results = [scaling_result("strong", n_ranks) for n_ranks in (2, 1)]
    nest = changed(results[0].provenance, nest="3.10.0")
    variants = {f"nest_{by}_eprop_plus": results[0].variants["eprop_plus"] for by in ("threads", "ranks")}
    results.append(results[0].model_copy(update={"variants": variants, "provenance": nest}))
    made = stanzas_of_scaling(results)
    assert [(one["simulator"], one["hardware"]["cores"]) for one in made] == [
        ("eprop_core", 1),
        ("eprop_core", 2),
        ("NEST", 2),
        ("NEST, MPI", 2),
    ]
    assert [one["measured"]["ns_per_event"]["median"] for one in made] == [2000.0, 1250.0, 1250.0, 1250.0]
    assert made[2]["version"] == "3.10.0"
    assert not stanzas_of_scaling([scaling_result("strong", 2, other_work=0.4)])


def test_the_fastest_comes_first_and_what_was_not_measured_last() -> None:
    slower = MEASURED | {"ns_per_event": {"median": 90.0, "low": 85.0, "high": 100.0}}
    invited = INVITATION | {"network": "medium"}
    found = rows(points(INVITATION, invited, POINT | {"measured": slower}, POINT, POINT | {"network": "nmnist"}))
    assert list(found["network"]) == ["nmnist", "medium", "medium", "medium", "large"]
    assert list(found["ns_per_event"].fillna(0)) == [9.0, 9.0, 90.0, 0.0, 0.0]


def test_figure_and_table_show_all_points(tmp_path: Path) -> None:
    beside_other_work = POINT | {"measured": MEASURED | {"clock": "processor"}, "simulator": "third"}
    trained = POINT | {"network": "nmnist", "measured": MEASURED | {"training": TRAINING}}
    found = rows(points(POINT, beside_other_work, INVITATION, trained))
    check(
        lambda: figure.draw(found),
        tmp_path,
        "Time per plastic synaptic event (ns)",
        "Memory per synapse (bytes)",
        "medium",
        "another on large: no GPU yet",
        "nmnist, trained on 900 samples",
        "Time of the training (s)",
        "Accuracy (%)",
    )
    assert undescribed_columns("tables/race.csv", list(found)) == []
    read_back, markdown, _ = written(found, table.printed(found), tmp_path)
    assert isinstance(read_back, pd.DataFrame) and len(read_back) == 4
    assert "70.0" in markdown
    assert "not measured: no GPU yet" in markdown and "9 (8.5-10)" in markdown and "some simulator 3.10" in markdown


def test_the_pipeline_draws_the_race_and_warns_of_an_unused_label(tmp_path: Path) -> None:
    style = {"labels": {"large": "a large network", "larg": "another"}}
    (tmp_path / "style.yaml").write_text(yaml.safe_dump({"style": style}), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile"), "--cores", "1"]
    command += ["--configfile", "style.yaml", "--", "race"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert ">a large network<" in (tmp_path / "results/figures/race.svg").read_text(encoding="utf-8")
    assert undescribed_tables(tmp_path / "results") == {}
    warnings = re.findall("warning: .*", finished.stderr)  # not always at the start of a line, beside Snakemake's
    message = "style.labels.larg: no figure in results/figures has this text; close to it: large (line 3)"
    assert warnings == [f"warning: {tmp_path / 'style.yaml'}: {message}"]


def test_a_single_point_has_room_and_its_name_in_the_legend(tmp_path: Path) -> None:
    alone = POINT | {"network": "nmnist", "simulator": "_mine", "measured": MEASURED | {"training": TRAINING}}
    drawn = figure.draw(rows(points(alone)))
    drawn.draw_without_rendering()  # a warning says if the layout cannot be applied
    *panels, trainings = drawn.axes
    assert [text.get_text() for text in trainings.get_legend().get_texts()] == ["_mine, 1 core"]
    for panel in (*panels, trainings):
        low, high = panel.get_xlim()
        assert high > 10 * low


def test_a_file_without_a_measured_point_draws_nothing(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text(yaml.safe_dump([INVITATION]), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "workflow.scripts.race.figure",
        file,
        "--output",
        tmp_path / "race.svg",
        tmp_path / "race.csv",
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: {file}: no point is measured, so there is nothing to draw\n"
