"""Two ranks, of which the first receives Ctrl-C while it starts MPI (``interrupt``), or ends before (``exit``)."""

import importlib.util
import os
import signal
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from eprop_core.ranks import launch

NAME = "mpi4py.MPI"


class Interrupting:
    """Lets the other finders find the module that starts MPI, and interrupts its import once MPI has started."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None
        load = spec.loader.exec_module

        def load_and_interrupt(module: ModuleType) -> None:
            load(module)
            os.kill(os.getpid(), signal.SIGINT)

        spec.loader.exec_module = load_and_interrupt
        return spec


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ["PMI_RANK"] == "0":
        if sys.argv[1] == "exit":
            sys.exit("this rank has ended")
        sys.meta_path.insert(0, Interrupting())
    launch.TIME_TO_START = 3
    launch.join(2, oversubscribe=True).barrier()
