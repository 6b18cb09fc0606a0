# Studies: one training run per point and seed, tables and figures.


localrules:
    choose_values,
    collect_study,
    search_table,
    study_figure,
    study_table,


# A trained network that is kept is an output: the training is repeated where it is missing. Checkpoints are none, because
# Snakemake removes the outputs of a failed job, and the next attempt goes on from the checkpoint.
# Before its time limit, SLURM sends SIGTERM to all processes of a job. The training then writes a checkpoint and ends; its
# shell outlives the signal, since SLURM kills what is left of a job when the shell has ended.


rule train_one_rank:
    input:
        task=lambda wildcards: PLAN.task_file(wildcards.task, wildcards.seed),
        data=lambda wildcards: PLAN.data_of(PLAN.tasks[wildcards.task]),
        compiled=lambda wildcards: compiled([PLAN.tasks[wildcards.task].network]),
        code=code("eprop_core.experiments.studies.__main__"),
        modules=lambda wildcards: modules(PLAN.tasks[wildcards.task]),
    output:
        result="results/studies/{task}/seed-{seed}.json",
        network="results/studies/{task}/seed-{seed}.h5",
    log:
        "logs/train/{task}/seed-{seed}.log",
    benchmark:
        "logs/train/{task}/seed-{seed}.benchmark.tsv"
    wildcard_constraints:
        task=either(PLAN.trained(on_many_ranks=False, keep_network=True)),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=training_memory,
        runtime=lambda wildcards, attempt: 240 * attempt,
        slurm_extra=cluster.WARNING,
    params:
        launcher="",
        mpi4py="",
        ranks="",
        data=data_option,
    message:
        "Train {wildcards.task}, seed {wildcards.seed} (progress: {log})"
    shell:
        "trap : TERM;"
        " {params.launcher} python {params.mpi4py} -m eprop_core.experiments.studies {input.task} {params.data}"
        " --seed {wildcards.seed} {params.ranks} --output {output.result} 2> {log}"
        " && sed -n 's|^warning: |warning: {log}: |p' {log} >&2"


# With `-m mpi4py`, an error of one rank ends all ranks, which would otherwise wait forever.
use rule train_one_rank as train_many_ranks with:
    wildcard_constraints:
        task=either(PLAN.trained(on_many_ranks=True, keep_network=True)),
    threads: ranks_of
    resources:
        **nodes(ranks_of),
        mem_mb=training_memory,
        runtime=lambda wildcards, attempt: 240 * attempt,
        cpus_per_task=1,
        tasks=ranks_of,
        mpi=cluster.mpi_launcher(),
        slurm_extra=cluster.WARNING,
    params:
        launcher=lambda wildcards, resources: f"{resources.mpi} -n {resources.tasks}",
        mpi4py="-m mpi4py",
        ranks=lambda wildcards, resources: f"--ranks {resources.tasks}",
        data=data_option,


use rule train_one_rank as train_one_rank_result_only with:
    output:
        result="results/studies/{task}/seed-{seed}.json",
    wildcard_constraints:
        task=either(PLAN.trained(on_many_ranks=False, keep_network=False)),


use rule train_many_ranks as train_many_ranks_result_only with:
    output:
        result="results/studies/{task}/seed-{seed}.json",
    wildcard_constraints:
        task=either(PLAN.trained(on_many_ranks=True, keep_network=False)),


# Runs of a study with a search read the parameters that the search has chosen from a file. Which runs there are does not
# depend on what is chosen.


rule choose_values:
    input:
        files=parameters("choices", "{choice}"),
        results=lambda wildcards: PLAN.results_of_choice(wildcards.choice),
        code=code("workflow.scripts.studies.choose"),
    output:
        "results/chosen/{choice}.json",
    log:
        "logs/choose_values/{choice}.log",
    conda:
        ENVIRONMENT
    message:
        "Choose the values of {wildcards.choice}"
    shell:
        "python -m workflow.scripts.studies.choose {input.files} --output {output} 2> {log}"


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
        "python -m workflow.scripts.{params.program} {input.files:q} {params.options} --output {output} 2> {log}"


use rule collect_study as study_figure with:
    input:
        files=[
            parameters("studies", "{study}"),
            "results/tables/{study}_runs.csv",
            "results/tables/{study}_curves.csv",
            "results/tables/{study}_answers.csv",
        ],
        style=STYLE,
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
        options=STYLE_OPTION,
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


use rule collect_study as search_table with:
    input:
        files=parameters("searches", "{study}"),
        results=lambda wildcards: PLAN.results_of_search(wildcards.study),
        code=code("workflow.scripts.studies.search_table"),
    output:
        table("{study}_search"),
    log:
        "logs/search_table/{study}.log",
    params:
        program="studies.search_table",
        options="",
    message:
        "Tabulate the search of study {wildcards.study}"
