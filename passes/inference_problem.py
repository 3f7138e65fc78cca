"""What inference is asked about a region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..analysis.call_order import order_of_calls
from ..graph.regions import Region
from ..inference import predict
from ..inference.block_analogy import analogous_modules
from ..inference.call_alignment import aligned_modules
from ..inference.candidates import UNKNOWN
from ..inference.dataflow import Dataflow
from ..inference.node_order import node_order
from ..inference.scope_tree import ScopeTree
from ..tags.tag_format import Source, Tag
from .context import Context


def has_anchors(region: Region, tags: Sequence[Tag | None], context: Context) -> bool:
    """Whether anything says where a region's nodes lie: a tag, or, for the main graph, the calls in a module table."""
    if any(tags):
        return True
    # Of a table that an earlier run left, that run has made what can be made.
    table = None if region.position or context.table_is_aligned else context.declared_table
    return table is not None and any(scope and table.is_called(scope) for scope in table)


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
