"""Split a model into a chain of stages that computes the same, along the modules of one depth.

Each module of that depth is a stage, and so is each of its calls that can be told apart. Modules that feed each other
in a cycle are one stage. What runs above that depth is put between them, in as few stages as their order allows. A node
is in one stage, except for the nodes that prepare, which are copied into each stage that needs them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from ..analysis.components import strongly_connected
from ..tags.module_table import ModuleTable
from ..tags.scope import parent
from .extract import Extractor
from .piece import Piece, cut
from .preparation import Preparation


@dataclass(frozen=True)
class Stage:
    """One model of a chain: the modules that it runs, the call of its only module if told apart, and its nodes."""

    scopes: tuple[str, ...]
    call: int | None
    piece: Piece


class _Members(NamedTuple):
    """What a stage holds, before it is cut."""

    scopes: tuple[str, ...]
    call: int | None
    nodes: list[int]


@dataclass(frozen=True)
class _Group:
    """Nodes that stay together. `is_module` is False for a node that runs above the depth of the split."""

    scope: str
    call: int | None
    nodes: Sequence[int]
    is_module: bool


def stages(extractor: Extractor, depth: int) -> tuple[Preparation, list[Stage]]:
    """Return the stages of a model, in an order in which each reads only what earlier ones write.

    `depth` counts called modules from the root, whose children have depth 1.
    """
    preparation = extractor.whole()
    groups = _merged(preparation, _groups(extractor, preparation, depth))
    pieces: list[Stage] = []
    asked = set(preparation.flow.outputs)
    # Backwards, because a stage writes what later ones read.
    for scopes, call, nodes in reversed(_in_order(preparation, groups)):
        piece = cut(preparation, nodes, asked)
        if not piece.outputs:
            if all(preparation.size[index] for index in nodes):
                continue
            piece = cut(preparation, nodes)
        asked.update(piece.inputs)
        pieces.append(Stage(scopes, call, piece))
    return preparation, pieces[::-1]


def _groups(extractor: Extractor, preparation: Preparation, depth: int) -> list[_Group]:
    flow = preparation.flow
    results = set(flow.outputs)
    table = extractor.run.modules
    holders = {table.nearest_called(parent(scope)) for scope in table if scope and table.is_called(scope)}
    labels = {scope: _at_depth(scope, table, depth, holders) for scope in set(flow.scopes)}
    members: defaultdict[str, list[int]] = defaultdict(list)
    groups: list[_Group] = []
    for index, scope in enumerate(flow.scopes):
        if preparation.constant[index] and results.isdisjoint(flow.writes[index]):
            continue
        label = labels[scope]
        if label is None:
            groups.append(_Group(scope, None, [index], is_module=False))
        else:
            members[label].append(index)
    for scope, nodes in members.items():
        calls = extractor.calls(preparation, nodes, scope)
        groups += [
            _Group(scope, call if len(calls) > 1 else None, found, is_module=True) for call, found in enumerate(calls)
        ]
    return groups


def _at_depth(scope: str, table: ModuleTable, depth: int, holders: Collection[str]) -> str | None:
    """Return the called module of a depth that is a scope or above it, or one less deep without modules below it.

    None if the scope is that of a module less deep, one of the `holders` of other modules.
    """
    above: list[str] = []
    while scope:
        if table.is_called(scope):
            above.append(scope)
        scope = parent(scope)
    if len(above) >= depth:
        return above[-depth]
    return above[0] if above and above[0] not in holders else None


def _merged(preparation: Preparation, groups: Sequence[_Group]) -> list[list[_Group]]:
    """Return the groups, those that depend on each other together."""
    flow = preparation.flow
    group_of = {index: number for number, group in enumerate(groups) for index in group.nodes}
    feeds: list[set[int]] = [set() for _ in groups]
    for number, group in enumerate(groups):
        for name in _inputs(preparation, group):
            producer = group_of.get(flow.producers.get(name, -1))
            if producer is not None and producer != number:
                feeds[producer].add(number)
    return [[groups[number] for number in component] for component in strongly_connected(feeds)]


def _inputs(preparation: Preparation, group: _Group) -> Iterable[str]:
    if group.is_module:
        return cut(preparation, group.nodes).inputs
    return (name for index in group.nodes for name in preparation.flow.reads[index])


def _in_order(preparation: Preparation, components: Sequence[Sequence[_Group]]) -> list[_Members]:
    """Return what each stage holds. Single nodes that can follow each other are one stage."""
    flow = preparation.flow
    nodes = [sorted(index for group in component for index in group.nodes) for component in components]
    found: list[_Members] = []
    single: list[int] = []

    def close() -> None:
        if single:
            scopes = tuple(dict.fromkeys(flow.scopes[index] for index in single))
            found.append(_Members(scopes, None, sorted(single)))
            single.clear()

    for number in _topological(preparation, components, nodes):
        component = components[number]
        if any(group.is_module for group in component):
            close()
            scopes = tuple(dict.fromkeys(group.scope for group in component if group.is_module))
            found.append(_Members(scopes, component[0].call if len(component) == 1 else None, nodes[number]))
        else:
            single += nodes[number]
    close()
    return found


def _topological(
    preparation: Preparation, components: Sequence[Sequence[_Group]], nodes: Sequence[Sequence[int]]
) -> Iterable[int]:
    """Yield components behind those that feed them: all single nodes that are ready, then the first module that is."""
    flow = preparation.flow
    component_of = {index: number for number, members in enumerate(nodes) for index in members}
    waits: list[set[int]] = []
    readers: defaultdict[int, set[int]] = defaultdict(set)
    for number, component in enumerate(components):
        producers = {
            component_of.get(flow.producers.get(name, -1))
            for group in component
            for name in _inputs(preparation, group)
        }
        waits.append({producer for producer in producers if producer is not None and producer != number})
        for producer in waits[number]:
            readers[producer].add(number)
    is_module = [any(group.is_module for group in component) for component in components]
    ready = [(is_module[number], nodes[number][0], number) for number in range(len(components)) if not waits[number]]
    heapify(ready)
    while ready:
        number = heappop(ready)[-1]
        yield number
        for reader in readers[number]:
            waits[reader].discard(number)
            if not waits[reader]:
                heappush(ready, (is_module[reader], nodes[reader][0], reader))
