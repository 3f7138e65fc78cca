"""The tags of one run, by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..identity_map import IdentityMap
from .tag_format import Tag

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs


class Decision(NamedTuple):
    """A node's tag, the reason for it, and the name of the pass that decided."""

    tag: Tag
    reason: str
    decided_by: str


class TagStore:
    """The decision about each tagged node."""

    def __init__(self) -> None:
        self._decisions: IdentityMap[gs.Node, Decision] = IdentityMap()

    def get(self, node: gs.Node) -> Tag | None:
        """Return the node's tag, or None if no pass has given it one."""
        decision = self._decisions.get(node)
        return None if decision is None else decision.tag

    def decision(self, node: gs.Node) -> Decision | None:
        """Return the node's tag with the reason for it."""
        return self._decisions.get(node)

    def reason(self, node: gs.Node) -> str:
        """Return why the node has its tag; empty if it has none."""
        decision = self._decisions.get(node)
        return "" if decision is None else decision.reason

    def decide(self, node: gs.Node, decision: Decision) -> bool:
        """Give a node a tag; return False if it has that very tag already, whose reason then stays."""
        known = self._decisions.get(node)
        if known is not None and known.tag == decision.tag:
            return False
        self._decisions[node] = decision
        return True
