"""Conditions that passes require or ensure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.verify.tag_rules import Rule, tag_problems
from ..wording import counted

if TYPE_CHECKING:
    from .context import Context


def every_node_has_a_tag(context: Context) -> str | None:
    """Hold where no node of any region lacks a tag."""
    missing = sum(decision is None for decision in context.tags.decisions(context.nodes()))
    return f"{counted(missing, 'node has', 'nodes have')} no tag; put `all` before it" if missing else None


def every_scope_is_in_the_table(context: Context) -> str | None:
    """Hold where every module that a tag names is in the module table."""
    for tag in context.distinct_tags():
        for problem in tag_problems(tag, context.table.modules):
            if problem.rule is Rule.IN_TABLE:
                return problem.message
    return None
