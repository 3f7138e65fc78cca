"""The entry of one node in the JSON report and in `hpass show`."""

from __future__ import annotations

from typing import Any

from ..graph.node_source import Node, NodeSource, NodeT
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
        "source": None if tag is None else tag.source.value,
        "confidence": None if tag is None else tag.confidence.value,
    }
