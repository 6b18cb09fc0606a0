# What captions say: numbers of seeds and repeats, sizes. They are reStructuredText, and their facts are printed in the
# page that `snakemake --report` makes, in a script: no names are among them but those that have letters, digits and "_".

import os

# Nor can a caption bring in raw HTML or a file.
os.environ.update(DOCUTILSCONFIG=str(SOURCE / "workflow" / "report" / "docutils.conf"))

sys.path.append(str(SOURCE / "workflow" / "scripts"))

from parameter_names import parameter_name


def facts_of_study(study):
    parameters = CONFIGURATION.studies[study]
    return {
        "kind": parameters.kind,
        "tasks": parameters.tasks,
        "seeds": len(set(parameters.seeds)),
        "margin": parameters.margin,
        "varied": [
            parameter_name(path) for path in [*parameters.vary, *parameters.grid]
        ],
    }


def facts_of_scaling(scaling):
    parameters = CONFIGURATION.scaling[scaling.removesuffix("_scaling")]
    return {
        "kind": parameters.kind,
        "neurons": parameters.network.n_recurrent,
        "inputs": parameters.network.n_input,
        "model_time": parameters.n_steps * parameters.network.dt / 1000,
        "repeats": parameters.repeats,
        "seeds": len(set(parameters.seeds)),
        "dry": bool(parameters.dry_ranks),
    }


def facts_of_baselines():
    return {
        "networks": {
            network: task.dataset.name if task else "Poisson input"
            for network, _, task in CONTESTS.values()
        },
        "repeats": sorted({contest.repeats for _, contest, _ in CONTESTS.values()}),
    }


def facts_of_validation():
    parameters = CONFIGURATION.validation
    return parameters.model_dump() | {"seeds": len(set(parameters.seeds))}


def facts_of_break_even():
    return {"repeats": BREAK_EVEN.repeats, "seeds": len(set(BREAK_EVEN.seeds))}


def report_sections():
    sections = [
        *(
            (study, "study.rst", facts_of_study(study))
            for study in CONFIGURATION.studies
        ),
        *(
            (f"{name}_scaling", "scaling.rst", facts_of_scaling(f"{name}_scaling"))
            for name in CONFIGURATION.scaling
        ),
        *([("exchange", "exchange.rst", {})] if ranks_exchange() else []),
        *(
            [("break_even", "break_even.rst", facts_of_break_even())]
            if BREAK_EVEN
            else []
        ),
    ]
    return [
        {
            "name": name,
            "caption": str(SOURCE / "workflow" / "report" / caption),
            "facts": facts,
        }
        for name, caption, facts in sections
    ]
