"""The last resort: a node that nothing else placed goes to the nearest tagged ancestor region, then to the root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..tags.tag_format import Confidence, Source, Tag
from .base import Condition, Pass
from .conditions import every_node_has_a_tag

if TYPE_CHECKING:
    from .context import Context


@dataclass(frozen=True)
class Fallback(Pass):
    """Give what is still without a module that of the node around it, else the root.

    A subgraph's node takes the module of the node that holds the subgraph.
    """

    name: ClassVar[str] = "fallback"
    ensures: ClassVar[tuple[Condition, ...]] = (every_node_has_a_tag,)

    def apply(self, context: Context) -> None:
        """Tag every node that has no tag."""
        # Regions come before the regions they hold, so the holder is tagged already.
        for region in context.regions():
            around = None if region.holder is None else context.tags.get(region.holder)
            if around is None:
                tag, reason = Tag("", Source.FALLBACK, Confidence.LOW), "nothing in the file places it"
            else:
                tag = Tag(around.scope, Source.FALLBACK, Confidence.LOW)
                reason = "nothing places it; the node that holds its subgraph ran here"
            nodes = region.graph.nodes
            for node, decision in zip(nodes, context.tags.decisions(nodes), strict=True):
                if decision is None:
                    context.set_tag(node, tag, reason)
