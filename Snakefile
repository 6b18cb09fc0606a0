# The suite is imported as a module, as other workflows can import it, too.
# A configuration given with --configfile replaces the default one; the two are not merged.


if not workflow.overwrite_configfiles:
    import sys

    sys.path.insert(0, workflow.basedir)
    from workflow.lib import configuration_file

    configuration_file.check(configuration_file.DEFAULTS)

    configfile: "config/config.yaml"
    configfile: "config/baselines.yaml"


module suite:
    snakefile:
        "workflow/Snakefile"
    config:
        config


use rule * from suite


onsuccess:
    import sys
    from workflow.lib import configuration_file, labels

    files = workflow.overwrite_configfiles or configuration_file.DEFAULTS
    for line in labels.unused(config, files):
        print(f"warning: {line}", file=sys.stderr)


onstart:
    from pathlib import Path
    from workflow.lib.one_call import AnotherCallError, claim
    from snakemake.exceptions import WorkflowError

    try:
        claim(Path.cwd())
    except AnotherCallError as error:
        raise WorkflowError(error) from None
