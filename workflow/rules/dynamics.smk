# Dynamics: the activity of networks before and after their training, from the networks that training runs have kept.


localrules:
    dynamics,
    dynamics_figure,
    dynamics_table,


rule dynamics:
    input:
        [[*figure(name), *table(name)] for name in PLAN.dynamics],


rule record_dynamics:
    input:
        task=lambda wildcards: PLAN.task_file(wildcards.task, wildcards.seed),
        network="results/studies/{task}/seed-{seed}.h5",
        data=lambda wildcards: PLAN.data_of(PLAN.tasks[wildcards.task]),
        compiled=lambda wildcards: compiled([PLAN.tasks[wildcards.task].network]),
        code=code("eprop_core.experiments.studies.dynamics"),
        modules=lambda wildcards: modules(PLAN.tasks[wildcards.task]),
    output:
        "results/dynamics/{task}/seed-{seed}.json",
    log:
        "logs/record_dynamics/{task}/seed-{seed}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_memory,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        data=data_option,
    message:
        "Record the dynamics of {wildcards.task}, seed {wildcards.seed}"
    shell:
        "python -m eprop_core.experiments.studies.dynamics {input.task} {input.network} {params.data}"
        " --seed {wildcards.seed} --output {output} 2> {log}"


use rule collect_study as dynamics_figure with:
    input:
        files=lambda wildcards: PLAN.dynamics[wildcards.dynamics],
        style=STYLE,
        code=code("workflow.scripts.studies.dynamics_figure"),
    output:
        "results/figures/{dynamics}.pdf",
        report(
            "results/figures/{dynamics}.svg",
            caption="../report/dynamics.rst",
            category="Learning",
        ),
        "results/figures/{dynamics}.png",
        "results/figures/{dynamics}.csv",
    log:
        "logs/dynamics_figure/{dynamics}.log",
    params:
        program="studies.dynamics_figure",
        options=STYLE_OPTION,
        facts={},
    message:
        "Draw {wildcards.dynamics}"


use rule collect_study as dynamics_table with:
    input:
        files=lambda wildcards: PLAN.dynamics[wildcards.dynamics],
        code=code("workflow.scripts.studies.dynamics_table"),
    output:
        table("{dynamics}"),
    log:
        "logs/dynamics_table/{dynamics}.log",
    params:
        program="studies.dynamics_table",
        options="",
    message:
        "Tabulate {wildcards.dynamics}"
