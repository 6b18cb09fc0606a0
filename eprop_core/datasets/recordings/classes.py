"""The classes of a data set, which its training samples define, and the numbers that labels have."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from eprop_core.datasets.parameters import MOST_CLASSES
from eprop_core.datasets.recordings.source import Labelled
from eprop_core.errors import DatasetError


class Classes(NamedTuple):
    """Classes in the order of their numbers."""

    labels: Sequence[int | str]
    """Label of each class: integers or names."""
    names: list[str] | None = None
    """Names of the classes, if integers are their labels."""

    @classmethod
    def of(cls, training: Labelled, n_classes: int | None = None) -> Self:
        """Return the classes of training samples.

        Labels that are names are sorted. Integers without a list of names begin with 0 or 1 and leave no gap, unless
        ``n_classes`` is given.

        Raises
        ------
        DatasetError
            If labels cannot be those of classes.
        """
        where, names = training.name, training.class_names
        expected = training.n_classes if n_classes is None else n_classes
        found = np.unique(training.values).tolist()
        if names is not None and len(set(names)) < len(names):
            raise DatasetError(f"{where}: a name of a class comes twice; expected different ones")
        if isinstance(found[0], str):
            classes = cls(found if names is None else names)
        elif names is not None:
            classes = cls(range(len(names)), names)
        elif expected is not None:
            classes = cls(range(expected))
        else:
            classes = cls(range(found[0], found[0] + len(found)))
            if found[0] not in (0, 1) or found[-1] != classes.labels[-1]:
                raise DatasetError(
                    f"{where}: {len(found)} different labels from {found[0]} to {found[-1]}; expected all integers "
                    "from 0 or 1 on, or n_classes"
                )
        for number in (n_classes, training.n_classes):
            if number is not None and len(classes.labels) != number:
                raise DatasetError(f"{where}: has {len(classes.labels)} classes; expected {number}")
        if len(classes.labels) > MOST_CLASSES:
            raise DatasetError(f"{where}: has {len(classes.labels)} classes; expected at most {MOST_CLASSES}")
        if len(classes.labels) < 2:
            raise DatasetError(f"{where}: all samples are of one class; expected at least two classes")
        return classes

    @classmethod
    def listed(cls, labels: Sequence[int | str]) -> Self:
        """Return the classes that are listed; raise a :class:`DatasetError` if one comes twice."""
        if len(set(labels)) < len(labels):
            raise DatasetError(f"classes: {list(labels)}; expected different labels")
        return cls(labels)

    def numbers(self, labels: Labelled) -> npt.NDArray[np.int64]:
        """Return the number of each sample's class, int64 (n_samples,).

        Raises
        ------
        DatasetError
            If a label is none of the classes'.
        """
        if self.names is not None and labels.class_names not in (None, self.names):
            raise DatasetError(f"{labels.name}: other names of classes than in the training samples; expected the same")
        given = labels.values.tolist()
        by_label = {label: number for number, label in enumerate(self.labels)}
        numbers = [by_label.get(label, -1) for label in given]
        if -1 in numbers:
            index = numbers.index(-1)
            raise DatasetError(
                f"{labels.place(index)}: label {labels.values[index]}; expected one of the classes {self._in_words()}"
            )
        return np.array(numbers, np.int64)

    def _in_words(self) -> str:
        names = [str(label) for label in self.labels]
        return ", ".join(names) if len(names) <= 10 else f"{names[0]}, {names[1]}, ..., {names[-1]}"


NO_CLASSES = Classes([0])
"""All samples are of this class where targets are learned."""
