"""Which modules may be called more than once: a cheap look at all modules before a close one at a few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import onnx_graphsurgeon as gs

from ..evidence.parameter_uses import PASS_THROUGH_OPS
from ..tags.scope import is_descendant, parent


def possibly_repeated_modules(nodes: Sequence[gs.Node], scopes: Sequence[str]) -> set[str]:
    """Return the modules that are left and entered again, and those in which a weight is read more than once.

    `scopes` has the module of each node. A module that is called more than once is one of them.
    """
    return {*_entered_again(scopes), *_readers_of_one_weight(nodes, scopes)}


def _entered_again(scopes: Iterable[str]) -> Iterator[str]:
    """Yield modules that nodes elsewhere separate from earlier nodes of theirs."""
    left: set[str] = set()
    current = ""
    for scope in scopes:
        if scope == current:
            continue
        while not is_descendant(scope, current):
            left.add(current)
            current = parent(current)
        entered = scope
        while entered != current:
            if entered in left:
                yield entered
            entered = parent(entered)
        current = scope


def _readers_of_one_weight(nodes: Sequence[gs.Node], scopes: Sequence[str]) -> Iterator[str]:
    """Yield modules in which nodes of one operator read the same weight, and the modules above them."""
    shared: dict[int, gs.Tensor] = {}
    for node in nodes:
        for tensor in node.inputs:
            if isinstance(tensor, gs.Constant):
                shared[id(tensor)] = tensor
    read_again = [found for tensor in shared.values() if _is_large(tensor) and len(found := _readers(tensor)) > 1]
    if not read_again:
        return
    scope_of = {id(node): scope for node, scope in zip(nodes, scopes, strict=True)}
    for readers in read_again:
        seen: set[tuple[str, str]] = set()
        for node in readers:
            scope = scope_of.get(id(node), "")
            if (node.op, scope) in seen:
                yield from _with_ancestors(scope)
            seen.add((node.op, scope))


def _is_large(tensor: gs.Tensor) -> bool:
    return any(size != 1 for size in tensor.shape or ())


def _readers(tensor: gs.Tensor) -> list[gs.Node]:
    """Return the nodes that read a weight, directly or through nodes that pass it on."""
    found: list[gs.Node] = []
    # A broken graph may have a circle.
    passed: set[int] = set()
    pending = list(tensor.outputs)
    while pending:
        node = pending.pop()
        if node.op not in PASS_THROUGH_OPS:
            found.append(node)
        elif id(node) not in passed:
            passed.add(id(node))
            pending += [reader for value in node.outputs for reader in value.outputs]
    return found


def _with_ancestors(scope: str) -> Iterator[str]:
    while scope:
        yield scope
        scope = parent(scope)
