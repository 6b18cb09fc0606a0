"""Latency and bandwidth: recovered from modelled times, and measured between two ranks."""

import subprocess
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import small
from eprop_core.experiments.interconnect import measure as interconnect
from eprop_core.experiments.interconnect.result import InterconnectResult, Pattern


def test_fit_recovers_latency_and_bandwidth() -> None:
    sizes = np.array(interconnect.SIZES, float)
    fitted = interconnect.fit(sizes, 2e-6 + sizes / 5e9)
    assert fitted.latency == pytest.approx(2.0, rel=1e-9)
    assert fitted.bandwidth == pytest.approx(5.0, rel=1e-9)


def test_fit_takes_the_largest_bandwidth_seen_if_times_do_not_grow() -> None:
    fitted = interconnect.fit(np.array([8.0, 800.0, 8000.0]), np.array([4e-6, 4e-6, 2e-6]))
    assert fitted.bandwidth == pytest.approx(4.0, rel=1e-9)


def test_two_ranks_measure_all_patterns_and_sizes(tmp_path: Path) -> None:
    command = small.on_ranks(2, "eprop_core.experiments.interconnect")
    command += ["--ranks", "2", "--output", str(tmp_path / "result.json")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    result = InterconnectResult.read(tmp_path / "result.json")
    assert result.interconnect.bandwidth > 0
    measured = {(call.pattern, call.bytes) for call in result.times}
    patterns = get_args(Pattern)
    assert measured == {(p, s) for p in patterns for s in interconnect.SIZES}
    assert all(call.seconds > 0 for call in result.times)


def test_another_number_of_ranks_is_refused(tmp_path: Path) -> None:
    command = small.on_ranks(0, "eprop_core.experiments.interconnect")
    command += ["--ranks", "1", "--output", str(tmp_path / "result.json")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stderr == "error: --ranks 1: two ranks are needed\n"
