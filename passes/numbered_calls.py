"""The numbers of the calls of modules that are called more than once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx
import onnx_graphsurgeon as gs

from ..analysis.module_calls import numbered_nodes, told_apart
from ..analysis.repeated_modules import possibly_repeated_modules
from ..evidence.parameter_uses import folded_values
from ..graph.dataflow import Dataflow
from ..graph.preparing_nodes import PreparingNodes
from ..identity_map import IdentityMap
from ..tags.scope import is_descendant, with_ancestors
from ..tags.tag_format import Confidence, Source
from .context import Context


def number_calls(context: Context) -> None:
    """Give each node of the main graph the number of its module's call, if that can be told."""
    context.forget_calls()
    nodes, call_numbers = find_call_numbers(context)
    for scope, numbers in call_numbers.items():
        for index, number in numbers.items():
            tag = context.tags.get(nodes[index])
            if tag is not None and tag.scope == scope:
                context.set_call(nodes[index], number)


def find_call_numbers(context: Context) -> tuple[list[gs.Node], dict[str, dict[int, int]]]:
    """Return the nodes of the main graph in the order of the file, and the calls of modules that are told apart.

    Each of these modules has the numbers of the calls that the nodes in it and below it ran in, by their positions. If
    no module can be called twice, there are no nodes. If the module of a node is unknown, no calls are told apart.
    """
    nodes = context.graph.nodes
    scopes = ["" if tag is None else tag.scope for tag in context.tags.tags_of(nodes)]
    folded_from = folded_values(context.model)
    candidates = possibly_repeated_modules(nodes, scopes, folded_from).intersection(scopes) - {""}
    candidates -= _in_subgraphs(context)
    if not candidates:
        return [], {}
    if context.rewritten:
        context.model.write_edits()
    ordered, graph = _dataflow(context, folded_from)
    computing = [context.tags.get(node) for index, node in enumerate(ordered) if graph.computes(index)]
    if any(tag is None or tag.source is Source.FALLBACK for tag in computing):
        return ordered, {}
    doubtful = {tag.scope for tag in computing if tag and tag.confidence is Confidence.LOW}
    candidates -= {above for scope in doubtful for above in with_ancestors(scope)}
    call_numbers = {
        scope: numbered_nodes(graph, members, told_apart(graph, members, scope))
        for scope, members in _members(graph.flow.scopes, candidates).items()
    }
    return ordered, {scope: numbers for scope, numbers in call_numbers.items() if numbers}


def _in_subgraphs(context: Context) -> set[str]:
    """Return the modules with nodes in a subgraph whose holder ran elsewhere: how often they run is not in the file."""
    found: set[str] = set()
    for region in context.regions():
        holder = None if region.holder is None else context.tags.get(region.holder)
        if holder is not None and region.function is None:
            inside = {tag.scope for tag in map(context.tags.get, region.graph.nodes) if tag is not None}
            above = {module for scope in inside for module in with_ancestors(scope)}
            found.update(module for module in above if not is_descendant(holder.scope, module))
    return found


def _dataflow(context: Context, folded_from: Mapping[str, str | None]) -> tuple[list[gs.Node], PreparingNodes]:
    """Return the nodes of the main graph in the order of its message, and which of them prepare."""
    node_of: IdentityMap[onnx.NodeProto, gs.Node] = IdentityMap()
    for node, message in context.model.messages():
        node_of[message] = node

    def scope_of(message: onnx.NodeProto) -> str:
        tag = context.tags.get(node_of[message])
        return "" if tag is None else tag.scope

    graph = context.model.skeleton.graph
    flow = Dataflow.of([graph], [], scope_of)
    return [node_of[message] for message in graph.node], PreparingNodes.of(flow, folded_from)


def _members(scopes: Sequence[str], modules: Collection[str]) -> dict[str, list[int]]:
    """Return the nodes that ran in each of some modules or below it, in order."""
    inside: dict[str, list[str]] = {}
    found: dict[str, list[int]] = {module: [] for module in sorted(modules)}
    for index, scope in enumerate(scopes):
        if scope not in inside:
            inside[scope] = [module for module in with_ancestors(scope) if module in found]
        for module in inside[scope]:
            found[module].append(index)
    return found
