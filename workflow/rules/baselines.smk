# Baselines: simulators compared on the same network. One job per network, alone on its machine; runs only on request.


localrules:
    baselines,
    collect_baselines,
    baselines_figure,
    baselines_table,
    memory_over_time,
    memory_over_time_figure,


rule baselines:
    input:
        lambda wildcards: needed(CONFIGURATION.baselines, "baselines", "baselines")
        and [*figure("baselines"), *table("baselines")],


rule memory_over_time:
    input:
        lambda wildcards: needed(
            PLAN.has_memory_over_time,
            "baselines.NAME.memory_steps",
            "memory_over_time",
        )
        and figure("memory_over_time"),


rule compare_simulators:
    input:
        parameters=parameters("baselines", "{baseline}"),
        data=lambda wildcards: PLAN.data_of(PLAN.baselines[wildcards.baseline].task),
        simulators=lambda wildcards: [
            f"results/simulators/{name}.json"
            for name in PLAN.baselines[wildcards.baseline].parameters.simulators
        ],
        scripts=lambda wildcards: simulator_folders.programs(
            PLAN.baselines[wildcards.baseline].parameters.simulators
        ),
        compiled=lambda wildcards: compiled(
            [PLAN.baselines[wildcards.baseline].network]
        ),
        code=code("eprop_core.experiments.baselines.__main__"),
    output:
        "results/baselines/{baseline}.json",
    log:
        "logs/compare_simulators/{baseline}.log",
    conda:
        ENVIRONMENT
    threads: all_cores()
    resources:
        mem_mb=lambda wildcards, input, attempt: cluster.baselines_memory(
            PLAN.baselines[wildcards.baseline], files_mb(input.data), attempt
        )
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 240 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
    params:
        data=data_option,
    message:
        "Compare simulators on {wildcards.baseline} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.baselines {input.parameters} {params.data}"
        " --simulators {input.simulators}"
        " --output {output} 2> {log}"


use rule collect_study as collect_baselines with:
    input:
        files=parameters("baselines", "all"),
        results=PLAN.results_of_baselines,
        code=code("workflow.scripts.baselines.collect"),
    output:
        "results/tables/baselines_runs.csv",
        "results/tables/baselines_memory.csv",
    log:
        "logs/collect_baselines.log",
    params:
        program="baselines.collect",
        options="",
    message:
        "Collect the results of the comparison of simulators"


use rule collect_study as baselines_figure with:
    input:
        files="results/tables/baselines_runs.csv",
        style=STYLE,
        code=code("workflow.scripts.baselines.figure"),
    output:
        "results/figures/baselines.pdf",
        report(
            "results/figures/baselines.svg",
            caption="../report/baselines.rst",
            category="Baselines",
        ),
        "results/figures/baselines.png",
        "results/figures/baselines.csv",
    log:
        "logs/baselines_figure.log",
    params:
        program="baselines.figure",
        options=STYLE_OPTION,
        facts=captions.baselines(PLAN),
    message:
        "Draw the comparison of simulators"


use rule collect_study as baselines_table with:
    input:
        files="results/tables/baselines_runs.csv",
        code=code("workflow.scripts.baselines.table"),
    output:
        table("baselines"),
    log:
        "logs/baselines_table.log",
    params:
        program="baselines.table",
        options="",
    message:
        "Tabulate the comparison of simulators"


use rule collect_study as memory_over_time_figure with:
    input:
        files="results/tables/baselines_memory.csv",
        style=STYLE,
        code=code("workflow.scripts.baselines.memory_figure"),
    output:
        "results/figures/memory_over_time.pdf",
        report(
            "results/figures/memory_over_time.svg",
            caption="../report/memory_over_time.rst",
            category="Baselines",
        ),
        "results/figures/memory_over_time.png",
        "results/figures/memory_over_time.csv",
    log:
        "logs/memory_over_time_figure.log",
    params:
        program="baselines.memory_figure",
        options=STYLE_OPTION,
    message:
        "Draw memory over time"
