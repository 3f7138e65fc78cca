"""The order of calls of a table that lists modules as they were registered, worked out from the nodes of the file.

A module's children are often registered in another order than they are called: all norms after what they precede, say.
Known nodes show where their modules ran. The leaf modules without a known node are aligned with the unknown nodes in
the order of registration, which is that of the calls for most modules of one kind. Calls are nested, contiguous
intervals of the nodes, so a node between two known ones can only be in a module whose ancestors hold no known node or
hold one of these two, and it is below the lowest common ancestor of the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ..analysis.call_order import Call
from ..tags.module_table import ModuleTable
from .anchors import Anchors
from .arrays import UNKNOWN, Flags, Ids, as_ints
from .call_alignment import MAX_ALIGNMENT_CELLS, CallIndex, best_alignment
from .dataflow import Dataflow, Role
from .scope_tree import ScopeTree


def in_order_of_nodes(
    calls: Sequence[Call], table: ModuleTable, flow: Dataflow, scopes: Sequence[str | None]
) -> list[Call]:
    """Return calls, given in the order of registration, in the order in which the nodes show that their modules ran.

    `scopes` are the modules of the nodes, None if unknown.
    """
    tree = ScopeTree([call.scope for call in calls], table)
    known = np.array([UNKNOWN if scope is None else _number(scope, tree) for scope in scopes], np.int64)
    for match in (_match_in_order, _match_only_choice):
        ordered = _sorted(calls, tree, known)
        known = match(CallIndex(ordered), tree, flow, known)
    return _sorted(calls, tree, known)


def _number(scope: str, tree: ScopeTree) -> int:
    number = tree.id(scope)
    return UNKNOWN if number is None else number


def _match_in_order(calls: CallIndex, tree: ScopeTree, flow: Dataflow, known: Ids) -> Ids:
    """Return the known modules of nodes with those of the nodes that the order of calls places."""
    nodes, positions, modules = _unmatched(calls, tree, flow, known)
    if not len(positions) or not nodes or len(nodes) * len(positions) > MAX_ALIGNMENT_CELLS:
        return known
    score = np.where(
        _is_possible(nodes, modules, tree, known, region_scope=0), calls.match_scores(flow, nodes, positions), 0.0
    )
    found = known.copy()
    pairs = best_alignment(score, flow.role[nodes] == Role.MATRIX, calls.has_parameters[positions])
    for row, column in pairs:
        found[nodes[row]] = modules[column]
    return found


def _match_only_choice(calls: CallIndex, tree: ScopeTree, flow: Dataflow, known: Ids) -> Ids:
    """Return the known modules of nodes with those of the nodes that can be in one module, and no other node can."""
    nodes, positions, modules = _unmatched(calls, tree, flow, known)
    if not len(positions) or not nodes or len(nodes) * len(positions) > MAX_ALIGNMENT_CELLS:
        return known
    fits = _is_possible(nodes, modules, tree, known, region_scope=0)
    fits &= calls.match_scores(flow, nodes, positions) > 0
    is_only = fits & (fits.sum(axis=1, keepdims=True) == 1) & (fits.sum(axis=0, keepdims=True) == 1)
    found = known.copy()
    for row, column in zip(*map(as_ints, np.nonzero(is_only)), strict=True):
        found[nodes[row]] = modules[column]
    return found


def _unmatched(calls: CallIndex, tree: ScopeTree, flow: Dataflow, known: Ids) -> tuple[list[int], Ids, Ids]:
    """Return the unknown nodes that a leaf module may match, and the positions and the numbers of those without one."""
    numbers = np.array([_number(call.scope, tree) for call in calls.calls], np.int64)
    positions = calls.leaves[~np.isin(numbers[calls.leaves], known)]
    classes = np.unique(calls.class_id[positions])
    roles = as_ints(flow.role)
    nodes = [
        node
        for node in as_ints(np.flatnonzero(known < 0))
        if (roles[node] == Role.MATRIX and not _is_biased(node, flow, known))
        or (roles[node] > Role.SHAPE_ARITHMETIC and calls.node_overlaps(flow, node)[classes].any())
    ]
    return nodes, positions, numbers[positions]


def _is_biased(node: int, flow: Dataflow, known: Ids) -> bool:
    """Whether the only reader of a node is a known one that adds a bias: then the node is in that module as well."""
    readers = flow.consumers[node]
    return len(readers) == 1 and known[readers[0]] >= 0 and int(flow.role[readers[0]]) == Role.VECTOR


def _is_possible(nodes: Sequence[int], modules: Ids, tree: ScopeTree, known: Ids, *, region_scope: int) -> Flags:
    """Return whether each node can be in each module, as far as the known nodes around it tell."""
    anchors = Anchors.of(known, region_scope)
    before, after, lca = (scope[nodes][:, None] for scope in (anchors.before, anchors.after, anchors.lca(tree)))
    holder = _nearest_with_known_node(tree, known)[modules]
    is_open = tree.is_descendant(before, holder) | tree.is_descendant(after, holder)
    return is_open & tree.is_descendant(modules, lca)


def _nearest_with_known_node(tree: ScopeTree, known: Ids) -> Ids:
    """Return the nearest module at or above each module that a known node is in or below; the root if there is none."""
    own = np.bincount(known[known >= 0], minlength=len(tree))
    cumulative = np.append(0, np.cumsum(own[tree.by_preorder]))
    is_holder = cumulative[tree.subtree_end] > cumulative[tree.preorder]
    nearest = np.arange(len(tree))
    for module in as_ints(tree.by_preorder[1:]):
        if not is_holder[module]:
            nearest[module] = nearest[tree.parent[module]]
    return nearest


def _sorted(calls: Iterable[Call], tree: ScopeTree, known: Ids) -> list[Call]:
    """Return calls in preorder; siblings are in the order of their first known nodes.

    One without a known node stays behind the sibling that was registered before it.
    """
    first = _first_known_nodes(tree, known)
    children: dict[int, list[Call]] = defaultdict(list)
    roots: list[Call] = []
    for call in calls:
        number = _number(call.scope, tree)
        (children[int(tree.parent[number])] if number else roots).append(call)
    found: list[Call] = []
    pending = roots[::-1]
    while pending:
        call = pending.pop()
        found.append(call)
        rank = -1
        ranked: list[tuple[int, Call]] = []
        for child in children[_number(call.scope, tree)]:
            rank = first.get(_number(child.scope, tree), rank)
            ranked.append((rank, child))
        ranked.sort(key=lambda item: item[0])
        pending.extend(child for _, child in reversed(ranked))
    return found


def _first_known_nodes(tree: ScopeTree, known: Ids) -> dict[int, int]:
    """Return the first known node in or below each module that has one."""
    first: dict[int, int] = {}
    for node in as_ints(np.flatnonzero(known >= 0)):
        for module in tree.path_to_root(int(known[node])):
            if module in first:
                break
            first[module] = node
    return first
