"""Cross-validation: every sample is tested once, by a network that was trained without its fold."""

import numpy as np

from eprop_core.datasets.events import EventDataset
from eprop_core.errors import DatasetError


def fold(dataset: EventDataset, n_folds: int, index: int) -> tuple[EventDataset, EventDataset]:
    """Return the training and the test samples of fold ``index`` of ``n_folds``, in the order of ``dataset``.

    The samples are assigned to the folds in turn, class by class, so that the sizes of folds differ by at most one
    sample, in total and within each class.

    Raises
    ------
    DatasetError
        If there are fewer samples than folds.
    """
    if len(dataset) < n_folds:
        raise DatasetError(f"{len(dataset)} samples cannot be dealt to {n_folds} folds; expected one for each at least")
    by_class = np.argsort(dataset.labels, kind="stable")
    tested = np.zeros(len(dataset), bool)
    tested[by_class[index::n_folds]] = True
    return dataset.subset(np.flatnonzero(~tested)), dataset.subset(np.flatnonzero(tested))
