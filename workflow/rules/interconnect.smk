# Measures latency and bandwidth between two ranks, unless the configuration gives them. The communication of emulated
# ranks is modelled from them.


rule measure_interconnect:
    input:
        code=code("eprop_core.experiments.interconnect.__main__"),
    output:
        "results/interconnect.json",
    log:
        "logs/measure_interconnect.log",
    conda:
        "../../envs/core.yaml"
    threads: all_cores()
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
        tasks=2,
        mpi=cluster.mpi_launcher(),
    params:
        options=cluster.oversubscribe(*CONFIGURATION.scaling.values()),
    message:
        "Measure latency and bandwidth between two ranks"
    shell:
        "{resources.mpi} -n 2 python -m mpi4py -m eprop_core.experiments.interconnect --ranks 2 {params.options}"
        " --output {output} 2> {log}"
