"""The plan that follows from a configuration: the points to compute, and the names of all files."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from eprop_core.configuration import Configuration
from eprop_core.datasets.parameters import Published
from eprop_core.datasets.registry import Dataset
from eprop_core.experiments.baselines.parameters import BaselineParameters, PoissonBaseline, SampleBaseline
from eprop_core.experiments.break_even.parameters import BreakEvenPoint
from eprop_core.experiments.locality.parameters import METHODS, AccuracyParameters, GradientPoint
from eprop_core.experiments.points import Point, content_hash
from eprop_core.experiments.scaling.parameters import Scaling
from eprop_core.experiments.studies.parameters import Study, TaskParameters
from eprop_core.parameters import Network
from eprop_core.tasks.parameters import Generated
from workflow.lib import captions, checksums, sources
from workflow.scripts.reproduction import claims

PICTURES = ("pdf", "svg", "png")
PRINTED = ("csv", "md", "tex")
CHECKS = ("nest_eprop_plus", "nest_bellec", "nest_stdp", "time_driven", "reference", "gradients")
"""Checks of the verification that run for every seed."""


class BaselinesNetwork(NamedTuple):
    """A network on which simulators are compared."""

    name: str
    """Key in the configuration."""
    parameters: BaselineParameters
    task: TaskParameters | None
    """The task whose samples are the input; None for Poisson input."""

    @property
    def network(self) -> Network | BaseModel:
        """The network; that of a task lacks the numbers of inputs and readouts."""
        return self.task.network if self.task else self.parameters.network  # type: ignore[union-attr]


def figure(name: str) -> list[str]:
    """Return the files of a figure: pictures, and its numbers as CSV."""
    return [f"results/figures/{name}.{extension}" for extension in (*PICTURES, "csv")]


def table(name: str) -> list[str]:
    """Return the files of a printed table."""
    return [f"results/tables/{name}.{extension}" for extension in PRINTED]


def code(program: str) -> str:
    """Return the file that lists the source code of a program (a module's name)."""
    return f"results/parameters/code/{program}.json"


def modules(chosen: Any) -> list[str]:
    """Return the files that list the source code of what parameters choose, beside what a program always imports."""
    return [code(module) for module in sorted(sources.chosen_modules(chosen))]


class Plan:
    """The points of all experiments, and the files that the rules read and write.

    Equal points of different studies share their result files, because file names depend on the parameters only.

    Parameters
    ----------
    configuration
        The validated configuration.
    origin
        The files of the configuration, for the report.
    """

    def __init__(self, configuration: Configuration, origin: str) -> None:
        self.configuration = configuration
        self.origin = origin

    # Points by the name of their files.

    @cached_property
    def tasks(self) -> dict[str, TaskParameters]:
        """Tasks to train."""
        points = self._points_of_all_studies
        searched = {candidate["name"]: candidate["parameters"] for point in points for candidate in point["candidates"]}
        return {
            **searched,
            **{point["name"]: point["parameters"] for point in points},
            **{name: self.configuration.tasks[task] for task, name in self._sensitivity.items()},
        }

    def trained(self, *, on_many_ranks: bool, keep_network: bool) -> list[str]:
        """Return the names of the tasks that are trained so."""
        wanted = (on_many_ranks, keep_network)
        of_tasks = {name: task.training for name, task in self.tasks.items()}
        return [name for name, training in of_tasks.items() if (training.ranks > 1, training.keep_network) == wanted]

    @property
    def _points_of_all_studies(self) -> list[dict[str, Any]]:
        return [point for points in self._points.values() for point in points]

    def possible_tasks(self, name: str) -> list[TaskParameters]:
        """Return what a training run may train: the task of this name, or those that a search chooses from."""
        points = self._points_of_all_studies
        candidates: list[dict[str, Any]] = next((point["candidates"] for point in points if point["name"] == name), [])
        return [candidate["parameters"] for candidate in candidates] or [self.tasks[name]]

    def task_file(self, task: str, seed: str) -> str:
        """Return the file with the parameters of a training run: those of the configuration, or chosen by a search."""
        return self._task_files.get((task, int(seed)), f"results/parameters/tasks/{task}.json")

    @cached_property
    def _task_files(self) -> dict[tuple[str, int], str]:
        return {
            (point["name"], seed): f"results/chosen/{name}.json"
            for point in self._points_of_all_studies
            for seed, name in point["choices"].items()
        }

    @cached_property
    def choices(self) -> dict[str, dict[str, Any]]:
        """The candidates of each choice of a search, by the name of the file with the chosen parameters."""
        return {
            name: {
                "parameters": point["parameters"],
                "candidates": [
                    {
                        "changes": candidate["changes"],
                        "results": [candidate["results"][of_search] for of_search in point["deciding"][name]],
                    }
                    for candidate in point["candidates"]
                ],
                "asked": [
                    _asked(
                        candidate["parameters"],
                        {candidate["results"][seed]: {"seed": seed} for seed in point["deciding"][name]},
                    )
                    for candidate in point["candidates"]
                ],
            }
            for point in self._points_of_all_studies
            for name in point["deciding"]
        }

    def results_of_choice(self, choice: str) -> list[str]:
        """Return the result files of the search that decides a choice."""
        return [file for candidate in self.choices[choice]["candidates"] for file in candidate["results"]]

    def results_of_search(self, study: str) -> list[str]:
        """Return the result files of the search of a study; none if it has no search."""
        return [
            file
            for point in self._points[study]
            for candidate in point["candidates"]
            for file in candidate["results"].values()
        ]

    @cached_property
    def baselines(self) -> dict[str, BaselinesNetwork]:
        """Networks on which simulators are compared.

        Of several tasks, the first one whose data are on this machine is used, otherwise the last one.
        """
        named = {}
        for key, parameters in self.configuration.baselines.items():
            name, task = f"{key}-{content_hash(parameters)}", None
            if isinstance(parameters, SampleBaseline):
                tasks = [self.configuration.tasks[task] for task in parameters.tasks]
                task = next((task for task in tasks if _is_here(task)), tasks[-1])
                name += f"-{content_hash(task)}"
            named[name] = BaselinesNetwork(key, parameters, task)
        return named

    @property
    def has_memory_over_time(self) -> bool:
        """Whether memory is measured over time on one of the networks on which simulators are compared."""
        return any(
            isinstance(of.parameters, PoissonBaseline) and of.parameters.memory_steps is not None
            for of in self.baselines.values()
        )

    @cached_property
    def datasets(self) -> dict[str, Dataset]:
        """Data sets to prepare."""
        tasks: list[TaskParameters] = [
            *self.tasks.values(),
            *(network.task for network in self.baselines.values() if network.task),
            *([self.locality.task] if self.locality else []),
            *self.gradient_points.values(),
        ]
        return {
            f"{task.dataset.name}-{content_hash(task.dataset)}": task.dataset
            for task in tasks
            if not isinstance(task.dataset, Generated)
        }

    @cached_property
    def timings(self) -> dict[str, Scaling]:
        """Scaling experiments, by the name of their timing runs."""
        scaling = self.configuration.scaling
        return {f"{name}-{content_hash(of_name.timing)}": of_name for name, of_name in scaling.items()}

    @cached_property
    def break_even(self) -> dict[str, BreakEvenPoint]:
        """Points of the break-even experiment."""
        experiment = self.configuration.break_even
        return {content_hash(parameters): parameters for _, parameters in experiment.points()} if experiment else {}

    @cached_property
    def locality(self) -> AccuracyParameters | None:
        """Parameters of the comparison with backpropagation through time in accuracy; None without it."""
        experiment = self.configuration.locality
        if experiment is None:
            return None
        task = self.configuration.tasks[experiment.task]
        return AccuracyParameters(task=task, search=experiment.search, batch_size=experiment.batch_size)

    @cached_property
    def gradient_points(self) -> dict[str, GradientPoint]:
        """Points at which the gradients of e-prop and of backpropagation through time are compared."""
        return {content_hash(parameters): parameters for _, parameters in self._points_of_gradients()}

    def _points_of_gradients(self) -> list[tuple[Point, GradientPoint]]:
        experiment = self.configuration.locality
        if experiment is None:
            return []
        task = self.configuration.tasks[experiment.task]
        return [(point, experiment.gradients.at(task, point)) for point in experiment.gradients.all_points()]

    @cached_property
    def data_figures(self) -> dict[str, list[str]]:
        """Files of the data that studies learn, by the name of their figure."""
        figures: dict[str, list[str]] = {}
        for task in self.tasks.values():
            files, name = self.data_of(task), f"data_{task.dataset.name}"
            if files and files not in figures.values():
                figures[name if name not in figures else f"{name}_{content_hash(task.dataset)}"] = files
        return figures

    # Result files.

    def results_of_study(self, study: str) -> list[str]:
        """Return the result files of a study."""
        return sorted({file for point in self._points[study] for file in point["results"]})

    @cached_property
    def dynamics(self) -> dict[str, str]:
        """Files with the recorded activity before and after training, by the name of their figure.

        One for each task whose learning curves a study shows, of its first seed, where the network is kept.
        """
        return {name: file for study in self.configuration.studies for name, file in self._dynamics_of(study).items()}

    def _dynamics_of(self, study: str) -> dict[str, str]:
        if self.configuration.studies[study].kind != "curves":
            return {}
        return {
            f"dynamics_{point['task']}": point["results"][0].replace("results/studies/", "results/dynamics/")
            for point in self._points[study]
            if point["parameters"].training.keep_network
        }

    @cached_property
    def networks(self) -> dict[str, TaskParameters]:
        """Tasks of the trained networks that are kept, by file."""
        points = self._points_of_all_studies
        return {
            f"{file.removesuffix('.json')}.h5": point["parameters"]
            for point in points
            if point["parameters"].training.keep_network
            for file in point["results"]
        }

    def results_of_scaling(self, name: str) -> list[str]:
        """Return the result files of a scaling experiment, by numbers of ranks and seeds."""
        return list(self._runs_of_scaling(name))

    def _runs_of_scaling(self, name: str) -> dict[str, dict[str, Any]]:
        scaling = self.configuration.scaling[name]
        directory = f"results/scaling/{name}-{content_hash(scaling.timing)}"
        return {
            f"{directory}/{run}-{ranks}_seed-{seed}.json": {"seed": seed, "ranks": ranks, "dry_run": run == "dry"}
            for seed in dict.fromkeys(scaling.seeds)
            for run, numbers in (
                ("ranks", scaling.ranks),
                ("dry", scaling.dry_ranks),
                ("nest-threads", scaling.nest_threads),
                ("nest-ranks", scaling.nest_ranks),
            )
            for ranks in dict.fromkeys(numbers)
        }

    @cached_property
    def _sensitivity(self) -> dict[str, str]:
        """Tasks that are trained with and without a spike, with the names of their files."""
        of = self.configuration.sensitivity
        return {task: f"{task}-{content_hash(self.configuration.tasks[task])}" for task in of.tasks} if of else {}

    @property
    def _runs_of_sensitivity(self) -> dict[str, dict[str, dict[str, Any]]]:
        seeds = dict.fromkeys(self.configuration.sensitivity.seeds) if self.configuration.sensitivity else ()
        return {
            task: {f"results/sensitivity/{name}/seed-{seed}.json": {"seed": seed} for seed in seeds}
            for task, name in self._sensitivity.items()
        }

    @property
    def results_of_sensitivity(self) -> list[str]:
        """The result files of the trainings with and without a spike."""
        return [file for runs in self._runs_of_sensitivity.values() for file in runs]

    @property
    def sensitivity_files(self) -> list[str]:
        """Figure and table of the trainings with and without a spike, if there are any."""
        return [*figure("sensitivity"), *table("sensitivity")] if self._sensitivity else []

    @property
    def results_of_break_even(self) -> list[str]:
        """The result files of the break-even experiment."""
        return [file for point in self.break_even for file in self._runs_of_break_even(point)]

    def _runs_of_break_even(self, point: str) -> dict[str, dict[str, Any]]:
        experiment = self.configuration.break_even
        seeds = dict.fromkeys(experiment.seeds) if experiment else ()
        return {f"results/break_even/{point}/seed-{seed}.json": {"seed": seed} for seed in seeds}

    @property
    def results_of_accuracy(self) -> list[str]:
        """The result files of the comparison with backpropagation through time in accuracy."""
        return list(self._runs_of_accuracy)

    @property
    def _runs_of_accuracy(self) -> dict[str, dict[str, Any]]:
        if self.locality is None or self.configuration.locality is None:
            return {}
        name = content_hash(self.locality)
        return {
            f"results/locality/accuracy-{name}/{method}_seed-{seed}.json": {"method": method, "seed": seed}
            for method in METHODS
            for seed in self.configuration.locality.seeds
        }

    @property
    def results_of_gradients(self) -> list[str]:
        """The result files of the gradients of e-prop and of backpropagation through time."""
        return [_gradient_file(parameters) for parameters in self.gradient_points.values()]

    @property
    def results_of_baselines(self) -> list[str]:
        """The result files of the comparison between simulators."""
        return [f"results/baselines/{name}.json" for name in self.baselines]

    @property
    def verification(self) -> str:
        """Folder of the results of the verification."""
        return f"results/verification/{content_hash(self.configuration.verification)}"

    @property
    def results_of_verification(self) -> list[str]:
        """The result files of the verification."""
        return list(self._runs_of_verification)

    @property
    def _runs_of_verification(self) -> dict[str, dict[str, Any]]:
        parameters = self.configuration.verification
        seeded = [*((check, seed) for check in CHECKS for seed in parameters.seeds), ("published", 1)]
        return {
            **{
                f"{self.verification}/{check}_seed-{seed}.json": {"check": check, "seed": seed}
                for check, seed in seeded
            },
            **{f"{self.verification}/ranks-{n}.json": {"check": "ranks", "ranks": n} for n in parameters.ranks},
        }

    @cached_property
    def evidence_of_report(self) -> dict[str, dict[str, Any]]:
        """Questions of the claims to tables of the report, with their result files, by name of the evidence table."""
        return self._evidence(
            "",
            {
                **{f"{study}_runs": self.results_of_study(study) for study in self.configuration.studies},
                **{f"{name}_scaling": self.results_of_scaling(name) for name in self.configuration.scaling},
                **({"sensitivity_runs": self.results_of_sensitivity} if self._sensitivity else {}),
                **({"break_even": self.results_of_break_even} if self.configuration.break_even else {}),
            },
        )

    @cached_property
    def evidence_on_request(self) -> dict[str, dict[str, Any]]:
        """The same for tables that are made on request only; each has an evidence table of its own."""
        return {
            **self._evidence("_verification", {"verification": self.results_of_verification}),
            **self._evidence("_accuracy", {"locality_accuracy_runs": self.results_of_accuracy}),
        }

    @property
    def evidence(self) -> dict[str, dict[str, Any]]:
        """All questions of the claims to this configuration, by name of the evidence table."""
        return self.evidence_of_report | self.evidence_on_request

    def evidence_from(self, name: str) -> list[str]:
        """Return the files of the evidence from a table that is made on request only; none if no claim asks it."""
        asking = [evidence for evidence, asked in self.evidence_on_request.items() if name in asked["results"]]
        return [file for evidence in asking for file in table(evidence)]

    @cached_property
    def _claims(self) -> dict[str, claims.Claim]:
        return claims.read()

    def _evidence(self, ending: str, results: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
        """Return what the claims ask of tables that are made from these result files, if they ask anything."""
        file = Path(self.origin.partition(", ")[0])
        asked = claims.tests_of(self._claims, file.name, results)
        if not asked:
            return {}
        of_tables = {name: results[name] for name in dict.fromkeys(test.table for test in asked.values())}
        return {f"reproduction_{file.stem}{ending}": {"configuration": file.name, "results": of_tables}}

    def all_evidence(self) -> list[str]:
        """Return the tables of evidence of this configuration, and those that others have left."""
        own = [f"results/tables/{name}.csv" for name in self.evidence_of_report]
        return sorted({*own, *map(str, Path("results/tables").glob("reproduction_*.csv"))})

    def reproduction(self) -> list[str]:
        """Return the page about the claims of the paper, with this configuration's evidence, if there is any."""
        tables = [file for name in self.evidence_of_report for file in table(name)]
        return [*tables, "results/reproduction.md"] if tables else []

    def data_of(self, task: TaskParameters | None) -> list[str]:
        """Return the files of a task's data set; none for a task that generates its samples."""
        if task is None or isinstance(task.dataset, Generated):
            return []
        directory = f"results/datasets/{task.dataset.name}-{content_hash(task.dataset)}"
        splits = ("train", "test", "validation") if task.dataset.has_validation else ("train", "test")
        return [f"{directory}/{split}.npz" for split in splits]

    def prepared(self, *, has_validation: bool) -> list[str]:
        """Return the names of the data sets that themselves hold samples back from training, or of the others."""
        return [name for name, dataset in self.datasets.items() if dataset.has_validation == has_validation]

    def downloads_of(self, dataset: str) -> list[str]:
        """Return the file that marks the download of a data set, if it may have to be downloaded."""
        parameters = self.datasets[dataset]
        is_downloaded = isinstance(parameters, Published) and parameters.path is None
        return [f"results/downloads/{dataset}.json"] if is_downloaded else []

    def has_exchange(self) -> bool:
        """Return whether any scaling experiment has several ranks, so that there is an exchange to show."""
        scaling = self.configuration.scaling.values()
        return any(max(*of_name.ranks, *of_name.dry_ranks, 1) > 1 for of_name in scaling)

    def measured_interconnect(self, *names: str) -> list[str]:
        """Return the measured interconnect if dry runs of these scaling experiments need it, otherwise nothing."""
        needed = any(self.configuration.scaling[name].dry_ranks for name in names)
        return ["results/interconnect.json"] if needed and self.configuration.interconnect is None else []

    # Parameter files.

    @cached_property
    def parameters(self) -> dict[str, Mapping[str, Any]]:
        """Content of the parameter files, by kind and name."""
        configuration = self.configuration
        return {
            "datasets": self.datasets,
            "tasks": self.tasks,
            "studies": {study: self._study(study) for study in configuration.studies},
            "choices": self.choices,
            "searches": self.searches,
            "timings": {name: scaling.timing for name, scaling in self.timings.items()},
            "scaling": {name: self._scaling(name) for name in configuration.scaling},
            "break_even": {**self.break_even, "all": self._break_even()},
            "baselines": {
                **{name: {"baseline": of.parameters, "task": of.task} for name, of in self.baselines.items()},
                "all": {
                    "results": {of.name: f"results/baselines/{name}.json" for name, of in self.baselines.items()},
                    "tasks": {of.name: of.task for of in self.baselines.values()},
                    "asked": [
                        _asked(of.parameters, {f"results/baselines/{name}.json": {}})
                        for name, of in self.baselines.items()
                    ],
                },
            },
            "saccades": {"all": configuration.saccades},
            "locality": {
                **self.gradient_points,
                **({content_hash(self.locality): self.locality} if self.locality else {}),
                "accuracy": {
                    "results": self.results_of_accuracy,
                    "asked": [_asked(self.locality, self._runs_of_accuracy)] if self.locality else [],
                },
                "gradients": {
                    "points": [
                        {
                            "series": point.series,
                            "parameter": next(iter(point.changes)),
                            "result": _gradient_file(parameters),
                        }
                        for point, parameters in self._points_of_gradients()
                    ],
                    "asked": [
                        _asked(parameters, {_gradient_file(parameters): {}})
                        for parameters in self.gradient_points.values()
                    ],
                },
            },
            "sensitivity": {
                "all": {
                    "results": {task: list(runs) for task, runs in self._runs_of_sensitivity.items()},
                    "asked": [
                        _asked(configuration.tasks[task], runs) for task, runs in self._runs_of_sensitivity.items()
                    ],
                }
            },
            "verification": {
                "all": configuration.verification,
                "results": {
                    "results": self.results_of_verification,
                    "asked": [_asked(configuration.verification, self._runs_of_verification)],
                },
            },
            "evidence": self.evidence,
            "style": {"figures": configuration.style},
            "pages": {"report": self._report(), "verification": self._verification_page()},
        }

    def text(self, kind: str, name: str) -> str:
        """Return the content of a parameter file."""
        if kind == "code":
            content: Any = sources.listing(name)
        elif kind == "sources":
            content = checksums.of_sources(self.datasets[name])
        else:
            content = self.parameters[kind][name]
        return json.dumps(_plain(content), indent=1)

    def sections(self) -> list[dict[str, Any]]:
        """Return the sections of the report: name of figure and table, caption, and facts of the caption."""
        configuration = self.configuration
        sections: list[tuple[str, str, dict[str, Any]]] = [(name, "data.rst", {}) for name in self.data_figures]
        for study in configuration.studies:
            sections.append((study, "study.rst", captions.study(configuration, study)))
            if study in self.searches:
                sections.append((f"{study}_search", "search.rst", captions.study(configuration, study)))
            sections += [(name, "dynamics.rst", {}) for name in self._dynamics_of(study)]
        if configuration.sensitivity:
            sections.append(("sensitivity", "sensitivity.rst", captions.sensitivity(configuration)))
        sections += [
            (f"{name}_scaling", "scaling.rst", captions.scaling(configuration, name)) for name in configuration.scaling
        ]
        sections += [("exchange", "exchange.rst", {})] if self.has_exchange() else []
        if configuration.break_even:
            sections.append(("break_even", "break_even.rst", captions.break_even(configuration)))
        sections += [(name, "reproduction.rst", {}) for name in self.evidence_of_report]
        tables = {*self.evidence, *(f"{study}_search" for study in self.searches)}
        return [
            {"name": name, "caption": caption, "facts": facts, "figure": name not in tables}
            for name, caption, facts in sections
        ]

    def results_of_report(self) -> list[str]:
        """Return the result files of all experiments in the report."""
        studies = self.configuration.studies
        files = [file for study in studies for file in [*self.results_of_study(study), *self.results_of_search(study)]]
        files += [file for name in self.configuration.scaling for file in self.results_of_scaling(name)]
        others = [*self.dynamics.values(), *self.results_of_sensitivity, *self.results_of_break_even]
        return list(dict.fromkeys([*files, *others]))

    def folders(self) -> list[dict[str, Any]]:
        """Return what is in each folder of results: of which figure, task and changes, with how many seeds."""
        studies = [
            {
                "folder": f"studies/{point['name']}",
                "figure": study,
                "task": point["task"],
                "changes": _in_words(point["changes"]),
                "files": len(point["results"]),
            }
            for study, points in self._points.items()
            for point in points
        ]
        studies += [
            {
                "folder": f"studies/{candidate['name']}",
                "figure": f"{study}, search",
                "task": point["task"],
                "changes": _in_words(point["changes"] | candidate["changes"]),
                "files": len(candidate["results"]),
            }
            for study, points in self._points.items()
            for point in points
            for candidate in point["candidates"]
        ]
        scaling = [
            {"folder": f"scaling/{name}", "figure": f"{name.rpartition('-')[0]}_scaling", "task": "", "changes": ""}
            | {"files": len(self.results_of_scaling(name.rpartition("-")[0]))}
            for name in self.timings
        ]
        break_even = [
            {"folder": f"break_even/{name}", "figure": "break_even", "task": "", "changes": ""}
            | {"files": sum(Path(file).parent.name == name for file in self.results_of_break_even)}
            for name in self.break_even
        ]
        sensitivity = [
            {"folder": f"sensitivity/{name}", "figure": "sensitivity", "task": task, "changes": ""}
            | {"files": len(self._runs_of_sensitivity[task])}
            for task, name in self._sensitivity.items()
        ]
        return [*studies, *sensitivity, *scaling, *break_even]

    def _report(self) -> dict[str, Any]:
        page = self._page("eprop-bench: report", self.sections(), self.results_of_report())
        return page | {"folders": _plain(self.folders())}

    def _verification_page(self) -> dict[str, Any]:
        section = {
            "name": "verification",
            "details": "verification_divergence",
            "caption": "verification.rst",
            "facts": captions.verification(self.configuration),
        }
        return self._page("eprop-bench: verification", [section], self.results_of_verification)

    def _page(self, title: str, sections: list[dict[str, Any]], results: list[str]) -> dict[str, Any]:
        return {"title": title, "configuration": self.origin, "sections": sections, "results": results}

    @cached_property
    def _points(self) -> dict[str, list[dict[str, Any]]]:
        """Points by study, each of which is validated once."""
        return {study: self._points_of_study(study) for study in self.configuration.studies}

    def _points_of_study(self, study: str) -> list[dict[str, Any]]:
        parameters, points = self.configuration.studies[study], []
        seeds = dict.fromkeys(parameters.seeds)
        for task in parameters.tasks:
            for point in parameters.points():
                changed = self.configuration.point(task, point.changes)
                name = f"{task}-{content_hash(changed)}"
                if parameters.tune is not None:
                    name += f"-{content_hash(parameters.tune)}"
                points.append(
                    {
                        "name": name,
                        "parameters": changed,
                        **self._search(name, task, point, parameters),
                        "task": task,
                        "variant": point.variant,
                        "series": point.series,
                        "panel": parameters.compared_with.get(point.series, point.series),
                        "changes": point.changes,
                        "default": changed == self.configuration.tasks[task],
                        "results": [f"results/studies/{name}/seed-{seed}.json" for seed in seeds],
                    }
                )
        return points

    def _search(self, name: str, task: str, point: Point, study: Study) -> dict[str, Any]:
        """Return the search of a point.

        ``candidates`` have the changes, names, parameters and result files (by seed) of its combinations of values,
        ``choices`` the name of the choice that each seed of the study follows, ``deciding`` the seeds of the search
        that make each choice.
        """
        if study.tune is None:
            return {"candidates": [], "choices": {}, "deciding": {}}
        candidates = []
        for combination, changes in zip(study.tune.combinations(), study.tune.changes(), strict=True):
            searched = self.configuration.point(task, point.changes | changes)
            of_search = f"{task}-{content_hash(searched)}"
            results = {seed: f"results/studies/{of_search}/seed-{seed}.json" for seed in study.tune.seeds}
            candidates.append(
                {"name": of_search, "parameters": searched, "changes": combination.changes, "results": results}
            )
        folds = self.configuration.point(task, point.changes).training.folds
        choices = {seed: name if folds is None else f"{name}-fold-{seed % folds}" for seed in study.seeds}
        deciding = {choice: study.tune.chosen_together(seed, folds) for seed, choice in choices.items()}
        return {"candidates": candidates, "choices": choices, "deciding": deciding}

    def _study(self, study: str) -> dict[str, Any]:
        parameters = self.configuration.studies[study]
        left_out = ("name", "parameters", "candidates", "choices", "deciding")
        chosen = list(parameters.tune.values) if parameters.tune else []
        points = [{key: value for key, value in point.items() if key not in left_out} for point in self._points[study]]
        return {
            "study": study,
            "kind": parameters.kind,
            "goals": parameters.goals,
            "margin": parameters.margin,
            "tuned": chosen,
            "points": points,
            "asked": [
                _asked(
                    point["parameters"],
                    {
                        file: {"seed": seed}
                        for seed, file in zip(dict.fromkeys(parameters.seeds), point["results"], strict=True)
                    },
                    chosen,
                )
                for point in self._points[study]
            ],
        }

    @cached_property
    def searches(self) -> dict[str, dict[str, Any]]:
        """By study with a search: its points, each with the choices that it makes and their candidates."""
        return {
            study: {
                "study": study,
                "points": [
                    {key: point[key] for key in ("task", "variant", "series", "changes")}
                    | {"choices": [self.choices[name]["candidates"] for name in point["deciding"]]}
                    for point in self._points[study]
                ],
            }
            for study, parameters in self.configuration.studies.items()
            if parameters.tune is not None
        }

    def _scaling(self, name: str) -> dict[str, Any]:
        return {
            "experiment": name,
            "interconnect": self.configuration.interconnect,
            "results": self.results_of_scaling(name),
            "asked": [_asked(self.configuration.scaling[name].timing, self._runs_of_scaling(name))],
            "measured_elsewhere": self.configuration.scaling[name].measured_elsewhere,
        }

    def _break_even(self) -> dict[str, Any]:
        """Return the points, each with its series, the parameter on the axis, and the result files, one per seed."""
        experiment = self.configuration.break_even
        return {
            "points": [
                {
                    "series": point.series,
                    "parameter": next(iter(point.changes)),
                    "results": list(self._runs_of_break_even(content_hash(parameters))),
                }
                for point, parameters in (experiment.points() if experiment else ())
            ],
            "asked": [_asked(of_name, self._runs_of_break_even(name)) for name, of_name in self.break_even.items()],
        }


def _asked(parameters: BaseModel, runs: Mapping[str, Mapping[str, Any]], chosen: Sequence[str] = ()) -> dict[str, Any]:
    """Return what result files must hold: parameters but those that a search chooses, and by file seed and ranks."""
    return {"parameters": parameters.model_dump(mode="json"), "chosen": chosen, "runs": runs}


def _gradient_file(parameters: GradientPoint) -> str:
    return f"results/locality/gradients-{content_hash(parameters)}.json"


def _is_here(task: TaskParameters) -> bool:
    return isinstance(task.dataset, Generated) or task.dataset.is_here()


def _in_words(changes: Mapping[str, Any]) -> str:
    """Return changes of parameters as text."""
    return ", ".join(f"{path} = {json.dumps(value)}" for path, value in changes.items())


def _plain(value: Any) -> Any:
    """Return ``value`` with models replaced by dictionaries."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value
