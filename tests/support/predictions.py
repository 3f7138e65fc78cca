"""Predictions of the modules of nodes that are written as ONNX text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from text_models import model, run_pass

from hpass import ModuleTable, Source, Tag
from hpass.inference.arrays import UNKNOWN, Flags
from hpass.inference.module_index import ModuleIndexes
from hpass.inference.predict import Prediction
from hpass.inference.problem import InferenceProblem, build_problem
from hpass.passes.scope_parse import ScopeParse


class Predicted(NamedTuple):
    """A problem and a prediction for its unknown nodes."""

    problem: InferenceProblem
    prediction: Prediction
    names: list[str]

    def named(self, flags: Flags) -> set[str]:
        """Return the names of the unknown nodes that are flagged."""
        return {self.names[node] for node in self.problem.unknown[flags].tolist()}


def predict(
    nodes: str,
    known: Mapping[str, Tag],
    predicted: Mapping[str, str],
    *,
    owners: Collection[str] = (),
    table: ModuleTable | None = None,
) -> Predicted:
    """Return the problem of some nodes with these tags, and the prediction of the others.

    `owners` are the modules that have parameters.
    """
    tags = {**known, **{node: Tag(scope, Source.NAME) for node, scope in predicted.items()}}
    context = run_pass(ScopeParse(), model(nodes), tags=tags, table=table)
    (region,) = context.regions()
    names = [node.name for node in region.graph.nodes]
    problem = build_problem(region, "", [known.get(name) for name in names], ModuleIndexes(context.table, owners))
    scope = np.array([problem.tree.id(predicted[names[node]]) for node in problem.unknown.tolist()])
    count = len(problem.unknown)
    return Predicted(problem, Prediction(problem.unknown, scope, np.ones(count), np.full(count, UNKNOWN)), names)
