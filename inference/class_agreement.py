"""Modules of one class run the same operators, of which a file with several of them gives an example.

The training set counts the operators of PyTorch's classes only (`class_statistics.py`). For any class, the other
modules of it in the model are a sample.
"""

from __future__ import annotations

import numpy as np

from .arrays import Floats, Ids
from .feature_context import FeatureContext

# Weight of the logarithm below. Not tuned; 0 costs 0.6 points without names, with a module table or without one, and 3
# changes the case with a table by at most 0.2.
_WEIGHT = 2.0
# Additive smoothing: so many further modules of the class have the operator, and as many have not. Not tuned.
_SMOOTHING = 1.0


def class_agreement(context: FeatureContext, scope: Ids) -> Floats:
    """Return how well each row agrees with the other modules of the candidate's class, shape (rows,).

    `scope` is a module for each node, shape (nodes,). The result is the weighted logarithm of the share of the others
    that have a node of the same operator, over a half. It is 0 for the only module of a class.
    """
    flow, tree = context.problem.flow, context.problem.tree
    group, operator = tree.class_group_id, flow.operator
    has_operator = np.zeros((len(tree), len(flow.operator_names)), np.bool_)
    has_operator[scope, operator] = True
    modules = np.bincount(group)
    having = np.zeros((len(modules), len(flow.operator_names)))
    np.add.at(having, group, has_operator)
    row_operator = operator[context.node]
    others = modules[group[context.scope]] - 1
    others_having = having[group[context.scope], row_operator] - has_operator[context.scope, row_operator]
    share = (others_having + _SMOOTHING) / (others + 2 * _SMOOTHING)
    return _WEIGHT * np.log(share / 0.5)
