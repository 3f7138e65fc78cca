"""What inference is asked about a region: its dataflow, the modules that exist, and which nodes are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ..analysis.call_order import order_of_calls
from ..graph.regions import Region
from ..tags.table_in_use import TableInUse
from ..tags.tag_format import Source, Tag
from .block_analogy import analogous_modules
from .call_alignment import aligned_modules
from .candidates import UNKNOWN, CallOrder
from .dataflow import Dataflow
from .node_order import node_order
from .predict import InferenceProblem
from .scope_tree import ScopeTree


def has_anchors(region: Region, tags: Sequence[Tag | None], table: TableInUse) -> bool:
    """Whether anything says where a region's nodes lie: a tag, or, for the main graph, the calls in a module table."""
    if any(tags):
        return True
    # Of a table that an earlier run left, that run has made what can be made.
    declared = None if region.position or table.came_aligned else table.declared
    return declared is not None and any(scope and declared.is_called(scope) for scope in declared)


def build_problem(
    region: Region, around: str, tags: Sequence[Tag | None], table: TableInUse, parameter_owners: Collection[str]
) -> InferenceProblem:
    """Return what is known of a region, in the form that inference works on.

    `around` is the module that the region runs in; `tags` are those of its nodes, None if the module is unknown;
    `parameter_owners` are the modules whose parameters the file names.
    """
    nodes = list(region.graph.nodes)
    scopes = [None if tag is None else tag.scope for tag in tags]
    flow = Dataflow(nodes)
    order = node_order(flow, scopes)
    if (np.diff(order) < 0).any():
        flow = Dataflow([nodes[position] for position in order])
        scopes = [scopes[position] for position in order]
    analogue = analogous_modules(flow, scopes)
    modules = table.modules
    if table.declared is not None:
        analogue = {node: scope for node, scope in analogue.items() if modules.is_called(scope)}
    calls = [] if table.declared is None else order_of_calls(table.declared, parameter_owners)
    aligned = aligned_modules(flow, scopes, calls) if calls else {}
    called = [scope for scope in modules if modules.is_called(scope)]
    named = [scope for scope in scopes if scope is not None]
    tree = ScopeTree(dict.fromkeys([*called, around, *named, *analogue.values()]), modules)
    has_parameters = np.zeros(len(tree), np.bool_)
    has_parameters[[number for number in map(tree.id, parameter_owners) if number is not None]] = True
    return InferenceProblem(
        flow=flow,
        sequence=order,
        tree=tree,
        known=np.array([_number(scope, tree) for scope in scopes], np.int64),
        around=_number(around, tree),
        has_parameters=has_parameters,
        block_analogue=np.array([_number(analogue.get(index), tree) for index in range(len(flow))], np.int64),
        aligned=np.array([_number(aligned.get(index), tree) for index in range(len(flow))], np.int64),
        calls=CallOrder.of(tree, calls),
        share_named=sum(tag is not None and tag.source is not Source.PARAMETER for tag in tags) / len(tags),
    )


def _number(scope: str | None, tree: ScopeTree) -> int:
    number = None if scope is None else tree.id(scope)
    return UNKNOWN if number is None else number
