"""The features of a candidate: numbers from -1 to 1 that speak for or against a node being in a module.

`FEATURES` holds them in the order of the columns of the scoring model. Each takes all rows (node, candidate module) of
a `FeatureContext` at once and returns float64 or bool, shape (rows,).

In names and glosses, "here" or "this module" is the candidate, "below" a proper descendant of it, and "elsewhere"
neither. An anchor is a node whose module is known or aligned with the calls of the module table. The order LCA is the
lowest common ancestor of the modules of the anchors before and after the node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import Flags, Floats, Ids, as_ints
from .call_alignment import names_overlap
from .class_statistics import OTHER_CLASS
from .feature_context import FeatureContext
from .relations import (
    is_below,
    is_between_order_lca_and,
    is_called_between_anchors,
    is_elsewhere,
    is_here,
    is_inside,
    is_only_call_between_anchors,
    is_other,
    neighbour_below,
    neighbour_here,
    neighbour_known_here,
    next_node,
    previous_node,
)
from .sorted_lookup import SortedLookup
from .wl_colours import similar_nodes

# Posteriors below exp(-8) count alike. Not tuned; -5 costs up to 0.7 points and -12 gains up to 0.3, by case.
_MIN_LOG_POSTERIOR = -8.0
# Candidates this many levels above or below the order LCA, or more, count alike. Not tuned; 2 and 8 change every case
# by at most 0.3 points.
_MAX_LEVELS = 4.0


@dataclass(frozen=True)
class Feature:
    """An input of the scoring model: what it says, for people, and the function that computes it.

    The values are one for each row, or for each node if the feature is one of `node_features.py`.
    """

    gloss: str
    values: Callable[[FeatureContext], Floats | Flags]


def feature_matrix(context: FeatureContext, rows: Ids | slice = slice(None)) -> Floats:
    """Return all features of all rows, or of those in `rows`: float64, shape (rows, features)."""
    return np.stack([feature.values(context)[rows] for feature in FEATURES.values()], axis=1, dtype=np.float64)


def _log_posterior(context: FeatureContext) -> Floats:
    """Return the natural logarithm of the forward-backward posterior of each row, at least `_MIN_LOG_POSTERIOR`."""
    posterior, width = context.posterior, len(context.problem.tree)
    lookup = SortedLookup.of(
        posterior.node * width + posterior.scope, np.maximum(posterior.log_probability, _MIN_LOG_POSTERIOR)
    )
    return lookup.get(context.node * width + context.scope, _MIN_LOG_POSTERIOR)


def _posterior(context: FeatureContext) -> Floats:
    log_posterior = _log_posterior(context)
    return np.where(log_posterior > _MIN_LOG_POSTERIOR, np.exp(log_posterior), 0.0)


def _reaches_nothing_here(context: FeatureContext) -> Flags:
    inside = np.zeros(len(context.node), np.bool_)
    for reachable in (context.problem.downstream, context.problem.upstream):
        for scope in reachable:
            inside |= is_inside(context, scope)
    return ~inside


def _name_overlap(context: FeatureContext) -> Floats:
    def overlap(name: str | None, operator: str) -> float:
        return float(name is not None and names_overlap(operator, name.rpartition(".")[2]))

    return _by_class(context, overlap)


def _by_torch_class(context: FeatureContext, value: Callable[[str | None, str], float]) -> Floats:
    """Return `value(class name as counted, operator)` for each row; see `ClassStatistics.counted_name`."""
    counted_name = context.class_statistics.counted_name
    return _by_class(context, lambda name, operator: value(counted_name(name), operator))


def _by_class(context: FeatureContext, value: Callable[[str | None, str], float]) -> Floats:
    """Return `value(class name, operator)` for each row, asked once for each class of a candidate and each operator."""
    flow, tree = context.problem.flow, context.problem.tree
    classes, row = np.unique(tree.class_id[context.scope], return_inverse=True)
    values = [value(tree.classes[at], operator) for at in as_ints(classes) for operator in flow.operator_names]
    return np.array(values, float).reshape(len(classes), len(flow.operator_names))[row, flow.operator[context.node]]


def _depth_below_order_lca(context: FeatureContext) -> Floats:
    depth, lca = context.problem.tree.depth, context.problem.order_lca[context.node]
    return np.clip((depth[context.scope] - depth[lca]) / _MAX_LEVELS, -1.0, 1.0)


def _similar_nodes_share(context: FeatureContext) -> Floats:
    """Return the share of similar nodes whose module has the candidate's digit pattern."""
    problem, pattern = context.problem, context.problem.tree.digit_pattern_id
    node, node_pattern, share = similar_nodes(problem.flow, problem.is_known, pattern[context.assignment.scope])
    width = int(pattern.max()) + 1
    return SortedLookup.of(node * width + node_pattern, share).get(context.node * width + pattern[context.scope], 0.0)


FEATURES: dict[str, Feature] = {
    # The anchors around the node.
    "prev_anchor_is_here": Feature(
        "the previous anchor is in this module", lambda c: is_here(c, c.problem.anchors.before)
    ),
    "next_anchor_is_here": Feature("the next anchor is in this module", lambda c: is_here(c, c.problem.anchors.after)),
    "adjacent_prev_anchor_is_here": Feature(
        "the node directly before it is an anchor in this module",
        lambda c: is_here(c, c.problem.anchors.before) & (c.problem.anchors.distance_before[c.node] == 1),
    ),
    "adjacent_next_anchor_is_here": Feature(
        "the node directly after it is an anchor in this module",
        lambda c: is_here(c, c.problem.anchors.after) & (c.problem.anchors.distance_after[c.node] == 1),
    ),
    "order_lca": Feature(
        "this module is the lowest common ancestor of the anchors before and after (order LCA)",
        lambda c: is_here(c, c.problem.order_lca),
    ),
    "above_prev_anchor": Feature(
        "this module is above the previous anchor's and below the order LCA",
        lambda c: is_between_order_lca_and(c, c.problem.anchors.before),
    ),
    "above_next_anchor": Feature(
        "this module is above the next anchor's and below the order LCA",
        lambda c: is_between_order_lca_and(c, c.problem.anchors.after),
    ),
    "above_order_lca": Feature("this module is above the order LCA", lambda c: is_below(c, c.problem.order_lca)),
    # The nodes before and after it, by the assignment.
    "prev_node_is_here": Feature(
        "the node before it is in this module, by probability", lambda c: neighbour_here(c, previous_node(c))
    ),
    "prev_node_is_below": Feature(
        "the node before it is below this module, by probability", lambda c: neighbour_below(c, previous_node(c))
    ),
    "next_node_is_here": Feature(
        "the node after it is in this module, by probability", lambda c: neighbour_here(c, next_node(c))
    ),
    "next_node_is_below": Feature(
        "the node after it is below this module, by probability", lambda c: neighbour_below(c, next_node(c))
    ),
    # Its consumers and producers.
    "known_consumers_here": Feature(
        "share of its consumers that are known to be in this module", lambda c: c.consumers.known_here
    ),
    "known_consumers_below": Feature(
        "share of its consumers that are known to be below this module", lambda c: c.consumers.known_below
    ),
    "known_consumers_elsewhere": Feature(
        "share of its consumers that are known to be elsewhere", lambda c: c.consumers.known_elsewhere
    ),
    "inferred_consumers_here": Feature(
        "share of its consumers inferred to be in this module, by probability", lambda c: c.consumers.inferred_here
    ),
    "inferred_consumers_below": Feature(
        "share of its consumers inferred to be below this module, by probability", lambda c: c.consumers.inferred_below
    ),
    "inferred_consumers_elsewhere": Feature(
        "share of its consumers inferred to be elsewhere, by probability", lambda c: c.consumers.inferred_elsewhere
    ),
    "consumers_lca": Feature(
        "this module is the lowest common ancestor of its consumers", lambda c: is_here(c, c.consumers.lca)
    ),
    "consumers_nonleaf_lca": Feature(
        "this module is the lowest common ancestor of its consumers, leaf modules counting as their parents",
        lambda c: is_here(c, c.consumers.nonleaf_lca),
    ),
    "known_producers_here": Feature(
        "share of its producers that are known to be in this module", lambda c: c.producers.known_here
    ),
    "known_producers_below": Feature(
        "share of its producers that are known to be below this module", lambda c: c.producers.known_below
    ),
    "known_producers_elsewhere": Feature(
        "share of its producers that are known to be elsewhere", lambda c: c.producers.known_elsewhere
    ),
    "inferred_producers_here": Feature(
        "share of its producers inferred to be in this module, by probability", lambda c: c.producers.inferred_here
    ),
    "inferred_producers_below": Feature(
        "share of its producers inferred to be below this module, by probability", lambda c: c.producers.inferred_below
    ),
    "inferred_producers_elsewhere": Feature(
        "share of its producers inferred to be elsewhere, by probability", lambda c: c.producers.inferred_elsewhere
    ),
    "producers_lca": Feature(
        "this module is the lowest common ancestor of its producers", lambda c: is_here(c, c.producers.lca)
    ),
    "first_consumer_is_here": Feature(
        "its first consumer is in this module, by probability", lambda c: neighbour_here(c, c.first_consumer)
    ),
    "first_consumer_is_known_here": Feature(
        "its first consumer is known to be in this module", lambda c: neighbour_known_here(c, c.first_consumer)
    ),
    "first_consumer_is_below": Feature(
        "its first consumer is below this module, by probability", lambda c: neighbour_below(c, c.first_consumer)
    ),
    "last_producer_is_here": Feature(
        "its last producer is in this module, by probability", lambda c: neighbour_here(c, c.last_producer)
    ),
    "last_producer_is_known_here": Feature(
        "its last producer is known to be in this module", lambda c: neighbour_known_here(c, c.last_producer)
    ),
    "last_producer_is_below": Feature(
        "its last producer is below this module, by probability", lambda c: neighbour_below(c, c.last_producer)
    ),
    "producers_nonleaf_lca": Feature(
        "this module is the lowest common ancestor of its producers, leaf modules counting as their parents",
        lambda c: is_here(c, c.producers.nonleaf_lca),
    ),
    "neighbours_lca": Feature(
        "this module is the lowest common ancestor of its producers and consumers",
        lambda c: is_here(c, c.problem.tree.lca_of_known(c.producers.lca, c.consumers.lca)),
    ),
    # Non-leaf modules at the anchors.
    "prev_anchor_nonleaf": Feature(
        "this module is the previous anchor's, or its parent if that is a leaf",
        lambda c: is_here(c, c.problem.tree.self_or_parent_of_leaf[c.problem.anchors.before]),
    ),
    "next_anchor_nonleaf": Feature(
        "this module is the next anchor's, or its parent if that is a leaf",
        lambda c: is_here(c, c.problem.tree.self_or_parent_of_leaf[c.problem.anchors.after]),
    ),
    # Repeated blocks and the calls of the module table.
    "block_analogue_is_here": Feature(
        "similar nodes of sibling blocks are in this module, block numbers replaced",
        lambda c: is_here(c, c.problem.block_analogue),
    ),
    "block_analogue_is_other": Feature(
        "similar nodes of sibling blocks are in another module, block numbers replaced",
        lambda c: is_other(c, c.problem.block_analogue),
    ),
    "aligned_call_is_here": Feature(
        "the alignment with the module table's calls gives this module", lambda c: is_here(c, c.problem.aligned)
    ),
    "aligned_call_is_other": Feature(
        "the alignment with the module table's calls gives another module", lambda c: is_other(c, c.problem.aligned)
    ),
    "called_between_anchors": Feature(
        "the module table calls this module between the anchors' modules", is_called_between_anchors
    ),
    "only_call_between_anchors": Feature(
        "this module is the only one that the module table calls between the anchors' modules",
        is_only_call_between_anchors,
    ),
    "name_overlap": Feature("its operator and this module's class have similar names", _name_overlap),
    # Forward-backward over the gap.
    "log_posterior": Feature(
        "log probability of this module by forward-backward over the gap, from -1 to 0",
        lambda c: _log_posterior(c) / -_MIN_LOG_POSTERIOR,
    ),
    "posterior": Feature("probability of this module by forward-backward over the gap", _posterior),
    # Known nodes that it reaches through unknown ones.
    "downstream_nearest_is_here": Feature(
        "the nearest known node downstream is in this module", lambda c: is_here(c, c.problem.downstream.nearest)
    ),
    "downstream_nearest_is_below": Feature(
        "the nearest known node downstream is below this module", lambda c: is_below(c, c.problem.downstream.nearest)
    ),
    "downstream_nearest_is_elsewhere": Feature(
        "the nearest known node downstream is elsewhere", lambda c: is_elsewhere(c, c.problem.downstream.nearest)
    ),
    "downstream_lca": Feature(
        "this module is the lowest common ancestor of the known nodes downstream",
        lambda c: is_here(c, c.problem.downstream.lca),
    ),
    "upstream_nearest_is_here": Feature(
        "the nearest known node upstream is in this module", lambda c: is_here(c, c.problem.upstream.nearest)
    ),
    "upstream_nearest_is_below": Feature(
        "the nearest known node upstream is below this module", lambda c: is_below(c, c.problem.upstream.nearest)
    ),
    "upstream_nearest_is_elsewhere": Feature(
        "the nearest known node upstream is elsewhere", lambda c: is_elsewhere(c, c.problem.upstream.nearest)
    ),
    "upstream_lca": Feature(
        "this module is the lowest common ancestor of the known nodes upstream",
        lambda c: is_here(c, c.problem.upstream.lca),
    ),
    "nearest_reachable_lca": Feature(
        "this module is the lowest common ancestor of the nearest known nodes upstream and downstream",
        lambda c: is_here(c, c.problem.tree.lca_of_known(c.problem.downstream.nearest, c.problem.upstream.nearest)),
    ),
    "reaches_nothing_here": Feature(
        "no known node upstream or downstream points into this module", _reaches_nothing_here
    ),
    # The module's class.
    "class_pmi": Feature(
        "pointwise mutual information of its operator and this module's torch.nn class",
        lambda c: _by_torch_class(c, c.class_statistics.pmi),
    ),
    "class_nodes_per_module": Feature(
        "modules of this torch.nn class usually have many nodes",
        lambda c: _by_torch_class(c, lambda name, _: c.class_statistics.nodes_per_module(name)),
    ),
    "is_torch_class": Feature(
        "this module's class is one of torch.nn",
        lambda c: _by_torch_class(c, lambda name, _: float(name not in {None, OTHER_CLASS})),
    ),
    "is_other_class": Feature(
        "this module's class is not one of torch.nn",
        lambda c: _by_torch_class(c, lambda name, _: float(name == OTHER_CLASS)),
    ),
    "has_only_numbered_children": Feature(
        "this module has only numbered children, as a list or a Sequential has",
        lambda c: c.problem.tree.has_only_numbered_children[c.scope],
    ),
    "class_operator_share": Feature(
        "share of its operator among the known nodes of modules of this class",
        lambda c: c.class_group_counts.same_operator / np.maximum(c.class_group_counts.nodes, 1.0),
    ),
    "class_operator_seen": Feature(
        "its operator is known in modules of this class", lambda c: c.class_group_counts.same_operator > 0
    ),
    "class_operator_unseen": Feature(
        "modules of this class have known nodes, none with its operator",
        lambda c: (c.class_group_counts.nodes > 0) & (c.class_group_counts.same_operator == 0),
    ),
    "class_known_only_below": Feature(
        "modules of this class have known nodes only below them",
        lambda c: (c.class_group_counts.nodes == 0) & (c.known_below_class_group > 0),
    ),
    # The module itself.
    "is_leaf": Feature("this module is a leaf", lambda c: ~c.problem.tree.has_children[c.scope]),
    "is_leaf_with_parameters": Feature(
        "this module is a leaf and has parameters",
        lambda c: ~c.problem.tree.has_children[c.scope] & c.problem.has_parameters[c.scope],
    ),
    "has_parameters": Feature("this module has parameters of its own", lambda c: c.problem.has_parameters[c.scope]),
    "depth_below_order_lca": Feature(
        "levels of this module below the order LCA, a quarter each, from -1 (above) to 1", _depth_below_order_lca
    ),
    # Modules whose names differ in digits only.
    "similar_nodes_share": Feature("share of similar nodes in modules like this, up to digits", _similar_nodes_share),
    "pattern_operator_share": Feature(
        "share of its operator among the known nodes of modules like this, up to digits",
        lambda c: c.pattern_counts.same_operator / np.maximum(c.pattern_counts.nodes, 1.0),
    ),
    "pattern_operator_seen": Feature(
        "its operator is known in modules like this, up to digits", lambda c: c.pattern_counts.same_operator > 0
    ),
    "pattern_operator_unseen": Feature(
        "modules like this, up to digits, have known nodes, none with its operator",
        lambda c: (c.pattern_counts.nodes > 0) & (c.pattern_counts.same_operator == 0),
    ),
}
