# Reproduction: the claims of the paper, asked of the tables of this configuration; and the page that collects what all
# configurations said. Evidence is named after its configuration, so that it outlives the results of another one.


localrules:
    reproduction,
    evidence,
    reproduction_page,


use rule collect_study as evidence with:
    input:
        files=parameters("evidence", "{evidence}"),
        tables=lambda wildcards: [
            f"results/tables/{name}.csv"
            for name in PLAN.evidence[wildcards.evidence]["results"]
        ],
        results=lambda wildcards: [
            file
            for files in PLAN.evidence[wildcards.evidence]["results"].values()
            for file in files
        ],
        code=code("workflow.scripts.reproduction.evidence"),
    output:
        table("{evidence}"),
    log:
        "logs/evidence/{evidence}.log",
    params:
        program="reproduction.evidence",
        options="--tables results/tables",
    message:
        "Test the claims of the paper: {wildcards.evidence}"


use rule collect_study as reproduction_page with:
    input:
        files=lambda wildcards: PLAN.all_evidence(),
        code=code("workflow.scripts.reproduction.page"),
    output:
        "results/reproduction.md",
    log:
        "logs/reproduction_page.log",
    params:
        program="reproduction.page",
        options="",
    message:
        "Write the page about the claims of the paper"


rule reproduction:
    input:
        PLAN.reproduction(),
