"""Programs that turn results into tables and figures; a folder for each experiment."""

import os

# Before any of them imports matplotlib: a notebook names a backend there that this environment may not have.
os.environ["MPLBACKEND"] = "agg"
# Figures have no dates, and matplotlib fails on a value that is no number.
os.environ.pop("SOURCE_DATE_EPOCH", None)
