"""What inference is asked about a region, and why it answered as it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx_graphsurgeon as gs

from ..graph.regions import Region
from ..graph.tags import Source, Tag
from ..inference import infer
from ..inference.calls import aligned_modules
from ..inference.candidates import UNKNOWN
from ..inference.flow import Flow
from ..inference.sequence import sequence
from ..inference.suggest import suggested_modules
from ..inference.tree import ScopeTree
from ..inference.weights import standard_weighting
from .calls import called_from
from .context import Context
from .order import order_of_calls


class Weighed(NamedTuple):
    """What spoke for a node's module rather than for the runner-up (None where there is none), the strongest first."""

    runner_up: str | None
    reasons: tuple[infer.Reason, ...]


def weigh(node: gs.Node, context: Context) -> Weighed | None:
    """Work out anew why a node inherited its module; None where dataflow did not decide in this run."""
    decision = context.decision(node)
    if decision is None or decision.tag.source is not Source.INHERITED:
        return None
    for region, around in called_from(context):
        position = next((index for index, other in enumerate(region.graph.nodes) if other is node), None)
        if position is None:
            continue
        tags = [_earlier_tag(other, decision.decided_by, context) for other in region.graph.nodes]
        if tags[position] is not None or not is_answerable(region, tags, context):
            return None
        question = as_question(region, around, tags, context)
        at = int(np.flatnonzero(question.sequence == position)[0])
        placement, reasons = infer.explain(question, standard_weighting(question.share_named), at)
        other = int(placement.runner_up[np.searchsorted(placement.node, at)])
        return Weighed(None if other == UNKNOWN else question.tree.names[other], tuple(reasons))
    return None


def is_answerable(region: Region, tags: Sequence[Tag | None], context: Context) -> bool:
    """Whether anything says where a region's nodes lie: a tag, or, for the main graph, the calls in a module table."""
    if any(tags):
        return True
    # Of a table that an earlier run left, that run has made what can be made.
    table = None if region.position or context.settled else context.declared
    return table is not None and any(scope and table.is_called(scope) for scope in table)


def _earlier_tag(node: gs.Node, inheriting: str, context: Context) -> Tag | None:
    """Return the tag that a node had before the inheriting pass ran."""
    decision = context.decision(node)
    if decision is None or decision.tag.source is Source.FALLBACK:
        return None
    inherited = decision.tag.source is Source.INHERITED and decision.decided_by == inheriting
    return None if inherited else decision.tag


def as_question(region: Region, around: str, tags: Sequence[Tag | None], context: Context) -> infer.Region:
    """Return what is known of a region, in the form that inference works on.

    `around` is the module that the region runs in; `tags` are those of its nodes, None where the module is unknown.
    """
    nodes = list(region.graph.nodes)
    scopes = [None if tag is None else tag.scope for tag in tags]
    flow = Flow(nodes)
    order = sequence(flow, scopes)
    if (np.diff(order) < 0).any():
        flow = Flow([nodes[position] for position in order])
        scopes = [scopes[position] for position in order]
    suggested = suggested_modules(flow, scopes)
    if context.declared is not None:
        suggested = {node: scope for node, scope in suggested.items() if context.modules.is_called(scope)}
    table = context.declared
    calls = [] if table is None else order_of_calls(table, context.weights.owners())
    aligned = aligned_modules(flow, scopes, calls) if calls else {}
    called = [scope for scope in context.modules if context.modules.is_called(scope)]
    named = [scope for scope in scopes if scope is not None]
    tree = ScopeTree(dict.fromkeys([*called, around, *named, *suggested.values()]), context.modules)
    owns = np.zeros(len(tree), np.bool_)
    owns[[number for number in map(tree.id, context.weights.owners()) if number is not None]] = True
    return infer.Region(
        flow,
        order,
        tree,
        np.array([_number(scope, tree) for scope in scopes], np.int64),
        _number(around, tree),
        owns,
        np.array([_number(suggested.get(index), tree) for index in range(len(flow))], np.int64),
        np.array([_number(aligned.get(index), tree) for index in range(len(flow))], np.int64),
        infer.Calls.of(tree, calls),
        sum(tag is not None and tag.source is not Source.PARAMETER for tag in tags) / len(tags),
    )


def _number(scope: str | None, tree: ScopeTree) -> int:
    number = None if scope is None else tree.id(scope)
    return UNKNOWN if number is None else number
