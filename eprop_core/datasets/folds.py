"""Cross-validation: every sample is tested once, by a network that has learned none of its fold."""

import numpy as np

from eprop_core.datasets.events import DatasetError, EventDataset


def fold(dataset: EventDataset, n_folds: int, index: int) -> tuple[EventDataset, EventDataset]:
    """Return the samples to learn and those to test, in the order of ``dataset``, for fold ``index`` of ``n_folds``.

    The samples are dealt to the folds in turn, class by class, so that folds differ by one sample at most, in number
    and within each class. Raises :class:`DatasetError` where there are fewer samples than folds.
    """
    if len(dataset) < n_folds:
        raise DatasetError(f"{len(dataset)} samples cannot be dealt to {n_folds} folds; expected one for each at least")
    by_class = np.argsort(dataset.labels, kind="stable")
    tested = np.zeros(len(dataset), bool)
    tested[by_class[index::n_folds]] = True
    return dataset.subset(np.flatnonzero(~tested)), dataset.subset(np.flatnonzero(tested))
