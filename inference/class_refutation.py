"""Modules of PyTorch's classes run few operators, and what none of many did is refuted.

The scoring model has only their association (`ClassStatistics.pmi`), which says nothing of a class without any nodes,
such as Dropout and Sequential.
"""

from __future__ import annotations

import numpy as np

from .arrays import Floats
from .feature_context import FeatureContext

# What a refuted candidate loses, a natural logarithm. Not tuned; 2 costs 0.1 points with a module table, and 8 changes
# nothing.
_REFUTED = 4.0


def class_refutation(context: FeatureContext) -> Floats:
    """Return what each row loses: something if no module of the candidate's class runs the node's operator."""
    tree, flow = context.problem.tree, context.problem.flow
    never = context.class_statistics.never_becomes
    refuted = np.array([[never(name, operator) for operator in flow.operator_names] for name in tree.classes], np.bool_)
    return np.where(refuted[tree.class_id[context.scope], flow.operator[context.node]], _REFUTED, 0.0)
