"""The tags of one run, by node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        self._with_calls: list[gs.Node] = []

    def get(self, node: gs.Node) -> Tag | None:
        """Return the node's tag, or None if no pass has given it one."""
        decision = self._decisions.get(node)
        return None if decision is None else decision.tag

    def decisions(self, nodes: Iterable[gs.Node]) -> Iterator[Decision | None]:
        """Yield the decision about each of some nodes, or None."""
        return self._decisions.values_of(nodes)

    def tags_of(self, nodes: Iterable[gs.Node]) -> Iterator[Tag | None]:
        """Yield the tag of each of some nodes, or None."""
        return (None if decision is None else decision.tag for decision in self.decisions(nodes))

    def decision(self, node: gs.Node) -> Decision | None:
        """Return the node's tag with the reason for it."""
        return self._decisions.get(node)

    def reason(self, node: gs.Node) -> str:
        """Return the reason for the node's tag; an empty string if it has none."""
        decision = self._decisions.get(node)
        return "" if decision is None else decision.reason

    def decide(self, node: gs.Node, decision: Decision) -> bool:
        """Set the decision about a node. Return False, and change nothing, if the node already has an equal tag."""
        known = self._decisions.setdefault(node, decision)
        if known is decision:
            return True
        if known.tag == decision.tag:
            return False
        self._decisions[node] = decision
        return True

    def set_call(self, node: gs.Node, number: int) -> None:
        """Add the number of a call to a node's tag. The reason and the pass that set the tag stay."""
        known = self._decisions[node]
        self._decisions[node] = known._replace(tag=known.tag._replace(call=number))
        self._with_calls.append(node)

    def forget_calls(self) -> None:
        """Remove the numbers of calls from all tags."""
        for node in self._with_calls:
            known = self._decisions[node]
            self._decisions[node] = known._replace(tag=known.tag._replace(call=None))
        self._with_calls.clear()
