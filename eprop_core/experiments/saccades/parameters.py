"""The parameters of the comparison of simulated with recorded saccades."""

from pydantic import Field

from eprop_core.datasets.parameters import Saccades
from eprop_core.parsing import FileName, Parameters, Whole


class SaccadesComparison(Parameters):
    """Simulated against recorded saccades, on the images that both have (the target ``saccades``)."""

    nmnist: FileName = Field(description="directory with Train and Test, or archive, of N-MNIST")
    mnist: FileName = Field(description="directory of MNIST's four idx files")
    samples: Whole | None = Field(None, ge=1, description="the first so many recordings of each split; null: all")
    seed: int = Field(1, ge=0, lt=2**64, description="seed of the simulated sensor's noise")
    saccades: Saccades = Saccades()
