"""The training set: inference problems with the true module of each node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import hpass
from benchmarks.accuracy import corpus, hide
from hpass.inference.arrays import Ids
from hpass.inference.module_index import ModuleIndexes
from hpass.inference.problem import InferenceProblem, build_problem

# Models of more nodes than this are left out, because they would take most of the time. Not tuned.
_MAX_NODES = 2600

NOT_IN_TREE, NO_TRUTH = -3, -2
"""Stand for the true module of a node if it is no module of the tree, or if it is not known."""


class Case(NamedTuple):
    """What is hidden of a model: some nodes, and if `strip`, all names but those of parameters.

    `modules` says whether the model's module table is given.
    """

    name: str
    choose: hide.NodeSelector
    strip: bool = False
    modules: bool = False


WITH_TABLE = Case("stripped, modules", hide.all_nodes, strip=True, modules=True)
REGIMES: Mapping[str, tuple[Case, ...]] = {
    "dense": (Case("aux", hide.auxiliary), Case("random", hide.random_share)),
    "sparse": (Case("stripped", hide.all_nodes, strip=True),),
    "table": (WITH_TABLE,),
}


@dataclass(frozen=True, eq=False)
class LabelledProblem:
    """The problem of a model's main graph in one case, and the true module of each node: int64, shape (nodes,)."""

    model: str
    case: str
    problem: InferenceProblem
    truth: Ids


def labelled_problems(entry: corpus.Entry, cases: Sequence[Case]) -> Iterator[LabelledProblem]:
    """Yield the problem of every case in which some nodes are known and some are not."""
    if len(entry.truth) > _MAX_NODES:
        return
    for case in cases:
        positions = case.choose(entry.proto, entry.folder.name)
        hidden = hide.hide(entry.proto, positions, entry.owners if case.strip else None)
        run = hpass.run(hidden, "scope-parse,module-mapping", modules=entry.modules_file if case.modules else None)
        context = run.context
        region = context.regions()[0]
        tags = [context.tags.get(node) for node in region.graph.nodes]
        scopes = [None if tag is None else tag.scope for tag in tags]
        indexes = ModuleIndexes(context.table, context.evidence.parameter_owners(), region.graph.nodes, scopes)
        problem = build_problem(region, "", tags, indexes)
        if problem.is_known.any() and not problem.is_known.all():
            truth = np.array([_number(entry.truth[at], problem) for at in problem.file_position], np.int64)
            problem.flow.release_nodes()
            yield LabelledProblem(entry.model, case.name, problem, truth)


def _number(scope: str | None, problem: InferenceProblem) -> int:
    if scope is None:
        return NO_TRUTH
    number = problem.tree.id(scope)
    return NOT_IN_TREE if number is None else number


def node_weight(nodes: int) -> float:
    """Return the weight of each node in a loss, for a problem of this many nodes: 1 / sqrt(nodes).

    A problem then counts in proportion to the square root of its size. Not tuned.
    """
    return 1.0 / float(np.sqrt(max(1, nodes)))
