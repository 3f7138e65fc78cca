"""Relations between a candidate and the modules or neighbours that a node has: same, below, elsewhere.

Unless said otherwise, functions return one value per row (node, candidate) of a `FeatureContext`, shape (rows,).
Arguments called `scope` give each node a module and arguments called `neighbour` give it another node: int64, shape
(nodes,), UNKNOWN for none.
"""

from __future__ import annotations

import numpy as np

from .arrays import UNKNOWN, Flags, Floats, Ids
from .feature_context import FeatureContext


def is_here(context: FeatureContext, scope: Ids) -> Flags:
    """Whether the node's module is the candidate."""
    return scope[context.node] == context.scope


def is_inside(context: FeatureContext, scope: Ids) -> Flags:
    """Whether the node's module is the candidate or a descendant of it."""
    of_row = scope[context.node]
    return (of_row >= 0) & context.problem.tree.is_descendant(np.maximum(of_row, 0), context.scope)


def is_below(context: FeatureContext, scope: Ids) -> Flags:
    """Whether the node's module is a proper descendant of the candidate."""
    return is_inside(context, scope) & ~is_here(context, scope)


def is_elsewhere(context: FeatureContext, scope: Ids) -> Flags:
    """Whether the node has a module that is neither the candidate nor a descendant of it."""
    return (scope[context.node] >= 0) & ~is_inside(context, scope)


def is_other(context: FeatureContext, scope: Ids) -> Flags:
    """Whether the node has a module other than the candidate."""
    return (scope[context.node] >= 0) & ~is_here(context, scope)


def neighbour_here(context: FeatureContext, neighbour: Ids) -> Floats:
    """Return the probability of the neighbour's assignment if it is assigned to the candidate, else 0."""
    return is_here(context, _scope_of(context, neighbour)) * _probability_of(context, neighbour)


def neighbour_below(context: FeatureContext, neighbour: Ids) -> Floats:
    """Return the probability of the neighbour's assignment if it is assigned below the candidate, else 0."""
    return is_below(context, _scope_of(context, neighbour)) * _probability_of(context, neighbour)


def neighbour_known_here(context: FeatureContext, neighbour: Ids) -> Flags:
    """Whether the neighbour is known to be in the candidate."""
    return context.problem.is_known[neighbour[context.node]] & is_here(context, _scope_of(context, neighbour))


def _scope_of(context: FeatureContext, neighbour: Ids) -> Ids:
    """Return the assigned module of each node's neighbour, shape (nodes,)."""
    return np.where(neighbour >= 0, context.assignment.scope[neighbour], UNKNOWN)


def _probability_of(context: FeatureContext, neighbour: Ids) -> Floats:
    """Return the probability of the neighbour's assignment; meaningless if there is no neighbour."""
    return context.assignment.probability[neighbour[context.node]]


def previous_node(context: FeatureContext) -> Ids:
    """Return the node before each node, shape (nodes,); UNKNOWN for the first."""
    return np.arange(len(context.problem.flow)) - 1


def next_node(context: FeatureContext) -> Ids:
    """Return the node after each node, shape (nodes,); UNKNOWN for the last."""
    following = np.arange(len(context.problem.flow)) + 1
    return np.where(following < len(following), following, UNKNOWN)


def is_between_order_lca_and(context: FeatureContext, anchor_scope: Ids) -> Flags:
    """Whether the candidate is a proper ancestor of the anchor's module and a proper descendant of the order LCA."""
    tree, lca = context.problem.tree, context.problem.order_lca[context.node]
    is_below_lca = tree.is_descendant(context.scope, lca) & (context.scope != lca)
    return is_below(context, anchor_scope) & is_below_lca


def is_called_between_anchors(context: FeatureContext) -> Flags:
    """Whether the module table calls the candidate after the previous anchor's module and before the next one's."""
    position, anchors = context.problem.calls.position, context.problem.anchors
    before, here, after = (
        position[scope] for scope in (anchors.before[context.node], context.scope, anchors.after[context.node])
    )
    # A candidate that still runs at the next anchor is on the path there, not between.
    return (here >= 0) & (before >= 0) & (before < here) & (here < after) & ~is_inside(context, anchors.after)


def is_only_call_between_anchors(context: FeatureContext) -> Flags:
    """Whether the candidate is the only one of its node that the module table calls between the anchors' modules."""
    is_called = is_called_between_anchors(context)
    count = np.bincount(context.node[is_called], minlength=len(context.problem.flow))
    return is_called & (count[context.node] == 1)
