"""Which modules may be called more than once: a cheap look at all modules before a close one at a few."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import onnx_graphsurgeon as gs

from ..evidence.parameter_uses import PASS_THROUGH_OPS
from ..tags.scope import is_descendant, parent, with_ancestors

# What exporters compute of weights before they are read, such as the weight of `weight_norm`, takes fewer values.
_MAX_CONSTANTS = 32


def possibly_repeated_modules(
    nodes: Sequence[gs.Node], scopes: Sequence[str], folded_from: Mapping[str, str | None]
) -> set[str]:
    """Return the modules that may be called more than once, among them all that are.

    These are left and entered again, or nodes in them read a weight more than once; and they have no weight that is
    read once. `scopes` has the module of each node, and `folded_from` the weight that each folded value was computed
    from, None if the value is no weight.
    """
    entered_again = set(_entered_again(scopes))
    readers = _readers_of_weights(nodes, folded_from)
    if not entered_again and all(len(found) == 1 for found in readers.values()):
        return set()
    scope_of = {id(node): scope for node, scope in zip(nodes, scopes, strict=True)}
    read_again: set[str] = set()
    read_once: list[tuple[str, gs.Node]] = []
    for found in readers.values():
        kinds = [(node.op, scope_of.get(id(node), "")) for node in found]
        counts = Counter(kinds)
        read_once += [(kind[1], node) for kind, node in zip(kinds, found, strict=True) if counts[kind] == 1]
        for (_, scope), count in counts.items():
            if count > 1:
                read_again.update(with_ancestors(scope))
    repeated = entered_again | read_again
    for scope, node in read_once:
        around = repeated.intersection(with_ancestors(scope))
        if around and not _is_constant(node):
            repeated -= around
    return repeated


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


def _readers_of_weights(nodes: Sequence[gs.Node], folded_from: Mapping[str, str | None]) -> dict[str, list[gs.Node]]:
    """Return the nodes that read each weight, directly or through nodes that pass it on."""
    weights: dict[int, gs.Constant] = {}
    for node in nodes:
        for tensor in node.inputs:
            if isinstance(tensor, gs.Constant):
                weights[id(tensor)] = tensor
    readers: defaultdict[str, list[gs.Node]] = defaultdict(list)
    for tensor in weights.values():
        name = folded_from.get(tensor.name, tensor.name)
        if name is not None and _is_weight(tensor):
            readers[name] += _readers(tensor)
    return readers


def _is_weight(tensor: gs.Constant) -> bool:
    # The type of a tensor in a broken file may be none of numpy's.
    kind = getattr(tensor.dtype, "kind", "")
    return kind not in {"b", "i", "u"} and any(size != 1 for size in tensor.shape)


def _is_constant(node: gs.Node) -> bool:
    """Whether a node reads nothing but weights and what is computed from them."""
    pending = list(node.inputs)
    for _ in range(_MAX_CONSTANTS):
        if not pending:
            return True
        tensor = pending.pop()
        if not isinstance(tensor, gs.Constant):
            if not tensor.inputs:
                return False
            pending += [value for producer in tensor.inputs for value in producer.inputs]
    return False


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
