# Figures and tables of prepared data, to find mistakes in a preparation.


localrules:
    data,
    data_figure,
    data_table,


rule data:
    input:
        [[*figure(name), *table(name)] for name in PLAN.data_figures],


use rule collect_study as data_figure with:
    input:
        files=lambda wildcards: PLAN.data_figures[wildcards.data],
        style=STYLE,
        code=code("workflow.scripts.datasets.figure"),
    output:
        "results/figures/{data}.pdf",
        report(
            "results/figures/{data}.svg",
            caption="../report/data.rst",
            category="Data",
        ),
        "results/figures/{data}.png",
        "results/figures/{data}.csv",
    log:
        "logs/data_figure/{data}.log",
    params:
        program="datasets.figure",
        options=STYLE_OPTION,
        facts={},
    message:
        "Draw {wildcards.data}"


use rule collect_study as data_table with:
    input:
        files=lambda wildcards: PLAN.data_figures[wildcards.data],
        code=code("workflow.scripts.datasets.table"),
    output:
        table("{data}"),
    log:
        "logs/data_table/{data}.log",
    params:
        program="datasets.table",
        options="",
    message:
        "Tabulate {wildcards.data}"
