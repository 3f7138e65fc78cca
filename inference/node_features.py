"""The features of a node, which are the same for all of its candidates: numbers from 0 to about 1.

They set how much the features of the candidates count: they enter the hidden units of the scoring model and nothing
else. `NODE_FEATURES` holds them in the order of its columns.
"""

from __future__ import annotations

import numpy as np

from .arrays import Floats, Floats32, Ids
from .dataflow import Role
from .feature_context import FeatureContext
from .features import Feature

# The numbers of consumers and producers are clipped to this value and divided by it. Not tuned; 2 and 8 change every
# case by at most 0.3 points.
_MAX_DEGREE = 4.0
# Divisor of the natural logarithms of distances in nodes; ln(1 + 19 nodes) is about 3. Not tuned, but the scoring model
# is fitted to it: 2 costs up to 1.8 points and 6 up to 6.9, by case.
_LOG_DISTANCE_UNIT = 3.0


def node_feature_matrix(context: FeatureContext) -> Floats32:
    """Return all features: float32, shape (nodes, node features)."""
    return np.column_stack([feature.values(context) for feature in NODE_FEATURES.values()]).astype(np.float32)


def _role_feature(role: Role) -> Feature:
    name = role.name.lower().replace("_", " ")
    return Feature(f"the node's role is {name}", lambda c: c.problem.flow.role == role)


def _log_distance(distance: Ids) -> Floats:
    return np.log1p(distance) / _LOG_DISTANCE_UNIT


def _relative_position(context: FeatureContext) -> Floats:
    before, after = context.problem.anchors.distance_before, context.problem.anchors.distance_after
    return before / np.maximum(1, before + after)


def _degree(context: FeatureContext, ends: Ids) -> Floats:
    """Return how often each node is among the ends of the edges, clipped and scaled."""
    return np.minimum(np.bincount(ends, minlength=len(context.problem.flow)), _MAX_DEGREE) / _MAX_DEGREE


def _constant_share(context: FeatureContext) -> float:
    return 2.0 * float((context.problem.flow.role == Role.CONSTANT).mean())


def _of_region(context: FeatureContext, value: float) -> Floats:
    """Return the same value for all nodes."""
    return np.full(len(context.problem.flow), value)


NODE_FEATURES: dict[str, Feature] = {
    **{f"is_{role.name.lower()}": _role_feature(role) for role in Role},
    "log_distance_before": Feature(
        "log of the distance to the previous anchor", lambda c: _log_distance(c.problem.anchors.distance_before)
    ),
    "log_distance_after": Feature(
        "log of the distance to the next anchor", lambda c: _log_distance(c.problem.anchors.distance_after)
    ),
    "relative_position": Feature("position between the anchors, from 0 to 1", _relative_position),
    "consumers": Feature("number of consumers", lambda c: _degree(c, c.problem.flow.sources)),
    "producers": Feature("number of producers", lambda c: _degree(c, c.problem.flow.targets)),
    "constant_share": Feature("share of constants in the region, doubled", lambda c: _of_region(c, _constant_share(c))),
    "known_share": Feature(
        "share of known nodes in the region", lambda c: _of_region(c, float(c.problem.is_known.mean()))
    ),
    "has_call_order": Feature(
        "whether a module table gives the order of calls",
        lambda c: _of_region(c, float(len(c.problem.calls.modules) > 0)),
    ),
    "has_block_analogue": Feature(
        "whether similar nodes of sibling blocks point to a module", lambda c: c.problem.block_analogue >= 0
    ),
}
