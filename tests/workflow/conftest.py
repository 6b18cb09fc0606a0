"""The workflow's scripts are modules beside each other, as Snakemake starts them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))
