# Sensitivity: trainings with and without one input spike, one job per task and seed.


localrules:
    sensitivity,
    collect_sensitivity,
    sensitivity_figure,
    sensitivity_table,


rule sensitivity:
    input:
        PLAN.sensitivity_files,


rule train_without_a_spike:
    input:
        task=parameters("tasks", "{task}"),
        data=lambda wildcards: PLAN.data_of(PLAN.tasks[wildcards.task]),
        compiled=lambda wildcards: compiled([PLAN.tasks[wildcards.task].network]),
        code=code("eprop_core.experiments.studies.sensitivity"),
        modules=lambda wildcards: modules(PLAN.tasks[wildcards.task]),
    output:
        "results/sensitivity/{task}/seed-{seed}.json",
    log:
        "logs/train_without_a_spike/{task}/seed-{seed}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, input, attempt: 2
        * training_memory(wildcards, input, attempt),
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        data=data_option,
    message:
        "Train {wildcards.task} with and without a spike, seed {wildcards.seed} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.studies.sensitivity {input.task} {params.data} --seed {wildcards.seed}"
        " --output {output} 2> {log}"


use rule collect_study as collect_sensitivity with:
    input:
        files=parameters("sensitivity", "all"),
        results=PLAN.results_of_sensitivity,
        code=code("workflow.scripts.sensitivity.collect"),
    output:
        "results/tables/sensitivity_runs.csv",
        "results/tables/sensitivity_curves.csv",
    log:
        "logs/collect_sensitivity.log",
    params:
        program="sensitivity.collect",
        options="",
    message:
        "Collect the trainings with and without a spike"


use rule collect_study as sensitivity_figure with:
    input:
        files=[
            "results/tables/sensitivity_runs.csv",
            "results/tables/sensitivity_curves.csv",
        ],
        style=STYLE,
        code=code("workflow.scripts.sensitivity.figure"),
    output:
        "results/figures/sensitivity.pdf",
        report(
            "results/figures/sensitivity.svg",
            caption="../report/sensitivity.rst",
            category="Learning",
        ),
        "results/figures/sensitivity.png",
        "results/figures/sensitivity.csv",
    log:
        "logs/sensitivity_figure.log",
    params:
        program="sensitivity.figure",
        options=STYLE_OPTION,
        facts=captions.sensitivity(CONFIGURATION),
    message:
        "Draw the trainings with and without a spike"


use rule collect_study as sensitivity_table with:
    input:
        files="results/tables/sensitivity_runs.csv",
        code=code("workflow.scripts.sensitivity.table"),
    output:
        table("sensitivity"),
    log:
        "logs/sensitivity_table.log",
    params:
        program="sensitivity.table",
        options="",
    message:
        "Tabulate the trainings with and without a spike"
