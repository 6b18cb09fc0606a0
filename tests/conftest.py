"""Which tests are unit tests, and the order in which tests run."""

from pathlib import Path

import pytest

pytest_plugins = ["browser", "dataset_files", "interrupts"]

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
    "verification/test_nest_stdp.py",
    "verification/test_published.py",
    "verification/test_conformance.py",
    # snnTorch.
    "interoperability/test_snntorch.py",
    "interoperability/test_to_nest.py",
    "interoperability/test_from_nest.py",
    "interoperability/test_nest_documentation.py",
    "test_tutorials.py",
    "test_site.py",
    "test_distribution.py",
    # Programs, on one rank and on several.
    "experiments/test_baselines.py",
    "experiments/test_simulators.py",
    "experiments/test_accuracy_of_simulators.py",
    "experiments/test_locality.py",
    "network/test_neuron_values.py",
    "storage/test_checkpoints.py",
    "storage/test_state.py",
    "simulation/test_learning_rate.py",
    "simulation/test_copies.py",
    "simulation/test_stdp.py",
    "commands/test_commands.py",
    "ranks/test_ranks.py",
    "experiments/test_ranks_of_programs.py",
    "experiments/test_studies.py",
    "training/test_loop.py",
    "training/test_documentation.py",
    "training/test_rewiring.py",
    "training/test_continuation.py",
    "experiments/test_scaling.py",
    "experiments/test_break_even.py",
    "experiments/test_interconnect.py",
    "experiments/test_estimates.py",
    "machine/test_driver.py",
    "ranks/test_without_mpi.py",
    "compiled/test_kinds.py",
    "compiled/test_compilation.py",
    "compiled/test_without_compiler.py",
    "machine/test_threads.py",
    # A sample of the fault injection.
    "faults/test_faults.py",
    # Figures.
    "workflow/test_scaling_scripts.py",
    "workflow/test_algorithm_figure.py",
    "workflow/test_sensitivity.py",
    "workflow/test_study_scripts.py",
    "workflow/test_comparison_scripts.py",
    "workflow/test_race.py",
    "workflow/test_locality.py",
    "test_plot.py",
    "workflow/test_left_out.py",
    "workflow/test_names.py",
    "workflow/test_report_scripts.py",
    "workflow/test_sources.py",
    "workflow/test_configuration_file.py",
    "workflow/test_recordings.py",
)
"""Modules that are no unit tests, the longest first: processes that share the tests then end at the same time."""


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
    items.sort(key=lambda item: _place(item.path))


def _place(module: Path) -> int:
    name = module.relative_to(TESTS).as_posix()
    return LONGER.index(name) if name in LONGER else len(LONGER)
