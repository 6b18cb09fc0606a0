"""All data sets that a configuration can name: those built in, and those of plug-ins."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field, RootModel

from eprop_core import plug_ins
from eprop_core.datasets.parameters import (
    DatasetParameters,
    Digits,
    Events,
    Mnist,
    Nmnist,
    Shd,
    Ssc,
    SyntheticSpeech,
)
from eprop_core.parsing import parse

DATASETS = plug_ins.with_plug_ins(
    plug_ins.DATASETS, DatasetParameters, Digits, Mnist, Nmnist, Events, Shd, Ssc, SyntheticSpeech
)
"""Parameters of all data sets, those of plug-ins included."""

if TYPE_CHECKING:
    Dataset = DatasetParameters
else:
    Dataset = Annotated[Union[DATASETS], Field(discriminator="name")]  # noqa: UP007


class _AnyDataset(RootModel[Dataset]):
    """One data set of any kind, for :func:`parse_dataset`."""


def parse_dataset(values: Any, where: str = "") -> Dataset:
    """Validate ``values`` as the data set that their key ``name`` selects; raises the errors of :func:`parse`."""
    return parse(_AnyDataset, values, where).root
