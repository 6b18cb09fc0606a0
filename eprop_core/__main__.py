"""List and run the commands: ``eprop-core [COMMAND ...]``, or ``python -m eprop_core [COMMAND ...]``."""

import runpy
import sys

from eprop_core.errors import printable

COMMANDS = {
    "describe": ("eprop_core.commands.describe", "print what the file of a network or a checkpoint holds"),
    "evaluate": ("eprop_core.commands.evaluate", "score a network on a data set"),
    "export": ("eprop_core.commands.export", "write a network for NEST or as a graph of NIR"),
    "prepare": ("eprop_core.datasets.prepare", "convert a data set to input spikes"),
    "summarize": ("eprop_core.commands.summarize", "print what prepared data hold"),
    "studies": ("eprop_core.experiments.studies", "train a network on a task and test it"),
    "scaling": ("eprop_core.experiments.scaling", "measure times and memory of a network on some ranks"),
    "baselines": ("eprop_core.experiments.baselines", "compare times with a time-driven simulator and with NEST"),
    "break_even": ("eprop_core.experiments.break_even", "compare event-driven and time-driven synapses by rate"),
    "interconnect": ("eprop_core.experiments.interconnect", "measure latency and bandwidth between ranks"),
    "saccades": ("eprop_core.experiments.saccades", "compare simulated saccades with recorded ones"),
    "verification": ("eprop_core.experiments.verification", "compare with NEST and with reference implementations"),
    "info": ("eprop_core.commands.info", "print versions and the machine, for a bug report"),
    "compile": ("eprop_core.experiments.compile", "compile the simulator for a kind of network"),
}
"""Modules by command, and what they do."""


def main() -> None:
    """Run the command that the command line names, or list all."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in COMMANDS:
        sys.argv = [name, *sys.argv[2:]]
        runpy.run_module(COMMANDS[name][0], run_name="__main__", alter_sys=True)
    elif name in ("-h", "--help"):
        print("usage: eprop-core COMMAND [--help] ...\n\ncommands:")
        for command, (_, description) in COMMANDS.items():
            print(f"  {command:<14}{description}")
    else:
        print(f"error: {printable(name)}: no such command; there are {', '.join(COMMANDS)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
