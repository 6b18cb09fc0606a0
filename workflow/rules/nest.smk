# NEST in an environment of its own: it is compared with, never a dependency.


localrules:
    nest_environment,


# The output is written last, so that an interrupted build does not count. An environment does not survive a move:
# `directory` makes a new one where the results have gone. EPROP_BENCH_NEST_PYTHON names a Python that has NEST already.


rule nest_environment:
    input:
        requirements=SOURCE / "envs" / "nest.txt",
        describe=NEST_PROGRAMS / "describe.py",
    output:
        "results/nest/environment.json",
    log:
        "logs/nest_environment.log",
    conda:
        "../../envs/core.yaml"
    params:
        directory=Path("results/nest/environment").absolute(),
        existing=os.environ.get("EPROP_BENCH_NEST_PYTHON", ""),
    message:
        "Install NEST in an environment of its own"
    shell:
        "exec > {log} 2>&1; unset PYTHONHOME PYTHONPATH; rm -rf {params.directory:q}; interpreter={params.existing:q}; "
        "if [[ -z $interpreter ]]; then"
        " python -m venv {params.directory:q}; interpreter={params.directory:q}/bin/python;"
        ' "$interpreter" -m pip install --disable-pip-version-check --requirement {input.requirements:q};'
        " fi; "
        '"$interpreter" {input.describe:q} {output:q}'
