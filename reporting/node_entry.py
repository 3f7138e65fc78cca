"""The entry of one node in the JSON report and in `hpass show`."""

from __future__ import annotations

from typing import Any

from ..graph.node_source import Node, NodeSource, NodeT
from ..selection.node_instances import NodeInstance
from ..tags.module_table import ModuleTable
from ..tags.tag_format import TAG, Tag


def stored_entry(position: str, node: NodeT, model: NodeSource[NodeT]) -> dict[str, Any]:
    """Return a node's entry from the tag stored in the file. No pass has run, so it has no evidence and no reason."""
    entry = tag_entry(position, node, model.stored_tag(node), ModuleTable())
    # The stored class path, even if it disagrees with the module table.
    return {**entry, "tag": dict(model.stored_entries(node)).get(TAG), "evidence": [], "reason": None, "pass": None}


def tag_entry(position: str, node: Node, tag: Tag | None, modules: ModuleTable) -> dict[str, Any]:
    """Return the part of a node's entry that tells where it is and what tag it has."""
    return {
        "position": position,
        "name": node.name,
        "op": node.op,
        "domain": node.domain or "",
        "tag": None if tag is None else modules.path(tag.target),
        "scope": None if tag is None else tag.scope,
        "serves": None if tag is None else tag.serves,
        "call": None if tag is None else tag.call,
        "source": None if tag is None else tag.source.value,
        "confidence": None if tag is None else tag.confidence.value,
    }


def at_call(instance: NodeInstance[NodeT], modules: ModuleTable) -> dict[str, Any]:
    """Return what a node's entry says otherwise at one call of the function around the node."""
    tag = instance.tag
    if tag is None or not instance.calls:
        return {}
    calls = [call.name for call in instance.calls]
    return {"tag": modules.path(tag.target), "scope": tag.scope, "serves": tag.serves, "calls": calls}


def at_all_calls(tag: Tag | None, scopes: list[str] | None) -> dict[str, Any]:
    """Return the modules that a node runs in, for its entry, if these are others than that of its tag."""
    return {} if tag is None or scopes is None or scopes == [tag.scope] else {"runs_in": scopes}
