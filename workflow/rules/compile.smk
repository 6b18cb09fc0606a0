# Compiles the simulator into numba's cache, before jobs that would otherwise all compile it.


rule compile:
    input:
        code=code("eprop_core.experiments.compile"),
        modules=lambda wildcards: modules(network_of(wildcards.kind)),
    output:
        "results/compiled/{kind}.json",
    log:
        "logs/compile/{kind}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=800 + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 30 * attempt,
    message:
        "Compile the simulator for networks of kind {wildcards.kind}"
    shell:
        "python -m eprop_core.experiments.compile --kind {wildcards.kind} --output {output} 2> {log}"
