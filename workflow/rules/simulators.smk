# Installs other simulators, each in an environment of its own. They are compared with, and are no dependencies.


localrules:
    simulator_environment,


# The output is written last, so that an interrupted installation is repeated. EPROP_BENCH_NEST_PYTHON, and the same for
# other simulators, names a Python in which it is installed already.


rule simulator_environment:
    input:
        description=lambda wildcards: simulator_folders.description(wildcards.simulator),
        code=code("eprop_core.interoperability.simulators"),
    output:
        "results/simulators/{simulator}.json",
    log:
        "logs/simulator_environment/{simulator}.log",
    conda:
        ENVIRONMENT
    params:
        directory=lambda wildcards, output: Path(output[0]).with_suffix(""),
        folder=lambda wildcards: simulator_folders.folder(wildcards.simulator),
        file=lambda wildcards: simulator_folders.requirements(wildcards.simulator),
        requirements=lambda wildcards: simulator_folders.hash_of_requirements(
            wildcards.simulator
        ),
        existing=lambda wildcards: os.path.expanduser(
            os.environ.get(f"EPROP_BENCH_{wildcards.simulator.upper()}_PYTHON", "")
        ),
    message:
        "Install {wildcards.simulator} in its own environment"
    shell:
        "exec > {log} 2>&1; rm -rf {params.directory}; interpreter={params.existing:q}; "
        "if [[ -z $interpreter ]]; then"
        " run='python -m eprop_core.machine.with_driver env -u PYTHONHOME -u PYTHONPATH';"
        " $run python -m venv {params.directory};"
        " interpreter={params.directory}/bin/python;"
        " $run $interpreter -m pip install --disable-pip-version-check --only-binary :all:"
        " --requirement {params.file:q};"
        " fi; "
        'python -m eprop_core.interoperability.simulators {params.folder:q} "$interpreter" {output}'
