"""The predictions that may well be wrong however probable they are, because another module has a claim to the node.

The scoring model was fitted on models whose modules mostly have names somewhere in the file. It is too sure of itself
beside modules that have none, and between two modules that both run the operator.
"""

from __future__ import annotations

import numpy as np

from .anchors import Anchors
from .arrays import UNKNOWN, Flags, Ids, concatenated_ranges
from .class_statistics import ClassStatistics
from .predict import Prediction
from .problem import InferenceProblem
from .scope_tree import ScopeTree


def has_rival(problem: InferenceProblem, prediction: Prediction, statistics: ClassStatistics) -> Flags:
    """Return for each unknown node whether a module other than the predicted one has a claim to it.

    The result has the shape (unknown nodes,).
    """
    scope = problem.known_scope.copy()
    scope[prediction.node] = prediction.scope
    return (
        _is_another_call(problem, prediction, scope)
        | _neighbour_runs_operator(problem, prediction, scope)
        | _call_without_nodes(problem, prediction, scope, statistics)
    )


def _is_another_call(problem: InferenceProblem, prediction: Prediction, scope: Ids) -> Flags:
    """Return whether all nodes that are certain to be in the module are elsewhere.

    It would be called once more for this node. Some modules are, but one of which no node is known is likelier.
    """
    tree = problem.tree
    before = _lca_since_known(scope, problem.is_certain, tree)
    after = _lca_since_known(scope[::-1], problem.is_certain[::-1], tree)[::-1]
    continues = (before[prediction.node] == prediction.scope) | (after[prediction.node] == prediction.scope)
    return ~continues & tree.holds_any(problem.known_scope[problem.is_known])[prediction.scope]


def _lca_since_known(scope: Ids, is_known: Flags, tree: ScopeTree) -> Ids:
    """Return the LCA of the modules from the last known node up to each node, shape (nodes,).

    It is UNKNOWN before the first known node.
    """
    rank, run = tree.preorder[scope], np.cumsum(is_known)
    offset = run * len(tree)
    last = np.maximum.accumulate(rank + offset) - offset
    first = np.minimum.accumulate(rank - offset) + offset
    return np.where(run > 0, tree.lca(tree.by_preorder[first], tree.by_preorder[last]), UNKNOWN)


def _neighbour_runs_operator(problem: InferenceProblem, prediction: Prediction, scope: Ids) -> Flags:
    """Return whether the node lies between its module and one below it, whose like run the node's operator as well.

    Whether the lower module has ended, or has not begun, is then a guess. Modules are alike if their names differ in
    digits only.
    """
    tree, flow, node = problem.tree, problem.flow, prediction.node
    pattern = tree.digit_pattern_id
    runs_operator = np.zeros((len(tree), len(flow.operator_names)), np.bool_)
    runs_operator[pattern[scope], flow.operator] = True
    before, after = problem.anchors.before[node], problem.anchors.after[node]
    other = np.where(after == prediction.scope, before, after)
    lies_between = (before == prediction.scope) | (after == prediction.scope)
    is_below = (other != prediction.scope) & tree.is_descendant(other, prediction.scope)
    return lies_between & is_below & runs_operator[pattern[other], flow.operator[node]]


def _call_without_nodes(
    problem: InferenceProblem, prediction: Prediction, scope: Ids, statistics: ClassStatistics
) -> Flags:
    """Return whether the table calls a module here, below the predicted one, that no node is in.

    Modules of classes that never run an operator, such as Dropout, do not count.
    """
    tree, calls = problem.tree, problem.calls
    idle = np.array([statistics.is_idle(name) for name in tree.classes], np.bool_)[tree.class_id]
    has_no_nodes = ~tree.holds_any(scope) & ~idle
    empty = calls.modules[has_no_nodes[calls.modules]]
    if not len(empty):
        return np.zeros(len(prediction.node), np.bool_)
    # A module with children is called before them, and says nothing of what was called since.
    is_leaf = problem.is_known & ~tree.has_children[problem.known_scope]
    leaves = Anchors.of(np.where(is_leaf, problem.known_scope, UNKNOWN), UNKNOWN)
    before, after = leaves.before[prediction.node], leaves.after[prediction.node]
    start = np.where(before == UNKNOWN, UNKNOWN, calls.position[before])
    end = np.where((after == UNKNOWN) | (calls.position[after] == UNKNOWN), len(calls.modules), calls.position[after])
    gaps, gap = np.unique(np.stack([prediction.scope, start, end]), axis=1, return_inverse=True)
    first, stop = np.searchsorted(calls.position[empty], gaps[1:] + np.array([[1], [0]]))
    number, call = concatenated_ranges(first, np.maximum(stop - first, 0))
    found = np.zeros(gaps.shape[1], np.bool_)
    found[number[tree.is_descendant(empty[call], gaps[0][number])]] = True
    return found[gap.reshape(-1)]
