"""All data sets that a configuration can name: those built in, and those of plug-ins."""

from typing import TYPE_CHECKING, Annotated, Any, Self, Union

from pydantic import Field, RootModel, model_validator

from eprop_core import plug_ins
from eprop_core.datasets.parameters import (
    IS_HERE,
    READ,
    DatasetParameters,
    Digits,
    Events,
    Mnist,
    Nmnist,
    Shd,
    Ssc,
    StatedByDataset,
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


def check_dataset(parameters: DatasetParameters) -> None:
    """Raise a :class:`ParameterError` if a plug-in brings this data set and lacks something."""
    plug_ins.check(parameters, StatedByDataset, READ, IS_HERE)


class _AnyDataset(RootModel[Dataset]):
    """One data set of any kind, for :func:`parse_dataset`."""

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        check_dataset(self.root)
        return self


def parse_dataset(values: Any, where: str = "") -> Dataset:
    """Validate ``values`` as the data set that their key ``name`` selects; raises the errors of :func:`parse`."""
    return parse(_AnyDataset, values, where).root
