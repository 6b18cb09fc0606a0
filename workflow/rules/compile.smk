# numba keeps compiled code in a cache. Jobs that compile the same function at the same time would damage it, so these
# three run one after another, and what uses the code runs after them. (`ancient`: only that it has been done matters.)


rule compile_training:
    input:
        tasks=ancient(expand("results/training/{task}/task.json", task=TASKS)),
        sources=sources("."),
    output:
        "results/compiled/training.json",
    log:
        "logs/compile/training.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    message:
        "Compile the simulator for training"
    shell:
        "python -m eprop_core.experiments.compile --tasks {input.tasks} --output {output} 2> {log}"


rule compile_timing:
    input:
        timings=ancient(expand("results/scaling/{timing}/timing.json", timing=TIMINGS)),
        after=ancient("results/compiled/training.json") if TASKS else [],
        sources=sources("."),
    output:
        "results/compiled/timing.json",
    log:
        "logs/compile/timing.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    message:
        "Compile the simulator for timing"
    shell:
        "python -m eprop_core.experiments.compile --timings {input.timings} --output {output} 2> {log}"


rule compile_ranks:
    input:
        timings=ancient(expand("results/scaling/{timing}/timing.json", timing=TIMINGS)),
        after=ancient("results/compiled/timing.json"),
        sources=sources("."),
    output:
        "results/compiled/ranks.json",
    log:
        "logs/compile/ranks.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
        cpus_per_task=1,
        tasks=2,
        mpi=mpi_launcher(),
    message:
        "Compile the simulator for several ranks"
    shell:
        "{resources.mpi} -n {resources.tasks} python -m mpi4py -m eprop_core.experiments.compile"
        " --ranks {resources.tasks} --timings {input.timings} --output {output} 2> {log}"
