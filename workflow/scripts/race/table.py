"""Table of the race: a row per point."""

from pathlib import Path

import pandas as pd

from workflow.scripts.race.numbers import rows, three_digits
from workflow.scripts.race.points import read
from workflow.scripts.shared import program, write_table
from workflow.scripts.shared.write_table import cells

CAPTION = (
    "Points of the race: time per plastic synaptic event, median (quartiles), and memory per synapse of simulators on "
    "fixed networks; accuracy on test samples after a training on the same samples, and its time."
)
NOTE = "Clock: wall time on a machine without other work, or processor time of one core beside other work."


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    ends = zip(table["ns_per_event"], table["ns_per_event_low"], table["ns_per_event_high"], strict=True)
    times = [f"{three_digits(time)} ({three_digits(low)}-{three_digits(high)})" for time, low, high in ends]
    hardware = table["gpu"].where(table["gpu"] != "", table["processor"])
    return pd.DataFrame(
        {
            "Network": table["network"],
            "Simulator": (table["simulator"] + " " + table["version"]).str.strip(),
            "Computes": table["computes"],
            "ns per event": [
                f"not measured: {why}" if why else time for why, time in zip(table["not_measured"], times, strict=True)
            ],
            "Clock": table["clock"],
            "Accuracy (%)": cells(100 * table["accuracy"], ".1f"),
            "Training (s)": [three_digits(seconds) for seconds in table["training_s"]],
            "Bytes per synapse": [
                three_digits(size) or ("" if why else "not measured")
                for size, why in zip(table["bytes_per_synapse"], table["not_measured"], strict=True)
            ],
            "Cores": cells(table["cores"], ".0f"),
            "Hardware": hardware,
            "Repeats": cells(table["repeats"], ".0f"),
            "Commit": table["commit"].str[:7],
            "By": table["by"],
            "Date": table["date"],
        }
    )


def main() -> None:
    """Write the table of all points."""
    options = program.table_parser("workflow.scripts.race.table", __doc__)
    options.add_argument("points", type=Path, help="benchmarks/points.yaml")
    given = options.parse_args()
    table = rows(read(given.points))
    write_table.write(table, printed(table), given.output, CAPTION, "race", NOTE)


if __name__ == "__main__":
    program.run(main)
