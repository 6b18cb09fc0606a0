# Figures, drawn from tables alone: a change of their look reruns no simulation.


localrules:
    study_figure,
    scaling_figure,
    exchange_figure,
    saccades_figure,


rule study_figure:
    input:
        runs="results/tables/{study}_runs.csv",
        curves="results/tables/{study}_curves.csv",
        answers="results/tables/{study}_answers.csv",
        modules=scripts(
            "style",
            "parameter_names",
            "spread",
            *TABLES,
            "measures",
            "differences",
            "equally_good",
            "learning_curves",
            "parameter_curves",
            "thinning_curves",
            "variant_differences",
        ),
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
    conda:
        "../../envs/core.yaml"
    params:
        facts=lambda wildcards: facts_of_study(wildcards.study),
    message:
        "Draw study {wildcards.study}"
    script:
        "../scripts/plot_study.py"


rule scaling_figure:
    input:
        runs="results/tables/{scaling}_runs.csv",
        modules=scripts("style", "other_work", "scaling_numbers", *TABLES),
    output:
        "results/figures/{scaling}.pdf",
        report(
            "results/figures/{scaling}.svg",
            caption="../report/scaling.rst",
            category="Scaling",
        ),
        "results/figures/{scaling}.png",
        "results/figures/{scaling}.csv",
    log:
        "logs/scaling_figure/{scaling}.log",
    conda:
        "../../envs/core.yaml"
    params:
        facts=lambda wildcards: facts_of_scaling(wildcards.scaling),
    message:
        "Draw {wildcards.scaling}"
    script:
        "../scripts/plot_scaling.py"


rule exchange_figure:
    input:
        runs="results/tables/scaling.csv",
        interconnect=measured_interconnect(CONFIGURATION.scaling),
        modules=scripts("style", "other_work", "scaling_numbers", *TABLES),
    output:
        "results/figures/exchange.pdf",
        report(
            "results/figures/exchange.svg",
            caption="../report/exchange.rst",
            category="Scaling",
        ),
        "results/figures/exchange.png",
        "results/figures/exchange.csv",
    log:
        "logs/exchange_figure.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Draw the exchange between ranks"
    script:
        "../scripts/plot_exchange.py"


rule saccades_figure:
    input:
        comparison="results/saccades.json",
        modules=scripts("style", *TABLES),
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
    conda:
        "../../envs/core.yaml"
    message:
        "Draw simulated and recorded saccades"
    script:
        "../scripts/plot_saccades.py"
