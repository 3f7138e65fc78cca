"""Give nodes and values the names that they had before the pass `rename`.

`hpass.name` has the name of the node as JSON (null: it had none), `hpass.outputs` a list with the names of its outputs
(null: not renamed).
"""

from __future__ import annotations

import json
from typing import NamedTuple, cast

import onnx

from ..tags.scope import is_encodable
from ..tags.tag_format import NAME, OUTPUTS, tag_entries
from .decode import as_text
from .rename_values import Value, ValueNames
from .walk import nodes_within


class Restored(NamedTuple):
    """The number of names that were restored, and of names that stay because the old one is taken or does not fit."""

    names: int = 0
    left: int = 0


def restore_names(model: onnx.ModelProto) -> Restored:
    """Restore the names of all nodes and values of a model, in place."""
    found = Restored()
    for holder in (model.graph, *model.functions):
        nodes = [node for node in nodes_within(holder) if node.metadata_props]
        for node in nodes:
            found = _restore_node_name(node, found)
        old_outputs = {id(node): old for node in nodes if (old := _old_outputs(node)) is not None}
        if not old_outputs:
            continue
        names = ValueNames(holder)
        wanted: dict[Value, str] = {}
        for node, values in names.outputs():
            old_names = old_outputs.get(id(node), [])
            fits = len(old_names) == len(values)
            for index, old in enumerate(old_names):
                value = values[index] if fits else None
                if old is not None and value is not None:
                    wanted[value] = old
                elif old is not None:
                    found = Restored(found.names, found.left + 1)
        renamed = names.rename(wanted)
        found = Restored(found.names + renamed, found.left + len(wanted) - renamed)
    return found


def original_name(node: onnx.NodeProto) -> str | None:
    """Return the name of a node as it was before `rename`; None if it had none."""
    if node.metadata_props:
        text = dict(tag_entries(node)).get(NAME)
        name = None if text is None else _parsed(text)
        if isinstance(name, str):
            return name
        if text == "null":
            return None
    return as_text(node.name) if node.HasField("name") else None


def original_outputs(node: onnx.NodeProto) -> list[str]:
    """Return the names of a node's outputs as they were before `rename`."""
    outputs = [as_text(output) for output in node.output]
    old_outputs = (_old_outputs(node) or []) if node.metadata_props else []
    if len(old_outputs) != len(outputs):
        return outputs
    return [output if old is None else old for output, old in zip(outputs, old_outputs, strict=True)]


def _restore_node_name(node: onnx.NodeProto, found: Restored) -> Restored:
    text = dict(tag_entries(node)).get(NAME)
    if text is None:
        return found
    name = _parsed(text)
    if isinstance(name, str):
        node.name = name
    elif text == "null":
        node.ClearField("name")
    else:
        return Restored(found.names, found.left + 1)
    return Restored(found.names + 1, found.left)


def _old_outputs(node: onnx.NodeProto) -> list[str | None] | None:
    text = dict(tag_entries(node)).get(OUTPUTS)
    names = None if text is None else _parsed(text)
    if not isinstance(names, list):
        return None
    items = cast("list[object]", names)
    return cast("list[str | None]", items) if all(item is None or _is_name(item) for item in items) else None


def _is_name(item: object) -> bool:
    # An empty name stands for an output that is left out.
    return isinstance(item, str) and item != ""


def _parsed(text: str) -> object:
    """Return the value of JSON text; None if it is invalid, or if a message cannot have its strings."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if is_encodable(json.dumps(value, ensure_ascii=False)) else None
