"""Run all studies of a configuration, with their tables, figures and report, in one process: as the jobs, but faster.

The programs get the parameter files and command lines that the rules give them.
"""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from snakemake.common.configfile import load_configfile

from eprop_core import configuration
from eprop_core.experiments import command_line
from eprop_core.experiments.studies import dynamics, measure
from workflow.lib.plan import Plan, figure, table
from workflow.scripts.report import page
from workflow.scripts.studies import collect, dynamics_figure, dynamics_table
from workflow.scripts.studies import figure as study_figure
from workflow.scripts.studies import table as study_table


def run_all(plan: Plan) -> None:
    """Run everything in the present directory."""
    for kind in ("tasks", "studies", "pages"):
        for name in plan.parameters[kind]:
            file = _parameters(kind, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(plan.text(kind, name), encoding="utf-8")
    for folder in ("figures", "tables"):
        Path("results", folder).mkdir(parents=True, exist_ok=True)
    studies = plan.configuration.studies
    for result in sorted({file for study in studies for file in plan.results_of_study(study)}):
        _call(measure.main, _task_of(result), "--seed", _seed_of(result), "--output", result)
    for name, result in plan.dynamics.items():
        network = result.replace("results/dynamics/", "results/studies/").replace(".json", ".h5")
        _call(dynamics.main, _task_of(result), network, "--seed", _seed_of(result), "--output", result)
        _call(dynamics_figure.main, result, "--output", *figure(name))
        _call(dynamics_table.main, result, "--output", *table(name))
    for study in studies:
        collected = [f"results/tables/{study}_{kind}.csv" for kind in ("runs", "curves", "answers")]
        _call(collect.main, _parameters("studies", study), "--output", *collected)
        _call(study_figure.main, _parameters("studies", study), *collected, "--output", *figure(study))
        _call(study_table.main, _parameters("studies", study), collected[0], "--output", *table(study))
    _call(page.main, _parameters("pages", "report"), "--output", "results/report.html")


def _parameters(kind: str, name: str) -> Path:
    return Path("results/parameters", kind, f"{name}.json")


def _task_of(result: str) -> Path:
    return _parameters("tasks", Path(result).parent.name)


def _seed_of(result: str) -> str:
    return Path(result).stem.removeprefix("seed-")


def _call(main: Callable[[], None], *arguments: object) -> None:
    print(main.__module__, *arguments, flush=True)
    sys.argv = [main.__module__, *map(str, arguments)]
    Path(sys.argv[sys.argv.index("--output") + 1]).parent.mkdir(parents=True, exist_ok=True)
    main()


def main() -> None:
    """Run the configuration that the command line names."""
    file = sys.argv[1]
    plan = Plan(configuration.load(load_configfile(file), file), file)
    command_line.run(lambda: run_all(plan))


if __name__ == "__main__":
    warnings.simplefilter("default")
    main()
