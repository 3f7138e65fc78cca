"""Sum the costs of nodes: in total, by module, and by operator."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..tags.scope import natural_sort_key, parent
from .cost import Amounts, ModuleCost, OperatorCost
from .graph_cost import CostedNode
from .parameters import Parameter
from .sizes import SizeSum, magnitude


@dataclass(slots=True)
class _Sum:
    """The sum of the costs of some nodes."""

    macs: SizeSum = field(default_factory=SizeSum)
    flops: SizeSum = field(default_factory=SizeSum)
    activation_bytes: SizeSum = field(default_factory=SizeSum)
    parameters: set[Parameter] = field(default_factory=set[Parameter])
    nodes: Counter[str] = field(default_factory=Counter[str])
    unknown: int = 0

    def add(self, node: CostedNode) -> None:
        """Add a node."""
        self.nodes[node.operator] += 1
        self.parameters.update(node.parameters)
        if node.cost is None:
            self.unknown += 1
        else:
            self.macs.add(node.cost.macs)
            self.flops.add(node.cost.flops)
            self.activation_bytes.add(node.cost.activation_bytes)

    def merge(self, other: _Sum) -> None:
        """Add all nodes of another sum."""
        self.macs.merge(other.macs)
        self.flops.merge(other.flops)
        self.activation_bytes.merge(other.activation_bytes)
        self.parameters |= other.parameters
        self.nodes.update(other.nodes)
        self.unknown += other.unknown

    def amounts(self) -> Amounts:
        """Return the sum."""
        return Amounts(
            macs=self.macs.total(),
            flops=self.flops.total(),
            parameters=sum(parameter.elements for parameter in self.parameters),
            parameter_bytes=sum(parameter.byte_count for parameter in self.parameters),
            activation_bytes=self.activation_bytes.total(),
            nodes=dict(self.nodes.most_common()),
            unknown=self.unknown,
        )


def total(nodes: Iterable[CostedNode]) -> Amounts:
    """Return the cost of all nodes together."""
    found = _Sum()
    for node in nodes:
        found.add(node)
    return found.amounts()


def by_module(nodes: Iterable[CostedNode], scope_of: Callable[[str], str]) -> dict[str, ModuleCost]:
    """Return the cost of modules by scope, in natural order; `scope_of` has the module of a node by its name."""
    own: defaultdict[str, _Sum] = defaultdict(_Sum)
    for node in nodes:
        own[scope_of(node.name)].add(node)
    scopes = set(own) | {""}
    for scope in list(own):
        outer = parent(scope)
        while outer not in scopes:
            scopes.add(outer)
            outer = parent(outer)
    order = sorted(scopes, key=natural_sort_key)
    below: defaultdict[str, _Sum] = defaultdict(_Sum)
    # In natural order a module comes before its submodules.
    for scope in reversed(order):
        below[scope].merge(own[scope])
        if scope:
            below[parent(scope)].merge(below[scope])
    return {scope: ModuleCost(own[scope].amounts(), below[scope].amounts()) for scope in order}


def by_operator(nodes: Iterable[CostedNode]) -> dict[str, OperatorCost]:
    """Return the cost of nodes by operator, those with the most operations first."""
    found: defaultdict[str, _Sum] = defaultdict(_Sum)
    for node in nodes:
        found[node.operator].add(node)
    amounts = {operator: summed.amounts() for operator, summed in found.items()}
    costs = {
        operator: OperatorCost(
            of_all.nodes[operator], of_all.macs, of_all.flops, of_all.activation_bytes, of_all.unknown
        )
        for operator, of_all in amounts.items()
    }
    return dict(sorted(costs.items(), key=_heaviest_first))


def _heaviest_first(item: tuple[str, OperatorCost]) -> tuple[float, int, str]:
    operator, cost = item
    return -magnitude(2 * cost.macs + cost.flops), -cost.nodes, operator
