"""Two ranks, of which the first receives Ctrl-C while it starts MPI (``interrupt``), or ends before, by itself
(``exit``) or because its driver has ended (``driver``)."""

import importlib.util
import os
import platform
import signal
import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from eprop_core.machine import driver
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
        if sys.argv[1] == "driver":
            with subprocess.Popen(["true"]) as ended:
                ended.wait()
            os.environ[driver.VARIABLE] = f"{platform.node()}:{ended.pid}"
            driver.end_with_driver()
        sys.meta_path.insert(0, Interrupting())
    if sys.argv[1] == "exit":
        launch.TIME_TO_START = 3
    launch.join(2, oversubscribe=True).barrier()
