"""Predictions that rest on nodes whose own modules are in doubt.

A node may be known by parameters that other modules read as well, or by a reference that is not sure. A name of
TorchScript may lack a part: containers that are never called, such as a ModuleDict, are left out of it. If no parameter
and no module table confirms a name, it is less than `high`. How much less depends on how usual containers are in a
model, and the modules that are confirmed tell that.
"""

from __future__ import annotations

import numpy as np

from ..evidence.parameter_names import label
from .arrays import Flags, as_ints
from .dataflow import Role
from .predict import Prediction
from .problem import InferenceProblem

# The names of a model are taken to lack containers if at least this share of the confirmed modules is in one. Smoothed
# as if one more module were confirmed and a fifth of it were: four modules outside of containers say that there are
# none.
_MIN_SHARE = 0.05
_EXPECTED = 0.2


def rests_on_doubt(problem: InferenceProblem, prediction: Prediction) -> Flags:
    """Return for each unknown node whether what points to its module is in doubt, shape (unknown nodes,).

    It is if the module has known nodes, and all of them are in doubt. So it is if the node is a constant or computes a
    shape, and all its readers are known and in doubt.
    """
    flow, scope, count = problem.flow, problem.known_scope, len(problem.tree)
    trusted = problem.is_certain
    if _names_may_lack_containers(problem):
        trusted = trusted & problem.is_high
    is_named = np.bincount(scope[problem.is_known], minlength=count) > 0
    is_trusted = np.bincount(scope[trusted], minlength=count) > 0
    in_doubt = problem.is_known & ~trusted
    is_operand = np.zeros(len(flow), np.bool_)
    for node in as_ints(prediction.node[flow.role[prediction.node] < Role.RESHAPING]):
        readers = flow.consumers[node]
        is_operand[node] = bool(readers) and bool(in_doubt[readers].all())
    return (is_named & ~is_trusted)[prediction.scope] | is_operand[prediction.node]


def _names_may_lack_containers(problem: InferenceProblem) -> bool:
    tree = problem.tree
    confirmed = as_ints(np.flatnonzero(tree.holds_any(problem.known_scope[problem.is_high]))[1:])
    names, parent = tree.names, as_ints(tree.parent)
    contained = sum(_is_in_container(names[module], names[parent[module]]) for module in confirmed)
    return (contained + _EXPECTED) / (len(confirmed) + 1) >= _MIN_SHARE


def _is_in_container(name: str, caller: str) -> bool:
    """Whether the label of a module, which repeats a called container or leaves another one out, is not its name."""
    return label(name) != name.removeprefix(f"{caller}.")
