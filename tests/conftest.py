"""Which tests are unit tests, and the order in which tests run."""

import os
from pathlib import Path

import pytest

pytest_plugins = ["dataset_files"]

TESTS = Path(__file__).parent
LONGER = (
    # The pipeline.
    "workflow/test_pipeline.py",
    "workflow/test_slurm.py",
    # Networks of all kinds, each of which is compiled by itself; NEST.
    "test_extending.py",
    "verification/test_simulators.py",
    "verification/test_nest.py",
    "verification/test_formulas.py",
    "verification/test_bellec_model.py",
    "verification/test_gradients.py",
    "verification/test_nest_bellec.py",
    "verification/test_nest_limits.py",
    "verification/test_published.py",
    # Programs, on one rank and on several.
    "experiments/test_baselines.py",
    "ranks/test_ranks.py",
    "experiments/test_ranks_of_programs.py",
    "experiments/test_studies.py",
    "experiments/test_rewiring.py",
    "experiments/test_scaling.py",
    "experiments/test_break_even.py",
    "experiments/test_interconnect.py",
    "experiments/test_driver.py",
    "ranks/test_without_mpi.py",
    "compiled/test_kinds.py",
    "compiled/test_compilation.py",
    "compiled/test_without_compiler.py",
    "machine/test_threads.py",
    # Figures.
    "workflow/test_scaling_scripts.py",
    "workflow/test_study_scripts.py",
    "workflow/test_comparison_scripts.py",
    "workflow/test_left_out.py",
    "workflow/test_names.py",
    "workflow/test_report_scripts.py",
    "workflow/test_sources.py",
)
"""Modules that are no unit tests, the longest first: processes that share the tests then end at the same time."""


SLOW_WITHOUT_COMPILER = (
    "datasets/test_digits.py",
    "datasets/test_mnist.py::test_both_splits_become_events",
    "datasets/test_prepare.py::test_more_samples_than_the_data_set_has_are_refused",
    "datasets/test_saccades.py::test_events_depend_only_on_image_index_and_seed",
    "experiments/test_poisson.py::test_channels_and_steps_are_independent",
    "experiments/test_poisson.py::test_the_rate_is_as_given",
    "experiments/test_saccades_comparison.py::test_recordings_and_simulations_of_the_same_images_are_measured",
    "experiments/test_saccades_comparison.py::test_the_default_simulation_agrees_with_nmnist",
    "network/test_network.py::test_networks_of_one_kind_run_the_same_code",
    "network/test_network.py::test_the_estimate_of_memory_is_close_to_what_a_network_holds",
    "simulation/test_interrupts.py::test_a_handler_that_raises_ends_a_run_between_steps",
    "simulation/test_interrupts.py::test_a_signal_at_any_time_does_not_change_results",
    "simulation/test_interrupts.py::test_interrupted_runs_add_up_to_a_whole_one",
    "simulation/test_simulation.py::test_memory_does_not_grow_with_time",
    "simulation/test_simulation.py::test_the_target_of_the_moving_average_is_in_spikes_per_second",
)
"""Modules and tests that are skipped with ``NUMBA_DISABLE_JIT=1``: plain Python takes minutes for some of them."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """For ``-m unit``, do not even import the other modules, nor the folders that hold nothing else."""
    if config.option.markexpr != "unit":
        return None
    modules = collection_path.rglob("test_*.py") if collection_path.is_dir() else [collection_path]
    return all(_place(module) < len(LONGER) for module in modules) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark unit tests, and put the others before them."""
    for item in items:
        if _place(item.path) == len(LONGER):
            item.add_marker(pytest.mark.unit)
        if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" and _is_slow_without_compiler(item):
            item.add_marker(pytest.mark.skip(reason="takes too long without the compiler"))
    items.sort(key=lambda item: _place(item.path))


def _is_slow_without_compiler(item: pytest.Item) -> bool:
    module = item.path.relative_to(TESTS).as_posix()
    test = f"{module}::{getattr(item, 'originalname', item.name)}"
    return module in SLOW_WITHOUT_COMPILER or test in SLOW_WITHOUT_COMPILER


def _place(module: Path) -> int:
    name = module.relative_to(TESTS).as_posix()
    return LONGER.index(name) if name in LONGER else len(LONGER)
