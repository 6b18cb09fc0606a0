# Data sets: events with labels or targets, split into training and test samples.


localrules:
    download,


# Files are downloaded where Snakemake is called, because nodes of a cluster may have no network.


rule download:
    input:
        parameters=parameters("datasets", "{dataset}"),
    output:
        "results/downloads/{dataset}.json",
    log:
        "logs/download/{dataset}.log",
    conda:
        ENVIRONMENT
    message:
        "Download what is missing of {wildcards.dataset} (progress: {log})"
    shell:
        "python -m eprop_core.datasets.download {input.parameters} {output} 2> {log}"


rule prepare_dataset:
    input:
        parameters=parameters("datasets", "{dataset}"),
        downloads=lambda wildcards: PLAN.downloads_of(wildcards.dataset),
        sources=parameters("sources", "{dataset}"),
        code=code("eprop_core.datasets.prepare"),
        modules=lambda wildcards: modules(PLAN.datasets[wildcards.dataset]),
    output:
        expand(
            "results/datasets/{{dataset}}/{file}",
            file=["train.npz", "test.npz", "dataset.json"],
        ),
    log:
        "logs/prepare_dataset/{dataset}.log",
    benchmark:
        "logs/prepare_dataset/{dataset}.benchmark.tsv"
    wildcard_constraints:
        dataset=either(PLAN.prepared(has_validation=False)),
    conda:
        ENVIRONMENT
    threads: lambda wildcards: PLAN.datasets[wildcards.dataset].most_threads
    resources:
        mem_mb=lambda wildcards, attempt: PLAN.datasets[
            wildcards.dataset
        ].preparation_mb
        * attempt
        + memory_of_snakemake(),
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        directory=lambda wildcards, output: Path(output[0]).parent,
    message:
        "Prepare data set {wildcards.dataset}"
    shell:
        "python -m eprop_core.datasets.prepare {input.parameters} {params.directory} --threads {threads} 2> {log}"


use rule prepare_dataset as prepare_dataset_with_validation with:
    output:
        expand(
            "results/datasets/{{dataset}}/{file}",
            file=["train.npz", "test.npz", "validation.npz", "dataset.json"],
        ),
    wildcard_constraints:
        dataset=either(PLAN.prepared(has_validation=True)),
