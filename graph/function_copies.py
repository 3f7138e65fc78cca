"""Give each call of a function a copy of its own, whose nodes have the scope of the call."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from ..tags.tag_edits import set_entry
from ..tags.tag_format import SCOPE, read_tag, tag_entries
from ..tags.within import tag_at_call
from .decode import as_text
from .walk import nodes_within

FunctionKey = tuple[str, str, str]


def function_table(model: onnx.ModelProto) -> dict[FunctionKey, onnx.FunctionProto]:
    """Return copies of the functions of a model by domain, name and overload."""
    table: dict[FunctionKey, onnx.FunctionProto] = {}
    for function in model.functions:
        copy = onnx.FunctionProto()
        copy.CopyFrom(function)
        table[_key(function.domain, function.name, function.overload)] = copy
    return table


def copy_functions(
    model: onnx.ModelProto, functions: Mapping[FunctionKey, onnx.FunctionProto], limit: int
) -> list[onnx.FunctionProto]:
    """Change a tagged model in place so that calls have functions of their own, and return these: at most `limit`.

    The tag of a node in a function is the nearest common module of all calls; in the copy it is that of the call, if
    that is a module below, or what `hpass.within` names below the call. Calls beyond the limit stay as they are.
    """
    copies: list[onnx.FunctionProto] = []
    pending = list(nodes_within(model.graph))
    while pending and len(copies) < limit:
        call = pending.pop()
        function = functions.get(_key(call.domain, call.op_type, call.overload))
        if function is None:
            continue
        copy = onnx.FunctionProto()
        copy.CopyFrom(function)
        # A name that no function of the file has, which would be taken for the copy.
        copy.overload = call.overload = f"{as_text(function.overload)}#{len(copies)}"
        copies.append(copy)
        tag = read_tag(call)
        body = list(nodes_within(copy))
        if tag is not None:
            for node in body:
                _move_into(node, tag.scope)
        pending += body
    return copies


def _move_into(node: onnx.NodeProto, module: str) -> None:
    """Give a node the scope that it has at a call in a module."""
    tag = read_tag(node)
    if tag is not None:
        set_entry(node, SCOPE, tag_at_call(tag, dict(tag_entries(node)), module).scope)


def _key(domain: str | bytes, name: str | bytes, overload: str | bytes) -> FunctionKey:
    return as_text(domain), as_text(name), as_text(overload)
