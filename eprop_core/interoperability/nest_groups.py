"""Groups of recurrent neurons in a network of NEST, whose kernel does not know which neurons belong together.

In NEST each synapse has a model, and with it an optimizer or none, and a delay. Here these belong to pairs of groups.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from eprop_core.interoperability.nest_populations import Populations, Projection
from eprop_core.network.connections import Connections
from eprop_core.parameters import ARROW

MOST_GROUPS = 20
"""A network that needs more has synapses that differ one by one."""
_MOST_AT_FIRST = 5 * MOST_GROUPS
"""The same bound before groups are merged."""

_UNKNOWN = -1


class Groups(NamedTuple):
    """A division of the recurrent neurons."""

    of_neuron: np.ndarray
    """int64 (n_recurrent,), group of each neuron in the order of :class:`Populations`."""

    @property
    def order(self) -> np.ndarray:
        """The neurons by group, int64 (n_recurrent,)."""
        return np.argsort(self.of_neuron, kind="stable")

    @property
    def sizes(self) -> dict[str, int]:
        """Number of neurons of each group by its name."""
        return {f"group_{n + 1}": int(size) for n, size in enumerate(np.bincount(self.of_neuron))}

    def parts(self, name: str, whole: Projection) -> dict[str, Projection]:
        """Return the parts between groups of a projection onto recurrent neurons, which are sorted by group."""
        names, sizes = list(self.sizes), list(self.sizes.values())
        group = np.repeat(np.arange(len(sizes)), sizes)
        onto, is_recurrent = group[whole.connections.target], name == "recurrent"
        by_source = group[whole.connections.source] if is_recurrent else np.zeros(len(onto), np.int64)
        found = {}
        for source, target in np.unique(np.stack([by_source, onto]), axis=1).T.tolist():
            n_sources = sizes[source] - (source == target) if is_recurrent else whole.n_possible // len(group)
            key = f"{names[source] if is_recurrent else name}{ARROW}{names[target]}"
            found[key] = whole.part((by_source == source) & (onto == target), n_sources * sizes[target])
        return found


def groups_of(populations: Populations, onto: dict[str, Projection], kinds: dict[str, np.ndarray]) -> Groups | None:
    """Return groups between which all synapses are alike.

    Neurons are put into groups one after the other, each into the group with which it agrees most often in the kinds of
    its synapses with the same other neurons. Then groups are merged as long as synapses stay alike. Adaptive neurons
    have groups of their own, since they have the highest ids here.

    Parameters
    ----------
    populations
        The populations of the network.
    onto
        The projections "input" and "recurrent".
    kinds
        Kinds of their synapses, as :func:`kinds_of` returns them.

    Returns
    -------
    Groups | None
        None where synapses between the same groups would differ, or groups would be more than :data:`MOST_GROUPS`.
    """
    n_inputs, n = len(populations.ids["input"]), len(populations.ids["recurrent"])
    inputs, recurrent = onto["input"].connections, onto["recurrent"].connections
    # Partners of a neuron are the inputs, the neurons from which it receives, and those to which it projects.
    neuron = np.concatenate([inputs.target, recurrent.target, recurrent.source])
    partner = np.concatenate([inputs.source, n_inputs + recurrent.source, n_inputs + n + recurrent.target])
    kind = np.concatenate([kinds["input"], kinds["recurrent"], kinds["recurrent"]])
    adapts = np.arange(n) >= n - populations.n_adaptive
    group = _joined_one_by_one(neuron, partner, kind, adapts)
    between_groups = None if group is None else _kinds_between(group, inputs, recurrent, kinds)
    if group is None or between_groups is None:
        return None
    group = _merged(group, between_groups, adapts)
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    if len(first) > MOST_GROUPS:
        return None
    return Groups(np.argsort(np.argsort(first))[group])  # in the order of their first neurons


def _joined_one_by_one(
    neuron: np.ndarray, partner: np.ndarray, kind: np.ndarray, adapts: np.ndarray
) -> np.ndarray | None:
    """Return the group of each neuron, int64 (n,), each of which joins the one it agrees with most; None if too many.

    ``neuron``, ``partner`` and ``kind`` are those of all synapses.
    """
    order = np.argsort(neuron, kind="stable")
    group = np.zeros(len(adapts), np.int64)
    known: list[np.ndarray] = []  # kind by partner, of the neurons in each group
    adaptive: list[bool] = []
    for i, own in enumerate(np.split(order, np.searchsorted(neuron[order], np.arange(1, len(adapts))))):
        best, most = len(known), 0
        for number in range(len(known)):
            there = known[number][partner[own]]
            agree = there == kind[own]
            if adaptive[number] == adapts[i] and agree.sum() > most and (agree | (there == _UNKNOWN)).all():
                best, most = number, int(agree.sum())
        if best == len(known):
            if best == _MOST_AT_FIRST:
                return None
            known.append(np.full(partner.max(initial=0) + 1, _UNKNOWN))
            adaptive.append(bool(adapts[i]))
        known[best][partner[own]] = kind[own]
        group[i] = best
    return group


def _kinds_between(
    group: np.ndarray, inputs: Connections, recurrent: Connections, kinds: dict[str, np.ndarray]
) -> np.ndarray | None:
    """Return the kind of the synapses to each group, int64 (n_groups, 1 + n_groups); None where they differ.

    The first column is that from the inputs, the others those from the groups.
    """
    n_groups = int(group.max()) + 1
    column = np.concatenate([np.zeros(len(inputs.target), np.int64), 1 + group[recurrent.source]])
    pair = group[np.concatenate([inputs.target, recurrent.target])] * (1 + n_groups) + column
    kind = np.concatenate([kinds["input"], kinds["recurrent"]])
    found = np.full(n_groups * (1 + n_groups), _UNKNOWN)
    found[pair] = kind
    return found.reshape(n_groups, 1 + n_groups) if (found[pair] == kind).all() else None


def _merged(group: np.ndarray, kinds: np.ndarray, adapts: np.ndarray) -> np.ndarray:
    """Merge groups, the most similar first, as long as the synapses between two groups stay alike."""
    adaptive = {int(number): bool(adapts[group == number][0]) for number in np.unique(group)}
    while True:
        possible = [
            (agreement, one, other)
            for one in adaptive
            for other in adaptive
            if one < other and adaptive[one] == adaptive[other]
            if (agreement := _agreement(kinds, one, other)) is not None
        ]
        if not possible:
            return group
        _, one, other = max(possible, key=lambda pair: pair[0])
        for lines, first, second in ((kinds, one, other), (kinds.T, 1 + one, 1 + other)):
            lines[first] = np.where(lines[first] == _UNKNOWN, lines[second], lines[first])
            lines[second] = _UNKNOWN
        group = np.where(group == other, one, group)
        del adaptive[other]


def _agreement(kinds: np.ndarray, one: int, other: int) -> int | None:
    """Return in how many kinds two groups agree; None where synapses of the two together would differ."""
    within = kinds[[one, one, other, other], [1 + one, 1 + other, 1 + one, 1 + other]]
    if len(np.unique(within[within != _UNKNOWN])) > 1:
        return None
    agreement = 0
    for first, second in ((kinds[one], kinds[other]), (kinds[:, 1 + one], kinds[:, 1 + other])):
        both = (first != _UNKNOWN) & (second != _UNKNOWN)
        if (first[both] != second[both]).any():
            return None
        agreement += int(both.sum())
    return agreement


def kinds_of(projection: Projection, synapse_models: dict[str, dict[str, Any]]) -> np.ndarray:
    """Return the kind of each synapse, int64 (n,), from 0 on; synapses of one kind may be of one projection.

    ``synapse_models`` has the defaults of NEST's models by name.
    """
    models, model = np.unique(projection.synapse_models, return_inverse=True)
    delays, delay = np.unique(projection.delays, return_inverse=True)
    rules: list[list[dict[str, Any] | None]] = []
    rule = [_number(rules, rule_of(synapse_models[str(name)])) for name in models]
    return np.asarray(np.array(rule, np.int64)[model] * len(delays) + delay if len(model) else model, np.int64)


def rule_of(defaults: dict[str, Any]) -> dict[str, Any] | None:
    """Return the optimizer of a synapse model, and whether gradients are averaged; None if it is static."""
    if "optimizer" not in defaults:
        return None
    return dict(defaults["optimizer"]) | {"average_gradient": bool(defaults.get("average_gradient", False))}


def _number(rules: list[list[dict[str, Any] | None]], optimizer: dict[str, Any] | None) -> int:
    """Return the index of the rule to which an optimizer is added; None stands for static synapses."""
    for number, present in enumerate(rules):
        if (optimizer is None) == (present[0] is None) and differ_in_signs_only([*present, optimizer]):
            present.append(optimizer)
            return number
    rules.append([optimizer])
    return len(rules) - 1


def differ_in_signs_only(optimizers: Iterable[dict[str, Any] | None]) -> bool:
    """Whether optimizers are equal, but for bounds that are 0 from below for some and from above for others."""
    given = [optimizer for optimizer in optimizers if optimizer is not None]
    others = [{key: value for key, value in own.items() if key not in ("Wmin", "Wmax")} for own in given]
    bounds = {(own["Wmin"], own["Wmax"]) for own in given}
    signs = {(lowest == 0.0, largest == 0.0) for lowest, largest in bounds}
    of_signs = len(bounds) == 2 and signs == {(True, False), (False, True)}
    return all(own == others[0] for own in others) and (len(bounds) <= 1 or of_signs)
