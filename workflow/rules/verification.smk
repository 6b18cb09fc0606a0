# Verification: spikes and weights against NEST and other references. One job per check and seed; runs only on request.

from eprop_core.verification.variants import KINDS


localrules:
    verification,
    verification_figure,
    verification_table,
    verification_page,


# The table is always written; the target fails if a difference exceeds its tolerance.


rule verification:
    input:
        figure("verification"),
        "results/verification.html",
        PLAN.evidence_from("verification"),
        table="results/tables/verification.csv",
        code=code("workflow.scripts.verification.passed"),
    log:
        "logs/verification.log",
    conda:
        ENVIRONMENT
    message:
        "Check that all differences are within their tolerances"
    shell:
        "python -m workflow.scripts.verification.passed {input.table} 2>&1 | tee {log} >&2"


rule verify:
    input:
        parameters=parameters("verification", "all"),
        compiled=expand("results/compiled/{kind}.json", kind=KINDS),
        code=code("eprop_core.experiments.verification.__main__"),
    output:
        f"{PLAN.verification}/{{check}}_seed-{{seed}}.json",
    log:
        "logs/verify/{check}_seed-{seed}.log",
    wildcard_constraints:
        check="time_driven|reference|gradients",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, attempt: cluster.verification_memory(
            CONFIGURATION.verification, wildcards.check, int(wildcards.seed), attempt
        )
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        launcher="",
        mpi4py="",
        check=lambda wildcards: wildcards.check,
        options=lambda wildcards: f"--seed {wildcards.seed}",
    message:
        "Compare with {wildcards.check}, seed {wildcards.seed} (progress: {log})"
    shell:
        "{params.launcher} python {params.mpi4py} -m eprop_core.experiments.verification {params.check}"
        " {input.parameters} {params.options} --output {output} 2> {log}"


use rule verify as verify_with_nest with:
    input:
        parameters=parameters("verification", "all"),
        compiled=expand("results/compiled/{kind}.json", kind=KINDS),
        code=code("eprop_core.experiments.verification.__main__"),
        nest="results/simulators/nest.json",
    wildcard_constraints:
        check="nest_eprop_plus|nest_bellec|nest_stdp|published",
    params:
        launcher="",
        mpi4py="",
        check=lambda wildcards: wildcards.check,
        options=lambda wildcards, input: (
            f"--seed {wildcards.seed} --nest {input.nest}"
        ),


use rule verify as verify_ranks with:
    output:
        f"{PLAN.verification}/ranks-{{ranks}}.json",
    log:
        "logs/verify/ranks-{ranks}.log",
    threads: lambda wildcards: min(int(wildcards.ranks), all_cores())
    resources:
        mem_mb=lambda wildcards, attempt: cluster.verification_memory(
            CONFIGURATION.verification, "ranks", 1, attempt
        )
        * int(wildcards.ranks)
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 60 * attempt,
        cpus_per_task=1,
        tasks=lambda wildcards: max(2, int(wildcards.ranks)),  # with one task, the SLURM plugin refuses a launcher
        mpi=cluster.mpi_launcher(),
    params:
        launcher=lambda wildcards, resources: f"{resources.mpi} -n {wildcards.ranks}",
        mpi4py="-m mpi4py",
        check="ranks",
        options=lambda wildcards: f"--ranks {wildcards.ranks} --oversubscribe",
    message:
        "Compare {wildcards.ranks} rank(s) with a single rank"


use rule collect_study as verification_table with:
    input:
        files=parameters("verification", "results"),
        results=PLAN.results_of_verification,
        code=code("workflow.scripts.verification.table"),
    output:
        table("verification"),
        "results/tables/verification_divergence.csv",
        "results/tables/verification_activity.csv",
    log:
        "logs/verification_table.log",
    params:
        program="verification.table",
        options="",
    message:
        "Tabulate the verification"


use rule collect_study as verification_figure with:
    input:
        files="results/tables/verification.csv",
        style=STYLE,
        code=code("workflow.scripts.verification.figure"),
    output:
        "results/figures/verification.pdf",
        report(
            "results/figures/verification.svg",
            caption="../report/verification.rst",
            category="Verification",
        ),
        "results/figures/verification.png",
        "results/figures/verification.csv",
    log:
        "logs/verification_figure.log",
    params:
        program="verification.figure",
        options=STYLE_OPTION,
        facts=captions.verification(CONFIGURATION),
    message:
        "Draw the verification"


use rule report_page as verification_page with:
    input:
        files=parameters("pages", "verification"),
        shown=[
            "results/figures/verification.svg",
            "results/tables/verification.md",
            "results/tables/verification_divergence.csv",
        ],
        results=PLAN.results_of_verification,
        code=code("workflow.scripts.report.page"),
    output:
        "results/verification.html",
    log:
        "logs/verification_page.log",
    message:
        "Write the page of the verification"
