"""What is seen of a node whatever its candidates: it tells which evidence to believe, and how far.

`CIRCUMSTANCES` names them all, in the order of the weights: numbers between 0 and about 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .dataflow import Role
from .features import Column, FeatureContext

# More neighbours than this are many.
_MAX_DEGREE = 4.0


def _has_role(role: Role) -> Callable[[FeatureContext], Column]:
    return lambda question: (question.flow.role == role).astype(float)


def _constant_column(question: FeatureContext, value: float) -> Column:
    return np.full(len(question.flow), value)


def _degree(question: FeatureContext, owners: npt.NDArray[np.int64]) -> Column:
    return np.minimum(np.bincount(owners, minlength=len(question.flow)), _MAX_DEGREE) / _MAX_DEGREE


NODE_FEATURES: dict[str, Callable[[FeatureContext], Column]] = {
    **{f"it is {role.name.lower()}": _has_role(role) for role in Role},
    "nodes since the last known one": lambda q: np.log1p(q.anchors.distance_before) / 3.0,
    "nodes until the next known one": lambda q: np.log1p(q.anchors.distance_after) / 3.0,
    "place between the known ones": lambda q: (
        q.anchors.distance_before / np.maximum(1, q.anchors.distance_before + q.anchors.distance_after)
    ),
    "how many read it": lambda q: _degree(q, q.flow.sources),
    "how many it reads": lambda q: _degree(q, q.flow.targets),
    "constants in the region": lambda q: _constant_column(q, 2.0 * float((q.flow.role == Role.CONSTANT).mean())),
    "known nodes in the region": lambda q: _constant_column(q, float(q.known.mean())),
    "a table tells the order of calls": lambda q: _constant_column(q, float(len(q.calls.modules) > 0)),
    "its twins suggest a module": lambda q: (q.block_analogue >= 0).astype(float),
}


def node_feature_matrix(question: FeatureContext) -> npt.NDArray[np.float32]:
    """Return all circumstances: a row for each node of the region, a column for each kind in order."""
    return np.column_stack([kind(question) for kind in NODE_FEATURES.values()]).astype(np.float32)
