"""What a module table may change: less than it would, where what is known without it says otherwise.

A table names modules that nothing else in the file tells of, and the scoring model would give them too many nodes. The
modules that are chosen without the table are therefore kept if what the table leads to is hardly likelier. Nodes that
move between modules whose names differ in digits only are moved all or none: repeated blocks are alike, and the mean
of many margins says more than each.
"""

from __future__ import annotations

import numpy as np

from .arrays import Floats, Ids
from .feature_context import FeatureContext

# The mean margin by which preferences must favour what the table leads to, a natural logarithm. Not tuned; 1.5 and 2.5
# cost 0.1 and 0.5 points with a module table, and 0.7 for every node by itself costs 0.5.
_MIN_MARGIN = 2.0


def with_choices_without_table(context: FeatureContext, preferences: Floats, best: Ids) -> Floats:
    """Return preferences that choose again what was chosen without the table, where the margin is small.

    `preferences` has the shape (rows,). `best` is the preferred row of each unknown node, shape (unknown nodes,).
    """
    problem, pattern = context.problem, context.problem.tree.digit_pattern_id
    kept = np.flatnonzero(problem.without_table[context.node] == context.scope)
    rival = best[context.candidates.node_index[kept]]
    kept, rival = kept[kept != rival], rival[kept != rival]
    if not len(kept):
        return preferences
    margin = preferences[rival] - preferences[kept]
    moves = np.stack([pattern[context.scope[kept]], pattern[context.scope[rival]]])
    group = np.unique(moves, axis=1, return_inverse=True)[1].reshape(-1)
    mean = np.bincount(group, margin) / np.bincount(group)
    result = preferences.copy()
    result[kept[mean[group] < _MIN_MARGIN]] = np.inf
    return result
