"""Pack the figures and tables of a configuration, and what made them, into one archive: a Workflow Run RO-Crate.

The archive holds the configuration, the rules of the workflow, the machines and versions (``machines.json``), all
figures and tables, the report and, if wanted, the trained networks; ``ro-crate-metadata.json`` describes each file. Run
it in the directory in which the pipeline ran.
"""

import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate
from snakemake.utils import update_config

from eprop_core import configuration
from eprop_core.errors import printable
from eprop_core.files.arguments import Parser
from eprop_core.machine.whole_file import whole_file
from eprop_core.measurement.results import read_provenance
from eprop_core.parsing import ParameterError
from eprop_core.records import Provenance
from workflow import yaml_file
from workflow.lib import configuration_file
from workflow.lib.plan import Plan, figure, table

PROJECT = Path(__file__).parents[2]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
LICENSE = "https://spdx.org/licenses/MIT"
ON_REQUEST = (
    "baselines",
    "locality_accuracy",
    "locality_gradients",
    "memory_over_time",
    "saccades",
    "verification",
)
"""Figures and tables of targets that the report does not need."""
BESIDE = ("_runs", "_curves", "_answers", "_divergence", "_activity")
"""Ends of the names of tables that are made together with another."""
PAGES = ("report.html", "index.csv", "reproduction.md", "verification.html")
TYPES = {
    ".csv": "text/csv",
    ".h5": "application/x-hdf5",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tex": "application/x-tex",
    ".yaml": "application/yaml",
}


def read_plan(files: Sequence[Path]) -> Plan:
    """Return the plan that follows from configurations, of which a later one adds to those before.

    Raises
    ------
    ParameterError
        A configuration is refused.
    """
    merged: dict[str, Any] = {}
    for file in files:
        yaml_file.read(file)
        update_config(merged, yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    where = ", ".join(map(str, files))
    return Plan(configuration.load(merged, where), configuration_file.shown(files, PROJECT))


def shown_files(plan: Plan) -> list[Path]:
    """Return the figures, tables and pages of a configuration.

    Raises
    ------
    ParameterError
        The pipeline has not made one of them.
    """
    needed = [
        Path(file)
        for section in plan.sections()
        for file in (*(figure(section["name"]) if section["figure"] else []), *table(section["name"]))
    ]
    if missing := next((file for file in needed if not file.is_file()), None):
        raise ParameterError(f"{missing} is missing: run Snakemake with this configuration first")
    tables = Path("results/tables")
    names = [*(section["name"] for section in plan.sections()), *ON_REQUEST]
    further = [
        *(Path(file) for name in ON_REQUEST for file in (*figure(name), *table(name))),
        *(tables / f"{name}{end}.csv" for name, end in itertools.product(names, BESIDE)),
        tables / "scaling.csv",
        *(Path("results") / page for page in PAGES),
    ]
    return [*needed, *(file for file in further if file.is_file())]


def machines(made_by: Iterable[Provenance]) -> list[dict[str, Any]]:
    """Return machines and versions, each once, with the number of results that were made so; without names of hosts."""
    parts = {"code", "python", "packages", "nest", "system", "cpu", "cores", "memory_bytes", "mpi"}
    different: dict[str, int] = {}
    for one in made_by:
        text = one.model_dump_json(include=parts)
        different[text] = different.get(text, 0) + 1
    return [json.loads(text) | {"results": number} for text, number in different.items()]


def absolute_paths(values: Any, path: str = "") -> Iterator[str]:
    """Yield the keys of a configuration whose value is an absolute path."""
    if isinstance(values, Mapping | list):
        for key, value in values.items() if isinstance(values, Mapping) else enumerate(values):
            yield from absolute_paths(value, f"{path}.{key}" if path else str(key))
    elif isinstance(values, str) and Path(values).is_absolute():
        yield path


def refuse_paths_of_the_machine(files: Iterable[Path]) -> None:
    """Raise an error if a file has the path of the present directory, the project or the user's home in it."""
    folders = {str(folder).encode() for folder in (Path.cwd(), PROJECT, Path.home()) if len(folder.parts) > 2}
    for file in files:
        content = file.read_bytes()
        for folder in folders:
            if folder in content:
                raise ParameterError(
                    f"{printable(file)} contains {folder.decode()}, a path of this machine: not packed"
                )


def pack(files: Sequence[Path], archive: Path, *, networks: bool = False, license_: str = LICENSE) -> None:
    """Write the archive, which appears complete or not at all.

    Parameters
    ----------
    files
        Configurations.
    archive
        The archive (ZIP) to write.
    networks
        Whether trained networks are packed, too.
    license_
        Address of the license of the results.

    Raises
    ------
    ParameterError
        A configuration is refused, a result is missing or wrong, or a file has a path of this machine in it.
    """
    if not files:
        raise ParameterError("no configuration here; name one with --configfile")
    plan = read_plan(files)
    for file in files:
        for key in absolute_paths(yaml.safe_load(file.read_text(encoding="utf-8"))):
            raise ParameterError(
                f"{printable(file)}: {key}: is an absolute path, which nobody else has; use a relative one"
            )
    shown = shown_files(plan)
    kept = [Path(file) for file in plan.networks] if networks else []
    origins = [*plan.results_of_report(), *(map(str, kept))]
    if missing := next((file for file in origins if not Path(file).is_file()), None):
        raise ParameterError(f"{missing} is missing: run Snakemake with this configuration first")
    made_by = [read_provenance(file) for file in plan.results_of_report()]
    rules = sorted([PROJECT / "workflow" / "Snakefile", *(PROJECT / "workflow" / "rules").glob("*.smk")])
    refuse_paths_of_the_machine([*files, *shown, *kept, *rules])
    with whole_file(archive) as temporary:
        described = temporary.with_name("machines.json")
        described.write_text(json.dumps(machines(made_by), indent=1) + "\n", encoding="utf-8")
        crate = _crate(plan, made_by, license_)
        workflow = _workflow(crate, rules, made_by)
        inputs = [_add(crate, file, f"configuration/{file.name}", "configuration") for file in files]
        results = [_add(crate, file, file.as_posix(), _kind(file)) for file in (*shown, *kept)]
        results.append(_add(crate, described, "machines.json", "machines and versions on which the results were made"))
        dates = sorted(one.date for one in made_by)
        run = crate.add_action(
            workflow,
            identifier="#run",
            object=inputs,
            result=results,
            properties={
                "name": f"Run of the workflow with {plan.origin}",
                "actionStatus": "http://schema.org/CompletedActionStatus",
                **({"startTime": dates[0], "endTime": dates[-1]} if dates else {}),
            },
        )
        crate.root_dataset["mentions"] = run
        crate.write_zip(temporary)


def _crate(plan: Plan, made_by: Sequence[Provenance], license_: str) -> ROCrate:
    crate = ROCrate(version="1.1")  # which the profiles refer to
    crate.name = f"Results of eprop-bench with {plan.origin}"
    crate.description = (
        f"Figures and tables of {len(made_by)} runs of event-driven e-prop in sparse spiking networks, with their "
        "configuration, workflow and machines."
    )
    crate.license = crate.add(ContextEntity(crate, license_, {"@type": "CreativeWork", "name": license_}))
    for address, (name, version) in PROFILES.items():
        profile = crate.add(ContextEntity(crate, address, {"@type": "CreativeWork", "name": name, "version": version}))
        crate.root_dataset.append_to("conformsTo", profile)
    return crate


def _workflow(crate: ROCrate, rules: Sequence[Path], made_by: Sequence[Provenance]) -> Any:
    commits = sorted({one.code.commit or "unknown" for one in made_by})
    main, *others = rules
    workflow = crate.add_workflow(
        main, "workflow/Snakefile", main=True, lang="snakemake", properties={"version": ", ".join(commits)}
    )
    workflow["name"] = "eprop-bench: from a configuration to figures and tables"
    workflow["license"] = {"@id": LICENSE}
    for file in others:
        _add(crate, file, file.relative_to(PROJECT).as_posix(), f"rules of {file.stem}")
    return workflow


def _add(crate: ROCrate, file: Path, place: str, name: str) -> Any:
    return crate.add_file(
        file, place, properties={"name": name, "encodingFormat": TYPES.get(file.suffix, "text/plain")}
    )


def _kind(file: Path) -> str:
    kinds = {"figures": "figure", "tables": "table", "results": "page"}
    return f"{kinds.get(file.parent.name, 'trained network')} {file.stem}"


def main() -> None:
    """Pack what the command line names."""
    parser = Parser(prog="python -m workflow.lib.crate", description=__doc__)
    parser.add_argument("archive", type=Path, help="the archive to write (ZIP)")
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[file for file in configuration_file.DEFAULTS if file.exists()],
        metavar="FILE",
        help="configurations, as Snakemake got them (default: as without this option there)",
    )
    parser.add_argument("--networks", action="store_true", help="pack trained networks, too")
    parser.add_argument(
        "--license", default=LICENSE, metavar="ADDRESS", help="license of the results (default: %(default)s)"
    )
    given = parser.parse_args()
    try:
        pack(given.configfile, given.archive, networks=given.networks, license_=given.license)
    except (ParameterError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
