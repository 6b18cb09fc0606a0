"""The parameters of the comparison of simulated with recorded saccades."""

from typing import Self

from pydantic import Field, model_validator

from eprop_core.datasets.parameters import IMAGE_SIZE, SENSOR_SIZE, Saccades
from eprop_core.parsing import FileName, Parameters, Whole


class SaccadesComparison(Parameters):
    """Comparison of simulated with recorded saccades on the same images (the target ``saccades``)."""

    nmnist: FileName = Field(description="directory of N-MNIST with Train and Test, or its archive")
    mnist: FileName = Field(description="directory of the four idx files of MNIST")
    samples: Whole | None = Field(None, ge=1, description="number of recordings per split, the first ones; null: all")
    seed: int = Field(1, ge=0, lt=2**64, description="seed of the noise of the simulated sensor")
    saccades: Saccades = Saccades()

    @model_validator(mode="after")
    def _is_sensor_of_nmnist(self) -> Self:
        for key, size in (("sensor_size", SENSOR_SIZE), ("image_size", IMAGE_SIZE)):
            if (given := getattr(self.saccades, key)) != size:
                raise ValueError(f"saccades.{key} = {given}: must be {size} as in N-MNIST")
        return self
