# One page with all figures, tables and their provenance. (`snakemake --report` makes another one, with the graph of jobs.)


localrules:
    report_page,


use rule collect_study as report_page with:
    input:
        files=parameters("pages", "report"),
        shown=[
            f"results/{folder}/{section['name']}.{extension}"
            for section in PLAN.sections()
            for folder, extension in [("figures", "svg"), ("tables", "md")]
            if section["figure"] or folder == "tables"
        ],
        results=PLAN.results_of_report(),
        code=code("workflow.scripts.report.page"),
    output:
        "results/report.html",
        "results/index.csv",
    log:
        "logs/report_page.log",
    params:
        program="report.page",
        options="",
    message:
        "Write the report"
