"""What inference is asked about a region, and why it answered as it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx_graphsurgeon as gs

from ..analysis.call_order import order_of_calls
from ..analysis.call_sites import regions_with_scope
from ..graph.regions import Region
from ..inference import predict
from ..inference.block_analogy import analogous_modules
from ..inference.call_alignment import aligned_modules
from ..inference.candidates import UNKNOWN
from ..inference.dataflow import Dataflow
from ..inference.node_order import node_order
from ..inference.scope_tree import ScopeTree
from ..inference.scoring_model import load_model
from ..tags.tag_format import Source, Tag
from .context import Context


class Attribution(NamedTuple):
    """What spoke for a node's module rather than for the runner-up (None where there is none), the strongest first."""

    runner_up: str | None
    reasons: tuple[predict.Contribution, ...]


def attribute(node: gs.Node, context: Context) -> Attribution | None:
    """Work out anew why a node inherited its module; None where dataflow did not decide in this run."""
    decision = context.decision(node)
    if decision is None or decision.tag.source is not Source.INHERITED:
        return None
    for region, around in regions_with_scope(context):
        position = next((index for index, other in enumerate(region.graph.nodes) if other is node), None)
        if position is None:
            continue
        tags = [_earlier_tag(other, decision.decided_by, context) for other in region.graph.nodes]
        if tags[position] is not None or not has_anchors(region, tags, context):
            return None
        question = build_problem(region, around, tags, context)
        at = int(np.flatnonzero(question.sequence == position)[0])
        placement, reasons = predict.explain(question, load_model(question.share_named), at)
        other = int(placement.runner_up[np.searchsorted(placement.node, at)])
        return Attribution(None if other == UNKNOWN else question.tree.names[other], tuple(reasons))
    return None


def has_anchors(region: Region, tags: Sequence[Tag | None], context: Context) -> bool:
    """Whether anything says where a region's nodes lie: a tag, or, for the main graph, the calls in a module table."""
    if any(tags):
        return True
    # Of a table that an earlier run left, that run has made what can be made.
    table = None if region.position or context.table_is_aligned else context.declared_table
    return table is not None and any(scope and table.is_called(scope) for scope in table)


def _earlier_tag(node: gs.Node, inheriting: str, context: Context) -> Tag | None:
    """Return the tag that a node had before the inheriting pass ran."""
    decision = context.decision(node)
    if decision is None or decision.tag.source is Source.FALLBACK:
        return None
    inherited = decision.tag.source is Source.INHERITED and decision.decided_by == inheriting
    return None if inherited else decision.tag


def build_problem(
    region: Region, around: str, tags: Sequence[Tag | None], context: Context
) -> predict.InferenceProblem:
    """Return what is known of a region, in the form that inference works on.

    `around` is the module that the region runs in; `tags` are those of its nodes, None where the module is unknown.
    """
    nodes = list(region.graph.nodes)
    scopes = [None if tag is None else tag.scope for tag in tags]
    flow = Dataflow(nodes)
    order = node_order(flow, scopes)
    if (np.diff(order) < 0).any():
        flow = Dataflow([nodes[position] for position in order])
        scopes = [scopes[position] for position in order]
    suggested = analogous_modules(flow, scopes)
    if context.declared_table is not None:
        suggested = {node: scope for node, scope in suggested.items() if context.modules.is_called(scope)}
    table = context.declared_table
    calls = [] if table is None else order_of_calls(table, context.parameter_uses.owners())
    aligned = aligned_modules(flow, scopes, calls) if calls else {}
    called = [scope for scope in context.modules if context.modules.is_called(scope)]
    named = [scope for scope in scopes if scope is not None]
    tree = ScopeTree(dict.fromkeys([*called, around, *named, *suggested.values()]), context.modules)
    owns = np.zeros(len(tree), np.bool_)
    owns[[number for number in map(tree.id, context.parameter_uses.owners()) if number is not None]] = True
    return predict.InferenceProblem(
        flow,
        order,
        tree,
        np.array([_number(scope, tree) for scope in scopes], np.int64),
        _number(around, tree),
        owns,
        np.array([_number(suggested.get(index), tree) for index in range(len(flow))], np.int64),
        np.array([_number(aligned.get(index), tree) for index in range(len(flow))], np.int64),
        predict.CallOrder.of(tree, calls),
        sum(tag is not None and tag.source is not Source.PARAMETER for tag in tags) / len(tags),
    )


def _number(scope: str | None, tree: ScopeTree) -> int:
    number = None if scope is None else tree.id(scope)
    return UNKNOWN if number is None else number
