# Installs NEST in its own environment. NEST is a reference for comparisons, not a dependency.


localrules:
    nest_environment,


# The output is written last, so that an interrupted installation is repeated. EPROP_BENCH_NEST_PYTHON names a Python in
# which NEST is installed already.


rule nest_environment:
    input:
        code("eprop_core.interoperability.describe_nest"),
    output:
        "results/nest/environment.json",
    log:
        "logs/nest_environment.log",
    conda:
        ENVIRONMENT
    params:
        directory=lambda wildcards, output: Path(output[0]).with_suffix(""),
        requirements=[
            line
            for line in (SOURCE / "envs" / "nest.txt").read_text().splitlines()
            if not line.startswith("#")
        ],
        existing=os.path.expanduser(os.environ.get("EPROP_BENCH_NEST_PYTHON", "")),
    message:
        "Install NEST in its own environment"
    shell:
        "exec > {log} 2>&1; rm -rf {params.directory}; interpreter={params.existing:q}; "
        "if [[ -z $interpreter ]]; then"
        " env -u PYTHONHOME -u PYTHONPATH python -m venv {params.directory};"
        " interpreter={params.directory}/bin/python;"
        " env -u PYTHONHOME -u PYTHONPATH $interpreter -m pip install --disable-pip-version-check"
        " {params.requirements:q};"
        " fi; "
        'python -m eprop_core.interoperability.describe_nest "$interpreter" {output}'
