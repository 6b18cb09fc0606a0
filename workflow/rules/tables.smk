# Tables for print, made from the tidy tables of runs.


localrules:
    study_table,
    scaling_table,
    exchange_table,
    saccades_table,


rule study_table:
    input:
        runs="results/tables/{study}_runs.csv",
        modules=scripts(
            "style",
            "parameter_names",
            "spread",
            "measures",
            "differences",
            *TABLES,
        ),
    output:
        "results/tables/{study}.csv",
        "results/tables/{study}.md",
        "results/tables/{study}.tex",
    log:
        "logs/study_table/{study}.log",
    conda:
        "../../envs/core.yaml"
    params:
        facts=lambda wildcards: facts_of_study(wildcards.study),
    message:
        "Tabulate study {wildcards.study}"
    script:
        "../scripts/tabulate_study.py"


rule scaling_table:
    input:
        runs="results/tables/{scaling}_runs.csv",
        modules=scripts("other_work", "scaling_numbers", *TABLES),
    output:
        "results/tables/{scaling}.csv",
        "results/tables/{scaling}.md",
        "results/tables/{scaling}.tex",
    log:
        "logs/scaling_table/{scaling}.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Tabulate {wildcards.scaling}"
    script:
        "../scripts/tabulate_scaling.py"


rule exchange_table:
    input:
        numbers="results/figures/exchange.csv",
        modules=scripts("other_work", "scaling_numbers", *TABLES),
    output:
        "results/tables/exchange.csv",
        "results/tables/exchange.md",
        "results/tables/exchange.tex",
    log:
        "logs/exchange_table.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Tabulate the exchange between ranks"
    script:
        "../scripts/tabulate_exchange.py"


rule saccades_table:
    input:
        numbers="results/figures/saccades.csv",
        modules=scripts("plot_saccades", "style", *TABLES),
    output:
        "results/tables/saccades.csv",
        "results/tables/saccades.md",
        "results/tables/saccades.tex",
    log:
        "logs/saccades_table.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Tabulate simulated and recorded saccades"
    script:
        "../scripts/tabulate_saccades.py"
