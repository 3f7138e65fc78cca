"""Nodes that may have run in a module that nothing in the file names.

A module without parameters leaves no name in a file but those of its nodes. If these are gone, its nodes look like
nodes of the module around it. How many such modules a model has is not known, but the modules without parameters that
are still named are a sample of them. Those that look like a module of PyTorch, such as an activation, do not count:
most models have some, and the operators of these tell them.

A node is certain not to be in one if a similar node of a sibling block has a name and is not.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from .arrays import UNKNOWN, Flags, Ids, as_ints
from .class_statistics import ClassStatistics
from .dataflow import Role
from .predict import Prediction
from .problem import InferenceProblem

# A model is taken to have unnamed modules if at least this share of its modules, and of one more that counts as such,
# has no parameters and looks like no module of PyTorch. So 20 modules without such a one say that there are none.
_MIN_SHARE = 0.05


def may_be_unnamed(problem: InferenceProblem, prediction: Prediction, statistics: ClassStatistics) -> Flags:
    """Return for each unknown node whether it may have run in a module that nothing names, shape (unknown nodes,).

    None may if a module table names all modules.
    """
    node = prediction.node
    if len(problem.calls.modules) or _share_of_own_modules(problem, statistics) < _MIN_SHARE:
        return np.zeros(len(node), np.bool_)
    may_be = np.zeros(len(problem.flow), np.bool_)
    may_be[node] = problem.block_analogue[node] != prediction.scope
    return _of_calls(problem, may_be)[node]


def _share_of_own_modules(problem: InferenceProblem, statistics: ClassStatistics) -> float:
    """Return the share of modules without children and parameters that look like none of PyTorch, one more included.

    Modules whose names differ in digits only are looked at together, because some of their nodes may be unknown.
    """
    flow, tree = problem.flow, problem.tree
    computes = problem.is_known & (flow.role != Role.CONSTANT)
    modules: Ids = np.unique(problem.known_scope[computes])
    bare = modules[~(tree.has_children | problem.has_parameters)[modules]]
    pattern = tree.digit_pattern_id
    operators: dict[int, set[str]] = {number: set() for number in as_ints(pattern[bare])}
    for node in np.flatnonzero(computes & np.isin(pattern[problem.known_scope], pattern[bare])).tolist():
        operators[int(pattern[problem.known_scope[node]])].add(flow.ops[node])
    is_own = {number: not statistics.is_like_any(frozenset(found)) for number, found in operators.items()}
    return (sum(is_own[number] for number in as_ints(pattern[bare])) + 1) / (len(modules) + 1)


def _of_calls(problem: InferenceProblem, may_be: Flags) -> Flags:
    """Return which of some nodes may end a call of a module with one input, or are operands of one that may."""
    flow, role, is_known = problem.flow, as_ints(problem.flow.role), problem.is_known.tolist()
    source = [UNKNOWN] * len(flow)
    found = np.zeros(len(flow), np.bool_)
    unknown = as_ints(problem.unknown)
    for node in unknown:
        if role[node] != Role.CONSTANT:
            data = [producer for producer in flow.producers[node] if role[producer] != Role.CONSTANT]
            source[node] = reduce(lambda one, other: _common_source(one, other, source), data) if data else UNKNOWN
            found[node] = may_be[node] and (not data or source[node] != UNKNOWN)
    for node in reversed(unknown):
        if role[node] < Role.RESHAPING and may_be[node]:
            readers = flow.consumers[node]
            found[node] = bool(readers) and all(found[reader] and not is_known[reader] for reader in readers)
    return found


def _common_source(one: int, other: int, source: list[int]) -> int:
    """Return the last node that everything comes through that two nodes depend on, or UNKNOWN if there is none.

    `source` is that node for what each unknown node depends on, UNKNOWN for a known node.
    """
    while one != other and UNKNOWN not in (one, other):
        if one > other:
            one = source[one]
        else:
            other = source[other]
    return one if one == other else UNKNOWN
