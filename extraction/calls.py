"""Tell the calls of a module apart that is called more than once.

The weights of a module are read once in each call. If every weight is read at least k times, there are k calls. The
calls are intervals of the order of the file, so each one begins before its first weight: where the nodes look like
those before the first weight of the first call. A module without weights that is not convex is called once for each of
its intervals, if these are equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import pairwise

import onnx

from ..tags.scope import relative
from .dataflow import Dataflow
from .preparation import Preparation

_FLOATS = {
    *(onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16),
}
Signature = tuple[str, str]
"""What is equal in all calls of a module: the operator of a node, and its module below that module."""


def calls(preparation: Preparation, nodes: Sequence[int], scope: str) -> list[list[int]]:
    """Return the nodes of each call of a module, as far as its weights tell the calls apart; else all nodes at once."""
    running = [index for index in nodes if not preparation.constant[index]]
    readers = _weight_readers(preparation, running, scope)
    count = min(map(len, readers.values()), default=1)
    anchors = [indices for indices in readers.values() if len(indices) == count]
    firsts = [min(indices[call] for indices in anchors) for call in range(count)] if count > 1 else []
    lasts = [max(indices[call] for indices in anchors) for call in range(count)] if count > 1 else []
    if not firsts or any(last >= first for last, first in zip(lasts, firsts[1:], strict=False)):
        return [list(nodes)]
    return _split(running, set(_starts(preparation, running, firsts, lasts, scope)))


def has_one_call(preparation: Preparation, nodes: Sequence[int], scope: str) -> bool:
    """Whether a module has a weight that only one of its nodes reads, so that it is called once."""
    return any(len(indices) == 1 for indices in _weight_readers(preparation, nodes, scope).values())


def equal_runs(preparation: Preparation, nodes: Sequence[int], scope: str) -> list[list[int]]:
    """Return the intervals of a module between which other modules run, if all do the same; else all nodes at once."""
    running = [index for index in nodes if not preparation.constant[index]]
    starts = {index for before, index in pairwise(running) if _others_between(preparation, before, index)}
    runs = _split(running, starts)
    kinds = {tuple(_signature(preparation.flow, index, scope) for index in run) for run in runs}
    return runs if len(kinds) == 1 else [list(nodes)]


def _weight_readers(
    preparation: Preparation, nodes: Sequence[int], scope: str
) -> dict[tuple[Hashable, Signature], list[int]]:
    """Return the nodes that read each weight, by its content, apart by what they do with it."""
    readers: defaultdict[tuple[Hashable, Signature], list[int]] = defaultdict(list)
    for index in nodes:
        if not preparation.constant[index]:
            for weight in _weights_read(preparation, index):
                readers[preparation.content(weight), _signature(preparation.flow, index, scope)].append(index)
    return readers


def _split(nodes: Sequence[int], starts: Collection[int]) -> list[list[int]]:
    found: list[list[int]] = [[]]
    for index in nodes:
        if index in starts:
            found.append([])
        found[-1].append(index)
    return found


def _starts(
    preparation: Preparation, nodes: Sequence[int], firsts: Sequence[int], lasts: Sequence[int], scope: str
) -> Iterator[int]:
    """Yield the first node of each call but the first one."""
    flow = preparation.flow
    head = [_signature(flow, index, scope) for index in nodes if index < firsts[0]]
    tail = [_signature(flow, index, scope) for index in nodes if index > lasts[-1]]
    for last, first in zip(lasts, firsts[1:], strict=False):
        window = [index for index in nodes if last < index < first]
        found = [_signature(flow, index, scope) for index in window]
        if found == [*tail, *head]:
            yield [*window, first][len(tail)]
            continue
        # Later calls share what the first one prepared, so they may lack nodes of it.
        start, left = first, list(head)
        for index in reversed(window):
            signature = _signature(flow, index, scope)
            if signature not in left or _others_between(preparation, index, start):
                break
            while left.pop() != signature:
                pass
            start = index
        yield start


def _others_between(preparation: Preparation, before: int, after: int) -> bool:
    """Whether nodes of other modules stand between two nodes, other than ones that prepare."""
    return not all(preparation.size[index] for index in range(before + 1, after))


def _signature(flow: Dataflow, index: int, scope: str) -> Signature:
    return flow.nodes[index].op_type, relative(flow.scopes[index], scope)


def _weights_read(preparation: Preparation, index: int) -> Iterator[str]:
    """Yield the weights that a node reads, directly or through constants: tensors of more than one floating number."""
    flow = preparation.flow
    pending = list(flow.reads[index])
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        weight = flow.weights.get(name)
        if isinstance(weight, onnx.TensorProto):
            if weight.data_type in _FLOATS and any(size > 1 for size in weight.dims):
                yield name
        elif (producer := flow.producers.get(name)) is not None and preparation.constant[producer]:
            pending += flow.reads[producer]
