"""The pipeline on a private SLURM: jobs get the right resources, and the next attempt finishes what was killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import psutil
import pytest
import yaml

import slurm
from trainings import assert_same_training

MISSING = slurm.missing_programs()
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(MISSING), reason=f"SLURM is not installed: no {', '.join(MISSING)}"),
]

SUPPORT = Path(slurm.__file__).parent
PROJECT = SUPPORT.parents[1]
TABLES = ["results/tables/learning_runs.csv", "results/tables/scaling.csv"]
PATIENCE = 900  # s, against waiting for ever


def wait_for(condition: Callable[[], bool], situation: Callable[[], str]) -> None:
    """Wait for a condition that must come true; if it does not, fail with the situation."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, situation()
        time.sleep(0.1)


class Cluster(NamedTuple):
    """A private SLURM."""

    commands: Path

    def ask(self, command: str, *arguments: str) -> str:
        """Return what a command of SLURM answers."""
        answer = subprocess.run([self.commands / command, *arguments], check=True, capture_output=True, text=True)
        return answer.stdout

    def jobs_now(self, directory: Path) -> list[dict[str, str]]:
        """Return SLURM's record of each job submitted from ``directory``, in the order of submission."""
        lines = self.ask("scontrol", "--oneliner", "show", "jobs").splitlines()
        records = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines]
        return [record for record in records if record.get("WorkDir") == str(directory)]

    def not_ended(self, directory: Path) -> set[str]:
        """Return the jobs that wait, run or are ending."""
        states = ("PENDING", "RUNNING", "COMPLETING")
        return {job["JobId"] for job in self.jobs_now(directory) if job["JobState"] in states}

    def jobs(self, directory: Path) -> list[dict[str, str]]:
        """Return what :meth:`jobs_now` returns once all jobs have ended.

        Snakemake waits for results, which may exist a moment before SLURM knows that the job has ended.
        """
        wait_for(lambda: not self.not_ended(directory), lambda: str(self.jobs_now(directory)))
        return self.jobs_now(directory)

    def state(self, job: str) -> str:
        """Return for instance RUNNING."""
        return re.findall(r"JobState=(\S+)", self.ask("scontrol", "--oneliner", "show", "job", job))[0]


class Driver:
    """A running call of Snakemake with the project's profile, whose jobs halt at files that match ``hold``."""

    def __init__(
        self,
        cluster: Cluster,
        directory: Path,
        *targets: str,
        options: Sequence[str] = (),
        hold: str | None = None,
        configuration: Path = PROJECT / "config/smoke.yaml",
    ) -> None:
        self.directory = directory
        self.held = directory / "hold"
        self.held.mkdir(exist_ok=True)
        if hold is not None:
            (self.held / "pattern").write_text(hold, encoding="utf-8")
        self.messages = directory / "driver.log"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SNAKEMAKE_"))
        }
        environment |= {
            "PATH": f"{cluster.commands}:{os.environ['PATH']}",
            "PYTHONPATH": f"{SUPPORT / 'hold'}:{os.environ.get('PYTHONPATH', '')}",
            "EPROP_BENCH_HOLD": str(self.held),
        }
        command = ["env", "--default-signal=INT"]  # where the tests run in the background, it is ignored
        command += [sys.executable, "-m", "snakemake", "--snakefile", PROJECT / "Snakefile"]
        command += ["--profile", PROJECT / "workflow/profiles/slurm", "--configfile", configuration]
        command += ["--slurm-init-seconds-before-status-checks", "1", *options, "--", *targets]
        with self.messages.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        return self.messages.read_text(encoding="utf-8")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that must come true while the driver runs."""

        def happened() -> bool:
            running = self.process.poll() is None
            happens = condition()
            assert running or happens, f"exit code {self.process.returncode}: {self.said()}"
            return happens

        wait_for(happened, self.said)

    def wait_for_held_job(self, number: int = 1) -> tuple[str, int]:
        """Return the SLURM job that halts as the ``number``-th, and its process."""
        self.wait_until(lambda: len(self.halted()) >= number)
        return self.halted()[number - 1]

    def halted(self) -> list[tuple[str, int]]:
        """Return the SLURM job and the process of each that has halted, in the order of halting."""
        files = sorted(self.held.glob("*.*"), key=lambda file: file.stat().st_mtime_ns)
        return [(job, int(process)) for job, process in (file.name.split(".") for file in files)]

    def release(self) -> None:
        (self.held / "pattern").unlink()

    def finish(self) -> None:
        """Wait until all is done."""
        assert self.process.wait(PATIENCE) == 0, self.said()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with slurm.private_slurm(nodes=1, cpus=2) as commands:
        yield Cluster(commands)


class Finished(NamedTuple):
    """The smoke configuration after a run in which two jobs on two ranks were killed."""

    directory: Path
    jobs: list[dict[str, str]]
    cancelled: str
    killed: str


@pytest.fixture(scope="module")
def finished(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    directory = tmp_path_factory.mktemp("smoke")
    with Driver(cluster, directory, *TABLES, hold=r"ranks-2_seed-\d+\.json$") as driver:
        cancelled, _ = driver.wait_for_held_job()
        cluster.ask("scancel", cancelled)
        killed, rank = driver.wait_for_held_job(number=2)
        os.kill(rank, signal.SIGKILL)
        driver.wait_until(lambda: cluster.state(killed) == "FAILED")
        assert not list(directory.glob("results/scaling/*/ranks-2_seed-*.json"))
        driver.release()
        driver.finish()
    return Finished(directory, cluster.jobs(directory), cancelled, killed)


def results(directory: Path) -> dict[str, dict]:
    """Return each result of a run by the name that the job which made it has in SLURM's records."""
    return {
        f"rule_{rule_of(rule, file)}_wildcards_{name}": json.loads(file.read_text(encoding="utf-8"))
        for pattern, rule in {
            "studies/*/seed-*.json": "train_one_rank",
            "scaling/*/ranks-1_seed-*.json": "time_one_rank",
            "scaling/*/ranks-[!1]_seed-*.json": "time_many_ranks",
            "scaling/*/dry-*_seed-*.json": "time_dry_run",
        }.items()
        for file in directory.glob(f"results/{pattern}")
        for name in ["_".join([file.parent.name, *re.findall(r"-(\d+)", file.stem)])]
    }


def rule_of(rule: str, result: Path) -> str:
    """Return the rule that made a result; trainings whose network is not kept, as those of a search, have their own."""
    return f"{rule}_result_only" if rule == "train_one_rank" and not result.with_suffix(".h5").is_file() else rule


def test_each_result_comes_from_a_job_with_as_many_tasks_as_ranks(finished: Finished) -> None:
    made_by = {job["Comment"]: job for job in finished.jobs if job["JobState"] == "COMPLETED"}
    found = results(finished.directory)
    assert sum(result["provenance"]["ranks"] == 2 for result in found.values()) == 2
    for comment, result in found.items():
        provenance = result["provenance"]
        assert provenance["batch_job"] == made_by[comment]["JobId"], comment
        assert provenance["ranks"] == int(made_by[comment]["NumTasks"]), comment
        assert len(provenance["hosts"]) == provenance["ranks"], comment


def test_timed_jobs_have_their_node_to_themselves(finished: Finished) -> None:
    timed = [job for job in finished.jobs if job["Comment"].startswith("rule_time_")]
    assert {job["OverSubscribe"] for job in timed} == {"NO"}
    assert {job["NumCPUs"] for job in timed} == {"2"}  # all that the node has


def test_jobs_that_are_killed_run_again(finished: Finished) -> None:
    states = {job["JobId"]: job["JobState"] for job in finished.jobs}
    assert states.pop(finished.cancelled) == "CANCELLED"
    assert states.pop(finished.killed) == "FAILED"
    assert set(states.values()) == {"COMPLETED"}
    attempts = [job["Comment"] for job in finished.jobs]
    again = {job["Comment"] for job in finished.jobs if job["JobId"] in (finished.cancelled, finished.killed)}
    assert all(attempts.count(comment) == 1 for comment in set(attempts) - again)


def test_a_job_that_runs_again_has_more_time(finished: Finished) -> None:
    cancelled = next(job for job in finished.jobs if job["JobId"] == finished.cancelled)
    limits = [job["TimeLimit"] for job in finished.jobs if job["Comment"] == cancelled["Comment"]]
    assert limits == sorted(set(limits))


def test_every_job_leaves_its_log(finished: Finished) -> None:
    for job in finished.jobs:
        log = Path(job["StdOut"])
        assert log.is_relative_to(finished.directory / "logs"), log
        assert log.stat().st_size > 0, log


def test_a_finished_run_repeats_nothing_on_another_machine(finished: Finished) -> None:
    command = [sys.executable, "-m", "snakemake", "--snakefile", PROJECT / "Snakefile", "--cores", "2", "--dry-run"]
    command += ["--configfile", PROJECT / "config/smoke.yaml", "--", *TABLES]
    answer = subprocess.run(command, cwd=finished.directory, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in answer.stdout + answer.stderr


def copy_without(finished: Finished, directory: Path, *patterns: str) -> Path:
    """Return a copy of a finished run that lacks the files of some patterns."""
    shutil.copytree(finished.directory, directory, ignore=shutil.ignore_patterns("hold"))
    for pattern in patterns:
        for file in directory.glob(pattern):
            file.unlink()
    return directory


def test_one_core_per_node_spreads_ranks_over_nodes(finished: Finished, tmp_path: Path) -> None:
    directory = copy_without(finished, tmp_path / "run", "results/scaling/strong-*/ranks-2_*", "results/tables/*")
    with slurm.private_slurm(nodes=2, cpus=1) as commands:
        cluster = Cluster(commands)
        with Driver(cluster, directory, "results/tables/strong_scaling_runs.csv") as driver:
            driver.finish()
        job = cluster.jobs(directory)[-1]
    assert (job["JobState"], job["NumNodes"], job["NumTasks"]) == ("COMPLETED", "2", "2")
    provenance = results(directory)[job["Comment"]]["provenance"]
    assert (provenance["ranks"], provenance["batch_job"]) == (2, job["JobId"])


def test_mpiexec_of_the_environment_starts_ranks_on_one_node(
    cluster: Cluster, finished: Finished, tmp_path: Path
) -> None:
    directory = copy_without(finished, tmp_path / "run", "results/scaling/strong-*/ranks-2_*", "results/tables/*")
    launcher = ("--set-resources", "time_many_ranks:mpi=mpiexec")
    with Driver(cluster, directory, "results/tables/strong_scaling_runs.csv", options=launcher) as driver:
        driver.finish()
    (job,) = cluster.jobs(directory)
    assert (job["JobState"], job["NumNodes"], job["NumTasks"]) == ("COMPLETED", "1", "2")
    provenance = results(directory)[job["Comment"]]["provenance"]
    assert (provenance["ranks"], provenance["batch_job"]) == (2, job["JobId"])


def test_trainings_can_share_jobs(cluster: Cluster, finished: Finished, tmp_path: Path) -> None:
    directory = copy_without(finished, tmp_path / "run", "results/studies/*/seed-*.json", "results/tables/*")
    options = ["--groups", "train_one_rank=training", "--group-components", "training=2"]
    with Driver(cluster, directory, "results/tables/learning_runs.csv", options=options) as driver:
        driver.finish()
    files = directory.glob("results/studies/*/seed-*.json")
    made_by = Counter(json.loads(file.read_text(encoding="utf-8"))["provenance"]["batch_job"] for file in files)
    assert sorted(made_by.values()) == [2, 2]  # two tasks with two seeds
    records = {job["JobId"]: job for job in cluster.jobs(directory)}
    assert all(records[job]["NumCPUs"] == "2" for job in made_by)


def kill_if_deadlocked(process: "subprocess.Popen[str]") -> None:
    """Kill a driver that does not end by SIGTERM.

    Snakemake's handler waits for a lock that the same thread may hold when the signal arrives.
    """
    try:
        process.wait(120)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_the_next_call_finishes_the_work(
    cluster: Cluster, finished: Finished, tmp_path: Path, end: signal.Signals
) -> None:
    unfinished = copy_without(finished, tmp_path / "run", "results/studies/*/seed-*.json", "results/tables/*")
    table = "results/tables/learning_runs.csv"
    # One job halts, so that the other core is free for those that are to finish.
    with Driver(cluster, unfinished, table, hold=r"digits-\w+/seed-2\.json$") as first:
        held, process = first.wait_for_held_job()
        first.wait_until(lambda: re.search(r"Finished jobid: \d+ \(Rule: train_one_rank\)", first.said()) is not None)
        first.process.send_signal(end)
        if end is signal.SIGTERM:  # Snakemake lets its jobs finish, and starts no other
            first.release()
            kill_if_deadlocked(first.process)
        assert first.process.wait(PATIENCE) != 0
        if end is signal.SIGKILL:  # a job that ends while the next call is starting would be repeated or be cancelled
            wait_for(lambda: cluster.not_ended(unfinished) <= {job for job, _ in first.halted()}, first.said)
    assert not (unfinished / table).exists()
    # A job that is cancelled between its result and its end is not completed, but its result stays.
    kept = {name for name in results(unfinished) if name.startswith("rule_train_")}

    with Driver(cluster, unfinished, table) as second:
        if end is not signal.SIGTERM:  # cancelled, by Snakemake as it ends, or by the next call
            second.wait_until(lambda: not psutil.pid_exists(process))
            second.release()
            second.wait_until(lambda: cluster.state(held) != "COMPLETING")
            assert cluster.state(held) == "CANCELLED"
        second.finish()
    assert (unfinished / table).exists()
    completed = [job["Comment"] for job in cluster.jobs(unfinished) if job["JobState"] == "COMPLETED"]
    assert len({*completed}) == len(completed)  # none is repeated
    assert {*completed} | kept == {name for name in results(unfinished) if name.startswith("rule_train_")}


SPARSE = {"connectivity": {"rule": "pairwise_bernoulli", "probability": 0.5}}
SHORT = {
    "tasks": {
        f"on_{n_ranks}": {
            "dataset": {"name": "sine_waves", "n_steps": 200, "periods": [200]},
            "network": {"n_recurrent": 40, "neuron": {"V_th": 0.03}, "input": SPARSE, "recurrent": SPARSE},
            "training": {"epochs": 50, "checkpoint_minutes": 1e-6, "ranks": n_ranks},
        }
        for n_ranks in (1, 2)
    },
    "studies": {"waves": {"tasks": ["on_1", "on_2"], "seeds": [1]}},
}
"""Two trainings with a checkpoint after each group of samples."""


def test_a_time_limit_too_short_for_a_training_changes_nothing_in_its_result(tmp_path: Path) -> None:
    """A first attempt halts at its first checkpoint until SLURM's signal; so would the next, if it did not go on."""
    configuration = tmp_path / "short.yaml"
    configuration.write_text(json.dumps(SHORT), encoding="utf-8")
    profile = yaml.safe_load((PROJECT / "workflow/profiles/slurm/config.yaml").read_text(encoding="utf-8"))
    # The signal comes five minutes before the limit, or up to a minute earlier.
    resources = ["train_one_rank:runtime=7", "train_many_ranks:runtime=7"]
    resources += [f"train_many_ranks:mpi='{profile['set-resources']['train_many_ranks']['mpi']}'"]
    options, runs = ("--set-resources", *resources), "results/tables/waves_runs.csv"
    with slurm.private_slurm(nodes=1, cpus=3) as commands:
        cluster, hold = Cluster(commands), r"checkpoint-0*1\.h5$"
        with Driver(cluster, tmp_path, runs, options=options, hold=hold, configuration=configuration) as driver:
            driver.finish()
        jobs = [job for job in cluster.jobs(tmp_path) if job["Comment"].startswith("rule_train_")]
    assert [job["JobState"] for job in jobs] == 2 * ["FAILED"] + 2 * ["COMPLETED"], jobs
    assert {job for job, _ in driver.halted()} == {job["JobId"] for job in jobs[:2]}
    assert driver.said().count("error: ended by SIGTERM after ") == 2
    assert not list(tmp_path.glob("results/studies/*/*.checkpoints"))

    for result in tmp_path.glob("results/studies/*/seed-1.json"):
        task = tmp_path / "results/parameters/tasks" / f"{result.parent.name}.json"
        command = [sys.executable, "-m", "eprop_core.experiments.studies", task, "--output", tmp_path / "whole.json"]
        subprocess.run(command, cwd=tmp_path, check=True)
        assert_same_training(tmp_path / "whole.json", result)
