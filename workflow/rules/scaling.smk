# Scaling: one timing run per seed and number of ranks, alone on its machine, which alternates between variants and
# repeats; and the exchange between ranks.


localrules:
    collect_scaling,
    join_scaling,
    scaling_figure,
    scaling_table,
    exchange_figure,
    exchange_table,


# Compilation increases the memory of a process. A separate process therefore compiles first what the rule `compile` does
# not cover: the exchange between ranks, or the whole simulator if a batch job has another type of processor.


rule time_one_rank:
    input:
        timing=parameters("timings", "{timing}"),
        compiled=lambda wildcards: compiled(
            case.network for case in PLAN.timings[wildcards.timing].cases.values()
        ),
        code=code("eprop_core.experiments.scaling.__main__"),
        modules=lambda wildcards: modules(
            [case.network for case in PLAN.timings[wildcards.timing].cases.values()]
        ),
    output:
        "results/scaling/{timing}/ranks-{ranks}_seed-{seed}.json",
    log:
        "logs/time/{timing}/ranks-{ranks}_seed-{seed}.log",
    wildcard_constraints:
        ranks="1",
    conda:
        ENVIRONMENT
    threads: all_cores()
    resources:
        mem_mb=lambda wildcards: cluster.memory(PLAN.timings[wildcards.timing], 1, 1),
        runtime=lambda wildcards, attempt: cluster.minutes(
            PLAN.timings[wildcards.timing], 1, attempt
        ),
        cpus_per_task=1,
        slurm_extra="--exclusive",
    params:
        launcher="",
        mpi4py="",
        options=lambda wildcards: cluster.oversubscribe(PLAN.timings[wildcards.timing]),
    message:
        "Time {wildcards.timing} on {wildcards.ranks} rank(s), seed {wildcards.seed} (progress: {log})"
    shell:
        "measure() {{ {params.launcher} python {params.mpi4py} -m eprop_core.experiments.scaling {input.timing}"
        ' {params.options} --seed {wildcards.seed} --output {output} "$@" 2>> {log}; }}; '
        '[ -z "{params.launcher}${{SLURM_JOB_ID:-}}" ] || measure --compile; measure'


# With `-m mpi4py`, an error of one rank ends all ranks, which would otherwise wait forever.
use rule time_one_rank as time_many_ranks with:
    wildcard_constraints:
        ranks=r"[2-9]|\d\d+",
    resources:
        **nodes(lambda wildcards: int(wildcards.ranks)),
        mem_mb=lambda wildcards: cluster.memory(
            PLAN.timings[wildcards.timing],
            int(wildcards.ranks),
            cluster.ranks_per_node(CONFIGURATION, int(wildcards.ranks)),
        ),
        runtime=lambda wildcards, attempt: cluster.minutes(
            PLAN.timings[wildcards.timing], int(wildcards.ranks), attempt
        ),
        cpus_per_task=1,
        slurm_extra="--exclusive",
        tasks=lambda wildcards: int(wildcards.ranks),
        mpi=cluster.mpi_launcher(),
    params:
        launcher=lambda wildcards, resources: f"{resources.mpi} -n {wildcards.ranks}",
        mpi4py="-m mpi4py",
        options=lambda wildcards: (
            f"--ranks {wildcards.ranks} {cluster.oversubscribe(PLAN.timings[wildcards.timing])}"
        ),


use rule time_one_rank as time_dry_run with:
    output:
        "results/scaling/{timing}/dry-{ranks}_seed-{seed}.json",
    log:
        "logs/time/{timing}/dry-{ranks}_seed-{seed}.log",
    wildcard_constraints:
        ranks=r"\d+",
    resources:
        mem_mb=lambda wildcards: cluster.memory(
            PLAN.timings[wildcards.timing],
            int(wildcards.ranks),
            emulated_together(wildcards),
        ),
        runtime=lambda wildcards, attempt: cluster.minutes(
            PLAN.timings[wildcards.timing], int(wildcards.ranks), attempt
        ),
        cpus_per_task=lambda wildcards: emulated_together(wildcards),
        slurm_extra="--exclusive",
    params:
        launcher="",
        mpi4py="",
        options=lambda wildcards: (
            f"--dry-run {wildcards.ranks} --together {emulated_together(wildcards)} "
            f"{cluster.oversubscribe(PLAN.timings[wildcards.timing])}"
        ),
    message:
        "Time emulated ranks of {wildcards.ranks} of {wildcards.timing}, seed {wildcards.seed} (progress: {log})"


# NEST with threads, on the same networks and input.
rule time_nest_threads:
    input:
        timing=parameters("timings", "{timing}"),
        simulator="results/simulators/nest.json",
        scripts=simulator_folders.programs(["nest"]),
        code=code("eprop_core.experiments.baselines.nest_scaling"),
    output:
        "results/scaling/{timing}/nest-threads-{ranks}_seed-{seed}.json",
    log:
        "logs/time/{timing}/nest-threads-{ranks}_seed-{seed}.log",
    conda:
        ENVIRONMENT
    threads: all_cores()
    resources:
        mem_mb=lambda wildcards: cluster.nest_memory(
            PLAN.timings[wildcards.timing], int(wildcards.ranks)
        ),
        runtime=lambda wildcards, attempt: 240 * attempt,
        cpus_per_task=lambda wildcards: int(wildcards.ranks),
        slurm_extra="--exclusive",
    params:
        options=lambda wildcards: f"--threads {wildcards.ranks}",
    message:
        "Time NEST for {wildcards.timing} on {wildcards.ranks} thread(s), seed {wildcards.seed} (progress: {log})"
    shell:
        "python -m eprop_core.experiments.baselines.nest_scaling {input.timing} --simulator {input.simulator}"
        " {params.options} --seed {wildcards.seed} --output {output} 2> {log}"


# NEST with MPI ranks. The program itself has one process, which lets the launcher start them, repeat after repeat.
use rule time_nest_threads as time_one_nest_rank with:
    output:
        "results/scaling/{timing}/nest-ranks-{ranks}_seed-{seed}.json",
    log:
        "logs/time/{timing}/nest-ranks-{ranks}_seed-{seed}.log",
    wildcard_constraints:
        ranks="1",
    params:
        options="--ranks 1",
    message:
        "Time NEST for {wildcards.timing} on {wildcards.ranks} MPI rank, seed {wildcards.seed} (progress: {log})"


use rule time_one_nest_rank as time_nest_ranks with:
    wildcard_constraints:
        ranks=r"[2-9]|\d\d+",
    resources:
        **nodes(lambda wildcards: int(wildcards.ranks)),
        mem_mb=lambda wildcards: cluster.nest_memory(
            PLAN.timings[wildcards.timing],
            int(wildcards.ranks),
            cluster.ranks_per_node(CONFIGURATION, int(wildcards.ranks)),
        ),
        runtime=lambda wildcards, attempt: 240 * attempt,
        cpus_per_task=1,
        slurm_extra="--exclusive",
        tasks=lambda wildcards: int(wildcards.ranks),
        mpi=cluster.mpi_launcher(),
    params:
        options=lambda wildcards, resources: (
            f"--ranks {wildcards.ranks} --launcher {shlex.quote(f'{resources.mpi} -n')}"
        ),
    message:
        "Time NEST for {wildcards.timing} on {wildcards.ranks} MPI ranks, seed {wildcards.seed} (progress: {log})"


use rule collect_study as collect_scaling with:
    input:
        files=parameters("scaling", "{scaling}"),
        results=lambda wildcards: PLAN.results_of_scaling(wildcards.scaling),
        elsewhere=lambda wildcards: list(
            CONFIGURATION.scaling[wildcards.scaling].measured_elsewhere.values()
        ),
        interconnect=lambda wildcards: PLAN.measured_interconnect(wildcards.scaling),
        code=code("workflow.scripts.scaling.collect"),
    output:
        "results/tables/{scaling}_scaling_runs.csv",
    log:
        "logs/collect_scaling/{scaling}.log",
    params:
        program="scaling.collect",
        options=lambda wildcards, input: (
            f"--interconnect {input.interconnect}" if input.interconnect else ""
        ),
    message:
        "Collect the results of {wildcards.scaling} scaling"


use rule collect_study as join_scaling with:
    input:
        files=[
            f"results/tables/{name}_scaling_runs.csv" for name in CONFIGURATION.scaling
        ],
        code=code("workflow.scripts.scaling.join"),
    output:
        "results/tables/scaling.csv",
    log:
        "logs/join_scaling.log",
    params:
        program="scaling.join",
        options="",
    message:
        "Join the tables of all scaling experiments"


use rule collect_study as scaling_figure with:
    input:
        files="results/tables/{scaling}_scaling_runs.csv",
        style=STYLE,
        code=code("workflow.scripts.scaling.figure"),
    output:
        "results/figures/{scaling}_scaling.pdf",
        report(
            "results/figures/{scaling}_scaling.svg",
            caption="../report/scaling.rst",
            category="Scaling",
        ),
        "results/figures/{scaling}_scaling.png",
        "results/figures/{scaling}_scaling.csv",
    log:
        "logs/scaling_figure/{scaling}.log",
    params:
        program="scaling.figure",
        options=STYLE_OPTION,
        facts=lambda wildcards: captions.scaling(CONFIGURATION, wildcards.scaling),
    message:
        "Draw {wildcards.scaling} scaling"


use rule collect_study as scaling_table with:
    input:
        files="results/tables/{scaling}_scaling_runs.csv",
        code=code("workflow.scripts.scaling.table"),
    output:
        table("{scaling}_scaling"),
    log:
        "logs/scaling_table/{scaling}.log",
    params:
        program="scaling.table",
        options="",
    message:
        "Tabulate {wildcards.scaling} scaling"


use rule collect_study as exchange_figure with:
    input:
        files="results/tables/scaling.csv",
        interconnect=PLAN.measured_interconnect(*CONFIGURATION.scaling),
        style=STYLE,
        code=code("workflow.scripts.scaling.exchange_figure"),
    output:
        "results/figures/exchange.pdf",
        report(
            "results/figures/exchange.svg",
            caption="../report/exchange.rst",
            category="Scaling",
        ),
        "results/figures/exchange.png",
        "results/figures/exchange.csv",
    log:
        "logs/exchange_figure.log",
    params:
        program="scaling.exchange_figure",
        options=lambda wildcards, input: (
            f"{STYLE_OPTION} --interconnect {input.interconnect}"
            if input.interconnect
            else STYLE_OPTION
        ),
    message:
        "Draw the exchange between ranks"


use rule collect_study as exchange_table with:
    input:
        files="results/figures/exchange.csv",
        code=code("workflow.scripts.scaling.exchange_table"),
    output:
        table("exchange"),
    log:
        "logs/exchange_table.log",
    params:
        program="scaling.exchange_table",
        options="",
    message:
        "Tabulate the exchange between ranks"
