# The parameters of each program, and the hashes of its source code, are input files of its jobs. Snakemake rewrites them
# when their content changes, and then repeats the jobs.


localrules:
    parameters,


rule parameters:
    output:
        "results/parameters/{kind}/{name}.json",
    log:
        "logs/parameters/{kind}/{name}.log",
    wildcard_constraints:
        name="[^/]+",
    conda:
        ENVIRONMENT
    params:
        text=lambda wildcards: PLAN.text(wildcards.kind, wildcards.name),
    message:
        "Write the parameters {wildcards.kind} {wildcards.name}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"
