"""A directory has one running call of Snakemake, and neither jobs nor programs outlive the call that started them."""

import atexit
import errno
import fcntl
import os
import platform
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snakemake.scheduling.job_scheduler import JobScheduler

from eprop_core.machine import driver
from workflow.lib import one_call
from workflow.lib.scheduler import let_scheduler_end, let_scheduler_rest

PROJECT = Path(__file__).parents[2]

CLAIM = "import sys, pathlib; from workflow.lib import one_call; one_call.claim(pathlib.Path(sys.argv[1]))"
HOLD = f"{CLAIM}; print(flush=True); sys.stdin.read()"


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the directory until its input ends."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def end(process: "subprocess.Popen[str]", how: signal.Signals | None) -> None:
    if how is None:
        assert process.stdin is not None
        process.stdin.close()
    else:
        process.send_signal(how)
    process.wait()


def claims(directory: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", CLAIM, str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def test_a_second_call_is_refused_while_the_first_runs(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    refused = claims(tmp_path)
    assert refused.returncode == 1
    assert f"another call of Snakemake is running in {tmp_path}: process " in refused.stderr
    assert refused.stderr.rstrip().endswith(f":{holder.pid}")
    end(holder, None)
    assert claims(tmp_path).returncode == 0


@pytest.mark.parametrize("former", ["", "ended", "running", "another-machine:1"])
def test_without_locks_a_call_is_refused_unless_the_former_one_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, former: str
) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    monkeypatch.setattr(one_call, "_held", [])
    with subprocess.Popen(["true"]) as process:
        pass
    host, _, _ = driver.name().partition(":")
    former = {"ended": f"{host}:{process.pid}", "running": driver.name()}.get(former, former)
    file = tmp_path / ".snakemake" / "driver"
    file.parent.mkdir()
    file.write_text(former, encoding="utf-8")
    if former in (driver.name(), "another-machine:1"):
        with pytest.raises(one_call.AnotherCallError, match=f"process {former}; if it was killed, delete .*driver"):
            one_call.claim(tmp_path)
        assert file.read_text(encoding="utf-8") == former
    else:
        one_call.claim(tmp_path)
        assert file.read_text(encoding="utf-8") == driver.name()
        (held,) = one_call._held
        held.close()  # type: ignore[attr-defined]


def fake_slurm(directory: Path, jobs: str) -> str:
    """Write commands that list ``jobs`` until these are cancelled, and record which were; return a search path."""
    (directory / "jobs").write_text(jobs, encoding="utf-8")
    for name, command in {"squeue": "cat jobs", "scancel": 'echo "$@" > cancelled; : > jobs'}.items():
        file = directory / name
        file.write_text(f"#!/bin/sh\ncd {directory}\n{command}\n", encoding="utf-8")
        file.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


@pytest.mark.parametrize("how", [None, signal.SIGKILL], ids=["ended", "killed"])
def test_jobs_of_a_killed_call_are_cancelled(
    tmp_path: Path, holder: "subprocess.Popen[str]", how: signal.Signals | None
) -> None:
    end(holder, how)
    slurm = tmp_path / "slurm"
    slurm.mkdir()
    jobs = f"7|{tmp_path}|rule_train_wildcards_a\n8|{tmp_path}|my own\n9|{tmp_path.parent}|rule_train_wildcards_a\n"
    done = claims(tmp_path, PATH=fake_slurm(slurm, jobs))
    assert done.returncode == 0, done.stderr
    cancelled = slurm / "cancelled"
    assert (cancelled.read_text(encoding="utf-8") if cancelled.exists() else None) == (None if how is None else "7\n")


def test_empty_folders_of_a_killed_call_are_removed(tmp_path: Path) -> None:
    names = empty, full, of_this_call = [tmp_path / name for name in ("empty", "full", "of this call")]
    for folder in names:
        folder.mkdir()
    (full / "file").touch()
    with subprocess.Popen(["true"]) as ended:
        pass
    host, _, _ = driver.name().partition(":")
    calls = tmp_path / ".snakemake" / "calls"
    calls.mkdir(parents=True)
    (calls / f"{host}:{ended.pid}").write_text(f"{empty}\n{full}\n", encoding="utf-8")
    (calls / driver.name()).write_text(str(of_this_call), encoding="utf-8")
    assert claims(tmp_path).returncode == 0
    assert [folder.exists() for folder in names] == [False, True, True]
    assert [file.name for file in calls.iterdir()] == [driver.name()]


def test_a_program_ends_with_its_driver() -> None:
    program = "import time; from eprop_core.machine import driver; driver.end_with_driver(); print(flush=True); "
    command = [sys.executable, "-c", program + "time.sleep(1000)"]
    host, _, _ = driver.name().partition(":")
    with subprocess.Popen(["sleep", "1000"]) as started:
        environment = os.environ | {driver.VARIABLE: f"{host}:{started.pid}"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
            process.stdout.readline()
            assert process.poll() is None
            end(started, signal.SIGKILL)
            _, said = process.communicate()
    assert process.returncode == 1
    assert "has ended" in said


PROGRAM = "from eprop_core.machine import driver; driver.end_with_driver(); input()"


def test_a_program_ends_if_its_driver_has_ended_before() -> None:
    with subprocess.Popen(["true"]) as started:
        pass
    host, _, _ = driver.name().partition(":")
    environment = os.environ | {driver.VARIABLE: f"{host}:{started.pid}"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], text=True, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "error: the call of Snakemake that started this program has ended\n"
    assert process.returncode == 1


def test_a_program_ends_with_the_shell_of_its_job() -> None:
    environment = os.environ | {driver.VARIABLE: driver.name()}
    program = PROGRAM.replace("input()", "import os, time; print(os.getpid(), flush=True); time.sleep(1000)")
    command = ["bash", "-c", '"$0" -c "$1"; echo', sys.executable, program]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as shell:  # type: ignore[call-overload]
        started = os.pidfd_open(int(shell.stdout.readline()))
        end(shell, signal.SIGKILL)
        assert select.select([started], [], [], 60)[0]
        os.close(started)
        assert shell.stderr.read() == "error: the process that started this program has ended\n"


@pytest.mark.parametrize("before", [True, False])
def test_a_rank_ends_with_its_launcher(before: bool) -> None:
    """The launcher of MPICH and its rank are connected by a socket, which is closed when the launcher ends."""
    of_launcher, of_rank = socket.socketpair()
    command = [sys.executable, "-c", PROGRAM.replace("input()", "print(flush=True); input()")]
    environment = os.environ | {"PMI_FD": str(of_rank.fileno())}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if before:
        of_launcher.close()
    with subprocess.Popen(command, text=True, env=environment, pass_fds=[of_rank.fileno()], **pipes) as rank:
        of_rank.close()
        assert rank.stdout is not None
        assert rank.stdin is not None
        if before:
            assert rank.wait(timeout=60) == -signal.SIGKILL  # which its launcher would see
        else:
            assert rank.stdout.readline() == "\n"
            rank.stdin.write("\n")
            rank.stdin.close()
            assert rank.wait(timeout=60) == 0
        of_launcher.close()


def test_a_program_ends_with_the_program_that_runs_it() -> None:
    runs = "from eprop_core.machine import child; import sys; child.run([sys.executable, '-c', sys.argv[1]])"
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-c", runs, child], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = os.pidfd_open(int(process.stdout.readline()))
        end(process, signal.SIGKILL)
        assert select.select([started], [], [], 60)[0]
        os.close(started)


def test_a_command_that_is_installed_or_run_ends_with_the_driver() -> None:
    host, _, _ = driver.name().partition(":")
    command = [sys.executable, "-m", "eprop_core.machine.with_driver", "bash", "-c", "echo $$; exec sleep 1000"]
    with subprocess.Popen(["sleep", "1000"]) as started:
        environment = os.environ | {driver.VARIABLE: f"{host}:{started.pid}", "PYTHONPATH": str(PROJECT)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            shell = os.pidfd_open(int(process.stdout.readline()))
            end(started, signal.SIGKILL)
            assert select.select([shell], [], [], 60)[0]
            os.close(shell)
    assert process.returncode == 1


def test_a_command_returns_its_exit_code() -> None:
    command = [sys.executable, "-m", "eprop_core.machine.with_driver", "bash", "-c", "exit 7"]
    assert subprocess.run(command, check=False, cwd=PROJECT).returncode == 7


def test_a_driver_on_another_host_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    for value in ("another-host:1", "", "nonsense"):
        monkeypatch.setenv(driver.VARIABLE, value)
        driver.end_with_driver()
    assert threading.active_count() == before


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A scheduler with nothing to schedule, whose timers wait for the end of the test."""
    monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", JobScheduler._schedule_reevalutation)
    let_scheduler_rest()
    one = JobScheduler.__new__(JobScheduler)
    one._open_jobs, one.resources = threading.Semaphore(0), {"_cores": 1}
    yield one
    for timer in timers():
        timer.cancel()
        timer.join()


def timers() -> list[threading.Timer]:
    return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_a_scheduler_has_one_timer(scheduler: Any) -> None:
    for _ in range(20):
        scheduler._schedule_reevalutation(1000)
    (timer,) = timers()
    assert timer.daemon  # the driver can end before it
    scheduler._schedule_reevalutation(500)  # another one comes sooner
    assert sorted(timer.interval for timer in timers()) == [500, 1000]


def test_a_timer_that_has_fired_is_followed_by_the_next(scheduler: Any) -> None:
    scheduler._schedule_reevalutation(0)
    assert scheduler._open_jobs.acquire(timeout=60)
    scheduler._schedule_reevalutation(1000)
    assert [timer.interval for timer in timers() if timer.interval] == [1000]


def test_a_scheduler_sets_no_timer_while_all_cores_are_taken(scheduler: Any) -> None:
    scheduler.resources["_cores"] = 0
    scheduler._schedule_reevalutation(1000)
    assert timers() == []


@pytest.mark.parametrize("change", ["no such method", "other arguments", "other state"])
def test_a_scheduler_with_another_interface_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    called = []
    if change == "no such method":
        monkeypatch.delattr(JobScheduler, "_schedule_reevalutation")
    elif change == "other arguments":
        monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", lambda self, delay, why: called.append(why))
    else:
        monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", lambda self, delay: called.append(delay))
    let_scheduler_rest()
    one = JobScheduler.__new__(JobScheduler)
    if change == "no such method":
        assert not hasattr(one, "_schedule_reevalutation")
    else:
        one._schedule_reevalutation(5, *(["why"] if change == "other arguments" else []))
        assert called == (["why"] if change == "other arguments" else [5])
    assert timers() == []


def test_a_scheduler_that_waits_for_outputs_hears_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler of the signal runs in the thread that holds the scheduler's lock, and must not wait for it there."""
    monkeypatch.setattr(JobScheduler, "exit_gracefully", JobScheduler.exit_gracefully)
    let_scheduler_end()
    one = JobScheduler.__new__(JobScheduler)
    one._lock, one._open_jobs, one._user_kill = threading.Lock(), threading.Semaphore(0), None
    former = signal.signal(signal.SIGTERM, one.exit_gracefully)
    try:
        with one._lock:
            signal.raise_signal(signal.SIGTERM)
            assert one._user_kill is None
        assert one._open_jobs.acquire(timeout=60)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert one._user_kill == "graceful"


JOBS, MOST_THREADS = 40, 8  # threads of the driver: itself, one for each core, at most one timer, and some to spare
WORKFLOW = f"""
module suite:
    snakefile: {str(PROJECT / "workflow" / "Snakefile")!r}
    config: {{}}

use rule * from suite as suite_*

rule finish:
    default_target: True
    input: expand("short/{{i}}", i=range({JOBS})), "alone/0", "alone/1"

rule short:
    output: "short/{{i}}"
    priority: 1
    shell: "touch {{output}}"

rule alone:  # takes both cores; one of its two jobs is ready from the beginning and waits for the other one
    output: "alone/{{i}}"
    threads: 2
    shell: "ls /proc/$PPID/task | wc -l > {{output}}; env > {{output}}.environment"
"""


def test_the_driver_has_few_threads_and_jobs_compute_on_one(tmp_path: Path) -> None:
    """Finished jobs leave no timers in the driver. A job that runs after them computes on one thread."""
    (tmp_path / "Snakefile").write_text(WORKFLOW, encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--directory", str(tmp_path), "--cores", "2"]
    command += ["--snakefile", str(tmp_path / "Snakefile"), "finish"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for alone in (tmp_path / "alone" / "0", tmp_path / "alone" / "1"):
        assert int(alone.read_text(encoding="utf-8")) <= MOST_THREADS
        environment = alone.with_suffix(".environment").read_text(encoding="utf-8")
        assert set(re.findall(r"^\w+_THREADS=(.*)$", environment, re.MULTILINE)) == {"1"}


@pytest.mark.parametrize("number", ["", "x", "-1", "1" * 5000, "9" * 10, "\N{SUPERSCRIPT TWO}"])
def test_numbers_that_are_none_are_ignored(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are those of other programs, or were set by hand."""
    monkeypatch.setattr(driver, "end_with", lambda *_: None)
    monkeypatch.setenv(driver.VARIABLE, f"{platform.node()}:{number}")
    monkeypatch.setenv("PMI_FD", number)
    driver.end_with_driver()
