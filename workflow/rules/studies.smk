# Studies: one training run per point and seed, tables and figures.


localrules:
    collect_study,
    study_figure,
    study_table,


rule train:
    input:
        task=parameters("tasks", "{task}"),
        data=lambda wildcards: PLAN.data_of(PLAN.tasks[wildcards.task]),
        compiled=lambda wildcards: compiled([PLAN.tasks[wildcards.task].network]),
        code=code("eprop_core.experiments.studies.__main__"),
        modules=lambda wildcards: modules(PLAN.tasks[wildcards.task]),
    output:
        "results/studies/{task}/seed-{seed}.json",
    log:
        "logs/train/{task}/seed-{seed}.log",
    benchmark:
        "logs/train/{task}/seed-{seed}.benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        data=lambda wildcards, input: (
            f"--data {Path(input.data[0]).parent}" if input.data else ""
        ),
    message:
        "Train {wildcards.task}, seed {wildcards.seed} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.studies {input.task} {params.data} --seed {wildcards.seed}"
        " --output {output} 2> {log} && sed -n 's|^warning: |warning: {log}: |p' {log} >&2"


# All rules that collect results, draw a figure or write a table inherit from this one: a program reads `files` and writes
# the output.


rule collect_study:
    input:
        files=parameters("studies", "{study}"),
        results=lambda wildcards: PLAN.results_of_study(wildcards.study),
        code=code("workflow.scripts.studies.collect"),
    output:
        "results/tables/{study}_runs.csv",
        "results/tables/{study}_curves.csv",
        "results/tables/{study}_answers.csv",
    log:
        "logs/collect_study/{study}.log",
    conda:
        ENVIRONMENT
    params:
        program="studies.collect",
        options="",
    message:
        "Collect the results of study {wildcards.study}"
    shell:
        "python -m workflow.scripts.{params.program} {input.files} {params.options} --output {output} 2> {log}"


use rule collect_study as study_figure with:
    input:
        files=[
            parameters("studies", "{study}"),
            "results/tables/{study}_runs.csv",
            "results/tables/{study}_curves.csv",
            "results/tables/{study}_answers.csv",
        ],
        code=code("workflow.scripts.studies.figure"),
    output:
        "results/figures/{study}.pdf",
        report(
            "results/figures/{study}.svg",
            caption="../report/study.rst",
            category="Learning",
        ),
        "results/figures/{study}.png",
        "results/figures/{study}.csv",
    log:
        "logs/study_figure/{study}.log",
    params:
        program="studies.figure",
        options="",
        facts=lambda wildcards: captions.study(CONFIGURATION, wildcards.study),
    message:
        "Draw study {wildcards.study}"


use rule collect_study as study_table with:
    input:
        files=[
            parameters("studies", "{study}"),
            "results/tables/{study}_runs.csv",
        ],
        code=code("workflow.scripts.studies.table"),
    output:
        table("{study}"),
    log:
        "logs/study_table/{study}.log",
    params:
        program="studies.table",
        options="",
    message:
        "Tabulate study {wildcards.study}"
