# The race: figure and table of the points in benchmarks/points.yaml, and stanzas for it from results of `baselines`.


localrules:
    race,
    race_points,
    race_figure,
    race_table,


rule race:
    input:
        [*figure("race"), *table("race")],


use rule collect_study as race_points with:
    input:
        files=parameters("baselines", "all"),
        results=PLAN.results_of_baselines,
        scaling=(
            PLAN.results_of_scaling("nest_strong")
            if "nest_strong" in CONFIGURATION.scaling
            else []
        ),
        fixed=of_checkout(
            "config/baselines.yaml", "config/race.yaml", "config/nest_scaling.yaml"
        ),
        code=code("workflow.scripts.race.stanzas"),
    output:
        "results/race/points.yaml",
    log:
        "logs/race_points.log",
    params:
        program="race.stanzas",
        options=lambda wildcards, input: (
            f"--scaling {input.scaling}" if input.scaling else ""
        ),
    message:
        "Write stanzas for benchmarks/points.yaml"


use rule collect_study as race_figure with:
    input:
        files=of_checkout("benchmarks/points.yaml"),
        style=STYLE,
        code=code("workflow.scripts.race.figure"),
    output:
        "results/figures/race.pdf",
        "results/figures/race.svg",
        "results/figures/race.png",
        "results/figures/race.csv",
    log:
        "logs/race_figure.log",
    params:
        program="race.figure",
        options=STYLE_OPTION,
    message:
        "Draw the race"


use rule collect_study as race_table with:
    input:
        files=of_checkout("benchmarks/points.yaml"),
        code=code("workflow.scripts.race.table"),
    output:
        table("race"),
    log:
        "logs/race_table.log",
    params:
        program="race.table",
        options="",
    message:
        "Tabulate the race"
