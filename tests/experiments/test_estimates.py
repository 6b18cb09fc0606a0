"""Estimates of the memory and the time of jobs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import small
from eprop_core import configuration
from eprop_core.experiments.baselines import estimates as baselines_estimates
from eprop_core.experiments.scaling import estimates
from eprop_core.experiments.scaling.parameters import Timing
from eprop_core.experiments.studies import estimates as study_estimates
from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.experiments.studies.result import StudyResult
from eprop_core.experiments.verification import estimates as verification_estimates
from eprop_core.experiments.verification.parameters import Verification
from eprop_core.parsing import parse
from workflow.lib import cluster

PROJECT = Path(__file__).parents[2]


def test_memory_is_that_of_the_largest_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    timing = small.timing()
    of_variants = [estimates.memory_of_rank(case, 1) for case in timing.cases.values()]
    assert estimates.memory_of_job(timing, 1) == estimates.COMPILING_BYTES > max(of_variants)
    monkeypatch.setattr(estimates, "COMPILING_BYTES", 0)
    assert estimates.memory_of_job(timing, 1) == max(of_variants) > min(of_variants)


@pytest.mark.parametrize(("kind", "shares"), [("strong", 8), ("weak", 1)])
def test_memory_of_a_rank_shrinks_in_strong_scaling_and_stays_in_weak_scaling(kind: str, shares: int) -> None:
    """Ranks share the synapses of a network of constant size; in weak scaling each rank has as many as one alone."""
    values = small.timing(kind).model_dump(mode="json")
    values["network"] |= {"n_recurrent": 16_000, "n_input": 1000}
    values["network"]["recurrent"]["connectivity"]["in_degree"] = 1000
    timing = parse(Timing, values)
    base = estimates.PROCESS_BYTES + estimates.INPUT_SPIKE_BYTES * estimates.INPUT_SPIKES
    one, eight = (estimates.memory_of_rank(timing.case("eprop_plus"), n) - base for n in (1, 8))
    assert eight == pytest.approx(one / shares, rel=0.1)


def test_time_grows_with_repeats_and_steps() -> None:
    timing = small.timing()
    once = estimates.seconds_of_job(timing, 1)
    more = estimates.seconds_of_job(timing.model_copy(update={"repeats": 3}), 1)
    assert more - estimates.START_S == pytest.approx(3 * (once - estimates.START_S), rel=1e-12)


@pytest.mark.parametrize("n_recurrent", [20, 2500])
def test_memory_of_a_training_run_is_within_a_quarter_of_what_it_takes(n_recurrent: int, tmp_path: Path) -> None:
    values = small.regression(epochs=1).model_dump(mode="json")
    values["network"]["n_recurrent"] = n_recurrent
    task = parse(TaskParameters, values)
    (tmp_path / "task.json").write_text(task.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "eprop_core.experiments.studies", str(tmp_path / "task.json")]
    subprocess.run([*command, "--output", str(tmp_path / "result.json")], check=True, capture_output=True)
    (rank,) = StudyResult.read(tmp_path / "result.json").per_rank
    assert study_estimates.memory_of_rank(task) == pytest.approx(rank.peak_memory_bytes, rel=0.25)


def test_data_and_ranks_change_the_memory_of_a_training_run() -> None:
    task = small.regression(epochs=1)
    shared = task.model_copy(update={"training": task.training.model_copy(update={"ranks": 2})})
    one, two = map(study_estimates.memory_of_rank, (task, shared))
    assert one > two > study_estimates.PROCESS_BYTES
    digits = parse(TaskParameters, small.regression(1).model_dump(mode="json") | {"dataset": {"name": "digits"}})
    assert study_estimates.memory_of_rank(digits, 10**9) - study_estimates.memory_of_rank(digits) == 10**9


VARIANTS = {"variants": ["cutoff-*", "dt-*"]}


@pytest.mark.parametrize(
    ("check", "values", "measured"),
    [
        ("time_driven", {"variants": ["random-*"]}, 228e6),
        ("time_driven", {"variants": ["random-*"], "n_steps_time_driven": 20_000}, 523e6),
        ("nest_bellec", {}, 331e6),
        ("nest_stdp", {}, 349e6),
        ("published", {}, 344e6),
        ("gradients", {}, 227e6),
        ("reference", {}, 150e6),
        ("ranks", {}, 288e6),
        ("nest_eprop_plus", VARIANTS, 723e6),
        ("nest_eprop_plus", VARIANTS | {"n_steps": 6000, "largest": 200}, 3996e6),
    ],
)
def test_memory_of_a_check_is_within_a_quarter_of_what_it_took(
    check: str, values: dict[str, Any], measured: float
) -> None:
    """Measured once, as the largest sum of the resident memory of the program and of NEST, since NEST takes minutes."""
    parameters = parse(Verification, values)
    assert verification_estimates.memory_of_check(parameters, check, seed=1) == pytest.approx(measured, rel=0.25)


@pytest.mark.parametrize(
    ("file", "name", "measured"),
    [
        ("baselines", "medium", 3241e6),
        ("baselines", "large", 6433e6),
        ("memory", "changing_input", 424e6),
        ("smoke", "poisson", 420e6),
    ],
)
def test_memory_of_a_comparison_is_within_a_quarter_of_what_it_took(file: str, name: str, measured: float) -> None:
    """Measured once, as above; the process of NEST that reads weights is the largest."""
    values = yaml.safe_load((PROJECT / "config" / f"{file}.yaml").read_text(encoding="utf-8"))
    baseline = configuration.load(values, file).baselines[name]
    assert baselines_estimates.memory_of_job(baseline, None) == pytest.approx(measured, rel=0.25)


def test_memory_of_nest_in_a_scaling_is_within_a_quarter_of_what_it_took() -> None:
    """Measured once, as above, with two threads."""
    values = yaml.safe_load((PROJECT / "config" / "nest_scaling.yaml").read_text(encoding="utf-8"))
    scaling = configuration.load(values, "nest_scaling.yaml").scaling["nest_strong"]
    n_bytes = 1e6 * cluster.nest_memory(scaling, 2) / 1.1
    assert n_bytes == pytest.approx(1861e6, rel=0.25)
    assert 1e6 * cluster.nest_memory(scaling, 2, n_ranks_here=2) > n_bytes


def test_memory_of_a_comparison_grows_with_the_network_and_without_other_simulators_is_less() -> None:
    values = yaml.safe_load((PROJECT / "config" / "baselines.yaml").read_text(encoding="utf-8"))
    loaded = configuration.load(values, "baselines.yaml")
    medium, large = (baselines_estimates.memory_of_job(loaded.baselines[name], None) for name in ("medium", "large"))
    assert large > 1.5 * medium  # of small networks, NEST's weights are read, which takes ten times the memory
    alone = loaded.baselines["medium"].model_copy(update={"simulators": []})
    assert baselines_estimates.memory_of_job(alone, None) < 0.4 * medium
    of_samples, task = loaded.baselines["nmnist"], loaded.tasks["nmnist_simulated"]
    one, other = (baselines_estimates.memory_of_job(of_samples, task, n_bytes) for n_bytes in (0, 10**9))
    assert one + 18e6 == pytest.approx(595e6, rel=0.25)  # measured as above, with 18 MB of training samples
    assert other - one == 10**9
