"""Table of the activity of a network before and after its training."""

from pathlib import Path

import numpy as np
import pandas as pd

from eprop_core.experiments.studies.dynamics import Activity, DynamicsResult, Weights
from eprop_core.labels import label_of
from eprop_core.parameters import LOSS_UNITS
from workflow.scripts.shared import program, style, write_table
from workflow.scripts.shared.write_table import cells


def numbers(result: DynamicsResult) -> pd.DataFrame:
    """Return a row per measure, with its values before and after training."""
    before, after = measures(result, result.before), measures(result, result.after)
    return pd.DataFrame({"measure": list(before), "before": list(before.values()), "after": list(after.values())})


def measures(result: DynamicsResult, activity: Activity) -> dict[str, float]:
    """Return the measures of an activity by their name in print."""
    seconds = result.n_steps * result.dt / 1000.0
    measured = {
        f"Loss ({LOSS_UNITS[result.loss]})": activity.loss,
        "Rate (spikes/s)": len(activity.spike_steps) / result.n_recurrent / seconds,
    }
    if "learning_signal" in activity.neurons:
        signals = np.array(activity.neurons["learning_signal"].by_step, float)
        mean_square = np.mean(signals**2) if signals.size else np.nan  # a sample may be too short for signals
        measured["Learning signal of the chosen neurons, root mean square"] = float(np.sqrt(mean_square))
    for name, weights in activity.weights.items():
        measured[f"{label_of(Weights, 'deviation')}, {name}"] = weights.deviation
    return measured


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is printed."""
    return pd.DataFrame(
        {"Measure": table["measure"]}
        | {column.capitalize(): cells(table[column], ".3g") for column in ("before", "after")}
    )


def main() -> None:
    """Write the table."""
    options = program.table_parser("workflow.scripts.studies.dynamics_table", __doc__)
    options.add_argument("result", type=Path, help="recorded activity before and after training (JSON)")
    given = options.parse_args()
    result = DynamicsResult.read(given.result)
    task = style.task_name(result.parameters.dataset.name)
    table = numbers(result)
    caption = f"Activity before and after training, {task}, in the samples of the figure."
    write_table.write(table, printed(table), given.output, caption, f"dynamics_{result.parameters.dataset.name}")


if __name__ == "__main__":
    program.run(main)
