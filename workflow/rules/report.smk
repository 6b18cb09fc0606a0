# One page with all figures, tables and what made them. (`snakemake --report` makes another, with the workflow's graph.)


localrules:
    report_page,


rule report_page:
    input:
        figures=[
            f"results/figures/{section['name']}.svg" for section in report_sections()
        ],
        tables=[f"results/tables/{section['name']}.md" for section in report_sections()],
        results=[
            *{
                file
                for study in CONFIGURATION.studies
                for point in results_of_study(study)
                for file in point["results"]
            },
            *(
                file
                for name in CONFIGURATION.scaling
                for file in results_of_scaling(f"{name}_scaling")
            ),
            *(file for point in results_of_break_even() for file in point["results"]),
        ],
        template=SOURCE / "workflow" / "report" / "report.html.jinja",
        captions=sorted({section["caption"] for section in report_sections()}),
        modules=scripts(*TABLES),
    output:
        "results/report.html",
    log:
        "logs/report_page.log",
    conda:
        "../../envs/core.yaml"
    params:
        title="eprop-bench: report",
        sections=report_sections(),
        configuration=CONFIGURATION_FILE,
    message:
        "Write the report"
    script:
        "../scripts/write_report.py"
