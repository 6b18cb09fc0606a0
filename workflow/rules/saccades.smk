# Saccades: simulated and recorded ones, on the images that N-MNIST and MNIST share. Runs only on request.


localrules:
    saccades,
    saccades_figure,
    saccades_table,


rule saccades:
    input:
        lambda wildcards: needed(CONFIGURATION.saccades, "saccades", "saccades")
        and [*figure("saccades"), *table("saccades")],


rule compare_saccades:
    input:
        parameters=parameters("saccades", "all"),
        code=code("eprop_core.experiments.saccades.__main__"),
    output:
        "results/saccades.json",
    log:
        "logs/compare_saccades.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, attempt: cluster.saccades_memory(attempt)
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 60 * attempt,
    message:
        "Compare simulated with recorded saccades (progress: {log})"
    shell:
        "python -m eprop_core.experiments.saccades {input.parameters} --output {output} 2> {log}"


use rule collect_study as saccades_figure with:
    input:
        files="results/saccades.json",
        style=STYLE,
        code=code("workflow.scripts.saccades.figure"),
    output:
        "results/figures/saccades.pdf",
        report(
            "results/figures/saccades.svg",
            caption="../report/saccades.rst",
            category="Data",
        ),
        "results/figures/saccades.png",
        "results/figures/saccades.csv",
    log:
        "logs/saccades_figure.log",
    params:
        program="saccades.figure",
        options=STYLE_OPTION,
    message:
        "Draw simulated and recorded saccades"


use rule collect_study as saccades_table with:
    input:
        files="results/figures/saccades.csv",
        code=code("workflow.scripts.saccades.table"),
    output:
        table("saccades"),
    log:
        "logs/saccades_table.log",
    params:
        program="saccades.table",
        options="",
    message:
        "Tabulate simulated and recorded saccades"
