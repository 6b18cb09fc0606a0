# Timing runs: one job per seed and number of ranks, alone on its machine, repeats inside.


localrules:
    describe_timing,
    collect_scaling,


rule describe_timing:
    output:
        "results/scaling/{timing}/timing.json",
    log:
        "logs/describe_timing/{timing}.log",
    conda:
        "../../envs/core.yaml"
    params:
        text=lambda wildcards: as_json(TIMINGS[wildcards.timing].timing),
    message:
        "Describe timing {wildcards.timing}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


# A process that has compiled something has more memory than its network needs: one of its own compiles before.


rule time_one_rank:
    input:
        timing="results/scaling/{timing}/timing.json",
        sources=sources("."),
        program=programs("scaling", "poisson", "measurement"),
    output:
        "results/scaling/{timing}/ranks-{ranks}_seed-{seed}.json",
    log:
        "logs/time/{timing}/ranks-{ranks}_seed-{seed}.log",
    wildcard_constraints:
        ranks="1",
    conda:
        "../../envs/core.yaml"
    threads: all_cores()
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 60 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
    params:
        launcher="",
        mpi4py="",
        filters=lambda wildcards: filters(TIMINGS[wildcards.timing].network),
        oversubscribe=lambda wildcards: (
            "--oversubscribe" if TIMINGS[wildcards.timing].oversubscribe else ""
        ),
    message:
        "Time {wildcards.timing} on {wildcards.ranks} rank(s), seed {wildcards.seed} (progress: {log})"
    shell:
        "{params.launcher} python {params.mpi4py} -m eprop_core.experiments.compile --filters {params.filters}"
        " --detailed-times --ranks {wildcards.ranks} 2> {log}; "
        "{params.launcher} python {params.mpi4py} -m eprop_core.experiments.scaling {input.timing}"
        " --ranks {wildcards.ranks} {params.oversubscribe} --seed {wildcards.seed} --output {output} 2>> {log}"


# Without `-m mpi4py` an error of one rank would leave the others waiting.
use rule time_one_rank as time_many_ranks with:
    input:
        timing="results/scaling/{timing}/timing.json",
        sources=sources("."),
        program=programs("scaling", "poisson", "measurement"),
    wildcard_constraints:
        ranks=r"[2-9]|\d\d+",
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 60 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
        tasks=lambda wildcards: int(wildcards.ranks),
        mpi=mpi_launcher(),
    params:
        launcher=lambda wildcards, resources: f"{resources.mpi} -n {wildcards.ranks}",
        mpi4py="-m mpi4py",
        filters=lambda wildcards: filters(TIMINGS[wildcards.timing].network),
        oversubscribe=lambda wildcards: (
            "--oversubscribe" if TIMINGS[wildcards.timing].oversubscribe else ""
        ),


rule collect_scaling:
    input:
        lambda wildcards: results_of_scaling(wildcards.scaling),
    output:
        "results/tables/{scaling}_runs.csv",
    log:
        "logs/collect_scaling/{scaling}.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Collect the results of {wildcards.scaling}"
    script:
        "../scripts/collect_scaling.py"
