# Installs NEST in its own environment. NEST is a reference for comparisons, not a dependency.

import hashlib


localrules:
    nest_environment,


# The output is written last, so that an interrupted installation is repeated. EPROP_BENCH_NEST_PYTHON names a Python in
# which NEST is installed already. PYTHONPATH begins with the folder of the source (common.smk).


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
        requirements=hashlib.sha256(
            (SOURCE / "envs" / "nest.lock").read_bytes()
        ).hexdigest(),
        existing=os.path.expanduser(os.environ.get("EPROP_BENCH_NEST_PYTHON", "")),
    message:
        "Install NEST in its own environment"
    shell:
        "exec > {log} 2>&1; rm -rf {params.directory}; interpreter={params.existing:q}; "
        "if [[ -z $interpreter ]]; then"
        " run='python -m eprop_core.machine.with_driver env -u PYTHONHOME -u PYTHONPATH';"
        " $run python -m venv {params.directory};"
        " interpreter={params.directory}/bin/python;"
        " $run $interpreter -m pip install --disable-pip-version-check --only-binary :all: --require-hashes"
        ' --requirement "${{PYTHONPATH%%:*}}/envs/nest.lock";'
        " fi; "
        'python -m eprop_core.interoperability.describe_nest "$interpreter" {output}'
