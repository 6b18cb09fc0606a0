"""The whole pipeline on the smoke configuration, and what it says to a wrong one."""

import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from workflow.scripts.shared import read_table, write_table

PROJECT = Path(__file__).parents[2]
NAMES = ("learning", "sparsity", "ablation", "densities", "break_even", "strong_scaling", "weak_scaling", "exchange")
SIMULATING = {"prepare_dataset", "train", "time_one_rank", "time_many_ranks", "time_dry_run", "time_break_even"}
TIMING = {"time_one_rank", "time_many_ranks", "time_dry_run"}
CORES = 2


def command(directory: Path, *arguments: object, project: Path = PROJECT) -> list[str]:
    call = [sys.executable, "-m", "snakemake", "--snakefile", project / "Snakefile", "--directory", directory]
    return [str(part) for part in [*call, "--cores", CORES, *arguments]]


def snakemake(directory: Path, *arguments: object, project: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    call = command(directory, *arguments, project=project)
    return subprocess.run(call, capture_output=True, text=True, timeout=1500, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, whose files a test may change."""
    directory = tmp_path_factory.mktemp("project")
    shutil.copy2(PROJECT / "Snakefile", directory)
    for part in ("config", "envs", "eprop_core", "profiles", "workflow"):
        shutil.copytree(PROJECT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


@contextmanager
def changed(file: Path) -> Iterator[None]:
    """Add a comment to ``file``, for as long as it takes."""
    text, times = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(f"{text}\n# changed\n", encoding="utf-8")
    yield
    file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """A directory in which the smoke configuration has run."""
    directory = tmp_path_factory.mktemp("pipeline")
    run = snakemake(directory, "--configfile", PROJECT / "config" / "smoke.yaml", project=project)
    assert run.returncode == 0, run.stdout + run.stderr
    return directory


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < CORES, reason="the smoke configuration times two ranks on two cores")
class TestFinished:
    @pytest.mark.parametrize("name", NAMES)
    def test_figures_and_tables(self, finished: Path, name: str) -> None:
        starts = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}
        for kind, start in starts.items():
            figure = (finished / "results" / "figures" / f"{name}.{kind}").read_bytes()
            assert figure.startswith(start)
            assert len(figure) > 5000
        assert b"<text" in (finished / "results" / "figures" / f"{name}.svg").read_bytes()  # text stays text
        tables = finished / "results" / "tables"
        assert len(pd.read_csv(tables / f"{name}.csv")) > 0
        assert (tables / f"{name}.md").read_text(encoding="utf-8").startswith("|")
        assert "\\toprule" in (tables / f"{name}.tex").read_text(encoding="utf-8")

    def test_report_holds_all_figures(self, finished: Path) -> None:
        report = (finished / "results" / "report.html").read_text(encoding="utf-8")
        assert report.count("<svg") >= len(NAMES) or report.count("data:image") >= len(NAMES)

    def test_results_say_what_made_them(self, finished: Path) -> None:
        results = list((finished / "results" / "training").glob("*/seed-*.json"))
        results += list((finished / "results" / "scaling").glob("*/*_seed-*.json"))
        assert results
        for file in results:
            result = json.loads(file.read_text(encoding="utf-8"))
            assert result["provenance"]
            assert "seed" in result

    def test_no_training_diverges(self, finished: Path) -> None:
        logs = list((finished / "logs" / "train").glob("**/*.log"))
        assert logs
        assert not [log for log in logs if "warning: " in log.read_text(encoding="utf-8")]

    def rules_to_run(self, finished: Path, project: Path) -> set[str]:
        again = snakemake(finished, "--configfile", PROJECT / "config" / "smoke.yaml", "--dry-run", project=project)
        assert again.returncode == 0, again.stdout + again.stderr
        return set(re.findall(r"^(\w+) +\d+$", again.stdout + again.stderr, re.MULTILINE)) - {"total"}

    def test_nothing_is_left_to_do(self, finished: Path, project: Path) -> None:
        assert self.rules_to_run(finished, project) == set()

    @pytest.mark.parametrize("script", ["style", "plot_study", "parameter_curves", "scaling_numbers", "write_report"])
    def test_another_look_runs_no_simulation(self, finished: Path, project: Path, script: str) -> None:
        with changed(project / "workflow" / "scripts" / f"{script}.py"):
            rules = self.rules_to_run(finished, project)
        drawing = {
            f"{what}_{kind}" for what in ("study", "scaling", "exchange", "break_even") for kind in ("figure", "table")
        }
        assert {"report_page"} <= rules <= {*drawing, "report_page", "scaling", "all"}

    @pytest.mark.parametrize(
        ("source", "simulating"),
        [
            ("synapses.py", {"train", "time_break_even", *TIMING}),
            ("tasks/classification.py", {"train"}),
            ("experiments/scaling.py", TIMING),
            ("time_driven/synapses.py", {"time_break_even"}),
            ("datasets/saccades.py", {"prepare_dataset", "train"}),
        ],
    )
    def test_a_changed_source_runs_what_depends_on_it(
        self, finished: Path, project: Path, source: str, simulating: set[str]
    ) -> None:
        with changed(project / "eprop_core" / source):
            rules = self.rules_to_run(finished, project)
        assert rules & SIMULATING == simulating

    def test_one_table_holds_all_timing_runs(self, finished: Path) -> None:
        table = pd.read_csv(finished / "results" / "tables" / "scaling.csv")
        runs = ["experiment", "variant", "measured", "ranks", "rank", "seed", "repeat"]
        assert not table.duplicated(runs).any()
        numbers = table.groupby(["experiment", "measured", "ranks"]).size().to_dict()
        rows = {  # 2 variants, 2 repeats, and each rank that was there
            ("strong", "measured", 1): 4,
            ("strong", "measured", 2): 8,
            ("strong", "dry_run", 2): 4,
            ("strong", "dry_run", 8): 4,
            ("weak", "measured", 1): 4,
            ("weak", "measured", 2): 8,
        }
        assert numbers == rows
        assert (table["peak_memory_bytes"] > 0).all()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < CORES, reason="needs two ranks on two cores")
@pytest.mark.parametrize("killed", ["driver", "rank"])
def test_the_next_call_finishes_what_was_killed(tmp_path: Path, killed: str) -> None:
    """The result is written, and not yet in its place, when the driver or one of two ranks is killed."""
    configuration = tmp_path / "small.yaml"
    smoke = yaml.safe_load((PROJECT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
    smoke["scaling"] = {"strong": smoke["scaling"]["strong"] | {"ranks": [2], "dry_ranks": []}}
    configuration.write_text(yaml.safe_dump(smoke), encoding="utf-8")
    held = tmp_path / "hold"
    held.mkdir()
    (held / "pattern").write_text(r"ranks-2_seed-1\.json$", encoding="utf-8")
    environment = os.environ | {"EPROP_BENCH_HOLD": str(held)}
    environment["PYTHONPATH"] = f"{Path(__file__).parent / 'hold'}:{os.environ.get('PYTHONPATH', '')}"
    target = ("--configfile", configuration, "--", "results/tables/strong_scaling_runs.csv")
    with subprocess.Popen(command(tmp_path, *target), env=environment, stderr=subprocess.DEVNULL) as driver:
        deadline = time.monotonic() + 600
        while not (halted := list(held.glob("here.*"))):
            assert driver.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        rank = int(halted[0].suffix[1:])
        live = snakemake(tmp_path, *target)
        assert live.returncode != 0 and "another call of Snakemake is running" in live.stdout + live.stderr
        os.kill(driver.pid if killed == "driver" else rank, signal.SIGKILL)
        assert driver.wait(600) != 0
    while psutil.pid_exists(rank):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (held / "pattern").unlink()
    assert not list(tmp_path.glob("results/scaling/*/*_seed-*.json"))
    finished = snakemake(tmp_path, *target)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert len(pd.read_csv(tmp_path / "results" / "tables" / "strong_scaling_runs.csv")) == 8


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["tasks", "digits", "network", "neurn"], {}, "no such key"),
        (["tasks", "digits", "network", "input", "connectivity", "probability"], -0.1, "greater than or equal to 0"),
        (["studies", "densities", "vary", "network.input.connectivity.probabilty"], [0.1], "probabilty"),
        (["scaling", "strong", "ranks"], [1, 399], "processors"),
    ],
)
def test_wrong_configuration_is_told_in_one_line(tmp_path: Path, path: list[str], value: object, message: str) -> None:
    configuration = yaml.safe_load((PROJECT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
    section = configuration
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    run = snakemake(tmp_path, "--configfile", file)
    assert run.returncode != 0
    lines = [line for line in (run.stdout + run.stderr).splitlines() if message in line]
    assert len(lines) == 1, run.stdout + run.stderr
    assert "wrong.yaml" in lines[0]
    assert not (tmp_path / "results").exists()


def test_a_training_that_diverges_is_told_of_on_the_terminal(tmp_path: Path) -> None:
    configuration = yaml.safe_load((PROJECT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
    task = configuration["tasks"]["sine_waves"]
    task["network"]["output"]["weights"]["scale"] = 100.0
    study = {"tasks": ["sine_waves"], "seeds": [1, 2]}
    file = tmp_path / "diverging.yaml"
    file.write_text(yaml.safe_dump({"tasks": {"sine_waves": task}, "studies": {"learning": study}}), encoding="utf-8")
    run = snakemake(tmp_path, "--configfile", file, "--", "results/tables/learning.csv")
    assert run.returncode == 0, run.stdout + run.stderr
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("warning: ")]
    for seed, line in enumerate(sorted(lines), start=1):
        assert re.match(rf"warning: logs/train/\S+/seed-{seed}\.log: after 2 training samples the loss is ", line)
    assert len(lines) == 2
    assert pd.read_csv(tmp_path / "results" / "tables" / "learning.csv")["training_nmse"].notna().all()


def test_names_are_text_in_both_reports(tmp_path: Path) -> None:
    names = [r"*$\eta_$|`b`_<script>alert(1)</script>", "None"]
    configuration = {
        "tasks": {
            "waves": {
                "dataset": {"name": "sine_waves", "n_steps": 50, "periods": [50]},
                "network": {"n_recurrent": 10, "neuron": {"V_th": 0.03}},
                "training": {"epochs": 3},
            }
        },
        "studies": {
            "named": {
                "tasks": ["waves"],
                "seeds": [1, 2],
                "variants": {names[0]: {}, names[1]: {"network.plasticity.cutoff": 5}},
            }
        },
    }
    file = tmp_path / "names.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    for arguments in (("--", "results/report.html"), ("--report", "snakemake.html", "--", "results/figures/named.svg")):
        run = snakemake(tmp_path, "--configfile", file, *arguments)
        assert run.returncode == 0, run.stdout + run.stderr
    assert list(read_table.read(tmp_path / "results/tables/named.csv")["variant"]) == names
    table, _ = write_table.read_markdown((tmp_path / "results/tables/named.md").read_text(encoding="utf-8"))
    assert list(table["Variant"]) == names
    picture = (tmp_path / "results/figures/named.svg").read_text(encoding="utf-8")
    assert all(f">{html.escape(name, quote=False)}</text>" in picture for name in names)
    own, other = ((tmp_path / name).read_text(encoding="utf-8") for name in ("results/report.html", "snakemake.html"))
    assert all(f"<td>{html.escape(name, quote=False)}</td>" in own for name in names)
    assert "What each variant changes" in other
    for page in (own, other):
        assert "<script>alert" not in page and "</script>alert" not in page and "(1)</script>" not in page


needs_nest = pytest.mark.skipif(
    "EPROP_BENCH_NEST_PYTHON" not in os.environ, reason="EPROP_BENCH_NEST_PYTHON names no Python with NEST"
)


@needs_nest
def test_validation(tmp_path: Path) -> None:
    run = snakemake(tmp_path, "--configfile", PROJECT / "config" / "smoke.yaml", "--", "validation")
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(tmp_path / "results" / "tables" / "validation.csv")
    assert list(table) == ["check", "variant", "quantity", "max_difference", "tolerance", "passed"]
    assert table["check"].nunique() == 6
    assert table["passed"].all()
    assert (tmp_path / "results" / "tables" / "validation_divergence.csv").exists()
    assert (tmp_path / "results" / "figures" / "validation.pdf").read_bytes().startswith(b"%PDF")
    assert "data:image" in (tmp_path / "results" / "validation.html").read_text(encoding="utf-8")


@needs_nest
def test_baselines(tmp_path: Path) -> None:
    run = snakemake(tmp_path, "--configfile", PROJECT / "config" / "smoke.yaml", "--", "baselines")
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(tmp_path / "results" / "tables" / "baselines.csv")
    simulators = set(zip(table["network"], table["variant"], table["simulator"].str.split().str[0], strict=True))
    both = {
        (network, variant, simulator)
        for network in ("poisson", "samples")
        for variant in ("event_driven", "static")
        for simulator in ("eprop_core", "NEST")
    }
    training = {("samples", "training", simulator) for simulator in ("eprop_core", "NEST")}
    assert simulators == both | training | {
        (network, "time_driven", "eprop_core") for network in ("poisson", "samples")
    }
    assert (table["synaptic_events"] > 0).all()
    assert (tmp_path / "results" / "figures" / "baselines.pdf").read_bytes().startswith(b"%PDF")
