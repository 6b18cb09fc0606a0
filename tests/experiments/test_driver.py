"""One call at a time in a directory, told apart from one that was killed, and nothing outlives its driver."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from eprop_core.experiments import driver

CLAIM = "import sys, pathlib; from eprop_core.experiments import driver; driver.claim(pathlib.Path(sys.argv[1]))"
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
    assert f"another call of Snakemake is at work in {tmp_path}: process " in refused.stderr
    assert refused.stderr.rstrip().endswith(f":{holder.pid}")
    end(holder, None)
    assert claims(tmp_path).returncode == 0


def fake_slurm(directory: Path, jobs: str) -> str:
    """Commands that tell of ``jobs`` until they are cancelled, and note which were; return a search path."""
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


def test_a_program_ends_with_its_driver() -> None:
    program = "import time; from eprop_core.experiments import driver; driver.end_with_driver(); print(flush=True); "
    command = [sys.executable, "-c", program + "time.sleep(1000)"]
    host, _, _ = driver.name().partition(":")
    with subprocess.Popen(["sleep", "1000"]) as started:
        told = os.environ | {driver.VARIABLE: f"{host}:{started.pid}"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, env=told, **pipes) as process:  # type: ignore[call-overload]
            process.stdout.readline()
            assert process.poll() is None
            end(started, signal.SIGKILL)
            _, said = process.communicate()
    assert process.returncode == 1
    assert "has ended" in said


def test_a_driver_elsewhere_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    for value in ("another-host:1", "", "nonsense"):
        monkeypatch.setenv(driver.VARIABLE, value)
        driver.end_with_driver()
    assert threading.active_count() == before
