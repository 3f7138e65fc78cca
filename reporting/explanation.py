"""Why a node has its tag: the decision, and the evidence that the file contains about the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..graph.regions import nodes_with_position

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_graphsurgeon as gs

    from ..evidence.claims import Claim
    from ..passes.context import Context
    from ..tags.tag_store import Decision


class Explanation(NamedTuple):
    """A node, its position, the decision about its tag (None if no pass made one), and the evidence."""

    position: str
    node: gs.Node
    decision: Decision | None
    evidence: tuple[Claim, ...]

    def supports(self, claim: Claim) -> bool:
        """Whether a claim names the module that the decision chose."""
        return self.decision is not None and claim.scope == self.decision.tag.scope


def explain(position: str, node: gs.Node, context: Context) -> Explanation:
    """Return the explanation of one node; `position` is the node's position."""
    return Explanation(position, node, context.tags.decision(node), tuple(context.evidence.claims.get(node) or ()))


def explanations(context: Context) -> Iterator[Explanation]:
    """Yield the explanation of every node of every region, in the order of the file."""
    for position, node in nodes_with_position(context.regions()):
        yield explain(position, node, context)
