"""The cost of every node of a model, with the bodies of control flow as often as they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import onnx

from ..graph.decode import as_text
from .loop_trips import Constants, loop_trips, scan_trips
from .node_cost import NO_COST, NodeCost, node_cost
from .parameters import Parameter, parameter_of
from .sizes import Size, UnknownSizeError, magnitude
from .typed_node import TypedNode, operator_name, plain_attributes
from .value_types import GraphPath, TypeTable, inner_graphs


class CostedNode(NamedTuple):
    """A node by name, its operator, its cost (None: not known), and the parameters that it reads."""

    name: str
    operator: str
    cost: NodeCost | None
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class _Scope:
    """A graph, and what it sees of the graphs around it."""

    graph: onnx.GraphProto
    path: GraphPath
    constants: Constants
    parameters: Mapping[str, Parameter]
    stored: frozenset[str]


def costs_of(model: onnx.ModelProto, types: TypeTable) -> list[CostedNode]:
    """Return every node of a model without functions, with its cost.

    Of the branches of an If only the dearer one has a cost. A body runs as often as is known; if that is not known,
    neither is the cost of its nodes.
    """
    outer = _Scope(onnx.GraphProto(), (), Constants(), {}, frozenset())
    return list(_costs(_inner(outer, model.graph, ()), types))


def _inner(outer: _Scope, graph: onnx.GraphProto, path: GraphPath) -> _Scope:
    own = {as_text(tensor.name): parameter_of(tensor, path) for tensor in graph.initializer}
    sparse = {as_text(tensor.values.name) for tensor in graph.sparse_initializer}
    parameters = {**outer.parameters, **{name: found for name, found in own.items() if found is not None}}
    return _Scope(graph, path, outer.constants.within(graph), parameters, outer.stored | own.keys() | sparse)


def _costs(scope: _Scope, types: TypeTable) -> Iterator[CostedNode]:
    for node in scope.graph.node:
        operator = operator_name(node)
        typed = _typed(node, operator, scope, types)
        names = [as_text(name) for name in node.input]
        read = dict.fromkeys(scope.parameters[name] for name in names if name in scope.parameters)
        yield CostedNode(as_text(node.name), operator, node_cost(typed), tuple(read))
        bodies = inner_graphs(node)
        if not bodies:
            continue
        inner = [list(_costs(_inner(scope, graph, (*scope.path, *step)), types)) for step, graph in bodies.items()]
        if operator == "If":
            yield from _dearer_branch(inner)
        else:
            trips = _trips(node, operator, typed, scope.constants)
            yield from (_repeated(found, trips) for body in inner for found in body)


def _typed(node: onnx.NodeProto, operator: str, scope: _Scope, types: TypeTable) -> TypedNode:
    inputs = [as_text(name) for name in node.input]
    while inputs and not inputs[-1]:
        inputs.pop()
    return TypedNode(
        operator,
        tuple(plain_attributes(node)) if node.attribute else (),
        tuple(types.get(scope.path, name) if name else None for name in inputs),
        tuple(types.get(scope.path, as_text(name)) if name else None for name in node.output),
        tuple(name in scope.stored for name in inputs),
    )


def _trips(node: onnx.NodeProto, operator: str, typed: TypedNode, constants: Constants) -> Size | None:
    """Return how often the body of a node runs; None if that is not known."""
    try:
        if operator == "Loop":
            return loop_trips(node, constants)
        if operator == "Scan":
            return scan_trips(typed)
    except (UnknownSizeError, ValueError, IndexError):
        pass
    return None


def _repeated(node: CostedNode, trips: Size | None) -> CostedNode:
    if node.cost is None or node.cost == NO_COST:
        return node
    return node._replace(cost=None if trips is None else NodeCost(*(trips * size for size in node.cost)))


def _dearer_branch(branches: Iterable[list[CostedNode]]) -> Iterator[CostedNode]:
    """Yield the nodes of all branches; those of the cheaper ones have no cost, but what is not known stays so."""
    ordered = sorted(branches, key=_weight, reverse=True)
    for index, branch in enumerate(ordered):
        for node in branch:
            yield node if index == 0 or node.cost is None else node._replace(cost=NO_COST)


def _weight(nodes: Iterable[CostedNode]) -> tuple[float, float]:
    costs = [node.cost for node in nodes if node.cost is not None]
    operations = sum(2 * magnitude(cost.macs) + magnitude(cost.flops) for cost in costs)
    return operations, sum(magnitude(cost.activation_bytes) for cost in costs)
