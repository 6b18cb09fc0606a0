# Break-even: event-driven against time-driven simulation, one job per point and seed, alone on its machine.


localrules:
    collect_break_even,
    break_even_figure,
    break_even_table,


rule time_break_even:
    input:
        point=parameters("break_even", "{point}"),
        compiled=lambda wildcards: compiled([PLAN.break_even[wildcards.point].network]),
        code=code("eprop_core.experiments.break_even.__main__"),
        modules=lambda wildcards: modules(PLAN.break_even[wildcards.point].network),
    output:
        "results/break_even/{point}/seed-{seed}.json",
    log:
        "logs/time_break_even/{point}/seed-{seed}.log",
    conda:
        ENVIRONMENT
    threads: all_cores()
    resources:
        mem_mb=lambda wildcards, attempt: cluster.break_even_memory(
            PLAN.break_even[wildcards.point], attempt
        )
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 60 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
    message:
        "Time break-even point {wildcards.point}, seed {wildcards.seed} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.break_even {input.point} --seed {wildcards.seed} --output {output} 2> {log}"


use rule collect_study as collect_break_even with:
    input:
        files=parameters("break_even", "all"),
        results=PLAN.results_of_break_even,
        code=code("workflow.scripts.break_even.collect"),
    output:
        "results/tables/break_even_runs.csv",
    log:
        "logs/collect_break_even.log",
    params:
        program="break_even.collect",
        options="",
    message:
        "Collect the results of the break-even experiment"


use rule collect_study as break_even_figure with:
    input:
        files="results/tables/break_even_runs.csv",
        style=STYLE,
        code=code("workflow.scripts.break_even.figure"),
    output:
        "results/figures/break_even.pdf",
        report(
            "results/figures/break_even.svg",
            caption="../report/break_even.rst",
            category="Scaling",
        ),
        "results/figures/break_even.png",
        "results/figures/break_even.csv",
    log:
        "logs/break_even_figure.log",
    params:
        program="break_even.figure",
        options=STYLE_OPTION,
        facts=captions.break_even(CONFIGURATION),
    message:
        "Draw the break-even experiment"


use rule collect_study as break_even_table with:
    input:
        files="results/tables/break_even_runs.csv",
        code=code("workflow.scripts.break_even.table"),
    output:
        table("break_even"),
    log:
        "logs/break_even_table.log",
    params:
        program="break_even.table",
        options="",
    message:
        "Tabulate the break-even experiment"
