"""Disk space that trained networks and checkpoints will take."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from eprop_core.experiments.studies.parameters import TaskParameters
from eprop_core.parameters import Network

CHECKPOINTS = 3
"""Checkpoints of a running training: the latest two, and the one that is being written."""


def forecast(networks: Mapping[str, TaskParameters]) -> str | None:
    """Return the disk space for networks that are still to be trained, in one line; None if there are none.

    Parameters
    ----------
    networks
        The tasks that are trained, by the file of the trained network.
    """
    from eprop_core.storage import file_size  # loads the compiler, which Snakemake needs for nothing else

    left = {file: task for file, task in networks.items() if not Path(file).exists()}
    if not left:
        return None
    known = [network for task in left.values() if (network := _network(task)) is not None]
    size = sum(map(file_size.estimate_network_file, known))
    checkpoints = CHECKPOINTS * max(map(file_size.estimate_checkpoint, known), default=0)
    about = "about" if len(known) == len(left) else "at least"
    networks_to_train = f"{len(left)} trained network{'s' if len(left) > 1 else ''}"
    return (
        f"Disk space: {about} {_in_words(size)} for {networks_to_train}, up to {_in_words(checkpoints)} for the "
        f"checkpoints of each running training; {_in_words(shutil.disk_usage(Path.cwd()).free)} are free"
    )


def _network(task: TaskParameters) -> Network | None:
    """Return the network of a task, or None if its size is unknown until the data are read."""
    sizes = task.dataset.sizes
    return None if sizes is None else task.network_for(*sizes)


def _in_words(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"
