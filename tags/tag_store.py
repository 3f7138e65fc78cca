"""The tags of one run, by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..identity_map import IdentityMap
from .tag_format import Tag

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs


class Decision(NamedTuple):
    """The tag of a node, the reason for it, and the name of the pass that set it."""

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
        """Return the reason for the node's tag; an empty string if it has none."""
        decision = self._decisions.get(node)
        return "" if decision is None else decision.reason

    def decide(self, node: gs.Node, decision: Decision) -> bool:
        """Set the decision about a node. Return False, and change nothing, if the node already has an equal tag."""
        known = self._decisions.get(node)
        if known is not None and known.tag == decision.tag:
            return False
        self._decisions[node] = decision
        return True
