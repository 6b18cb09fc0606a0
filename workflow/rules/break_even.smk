# Event-driven against time-driven simulation: one job per point and seed, alone on its machine.


localrules:
    describe_break_even,
    collect_break_even,


rule describe_break_even:
    output:
        "results/break_even/{point}/point.json",
    log:
        "logs/describe_break_even/{point}.log",
    conda:
        "../../envs/core.yaml"
    params:
        text=lambda wildcards: as_json(BREAK_EVEN_POINTS[wildcards.point]),
    message:
        "Describe break-even point {wildcards.point}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule time_break_even:
    input:
        point="results/break_even/{point}/point.json",
        compiled=lambda wildcards: compiled(
            [BREAK_EVEN_POINTS[wildcards.point].network]
        ),
        sources=sources(".", "time_driven"),
        program=programs("break_even", "dense_pass", "measurement", "poisson"),
    output:
        "results/break_even/{point}/seed-{seed}.json",
    log:
        "logs/time_break_even/{point}/seed-{seed}.log",
    conda:
        "../../envs/core.yaml"
    threads: all_cores()
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 60 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
    message:
        "Time break-even point {wildcards.point}, seed {wildcards.seed} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.break_even {input.point} --seed {wildcards.seed} --output {output} 2> {log}"


rule collect_break_even:
    input:
        [file for point in results_of_break_even() for file in point["results"]],
    output:
        "results/tables/break_even_runs.csv",
    log:
        "logs/collect_break_even.log",
    conda:
        "../../envs/core.yaml"
    params:
        points=results_of_break_even(),
    message:
        "Collect the results of break_even"
    script:
        "../scripts/collect_break_even.py"


rule break_even_figure:
    input:
        runs="results/tables/break_even_runs.csv",
        modules=scripts(
            "style", "parameter_names", "other_work", "break_even_numbers", *TABLES
        ),
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
    conda:
        "../../envs/core.yaml"
    params:
        facts=facts_of_break_even() if BREAK_EVEN else {},
    message:
        "Draw break_even"
    script:
        "../scripts/plot_break_even.py"


rule break_even_table:
    input:
        runs="results/tables/break_even_runs.csv",
        modules=scripts("parameter_names", "other_work", "break_even_numbers", *TABLES),
    output:
        "results/tables/break_even.csv",
        "results/tables/break_even.md",
        "results/tables/break_even.tex",
    log:
        "logs/break_even_table.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Tabulate break_even"
    script:
        "../scripts/tabulate_break_even.py"
