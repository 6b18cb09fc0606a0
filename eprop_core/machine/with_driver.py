"""Run a command that ends with the call of Snakemake that started it.

python -m eprop_core.machine.with_driver COMMAND
"""

import sys

from eprop_core.machine import child
from eprop_core.machine.driver import end_with_driver

if __name__ == "__main__":
    end_with_driver()
    sys.exit(child.run(sys.argv[1:]).returncode)
