"""Why one node has its tag: the decision, and all that the file says about the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..graph.regions import nodes_with_position

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_graphsurgeon as gs

    from ..passes.context import Claim, Context, Decision


class Explanation(NamedTuple):
    """A node, where it stands, the decision about it (None where no pass made one), and the evidence."""

    position: str
    node: gs.Node
    decision: Decision | None
    evidence: tuple[Claim, ...]

    def supports(self, claim: Claim) -> bool:
        """Whether a piece of evidence names the module that was decided on."""
        return self.decision is not None and claim.scope == self.decision.tag.scope


def explain(position: str, node: gs.Node, context: Context) -> Explanation:
    """Return the explanation of the node at a position."""
    return Explanation(position, node, context.decision(node), tuple(context.claims.get(node) or ()))


def explanations(context: Context) -> Iterator[Explanation]:
    """Yield the explanation of every node of every region, in order."""
    for position, node in nodes_with_position(context.regions()):
        yield explain(position, node, context)
