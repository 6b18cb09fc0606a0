# Contests between simulators, one job per network, alone on its machine; made only on demand.


localrules:
    baselines,
    describe_contest,
    collect_baselines,
    baselines_table,
    baselines_figure,


rule baselines:
    input:
        products("baselines"),


rule describe_contest:
    output:
        "results/baselines/{contest}/contest.json",
    log:
        "logs/describe_contest/{contest}.log",
    conda:
        "../../envs/core.yaml"
    params:
        text=lambda wildcards: contest_as_json(wildcards.contest),
    message:
        "Describe contest {wildcards.contest}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule hold_contest:
    input:
        contest="results/baselines/{contest}/contest.json",
        data=lambda wildcards: data_of_contest(wildcards.contest),
        nest="results/nest/environment.json",
        nest_program=NEST_PROGRAMS / "measure.py",
        nest_network=[NEST_PROGRAMS / "network.py", NEST_PROGRAMS / "devices.py"],
        compiled=lambda wildcards: compiled([network_of_contest(wildcards.contest)]),
        sources=sources(".", "tasks"),
        programs=programs(
            "baselines", "bandwidth", "contestant", "measurement", "poisson", "problem"
        ),
    output:
        "results/baselines/{contest}/result.json",
    log:
        "logs/hold_contest/{contest}.log",
    conda:
        "../../envs/core.yaml"
    threads: all_cores()
    resources:
        mem_mb=8000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
    params:
        data=lambda wildcards, input: (
            f"--data {Path(input.data[0]).parent}" if input.data else ""
        ),
    message:
        "Compare simulators on {wildcards.contest} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.baselines {input.contest} {params.data} --nest {input.nest}"
        " --nest-program {input.nest_program} --output {output} 2> {log}"


rule collect_baselines:
    input:
        lambda wildcards: results_of_baselines(),
    output:
        "results/tables/baselines_runs.csv",
    log:
        "logs/collect_baselines.log",
    conda:
        "../../envs/core.yaml"
    params:
        networks=[network for network, *_ in CONTESTS.values()],
    message:
        "Collect the results of the contests"
    script:
        "../scripts/collect_baselines.py"


rule baselines_table:
    input:
        runs="results/tables/baselines_runs.csv",
        modules=scripts("other_work", "baselines_numbers", *TABLES),
    output:
        "results/tables/baselines.csv",
        "results/tables/baselines.md",
        "results/tables/baselines.tex",
    log:
        "logs/baselines_table.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Tabulate the contests"
    script:
        "../scripts/tabulate_baselines.py"


rule baselines_figure:
    input:
        runs="results/tables/baselines_runs.csv",
        modules=scripts("style", "other_work", "baselines_numbers", *TABLES),
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
    conda:
        "../../envs/core.yaml"
    params:
        facts=facts_of_baselines(),
    message:
        "Draw the contests"
    script:
        "../scripts/plot_baselines.py"
