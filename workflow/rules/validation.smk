# Comparison with NEST and other references, one job per check and seed; made only on demand.

from eprop_core.validation.variants import KINDS


localrules:
    validation,
    describe_validation,
    validation_table,
    validation_figure,
    validation_page,


# The table is written whatever it says; the target fails where a difference is beyond its tolerance.


rule validation:
    input:
        products("validation"),
        "results/validation.html",
        table="results/tables/validation.csv",
    log:
        "logs/validation.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Check that all differences are within their tolerances"
    shell:
        "if grep ',False$' {input.table} > {log}; then"
        " echo 'beyond the tolerance, {input.table}:' >&2; cat {log} >&2; exit 1; fi"


rule describe_validation:
    output:
        f"{VALIDATION}/parameters.json",
    log:
        "logs/describe_validation.log",
    conda:
        "../../envs/core.yaml"
    params:
        text=as_json(CONFIGURATION.validation),
    message:
        "Describe the validation"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule validate:
    input:
        parameters=f"{VALIDATION}/parameters.json",
        compiled=expand("results/compiled/{kind}.json", kind=KINDS),
        sources=sources(".", "time_driven", "validation"),
        program=programs("validation", "validation_parameters"),
    output:
        f"{VALIDATION}/{{check}}_seed-{{seed}}.json",
    log:
        "logs/validate/{check}_seed-{seed}.log",
    wildcard_constraints:
        check="time_driven|gradients",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        launcher="",
        mpi4py="",
        check=lambda wildcards: wildcards.check,
        options=lambda wildcards: f"--seed {wildcards.seed}",
    message:
        "Compare with {wildcards.check}, seed {wildcards.seed} (progress: {log})"
    shell:
        "{params.launcher} python {params.mpi4py} -m eprop_core.experiments.validation {params.check}"
        " {input.parameters} {params.options} --output {output} 2> {log}"


use rule validate as validate_with_nest with:
    input:
        parameters=f"{VALIDATION}/parameters.json",
        compiled=expand("results/compiled/{kind}.json", kind=KINDS),
        sources=sources(".", "validation"),
        program=programs("validation", "validation_parameters"),
        nest="results/nest/environment.json",
        nest_programs=sorted(NEST_PROGRAMS.glob("*.py")),
    wildcard_constraints:
        check="nest_eprop_plus|nest_bellec|published",
    params:
        launcher="",
        mpi4py="",
        check=lambda wildcards: wildcards.check,
        options=lambda wildcards, input: (
            f"--seed {wildcards.seed} --nest {input.nest} --nest-programs {NEST_PROGRAMS}"
        ),


use rule validate as validate_ranks with:
    output:
        f"{VALIDATION}/ranks-{{ranks}}.json",
    log:
        "logs/validate/ranks-{ranks}.log",
    threads: lambda wildcards: min(int(wildcards.ranks), all_cores())
    resources:
        mem_mb=lambda wildcards: 500 * int(wildcards.ranks),
        runtime=lambda wildcards, attempt: 60 * attempt,
        cpus_per_task=1,
        tasks=lambda wildcards: max(2, int(wildcards.ranks)),  # with fewer, the plugin refuses a launcher
        mpi=mpi_launcher(),
    params:
        launcher=lambda wildcards, resources: f"{resources.mpi} -n {wildcards.ranks}",
        mpi4py="-m mpi4py",
        check="ranks",
        options=lambda wildcards: f"--ranks {wildcards.ranks} --oversubscribe",
    message:
        "Compare {wildcards.ranks} rank(s) with one alone"


rule validation_table:
    input:
        results=results_of_validation(),
        modules=scripts("validation_numbers", *TABLES),
    output:
        "results/tables/validation.csv",
        "results/tables/validation.md",
        "results/tables/validation.tex",
        divergence="results/tables/validation_divergence.csv",
        activity="results/tables/validation_activity.csv",
    log:
        "logs/validation_table.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Tabulate the validation"
    script:
        "../scripts/tabulate_validation.py"


rule validation_figure:
    input:
        table="results/tables/validation.csv",
        modules=scripts("style", "validation_numbers", *TABLES),
    output:
        "results/figures/validation.pdf",
        report(
            "results/figures/validation.svg",
            caption="../report/validation.rst",
            category="Validation",
        ),
        "results/figures/validation.png",
        "results/figures/validation.csv",
    log:
        "logs/validation_figure.log",
    conda:
        "../../envs/core.yaml"
    params:
        facts=facts_of_validation(),
    message:
        "Draw the validation"
    script:
        "../scripts/plot_validation.py"


rule validation_page:
    input:
        figures="results/figures/validation.svg",
        tables=[
            "results/tables/validation.md",
            "results/tables/validation_divergence.csv",
        ],
        results=results_of_validation(),
        template=SOURCE / "workflow" / "report" / "report.html.jinja",
        captions=SOURCE / "workflow" / "report" / "validation.rst",
        modules=scripts(*TABLES),
    output:
        "results/validation.html",
    log:
        "logs/validation_page.log",
    conda:
        "../../envs/core.yaml"
    params:
        title="eprop-bench: validation",
        sections=[
            {
                "name": "validation",
                "details": "validation_divergence",
                "caption": str(SOURCE / "workflow" / "report" / "validation.rst"),
                "facts": facts_of_validation(),
            }
        ],
        configuration=CONFIGURATION_FILE,
    message:
        "Write the page on validation"
    script:
        "../scripts/write_report.py"
