# The simulator is compiled once, into numba's cache, before the jobs that would otherwise all do so.
# (`ancient`: what matters is that it has been done, not when.)


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
