"""The whole pipeline with the smoke configuration, and its messages about wrong configurations."""

import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import psutil
import pytest
import yaml

import results_contract
from browser import Browser, needs_browser
from live_nest import NEST_PYTHON, needs_nest
from workflow.lib import sources
from workflow.scripts.shared import read_table, write_table

PROJECT = Path(__file__).parents[2]
SMOKE = PROJECT / "config" / "smoke.yaml"
NAMES = (
    *("learning", "sparsity", "ablation", "densities", "break_even", "strong_scaling", "weak_scaling", "exchange"),
    *("data_digits", "dynamics_digits", "dynamics_sine_waves", "sensitivity"),
)
TIMING = {"time_one_rank", "time_many_ranks", "time_dry_run"}
COMPUTING = {"prepare_dataset", "compile", "train_one_rank", "measure_interconnect", "time_break_even", *TIMING}
CODE = "results/parameters/code/"
TARGETS = ("all", "verification", "baselines") if NEST_PYTHON else ("all",)
CORES = 2

CHANGED = {
    "eprop_core/configuration.py": set(),
    "eprop_core/progress.py": set(),
    "eprop_core/compiled/random.py": {"compile", "train_one_rank", *TIMING, "time_break_even"},
    "eprop_core/datasets/saccades.py": {"prepare_dataset", "train_one_rank"},
    "eprop_core/experiments/scaling/measure.py": TIMING,
    "eprop_core/interoperability/nest/bellec.py": set(),
    "eprop_core/model/synapses.py": {"compile", "train_one_rank", *TIMING, "time_break_even"},
    "eprop_core/tasks/classification.py": {"train_one_rank"},
    "eprop_core/time_driven/synapses.py": {"time_break_even"},
    "workflow/lib/plan.py": set(),
    "workflow/scripts/shared/style.py": set(),
    "workflow/scripts/studies/collect.py": set(),
    "workflow/report/study.rst": set(),
}
"""By source file, one of each package: the computing rules whose jobs are repeated when it changes."""


def command(directory: Path, *arguments: object, project: Path = PROJECT) -> list[str]:
    call = [sys.executable, "-m", "snakemake", "--snakefile", project / "Snakefile", "--directory", directory]
    return [str(part) for part in [*call, "--cores", CORES, *arguments]]


def snakemake(directory: Path, *arguments: object, project: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    call = command(directory, *arguments, project=project)
    return subprocess.run(call, capture_output=True, text=True, timeout=1500, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, whose files a test may change."""
    return copy_project(tmp_path_factory.mktemp("project"))


def copy_project(directory: Path) -> Path:
    shutil.copy2(PROJECT / "Snakefile", directory)
    for part in ("benchmarks", "config", "envs", "eprop_core", "profiles", "simulators", "workflow"):
        shutil.copytree(PROJECT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


@contextmanager
def changed(file: Path) -> Iterator[None]:
    """Change the code in ``file`` for the duration of the context."""
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}\nchanged = True\n", encoding="utf-8")  # in a caption, too
    yield
    file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """A directory in which the smoke configuration has run."""
    directory = tmp_path_factory.mktemp("pipeline")
    run = snakemake(directory, "--configfile", SMOKE, "--", *TARGETS, project=project)
    assert run.returncode == 0, run.stdout + run.stderr
    return directory


class Job(NamedTuple):
    """A job of a finished run; files are relative to its directory."""

    rule: str
    outputs: frozenset[str]
    inputs: frozenset[str]

    @property
    def programs(self) -> set[str]:
        """The program that it runs, and the modules that its parameters choose."""
        return {Path(file).stem for file in self.inputs if file.startswith(CODE)}


@pytest.fixture(scope="module")
def jobs(finished: Path, project: Path) -> list[Job]:
    """All jobs, as Snakemake has recorded them."""
    run = snakemake(finished, "--configfile", SMOKE, "--detailed-summary", "--", *TARGETS, project=project)
    assert run.returncode == 0, run.stderr
    outputs: dict[tuple[str, str, frozenset[str]], set[str]] = {}
    for file, _, rule, log, inputs, *_ in (line.split("\t") for line in run.stdout.splitlines()[1:]):
        outputs.setdefault((rule, log, frozenset(inputs.split(","))), set()).add(file)
    return [Job(rule, frozenset(files), inputs) for (rule, _, inputs), files in outputs.items()]


def jobs_to_run(finished: Path, project: Path) -> dict[str, int]:
    """Return how many jobs a dry run would run, by rule."""
    return jobs_of(snakemake(finished, "--configfile", SMOKE, "--dry-run", "--", *TARGETS, project=project))


def jobs_of(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return how many jobs a call runs, by rule; targets do not count."""
    assert run.returncode == 0, run.stdout + run.stderr
    rows = re.findall(r"^(\w+) +(\d+)$", run.stdout + run.stderr, re.MULTILINE)
    return {rule: int(number) for rule, number in rows if rule not in (*TARGETS, "total")}


def jobs_that_depend_on(source: str, jobs: list[Job]) -> list[Job]:
    """Return the jobs whose program imports a file, those that read the file itself, and those that read their outputs.

    A dry run repeats the latter, too: it cannot know that an output will be the same.
    """
    programs = set().union(*(job.programs for job in jobs))
    updated = {f"{CODE}{program}.json" for program in programs if source in sources.listing(program)}
    updated |= {file for job in jobs for file in job.inputs if file.endswith(f"/{source}")}
    depending = [job for job in jobs if job.outputs & updated]
    while more := [job for job in jobs if job.inputs & updated and job not in depending]:
        depending += more
        updated |= {file for job in more for file in job.outputs}
    return depending


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < CORES, reason="the smoke configuration times two ranks on two cores")
class TestFinished:
    @pytest.mark.parametrize("name", NAMES)
    def test_figures_and_tables_are_made(self, finished: Path, name: str) -> None:
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

    def test_all_files_and_columns_are_those_that_the_reference_describes(self, finished: Path) -> None:
        results = finished / "results"
        assert results_contract.undescribed_files(results) == []
        assert results_contract.undescribed_files(PROJECT / "config") != []
        assert len(list((results / "tables").glob("*.csv"))) > 20
        assert results_contract.undescribed_tables(results) == {}

    def test_report_holds_all_figures(self, finished: Path) -> None:
        report = (finished / "results" / "report.html").read_text(encoding="utf-8")
        assert report.count("<svg") >= len(NAMES) or report.count("data:image") >= len(NAMES)

    @needs_browser
    def test_the_report_is_readable_on_a_screen_and_on_a_phone(self, finished: Path, browser: Browser) -> None:
        assert browser.faults(finished / "results" / "report.html") == {}
        assert browser.complaints() == []

    def test_results_record_their_provenance(self, finished: Path) -> None:
        results = list((finished / "results" / "studies").glob("*/seed-*.json"))
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

    def test_a_finished_run_repeats_nothing(self, finished: Path, project: Path) -> None:
        assert jobs_to_run(finished, project) == {}

    def test_a_missing_network_is_trained_again(self, finished: Path, project: Path) -> None:
        network = next((finished / "results" / "studies").glob("*/seed-1.h5"))
        elsewhere = network.rename(finished / "network.h5")
        assert jobs_to_run(finished, project)["train_one_rank"] == 1
        elsewhere.rename(network)
        assert jobs_to_run(finished, project) == {}

    @pytest.mark.parametrize("source", CHANGED)
    def test_a_changed_file_repeats_only_the_jobs_that_depend_on_it(
        self, finished: Path, project: Path, jobs: list[Job], source: str
    ) -> None:
        """With Snakemake for some files; ``test_sources.py`` tests all files."""
        with changed(project / source):
            repeated = jobs_to_run(finished, project)
        assert repeated == dict(Counter(job.rule for job in jobs_that_depend_on(source, jobs)))
        assert repeated.keys() & COMPUTING == CHANGED[source]

    @needs_nest
    def test_all_comparisons_of_verification_pass(self, finished: Path) -> None:
        table = pd.read_csv(finished / "results" / "tables" / "verification.csv")
        assert list(table) == ["check", "variant", "quantity", "max_difference", "tolerance", "passed"]
        assert table["check"].nunique() == 7
        assert table["passed"].all()
        assert (finished / "results" / "tables" / "verification_divergence.csv").exists()
        assert (finished / "results" / "figures" / "verification.pdf").read_bytes().startswith(b"%PDF")
        assert "data:image" in (finished / "results" / "verification.html").read_text(encoding="utf-8")

    @needs_nest
    def test_baselines_compare_all_simulators(self, finished: Path) -> None:
        table = pd.read_csv(finished / "results" / "tables" / "baselines.csv")
        simulators = set(zip(table["network"], table["variant"], table["simulator"], strict=True))
        both = {
            (network, variant, simulator)
            for network in ("poisson", "samples")
            for variant in ("plastic", "static")
            for simulator in ("eprop_core", "NEST")
        }
        training = {("samples", "training", simulator) for simulator in ("eprop_core", "NEST")}
        assert simulators == both | training | {
            (network, "time_driven", "eprop_core") for network in ("poisson", "samples")
        }
        assert (table["synaptic_events"] > 0).all()
        assert (finished / "results" / "figures" / "baselines.pdf").read_bytes().startswith(b"%PDF")

    def test_one_table_holds_all_timing_runs(self, finished: Path) -> None:
        table = pd.read_csv(finished / "results" / "tables" / "scaling.csv")
        runs = ["experiment", "variant", "measured", "ranks", "rank", "seed", "repeat"]
        assert not table.duplicated(runs).any()
        numbers = table.groupby(["experiment", "measured", "ranks"]).size().to_dict()
        rows = {  # 2 variants, 2 repeats, and each rank that ran
            ("strong", "measured", 1): 4,
            ("strong", "measured", 2): 8,
            ("strong", "dry_run", 2): 4,
            ("strong", "dry_run", 8): 4,
            ("weak", "measured", 1): 4,
            ("weak", "measured", 2): 8,
        }
        assert numbers == rows
        assert (table["peak_memory_bytes"] > 0).all()


@contextmanager
def halted(directory: Path, pattern: str, *arguments: object) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Call Snakemake, and yield it with the program that halts at a file that matches, to be killed by the context."""
    held = directory / "hold"
    held.mkdir()
    (held / "pattern").write_text(pattern, encoding="utf-8")
    environment = os.environ | {"EPROP_BENCH_HOLD": str(held)}
    environment["PYTHONPATH"] = f"{PROJECT / 'tests/support/hold'}:{os.environ.get('PYTHONPATH', '')}"
    with subprocess.Popen(command(directory, *arguments), env=environment, stderr=subprocess.DEVNULL) as driver:
        deadline = time.monotonic() + 600
        while not (programs := list(held.glob("here.*"))):
            assert driver.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        program = int(programs[0].suffix[1:])
        yield driver, program
        assert driver.wait(600) != 0
    while psutil.pid_exists(program):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (held / "pattern").unlink()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < CORES, reason="needs two ranks on two cores")
@pytest.mark.parametrize("killed", ["driver", "rank"])
def test_the_next_call_finishes_killed_work(tmp_path: Path, killed: str) -> None:
    """The driver or one of two ranks is killed when the result is written but not yet in its place."""
    configuration = tmp_path / "small.yaml"
    smoke = yaml.safe_load(SMOKE.read_text(encoding="utf-8"))
    smoke["scaling"] = {"strong": smoke["scaling"]["strong"] | {"ranks": [2], "dry_ranks": []}}
    configuration.write_text(yaml.safe_dump(smoke), encoding="utf-8")
    target = ("--configfile", configuration, "--", "results/tables/strong_scaling_runs.csv")
    with halted(tmp_path, r"ranks-2_seed-1\.json$", *target) as (driver, rank):
        live = snakemake(tmp_path, *target)
        assert live.returncode != 0 and "another call of Snakemake is running" in live.stdout + live.stderr
        os.kill(driver.pid if killed == "driver" else rank, signal.SIGKILL)
    assert not list(tmp_path.glob("results/scaling/*/*_seed-*.json"))
    finished = snakemake(tmp_path, *target)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert len(pd.read_csv(tmp_path / "results" / "tables" / "strong_scaling_runs.csv")) == 8


@pytest.mark.parametrize("keep_network", [True, False])
def test_a_killed_training_goes_on_in_the_next_call(tmp_path: Path, keep_network: bool) -> None:
    waves = {
        "dataset": {"name": "sine_waves", "n_steps": 50, "periods": [50]},
        "network": {"n_recurrent": 5, "neuron": {"V_th": 0.03}},
        "training": {"epochs": 20, "checkpoint_minutes": 1e-6, "keep_network": keep_network},  # after each epoch
    }
    configuration = tmp_path / "waves.yaml"
    configuration.write_text(
        yaml.safe_dump({"tasks": {"waves": waves}, "studies": {"learning": {"tasks": ["waves"], "seeds": [1]}}}),
        encoding="utf-8",
    )
    target = ("--configfile", configuration, "--", "results/tables/learning_runs.csv")
    with halted(tmp_path, r"checkpoint-0*9\.h5$", *target) as (_, program):
        os.kill(program, signal.SIGKILL)
    assert len(list(tmp_path.glob("results/studies/*/seed-1.checkpoints/checkpoint-*.h5"))) == 2
    finished = snakemake(tmp_path, *target)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (log,) = tmp_path.glob("logs/train/*/seed-1.log")
    assert log.read_text(encoding="utf-8").endswith("training, seed 1: 20 of 20\n")
    (run,) = tmp_path.glob("results/studies/*")
    assert {file.name for file in run.iterdir()} == {"seed-1.json", *(["seed-1.h5"] if keep_network else [])}


def test_a_checkout_that_is_moved_linked_or_unpacked_again_repeats_nothing(tmp_path: Path) -> None:
    """The new name has all characters that a shell or Snakemake might interpret."""
    waves = {
        "dataset": {"name": "sine_waves", "n_steps": 50, "periods": [50]},
        "network": {"n_recurrent": 5, "neuron": {"V_th": 0.03}},
        "training": {"epochs": 1},
    }
    configuration = tmp_path / "waves.yaml"
    configuration.write_text(
        yaml.safe_dump({"tasks": {"waves": waves}, "studies": {"learning": {"tasks": ["waves"], "seeds": [1]}}}),
        encoding="utf-8",
    )
    table = Path("results/tables/learning.md")

    def call(checkout: Path, *options: str, target: Path = table) -> dict[str, int]:
        """Run Snakemake by the Python of an environment within the checkout, and return how many jobs ran."""
        python = checkout / ".venv" / "bin" / Path(sys.executable).name
        command = [python, "-m", "snakemake", "--cores", "1", "--configfile", configuration, *options, "--", target]
        return jobs_of(subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False))

    checkout = tmp_path / "checkout"
    checkout.mkdir()
    copy_project(checkout)
    (checkout / ".venv").symlink_to(sys.prefix)
    assert call(checkout)["train_one_rank"] == 1

    moved = checkout.rename(tmp_path / "my project, it's a$b; `c` $(d), a{b} ü")
    for file in (moved / "eprop_core").rglob("*.py"):
        file.touch()
    (moved / table).unlink()
    assert call(moved) == {"study_table": 1}
    assert (moved / table).exists()
    assert call(moved, target=Path("results/tables/race.md"))["race_table"] == 1  # reads a file of the checkout

    link = tmp_path / "link"
    link.symlink_to(moved)
    assert call(link, "--dry-run") == {}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["studies", "densities", "vary", "network.input.connectivity.probabilty"], [0.1], "probabilty"),
        (["scaling", "strong", "ranks"], [1, 399], "processors"),
    ],
)
def test_a_wrong_configuration_is_reported_in_one_line(
    tmp_path: Path, path: list[str], value: object, message: str
) -> None:
    """``test_configuration.py`` tests all messages."""
    configuration = yaml.safe_load(SMOKE.read_text(encoding="utf-8"))
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


def test_a_diverging_training_is_reported_on_the_terminal(tmp_path: Path) -> None:
    configuration = yaml.safe_load(SMOKE.read_text(encoding="utf-8"))
    task = configuration["tasks"]["sine_waves"]
    task["network"]["output"]["weights"]["scale"] = 100.0
    study = {"tasks": ["sine_waves"], "seeds": [1, 2]}
    file = tmp_path / "diverging.yaml"
    file.write_text(yaml.safe_dump({"tasks": {"sine_waves": task}, "studies": {"learning": study}}), encoding="utf-8")
    run = snakemake(tmp_path, "--configfile", file, "--", "results/tables/learning.csv")
    assert run.returncode == 0, run.stdout + run.stderr
    # Snakemake writes the end of a line by itself, so that a warning may stand between a line and its end.
    warning = r"warning: logs/train/\S+/seed-(\d)\.log: after 2 training samples the loss is "
    assert sorted(re.findall(warning, run.stdout + run.stderr)) == ["1", "2"]
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
                "seeds": [1],
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
    assert "Differences of each variant" in other
    for page in (own, other):
        assert "<script>alert" not in page and "</script>alert" not in page and "(1)</script>" not in page


def test_a_single_rank_of_nest_has_a_rule_without_a_launcher(tmp_path: Path) -> None:
    """SLURM's plugin of Snakemake refuses a launcher for one task."""
    run = snakemake(tmp_path, "--configfile", PROJECT / "config/nest_scaling.yaml", "--dry-run", "--", "scaling")
    jobs = jobs_of(run)
    assert (jobs["time_one_nest_rank"], jobs["time_nest_ranks"]) == (2, 2)  # strong and weak scaling on 1 and 2 ranks
