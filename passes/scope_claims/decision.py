"""The tag of a node by the strongest claim about it."""

from __future__ import annotations

from functools import lru_cache

import onnx_graphsurgeon as gs

from ...analysis.parameter_folding import Folding
from ...evidence.claims import Claim
from ...tags.scope import lca
from ...tags.tag_format import Confidence, Source, Tag
from ..context import Context

# A function of one module may well be called after it; one that holds two is a third module's.
_MIN_PASSED_MODULES = 2


def decide_call(node: gs.Node, claims: list[Claim], context: Context) -> bool:
    """Tag a call of a function to which parameters of several modules are passed; return whether it is one.

    An exporter that makes a function of a module names the call after the last module in it.
    """
    owners = [claim for claim in claims if claim.source is Source.PARAMETER]
    if claims[0].source is not Source.NAME or len({claim.scope for claim in owners}) < _MIN_PASSED_MODULES:
        return False
    scope = lca([claims[0].scope, *(claim.scope for claim in owners)])
    context.set_tag(
        node, Tag(scope, Source.PARAMETER, Confidence.MEDIUM), f"it passes parameters on: {_quoted(owners)}"
    )
    return True


def _quoted(claims: list[Claim]) -> str:
    return " and ".join(f"'{claim.text}'" for claim in claims[:3])


def decide(node: gs.Node, claims: list[Claim], folding: Folding | None, context: Context) -> None:
    """Tag a node by the strongest of its claims."""
    first = claims[0]
    if first.source is not Source.PARAMETER:
        if len(claims) > 1 and first.source is Source.NAME:
            names = [claim for claim in claims if claim.source is Source.NAME]
            if any(claim.scope != first.scope for claim in names):
                scope = context.table.modules.nearest_called(lca(claim.scope for claim in names))
                context.set_tag(
                    node, Tag(scope, Source.NAME, Confidence.MEDIUM), f"it replaces several nodes: {_quoted(names)}"
                )
                return
        confidence = Confidence.HIGH if first.certain else Confidence.MEDIUM
        context.set_tag(node, _shared_tag(first.scope, first.source, confidence), f"its {first.origin} '{first.text}'")
        return
    owners = {claim.scope for claim in claims}
    if len(owners) == 1:
        # Without a table, a parameter of a module that another one uses directly looks like any other.
        certain = (
            folding is not None
            and all(claim.certain for claim in claims)
            and not folding.may_have_changed(node, first.scope, [claim.text for claim in claims])
        )
        confidence = Confidence.HIGH if certain else Confidence.MEDIUM
        context.set_tag(node, Tag(first.scope, Source.PARAMETER, confidence), f"it reads the parameter '{first.text}'")
        return
    scope = lca(owners)
    context.set_tag(
        node,
        Tag(scope, Source.PARAMETER, Confidence.MEDIUM),
        f"it reads parameters of several modules: {_quoted(claims)}",
    )


@lru_cache
def _shared_tag(scope: str, source: Source, confidence: Confidence) -> Tag:
    """Return a tag that the nodes of a module share. Cached, because they mostly stand together in the file."""
    return Tag(scope, source, confidence)
