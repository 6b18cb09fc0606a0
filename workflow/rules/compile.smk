# numba keeps compiled code in a cache beside the sources, which jobs that compile at the same time would fight for.


rule compile_one_rank:
    input:
        sources("."),
    output:
        "results/compiled/ranks-1.json",
    log:
        "logs/compile/ranks-1.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Compile the simulator"
    shell:
        "python -m eprop_core.experiments.compile --output {output} 2> {log}"


rule compile_many_ranks:
    input:
        "results/compiled/ranks-1.json",
        sources("."),
    output:
        "results/compiled/ranks-2.json",
    log:
        "logs/compile/ranks-2.log",
    resources:
        cpus_per_task=1,
        tasks=2,
        mpi=mpi_launcher(),
    conda:
        "../../envs/core.yaml"
    message:
        "Compile the simulator for several ranks"
    shell:
        "{resources.mpi} -n {resources.tasks} python -m mpi4py -m eprop_core.experiments.compile"
        " --ranks {resources.tasks} --output {output} 2> {log}"
