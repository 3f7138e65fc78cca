"""Conditions that passes require or ensure."""

from __future__ import annotations

from .context import Context


def every_node_has_a_tag(context: Context) -> str | None:
    """Hold where no node of any region lacks a tag."""
    missing = sum(context.tags.get(node) is None for node in context.nodes())
    return f"{missing} nodes have no tag" if missing else None


def every_scope_is_in_the_table(context: Context) -> str | None:
    """Hold where every module that a tag names is in the module table."""
    for _, tag in context.tagged_nodes():
        for scope in (tag.scope, tag.target):
            if scope not in context.table.modules:
                return f"module '{scope}' is not in the module table"
    return None
