"""Parameters of a scaling experiment: the networks that are timed side by side, on how many ranks, and how often."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from eprop_core.experiments import points
from eprop_core.experiments.baselines.parameters import check_comparable
from eprop_core.experiments.values import LOOKS, Name, RankCounts, Seeds
from eprop_core.network.initial_weights import check_initial_weights
from eprop_core.parameters import LEARNING_PROJECTIONS, PROJECTIONS, AllToAll, Network, PairwiseBernoulli, check_rate
from eprop_core.parsing import WHOLE_NUMBERS, FileName, ParameterError, Parameters, Whole, parse
from eprop_core.ranks.exchange_cost import Destinations


class Case(Parameters):
    """A random network with Poisson input, on any number of ranks."""

    kind: Literal["strong", "weak"] = Field(
        description="strong: the same network on any number of ranks; weak: n_input and n_recurrent grow in "
        "proportion to the ranks, and connection probabilities shrink, so that in-degrees, and the out-degree of "
        "feedback with pairwise_bernoulli, stay the same"
    )
    network: Network = Field(description="the network on `ranks_of_network` ranks")
    ranks_of_network: Whole = Field(
        1,
        ge=1,
        description="weak scaling: number of ranks of the given network; on others, sizes are proportional, rounded up",
    )
    readouts_grow: bool = Field(
        False, description="weak scaling: whether n_readout grows with the number of ranks as well"
    )
    input_rate: float = Field(
        ge=0, description="firing rate of each input channel", json_schema_extra={"unit": "spikes/s"}
    )
    destinations: Destinations | None = Field(
        None,
        description="ranks that a spike is sent to: all, or those with targets; null: what is faster by the model of "
        "communication",
    )

    sample_length: Whole | None = Field(
        None, ge=1, description="steps per sample, for networks with weight updates or resets between samples"
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_rate("input_rate", self.input_rate, self.network.dt)
        for name in LEARNING_PROJECTIONS:
            if self.kind == "weak" and isinstance(getattr(self.network, name).connectivity, AllToAll):
                raise ValueError(
                    f"network.{name}.connectivity.rule: all_to_all lets in-degrees grow with the ranks; "
                    "weak scaling needs fixed_in_degree or pairwise_bernoulli"
                )
        if self.kind == "weak" and self.network.groups is not None:
            raise ValueError("network.groups: must be null for weak scaling, in which n_recurrent grows with the ranks")
        if self.network.plasticity.counts_samples and self.sample_length is None:
            raise ValueError("sample_length: is needed where weights are updated or states reset between samples")
        return self

    def network_on(self, n_ranks: int) -> Network:
        """Return the network that ``n_ranks`` ranks simulate together."""
        network = self.network
        if self.kind == "strong":
            return network
        growing = ("n_input", "n_recurrent", *(("n_readout",) if self.readouts_grow else ()))
        changes: dict[str, Any] = {
            size: -(-n_ranks * getattr(network, size) // self.ranks_of_network) for size in growing
        }
        for name in PROJECTIONS:
            projection = getattr(network, name)
            if isinstance(projection.connectivity, PairwiseBernoulli):
                scaled = projection.connectivity.probability * self.ranks_of_network / n_ranks
                sparser = {"probability": min(1.0, scaled)}
                connectivity = projection.connectivity.model_copy(update=sparser)
                changes[name] = projection.model_copy(update={"connectivity": connectivity})
        return network.model_copy(update=changes)


class Timing(Case):
    """Timing of all variants of a random network in one job, alternating between variants."""

    variants: dict[Name, points.Changes] = Field(
        {"eprop_plus": {}},
        min_length=1,
        max_length=LOOKS,
        description="variants that are timed: values by parameter path (`network.input.plastic`), by name",
    )
    n_steps: Whole = Field(ge=1, description="number of timed steps")
    n_steps_warm_up: Whole = Field(ge=1, description="number of warm-up steps, which are not timed")
    repeats: Whole = Field(
        3, ge=1, description="repeats of building and running each variant within a job, alternating between variants"
    )
    paired: bool = Field(
        False,
        description="whether each run on several ranks is preceded by a run of rank 0 alone in the same job; the "
        "speed-up is then the median ratio of these pairs. In weak scaling, rank 0 alone runs the network of one rank",
    )
    oversubscribe: bool = Field(
        False, description="whether more ranks than cores are allowed; times are then hardly meaningful"
    )

    @model_validator(mode="after")
    def _variants_are_allowed(self) -> Self:
        for name in self.variants:
            try:
                length = self.case(name).sample_length or 1
            except ParameterError as error:
                raise ValueError(f"variants.{name}: {str(error).splitlines()[0]}") from None
            if self.n_steps % length or self.n_steps_warm_up % length:
                raise ValueError(f"variants.{name}: n_steps and n_steps_warm_up must be multiples of sample_length")
        return self

    def case(self, variant: str) -> Case:
        """Return the network and input of a variant.

        Raises
        ------
        ParameterError
            Its changes are not allowed.
        """
        values = self.model_dump(mode="json", include=set(Case.model_fields))
        return points.parse_changed(Case, values, self.variants[variant])

    def cases_of(self, *, dry_run: bool) -> dict[str, Case]:
        """Return the variants that are timed, by name: in a dry run, those whose other ranks can be emulated."""
        return {name: case for name, case in self.cases.items() if case.network.firing_period or not dry_run}

    def simulated_by_nest(self, n: int) -> list[str]:
        """Return the variants whose network on ``n`` threads or ranks NEST can simulate."""
        return [name for name, case in self.cases.items() if _is_comparable(case.network_on(n))]

    @property
    def cases(self) -> dict[str, Case]:
        """All variants by name."""
        return {name: self.case(name) for name in self.variants}


def _is_comparable(network: Network) -> bool:
    try:
        check_comparable(network)
    except ValueError:
        return False
    return True


class Scaling(Timing):
    """Timing runs over numbers of ranks and seeds."""

    ranks: RankCounts = Field([], description="numbers of MPI ranks of the measurements")
    dry_ranks: RankCounts = Field(
        [],
        description="numbers of ranks, of which a dry run emulates one without the others: memory and computing time "
        "are measured, communication is modelled. Variants without neuron.ignore_and_fire are left out",
    )
    dry_together: bool = Field(
        False,
        description="true: dry runs emulate as many ranks at a time as there are cores (on a cluster, ranks_per_node), "
        "which share caches and memory bandwidth as on a full node; the slowest one counts. false: one rank, which has "
        "the machine to itself",
    )
    nest_threads: RankCounts = Field(
        [],
        description="numbers of threads of runs with NEST, which are shown in the same figure; variants that NEST does "
        "not support are left out",
    )
    nest_ranks: RankCounts = Field(
        [],
        description="numbers of MPI ranks, with one thread each, of further runs with NEST; left out unless the NEST "
        "of EPROP_BENCH_NEST_PYTHON was built with MPI",
    )
    measured_elsewhere: dict[Name, FileName] = Field(
        {},
        max_length=2,
        description="measurements on other machines that are shown in the same figure, by name of the machine: the "
        "file results/tables/EXPERIMENT_scaling_runs.csv of the same experiment there, without its dry runs",
    )
    seeds: Seeds = Field([1], description="one job per seed and number of ranks")
    note: str = Field("", max_length=500, description="sentence that is added to the caption of the figure, plain text")

    @model_validator(mode="after")
    def _ranks_are_possible(self) -> Self:
        if not self.ranks and not self.dry_ranks:
            raise ValueError("ranks, dry_ranks: one of them must have a number of ranks")
        if self.dry_ranks and not self.cases_of(dry_run=True):
            raise ValueError("dry_ranks: one of the variants needs network.neuron.ignore_and_fire")
        for n in (*self.nest_threads, *self.nest_ranks):
            if not self.timing.simulated_by_nest(n):
                check_comparable(next(iter(self.cases.values())).network_on(n))
        for machine, file in self.measured_elsewhere.items():
            if set(file) & set("{}"):
                raise ValueError(f"measured_elsewhere.{machine}: {file}: must not have braces, which are wildcards")
        for variant, case in self.cases.items():
            for n_ranks in dict.fromkeys((*self.ranks, *self.dry_ranks, *self.nest_threads, *self.nest_ranks)):
                network = case.network_on(n_ranks)
                if n_ranks > network.n_recurrent:
                    raise ValueError(
                        f"variant {variant}: {n_ranks} ranks are more than the {case.network.n_recurrent} "
                        "recurrent neurons"
                    )
                if max(network.n_recurrent, network.n_input, network.n_readout) >= WHOLE_NUMBERS:
                    raise ValueError(
                        f"variant {variant}: on {n_ranks} ranks there are more than {WHOLE_NUMBERS - 1} recurrent "
                        "neurons, input channels or readouts"
                    )
                try:
                    check_initial_weights(parse(Network, network.model_dump()))
                except ParameterError as error:
                    raise ValueError(f"variants.{variant}: on {n_ranks} ranks, {error}") from None
        return self

    @property
    def timing(self) -> Timing:
        """The parameters of one job."""
        return Timing.model_validate(self.model_dump(include=set(Timing.model_fields)))
