# Locality: e-prop+ beside backpropagation through time, one job per training and per gradient; runs only on request.


localrules:
    locality,
    collect_locality_accuracy,
    locality_accuracy_figure,
    locality_accuracy_table,
    collect_locality_gradients,
    locality_gradients_figure,
    locality_gradients_table,


BPTT = "snntorch"


rule locality:
    input:
        lambda wildcards: needed(CONFIGURATION.locality, "locality", "locality")
        and [
            *figure("locality_accuracy"),
            *table("locality_accuracy"),
            *figure("locality_gradients"),
            *table("locality_gradients"),
            *PLAN.evidence_from("locality_accuracy_runs"),
        ],


rule learn_by_method:
    input:
        parameters=parameters("locality", "{locality}"),
        data=lambda wildcards: PLAN.data_of(PLAN.locality.task),
        simulator=f"results/simulators/{BPTT}.json",
        scripts=simulator_folders.programs([BPTT]),
        compiled=lambda wildcards: compiled([PLAN.locality.task.network]),
        code=code("eprop_core.experiments.locality.accuracy"),
        modules=lambda wildcards: modules(PLAN.locality.task),
    output:
        "results/locality/accuracy-{locality}/{method}_seed-{seed}.json",
    log:
        "logs/learn_by_method/{locality}/{method}_seed-{seed}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, input, attempt: cluster.locality_memory(
            PLAN.locality, files_mb(input.data), attempt
        )
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        data=data_option,
    message:
        "Train by {wildcards.method}, seed {wildcards.seed} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.locality.accuracy {input.parameters} {params.data}"
        " --simulator {input.simulator} --method {wildcards.method} --seed {wildcards.seed}"
        " --output {output} 2> {log}"


rule compare_gradients:
    input:
        point=parameters("locality", "{gradient}"),
        data=lambda wildcards: PLAN.data_of(PLAN.gradient_points[wildcards.gradient]),
        simulator=f"results/simulators/{BPTT}.json",
        scripts=simulator_folders.programs([BPTT]),
        compiled=lambda wildcards: compiled(
            [PLAN.gradient_points[wildcards.gradient].network]
        ),
        code=code("eprop_core.experiments.locality.gradients"),
        modules=lambda wildcards: modules(PLAN.gradient_points[wildcards.gradient]),
    output:
        "results/locality/gradients-{gradient}.json",
    log:
        "logs/compare_gradients/{gradient}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, input, attempt: cluster.locality_memory(
            PLAN.gradient_points[wildcards.gradient], files_mb(input.data), attempt
        )
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        data=data_option,
        seeds=lambda wildcards: CONFIGURATION.locality.seeds,
    message:
        "Compare gradients at point {wildcards.gradient} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.locality.gradients {input.point} {params.data}"
        " --simulator {input.simulator} --seeds {params.seeds} --output {output} 2> {log}"


use rule collect_study as collect_locality_accuracy with:
    input:
        files=parameters("locality", "accuracy"),
        results=PLAN.results_of_accuracy,
        code=code("workflow.scripts.locality.collect_accuracy"),
    output:
        "results/tables/locality_accuracy_runs.csv",
    log:
        "logs/collect_locality_accuracy.log",
    params:
        program="locality.collect_accuracy",
        options="",
    message:
        "Collect the accuracies of methods"


use rule collect_study as locality_accuracy_figure with:
    input:
        files="results/tables/locality_accuracy_runs.csv",
        style=STYLE,
        code=code("workflow.scripts.locality.accuracy_figure"),
    output:
        "results/figures/locality_accuracy.pdf",
        report(
            "results/figures/locality_accuracy.svg",
            caption="../report/locality_accuracy.rst",
            category="Learning",
        ),
        "results/figures/locality_accuracy.png",
        "results/figures/locality_accuracy.csv",
    log:
        "logs/locality_accuracy_figure.log",
    params:
        program="locality.accuracy_figure",
        options=STYLE_OPTION,
        facts=captions.locality(CONFIGURATION),
    message:
        "Draw the accuracies of methods"


use rule collect_study as locality_accuracy_table with:
    input:
        files="results/tables/locality_accuracy_runs.csv",
        code=code("workflow.scripts.locality.accuracy_table"),
    output:
        table("locality_accuracy"),
    log:
        "logs/locality_accuracy_table.log",
    params:
        program="locality.accuracy_table",
        options="",
    message:
        "Tabulate the accuracies of methods"


use rule collect_study as collect_locality_gradients with:
    input:
        files=parameters("locality", "gradients"),
        results=PLAN.results_of_gradients,
        code=code("workflow.scripts.locality.collect_gradients"),
    output:
        "results/tables/locality_gradients_runs.csv",
    log:
        "logs/collect_locality_gradients.log",
    params:
        program="locality.collect_gradients",
        options="",
    message:
        "Collect gradients"


use rule collect_study as locality_gradients_figure with:
    input:
        files="results/tables/locality_gradients_runs.csv",
        style=STYLE,
        code=code("workflow.scripts.locality.gradients_figure"),
    output:
        "results/figures/locality_gradients.pdf",
        report(
            "results/figures/locality_gradients.svg",
            caption="../report/locality_gradients.rst",
            category="Learning",
        ),
        "results/figures/locality_gradients.png",
        "results/figures/locality_gradients.csv",
    log:
        "logs/locality_gradients_figure.log",
    params:
        program="locality.gradients_figure",
        options=STYLE_OPTION,
        facts=captions.locality(CONFIGURATION),
    message:
        "Draw gradients"


use rule collect_study as locality_gradients_table with:
    input:
        files="results/tables/locality_gradients_runs.csv",
        code=code("workflow.scripts.locality.gradients_table"),
    output:
        table("locality_gradients"),
    log:
        "logs/locality_gradients_table.log",
    params:
        program="locality.gradients_table",
        options="",
    message:
        "Tabulate gradients"
