# The suite is a module, so that other workflows can use it the same way.
# A configuration given with --configfile replaces the default one instead of being merged into it.


if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"
    configfile: "config/baselines.yaml"


module suite:
    snakefile:
        "workflow/Snakefile"
    config:
        config


use rule * from suite


onstart:
    from pathlib import Path
    from workflow.lib.one_call import AnotherCallError, claim
    from snakemake.exceptions import WorkflowError

    try:
        claim(Path.cwd())
    except AnotherCallError as error:
        raise WorkflowError(error) from None
