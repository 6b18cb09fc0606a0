# Training runs: one job per point and seed, one result file each.


localrules:
    describe_task,
    collect_study,


rule describe_task:
    output:
        "results/training/{task}/task.json",
    log:
        "logs/describe_task/{task}.log",
    conda:
        "../../envs/core.yaml"
    params:
        text=lambda wildcards: as_json(TASKS[wildcards.task]),
    message:
        "Describe task {wildcards.task}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule train:
    input:
        task="results/training/{task}/task.json",
        data=lambda wildcards: prepared_data(TASKS[wildcards.task]),
        compiled=lambda wildcards: compiled([TASKS[wildcards.task].network]),
        sources=sources(".", "tasks"),
        program=programs("train", "measurement", "operations", "rewiring"),
    output:
        "results/training/{task}/seed-{seed}.json",
    log:
        "logs/train/{task}/seed-{seed}.log",
    benchmark:
        "logs/train/{task}/seed-{seed}.benchmark.tsv"
    conda:
        "../../envs/core.yaml"
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
        "python -m eprop_core.experiments.train {input.task} {params.data} --seed {wildcards.seed}"
        " --output {output} 2> {log} && sed -n 's|^warning: |warning: {log}: |p' {log} >&2"


rule collect_study:
    input:
        lambda wildcards: sorted(
            {
                result
                for point in results_of_study(wildcards.study)
                for result in point["results"]
            }
        ),
    output:
        runs="results/tables/{study}_runs.csv",
        curves="results/tables/{study}_curves.csv",
        answers="results/tables/{study}_answers.csv",
    log:
        "logs/collect_study/{study}.log",
    conda:
        "../../envs/core.yaml"
    params:
        points=lambda wildcards: results_of_study(wildcards.study),
        goals=lambda wildcards: CONFIGURATION.studies[wildcards.study].goals,
        margin=lambda wildcards: CONFIGURATION.studies[wildcards.study].margin,
    message:
        "Collect the results of study {wildcards.study}"
    script:
        "../scripts/collect_study.py"
