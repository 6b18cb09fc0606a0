# Timing runs: one job per seed and number of ranks, alone on its machine; variants and repeats take turns inside.


localrules:
    describe_timing,
    collect_scaling,
    join_scaling,


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


# Between two ranks, where the configuration does not say: from it follows what dry runs would spend on messages.


rule measure_interconnect:
    input:
        program=programs("interconnect", "measurement", "ranks"),
    output:
        "results/scaling/interconnect.json",
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
        mpi=mpi_launcher(),
    params:
        options=oversubscribe(*CONFIGURATION.scaling.values()),
    message:
        "Measure latency and bandwidth between two ranks"
    shell:
        "{resources.mpi} -n 2 python -m mpi4py -m eprop_core.experiments.interconnect --ranks 2 {params.options}"
        " --output {output} 2> {log}"


# A process that has compiled something has more memory than its network needs: one of its own compiles before what the
# jobs of the rule `compile` did not, for the exchange between ranks, or in a batch job on another kind of processor.


rule time_one_rank:
    input:
        timing="results/scaling/{timing}/timing.json",
        compiled=lambda wildcards: compiled(networks_of_timing(wildcards.timing)),
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
        mem_mb=lambda wildcards: memory_of_timing(wildcards.timing, 1, 1),
        runtime=lambda wildcards, attempt: minutes_of_timing(
            wildcards.timing, 1, attempt
        ),
        cpus_per_task=1,
        slurm_extra="--exclusive",
    params:
        launcher="",
        mpi4py="",
        options=lambda wildcards: oversubscribe(TIMINGS[wildcards.timing]),
    message:
        "Time {wildcards.timing} on {wildcards.ranks} rank(s), seed {wildcards.seed} (progress: {log})"
    shell:
        "measure() {{ {params.launcher} python {params.mpi4py} -m eprop_core.experiments.scaling {input.timing}"
        ' {params.options} --seed {wildcards.seed} --output {output} "$@" 2>> {log}; }}; '
        '[ -z "{params.launcher}${{SLURM_JOB_ID:-}}" ] || measure --compile; measure'


# Without `-m mpi4py` an error of one rank would leave the others waiting.
use rule time_one_rank as time_many_ranks with:
    wildcard_constraints:
        ranks=r"[2-9]|\d\d+",
    resources:
        **number_of_nodes(),
        mem_mb=lambda wildcards: memory_of_timing(
            wildcards.timing,
            int(wildcards.ranks),
            ranks_per_node(int(wildcards.ranks)),
        ),
        runtime=lambda wildcards, attempt: minutes_of_timing(
            wildcards.timing, int(wildcards.ranks), attempt
        ),
        cpus_per_task=1,
        slurm_extra="--exclusive",
        tasks=lambda wildcards: int(wildcards.ranks),
        mpi=mpi_launcher(),
    params:
        launcher=lambda wildcards, resources: f"{resources.mpi} -n {wildcards.ranks}",
        mpi4py="-m mpi4py",
        options=lambda wildcards: (
            f"--ranks {wildcards.ranks} {oversubscribe(TIMINGS[wildcards.timing])}"
        ),


use rule time_one_rank as time_dry_run with:
    output:
        "results/scaling/{timing}/dry-{ranks}_seed-{seed}.json",
    log:
        "logs/time/{timing}/dry-{ranks}_seed-{seed}.log",
    wildcard_constraints:
        ranks=r"\d+",
    resources:
        mem_mb=lambda wildcards: memory_of_timing(
            wildcards.timing, int(wildcards.ranks), 1
        ),
        runtime=lambda wildcards, attempt: minutes_of_timing(
            wildcards.timing, int(wildcards.ranks), attempt
        ),
        cpus_per_task=1,
        slurm_extra="--exclusive",
    params:
        launcher="",
        mpi4py="",
        options=lambda wildcards: (
            f"--dry-run {wildcards.ranks} {oversubscribe(TIMINGS[wildcards.timing])}"
        ),
    message:
        "Play one of {wildcards.ranks} ranks of {wildcards.timing}, seed {wildcards.seed} (progress: {log})"


rule collect_scaling:
    input:
        results=lambda wildcards: results_of_scaling(wildcards.scaling),
        interconnect=lambda wildcards: measured_interconnect(
            [wildcards.scaling.removesuffix("_scaling")]
        ),
    output:
        "results/tables/{scaling}_runs.csv",
    log:
        "logs/collect_scaling/{scaling}.log",
    conda:
        "../../envs/core.yaml"
    params:
        interconnect=given_interconnect(),
    message:
        "Collect the results of {wildcards.scaling}"
    script:
        "../scripts/collect_scaling.py"


rule join_scaling:
    input:
        [f"results/tables/{name}_scaling_runs.csv" for name in CONFIGURATION.scaling],
    output:
        "results/tables/scaling.csv",
    log:
        "logs/join_scaling.log",
    conda:
        "../../envs/core.yaml"
    message:
        "Join the tables of all scaling experiments"
    shell:
        "awk 'FNR > 1 || NR == 1' {input} > {output} 2> {log}"
