"""Tell the calls of a module apart that is called more than once.

What runs between two calls separates them: a *visit* is an interval of the order of the file in which no other module
runs. A weight is read as often in each call. So if a weight is read once in each visit, the visits are the calls.
Otherwise the calls are as many as divide the reads of every weight, if that makes visits of them or parts that do the
same. Each call begins before its first weight, where the nodes look like those before the first weight of the first
call. A module without weights is called once in each visit, if all visits do the same, each to other values.

Exporters write the nodes of a call together, and optimisers may mix those of calls that do not depend on each other. So
no calls are told apart if one of them falls into pieces of which two do the same, or reads a weight a second time for
something else than what it computed before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise

from ..graph.preparing_nodes import PreparingNodes
from ..tags.scope import lca, relative

Signature = tuple[str, str]
"""What is equal in all calls of a module: the operator of a node, and its module below that module."""
Readers = dict[tuple[Hashable, Signature], list[int]]
"""The nodes that read each weight, by its content, apart by what they do with it."""


def told_apart(graph: PreparingNodes, nodes: Sequence[int], scope: str) -> list[list[int]]:
    """Return the nodes of each call of a module; all nodes at once if it is called once or nothing tells them apart.

    `nodes` are those that ran in the module or below it, in order. Constants are left out of several calls.
    """
    found = calls_by_weights(graph, nodes, scope)
    return found if len(found) > 1 or reads_weights(graph, nodes) else equal_visits(graph, nodes, scope)


def calls_by_weights(graph: PreparingNodes, nodes: Sequence[int], scope: str) -> list[list[int]]:
    """Return the nodes of each call of a module, as far as its weights tell the calls apart; else all nodes at once."""
    running = _running(graph, nodes)
    readers = _weight_readers(graph, running, scope)
    fewest = min(readers.values(), key=len, default=[0])
    least = len(fewest)
    if not scope or least == 1:
        return [list(nodes)]
    visits = _visits(graph, running)
    if any(_is_read_once_in_each(indices, visits) for indices in readers.values()):
        return [list(nodes)] if _are_mixed(graph, visits, scope) else visits
    may_loop = _may_loop(graph, running, readers, scope)
    for count in range(least, 1, -1):
        if least % count or not all(_is_chain(graph, group) for group in _divided(fewest, count)):
            continue
        parts = _parts(graph, running, readers, count, scope)
        if parts and (_are_visits(parts, visits) or (_do_the_same(graph, parts, scope) and not may_loop)):
            return [list(nodes)] if _are_mixed(graph, parts, scope) else parts
    return [list(nodes)]


def has_one_call(graph: PreparingNodes, nodes: Sequence[int], scope: str) -> bool:
    """Whether a module has a weight that only one of its nodes reads, so that it is called once."""
    return any(len(indices) == 1 for indices in _weight_readers(graph, _running(graph, nodes), scope).values())


def reads_weights(graph: PreparingNodes, nodes: Sequence[int]) -> bool:
    """Whether a node of a module reads a weight."""
    return any(graph.weights_read(index) for index in _running(graph, nodes))


def equal_visits(graph: PreparingNodes, nodes: Sequence[int], scope: str) -> list[list[int]]:
    """Return the visits of a module if all do the same, each to other values; else all nodes at once."""
    visits = _visits(graph, _running(graph, nodes))
    inputs = {frozenset(_values_read(graph, visit)) for visit in visits}
    if len(inputs) < len(visits) or not _do_the_same(graph, visits, scope) or _are_mixed(graph, visits, scope):
        return [list(nodes)]
    return visits


def numbered_nodes(graph: PreparingNodes, nodes: Sequence[int], calls: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return the number of the call of each node of a module; none if there is one call.

    A constant belongs to the call of the nodes that read it, if these are nodes of the module and of one call.
    """
    if len(calls) == 1:
        return {}
    numbers = {index: number for number, call in enumerate(calls) for index in call}
    for index in reversed(nodes):
        if index not in numbers:
            readers = [reader for name in graph.flow.writes[index] for reader in graph.flow.consumers[name]]
            found = {numbers.get(reader) for reader in readers}
            number = found.pop() if len(found) == 1 else None
            if number is not None:
                numbers[index] = number
    return numbers


def _running(graph: PreparingNodes, nodes: Sequence[int]) -> list[int]:
    """Return the nodes that are no prepared constants."""
    return [index for index in nodes if not graph.constant[index] or graph.computes(index)]


def _weight_readers(graph: PreparingNodes, nodes: Sequence[int], scope: str) -> Readers:
    readers: defaultdict[tuple[Hashable, Signature], list[int]] = defaultdict(list)
    for index in nodes:
        for weight in graph.weights_read(index):
            readers[graph.content(weight), _signature(graph, index, scope)].append(index)
    return dict(readers)


def _visits(graph: PreparingNodes, nodes: Sequence[int]) -> list[list[int]]:
    """Return the intervals of a module between which other modules run."""
    return _split(nodes, {index for before, index in pairwise(nodes) if _others_between(graph, before, index)})


def _values_read(graph: PreparingNodes, nodes: Sequence[int]) -> Iterator[str]:
    """Return the values that some nodes read and do not write."""
    written = {name for index in nodes for name in graph.flow.writes[index]}
    return (name for index in nodes for name in graph.flow.reads[index] if name not in written)


def _is_read_once_in_each(readers: Sequence[int], visits: Sequence[Sequence[int]]) -> bool:
    return len(readers) == len(visits) and all(
        visit[0] <= reader <= visit[-1] for reader, visit in zip(readers, visits, strict=True)
    )


def _are_visits(parts: Sequence[Sequence[int]], visits: Sequence[Sequence[int]]) -> bool:
    """Whether other modules run between all parts. A part may consist of several visits."""
    starts = {visit[0] for visit in visits}
    return all(part[0] in starts for part in parts)


def _do_the_same(graph: PreparingNodes, parts: Sequence[Sequence[int]], scope: str) -> bool:
    """Whether parts of a module do the same, apart from nodes that prepare.

    The modules below may compute in the first part, between its first and its last node, what all parts share.
    """
    first, *later = ([_signature(graph, index, scope) for index in part if graph.computes(index)] for part in parts)
    if any(other != later[0] for other in later) or not (later and first and later[0]):
        return False
    return first == later[0] or (
        (first[0], first[-1]) == (later[0][0], later[0][-1])
        and [op for op, below in first if not below] == [op for op, below in later[0] if not below]
        and _contains(first, later[0])
    )


def _are_mixed(graph: PreparingNodes, parts: Iterable[Sequence[int]], scope: str) -> bool:
    """Whether a part may have the nodes of several calls: it falls into pieces of which two do the same."""
    for part in parts:
        pieces: defaultdict[int, Counter[Signature]] = defaultdict(Counter)
        for index, piece in _pieces(graph, part):
            pieces[piece][_signature(graph, index, scope)] += 1
        if len({frozenset(piece.items()) for piece in pieces.values()}) < len(pieces):
            return True
    return False


def _pieces(graph: PreparingNodes, part: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the nodes of a part that do not prepare, each with a node that stands for all that values connect it to."""
    piece = {index: index for index in part}

    def find(index: int) -> int:
        while piece[index] != index:
            piece[index] = piece[piece[index]]
            index = piece[index]
        return index

    for index in part:
        for name in graph.flow.reads[index]:
            producer = graph.flow.producers.get(name)
            if producer in piece:
                piece[find(index)] = find(producer)
    return ((index, find(index)) for index in part if graph.computes(index))


def _is_chain(graph: PreparingNodes, nodes: Sequence[int]) -> bool:
    """Whether each node depends on the one before: a call that reads a weight again goes on with what it computed."""
    return all(_depends(graph, node, before) for before, node in pairwise(nodes))


def _depends(graph: PreparingNodes, node: int, source: int) -> bool:
    reached = {source}
    for index in range(source + 1, node + 1):
        if any(graph.flow.producers.get(name) in reached for name in graph.flow.reads[index]):
            reached.add(index)
    return node in reached


def _contains(sequence: Sequence[Signature], other: Sequence[Signature]) -> bool:
    """Whether a sequence has all elements of another in their order."""
    left = iter(sequence)
    return all(element in left for element in other)


def _may_loop(graph: PreparingNodes, nodes: Sequence[int], readers: Readers, scope: str) -> bool:
    """Whether a module that computes itself may as well call one module below it so often: all weights are of that."""
    return bool(lca(below for _, (_, below) in readers)) and any(
        graph.flow.scopes[index] == scope and graph.computes(index) for index in nodes
    )


def _parts(graph: PreparingNodes, nodes: Sequence[int], readers: Readers, count: int, scope: str) -> list[list[int]]:
    """Return a module's nodes in as many parts as there may be calls; none if the weights do not divide them so."""
    anchors = [list(_divided(indices, count)) for indices in readers.values() if len(indices) % count == 0]
    firsts = [min(groups[part][0] for groups in anchors) for part in range(count)]
    lasts = [max(groups[part][-1] for groups in anchors) for part in range(count)]
    if any(last >= first for last, first in zip(lasts, firsts[1:], strict=False)):
        return []
    head = [index for index in nodes if index < firsts[0]]
    tail = [index for index in nodes if index > lasts[-1]]
    starts: set[int] = set()
    for last, first in zip(lasts, firsts[1:], strict=False):
        window = nodes[bisect_left(nodes, last) : bisect_left(nodes, first) + 1]
        start = _start(graph, window, tail, head, scope)
        if start is None:
            return []
        starts.add(start)
    return _split(nodes, starts)


def _divided(indices: Sequence[int], count: int) -> Iterator[Sequence[int]]:
    size = len(indices) // count
    return (indices[start : start + size] for start in range(0, len(indices), size))


def _split(nodes: Sequence[int], starts: Collection[int]) -> list[list[int]]:
    found: list[list[int]] = [[]]
    for index in nodes:
        if index in starts and found[-1]:
            found.append([])
        found[-1].append(index)
    return found


def _start(
    graph: PreparingNodes, window: Sequence[int], tail: Sequence[int], head: Sequence[int], scope: str
) -> int | None:
    """Return the first node of a call, or None if nothing tells it.

    `window` has the nodes from the last one of the call before that reads a weight to the first one of this call,
    `tail` and `head` those behind the last of all and before the first of all.
    """
    inner = window[1:-1]
    if [_signature(graph, index, scope) for index in inner] == [
        _signature(graph, index, scope) for index in (*tail, *head)
    ]:
        return window[1 + len(tail)]
    separated = [index for before, index in pairwise(window) if _others_between(graph, before, index)]
    if len(separated) == 1:
        return separated[0]
    # Later calls may share what the first one prepared.
    computing = [index for index in inner if graph.computes(index)]
    ends = [index for index in tail if graph.computes(index)]
    if [_signature(graph, index, scope) for index in computing] != [
        _signature(graph, index, scope) for index in (*ends, *filter(graph.computes, head))
    ]:
        return None
    start = [*computing, window[-1]][len(ends)]
    for index in reversed(inner):
        readers = [reader for name in graph.flow.writes[index] for reader in graph.flow.consumers[name]]
        if index < start and (graph.computes(index) or any(reader < start for reader in readers)):
            break
        start = min(start, index)
    return start


def _others_between(graph: PreparingNodes, before: int, after: int) -> bool:
    """Whether nodes of other modules stand between two nodes, other than ones that prepare."""
    return any(graph.computes(index) for index in range(before + 1, after))


def _signature(graph: PreparingNodes, index: int, scope: str) -> Signature:
    return graph.flow.operator(index), relative(graph.flow.scopes[index], scope)
