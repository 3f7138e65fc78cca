"""A copy of a model for a runtime: functions inlined, each node with a unique name, and each name with its tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import onnx
import onnx.inliner

from ..errors import HpassError
from ..tags.tag_edits import remove_all_tags
from ..tags.tag_format import Source, Tag, read_tag
from .decode import as_text
from .function_copies import copy_functions, function_table
from .walk import all_nodes, attribute_graphs

# onnx inlines at most 10,000 functions at once.
_MAX_COPIES_AT_ONCE = 9_000
# Functions that call each other several times each have copies without end. Real models have thousands of calls.
_MAX_COPIES = 50_000


class PlainCopy(NamedTuple):
    """The copy without tags, and the tags by the names of its nodes."""

    proto: onnx.ModelProto
    tags: dict[str, Tag]


def plain_copy(tagged: onnx.ModelProto) -> PlainCopy:
    """Return a tagged model without tags and functions. The tagged model itself may be changed.

    A runtime inlines functions and names nodes without a name; both are done here, so that the names in a profile are
    known. Raises HpassError if onnx cannot inline the functions, or if they are called more than 50,000 times.
    """
    proto = _inlined(tagged) if tagged.functions else tagged
    taken = {as_text(node.name) for node in all_nodes(proto)}
    seen: set[str] = set()
    tags: dict[str, Tag] = {}
    pending: list[tuple[onnx.GraphProto, Tag | None]] = [(proto.graph, None)]
    while pending:
        graph, holder = pending.pop()
        for node in graph.node:
            _name_node(node, taken, seen)
            tag = _tag(node, holder)
            if tag is not None:
                tags[as_text(node.name)] = tag
            pending += [(inner, tag) for inner in attribute_graphs(node.attribute)]
    remove_all_tags(proto)
    return PlainCopy(proto, tags)


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model without functions; each call has the function as it is at that call."""
    functions = function_table(model)
    calls = 0
    while copies := copy_functions(model, functions, _MAX_COPIES_AT_ONCE):
        calls += len(copies)
        if calls > _MAX_COPIES:
            raise HpassError(f"the functions of the model cannot be inlined: there are more than {_MAX_COPIES:,} calls")
        model = _with_inlined(model, copies)
    del model.functions[:]
    return model


def _with_inlined(model: onnx.ModelProto, functions: Sequence[onnx.FunctionProto]) -> onnx.ModelProto:
    del model.functions[:]
    model.functions.extend(functions)
    try:
        return onnx.inliner.inline_local_functions(model)
    except (onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise HpassError(f"the functions of the model cannot be inlined: {error}") from error


def _name_node(node: onnx.NodeProto, taken: set[str], seen: set[str]) -> None:
    """Give a node a name if it has none, or that of another node."""
    name = as_text(node.name)
    if not name or name in seen:
        stem, number = name or as_text(node.op_type), len(seen)
        while name in taken or not name:
            name = f"{stem}_{number}"
            number += 1
        taken.add(name)
        node.name = name
    seen.add(name)


def _tag(node: onnx.NodeProto, holder: Tag | None) -> Tag | None:
    """Return the tag of a node: if nothing is known of it, that of the node whose subgraph it is in."""
    tag = read_tag(node)
    if tag is not None and holder is not None and tag.source is Source.FALLBACK and tag.scope == holder.scope:
        return holder
    return tag
