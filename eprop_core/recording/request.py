"""Request for recordings of a run, in addition to its spikes and readouts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eprop_core.network.projections import projections
from eprop_core.parameters import Network
from eprop_core.parsing import ParameterError, expect, is_whole, shown

NEURON_QUANTITIES: Mapping[str, str] = {
    "membrane_voltage": "mV",
    "threshold": "mV",
    "surrogate_gradient": "",
    "firing_rate": "spikes/s",
    "rate_regularization": "",
    "learning_signal": "",
}
"""Quantities of neurons, with their units."""

SYNAPSE_QUANTITIES: Mapping[str, str] = {"eligibility_trace": "", "gradient": "", "weight": "pA"}
"""Quantities of synapses, with their units."""


@dataclass(frozen=True)
class Record:
    """Neurons and synapses to record, at every ``interval``-th step of a simulation: 0, ``interval``, ...

    ``docs/how_to/recordings.md`` says to which step each value belongs.

    Raises
    ------
    ParameterError
        A neuron or a synapse that is named twice, an unknown quantity, or an interval below 1.
    """

    neurons: Sequence[int] = ()
    """Ids of recurrent neurons."""
    synapses: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    """Pairs of (source, target) by projection: their names are those of :meth:`Simulation.weights
    <eprop_core.simulation.Simulation.weights>`."""
    quantities: Collection[str] | None = None
    """Keys of :data:`NEURON_QUANTITIES` and :data:`SYNAPSE_QUANTITIES`; None: all that the network has."""
    interval: int = 1
    """Steps."""

    def __post_init__(self) -> None:
        """Check the values."""
        if not is_whole(self.interval, 1):
            raise ParameterError(
                f"record.interval = {shown(self.interval)}: must be a whole number of steps, at least 1"
            )
        expect("record.neurons", self.neurons, (Sequence, np.ndarray), "a list of ids of recurrent neurons")
        expect("record.synapses", self.synapses, Mapping, "pairs of (source, target) by projection")
        known = (*NEURON_QUANTITIES, *SYNAPSE_QUANTITIES)
        chosen = [self.quantities] if isinstance(self.quantities, str) else list(self.quantities or ())
        if isinstance(self.quantities, str) or not set(chosen) <= set(known):
            raise ParameterError(f"record.quantities = {chosen}: must be a list of some of {', '.join(known)}")
        _integers("record.neurons", self.neurons, (len(self.neurons),))
        for projection, pairs in self.synapses.items():
            _integers(f"record.synapses.{projection}", pairs, (len(pairs), 2) if len(pairs) else (0,))

    def check_fits(self, network: Network) -> None:
        """Raise a :class:`ParameterError` for neurons or synapses that a network cannot have."""
        for neuron in self.neurons:
            if not 0 <= neuron < network.n_recurrent:
                raise ParameterError(f"record.neurons: no neuron {neuron}; there are 0 to {network.n_recurrent - 1}")
        specs = {spec.name: spec for spec in projections(network)}
        for name, pairs in self.synapses.items():
            if name not in specs:
                raise ParameterError(f"record.synapses: no projection {name!r}; there are {', '.join(specs)}")
            sizes = specs[name].source.size, specs[name].target.size
            for pair in pairs:
                if not all(0 <= end < size for end, size in zip(pair, sizes, strict=True)):
                    raise ParameterError(
                        f"record.synapses.{name}: no pair {tuple(pair)}; sources are 0 to {sizes[0] - 1}, "
                        f"targets 0 to {sizes[1] - 1}"
                    )

    def wants(self, quantity: str) -> bool:
        """Whether a quantity is to be recorded, if there is one."""
        return self.quantities is None or quantity in self.quantities


def _integers(name: str, values: Sequence[int] | Sequence[tuple[int, int]], shape: tuple[int, ...]) -> None:
    try:
        array = np.array(values, ndmin=1)
    except ValueError:
        array = np.zeros((), object)
    if array.shape != shape or (array.size and not np.issubdtype(array.dtype, np.integer)):
        kind = "(source, target) pairs of ids" if len(shape) == 2 else "ids"
        raise ParameterError(f"{name}: must be a list of {kind}")
    if len(np.unique(array, axis=0)) < len(array):
        raise ParameterError(f"{name}: an entry is there twice")
