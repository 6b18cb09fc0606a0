# The simulator is compiled once, into numba's cache, before the jobs that would otherwise all do so.


rule compile:
    input:
        sources("."),
    output:
        "results/compiled/filters-{filters}.json",
    log:
        "logs/compile/filters-{filters}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    message:
        "Compile the simulator"
    shell:
        "python -m eprop_core.experiments.compile --filters {wildcards.filters} --output {output} 2> {log}"
