"""Result of the comparison of simulators on one network."""

from typing import Literal

from pydantic import Field

from eprop_core.experiments.baselines.parameters import BaselineParameters
from eprop_core.interoperability import simulators
from eprop_core.measurement.results import Result
from eprop_core.parameters import Network
from eprop_core.records import Record

OWN = "eprop_core"
"""Label of this simulator."""
OWN_RULE = "e-prop+, event-driven"
"""Learning rule of this simulator."""

Variant = simulators.Variant | Literal["time_driven"]


class MachineSpeed(Record):
    """Speeds of this machine, on arrays of the network's size."""

    read_bytes_per_s: float = Field(description="every value is read, in sequence")
    update_bytes_per_s: float = Field(description="bytes read and written; every value is changed, in sequence")
    add_s: float = Field(description="time to add to the input of a random target")
    gather_s: float = Field(description="the same, with reading the sums of the target")


class Measurement(Record):
    """Measurements of one process; null: not measured for this simulator and variant."""

    neurons: int = Field(ge=0)
    synapses: int = Field(ge=0, json_schema_extra={"label": "synapses"})
    n_steps: int = Field(ge=0, description="timed steps")
    spikes: int = Field(ge=0, description="of the recurrent neurons, in the timed steps")
    synaptic_events: int = Field(ge=0)
    seconds: float = Field(description="wall time", json_schema_extra={"label": "time", "unit": "s"})
    processor_s: float = Field(description="processor time")
    build_s: float | None = Field(None, description="wall time of building")
    update_s: float | None = Field(None, description="wall time of neurons, readouts and the neurons' sums")
    deliver_s: float | None = Field(None, description="wall time of spikes at synapses, with plasticity")
    collocate_s: float | None = Field(None, description="wall time of filling send buffers")
    communicate_s: float | None = Field(None, description="wall time of the exchange between ranks or threads")
    wait_s: float | None = Field(None, description="wall time of waiting for slower ranks before an exchange")
    memory_built_bytes: int | None = Field(None, description="growth of the process by building")
    memory_bytes: int = Field(description="growth of the process by building and running")
    memory_over_time_bytes: list[int] | None = Field(
        None, description="growth of the process by building and each part of the run so far, variant memory"
    )
    peak_memory_bytes: int | None = Field(None, description="largest growth of the process")
    bytes_moved_per_event: float | None = Field(
        None, description="bytes of synapses read and written; null also without events"
    )
    machine: MachineSpeed | None = None
    threads: int = Field(ge=1)
    host: str | None = Field(None, description="name of the machine")
    gpu: str | None = Field(None, description="number and model of the GPUs that computed; null: none")


class NotMeasured(Record):
    """Result of a simulator that cannot simulate a problem."""

    not_measured: str = Field(min_length=1, max_length=200, description="reason, in one line")


class Agreement(Record):
    """Agreement of a simulator with this one, with plastic synapses; null: the simulator does not report it."""

    equal_spikes: float | None = Field(
        description="spikes of the recurrent neurons that both have, over all that one of them has",
        json_schema_extra={"label": "equal spikes"},
    )
    readout_difference: float | None = Field(description="largest difference, over the largest readout here")
    weight_difference: float | None = Field(
        description="largest difference of what was learned, over the largest change of a weight here"
    )


class Learned(Record):
    """Test accuracy and training time of a simulator, after training on the same samples as the others."""

    accuracy: float = Field(description="fraction of the test samples that are classified correctly")
    test_samples: int
    samples: int = Field(description="training samples, each shown once")
    learning_rate_factor: float = Field(
        description="multiple of the task's learning rates, chosen on held-out training samples"
    )
    tried: list[tuple[float, float]] = Field(description="factors, each with the accuracy on held-out samples")
    seconds: float = Field(description="wall time of the training")
    processor_s: float = Field(description="processor time of the training")
    synaptic_events: int


class Compared(Record):
    """A simulator that took part."""

    version: str
    computes: str = Field(description="learning rule, in one line")
    agreement: Agreement | None = Field(
        description="null: the network is too large for that, or it is this simulator itself"
    )


class Process(Measurement):
    """Measurements of one process, with its place among all processes."""

    simulator: str = Field(description="label of the simulator")
    variant: Variant
    repeat: int
    other_work_processors: float | None = Field(description="processors that other programs kept busy; null: unknown")


class BaselineResult(Result):
    """Measurements of all simulators on one network, a process each."""

    experiment: Literal["baselines"] = "baselines"
    parameters: BaselineParameters
    network: Network
    simulators: dict[str, Compared] = Field(description="by label, this one first")
    processes: list[Process] = Field(description="in the order in which they ran")
    left_out: dict[str, str] = Field(description="reasons by simulator and variant that was left out")
    learned: dict[str, Learned] = Field(description="by label; empty unless accuracies are compared")
