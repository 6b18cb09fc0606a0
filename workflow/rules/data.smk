# Data sets: events and labels, split into training and test samples.


localrules:
    describe_dataset,
    saccades,


rule describe_dataset:
    output:
        "results/datasets/{dataset}.json",
    log:
        "logs/describe_dataset/{dataset}.log",
    conda:
        "../../envs/core.yaml"
    params:
        text=lambda wildcards: as_json(DATASETS[wildcards.dataset]),
    message:
        "Describe data set {wildcards.dataset}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule prepare_dataset:
    input:
        parameters="results/datasets/{dataset}.json",
        sources=sources("datasets"),
    output:
        expand(
            "results/datasets/{{dataset}}/{file}",
            file=["train.npz", "test.npz", "dataset.json"],
        ),
    log:
        "logs/prepare_dataset/{dataset}.log",
    benchmark:
        "logs/prepare_dataset/{dataset}.benchmark.tsv"
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        directory=lambda wildcards, output: Path(output[0]).parent,
    message:
        "Prepare data set {wildcards.dataset}"
    shell:
        "python -m eprop_core.datasets.prepare {input.parameters} {params.directory} 2> {log}"


# Simulated against recorded saccades, on the images that N-MNIST and MNIST share; made only on demand.


rule saccades:
    input:
        lambda wildcards: comparison() and products("saccades"),


rule compare_saccades:
    input:
        sources=sources("datasets"),
    output:
        "results/saccades.json",
    log:
        "logs/compare_saccades.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        nmnist=lambda wildcards: comparison().nmnist,
        mnist=lambda wildcards: comparison().mnist,
        saccades=lambda wildcards: comparison().saccades.model_dump_json(),
        seed=lambda wildcards: comparison().seed,
        samples=lambda wildcards: (
            f"--samples {comparison().samples}" if comparison().samples else ""
        ),
    message:
        "Compare simulated with recorded saccades (progress: {log})"
    shell:
        "python -m eprop_core.datasets.comparison {params.nmnist:q} {params.mnist:q} {output}"
        " --saccades {params.saccades:q} --seed {params.seed} {params.samples} > {log} 2>&1"
