# The suite is a module, so that other workflows can use it the same way.
# A configuration given with --configfile replaces the default one instead of being merged into it.


if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


module suite:
    snakefile:
        "workflow/Snakefile"
    config:
        config


use rule * from suite
