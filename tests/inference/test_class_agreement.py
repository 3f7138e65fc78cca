"""How well a node agrees with the other modules of its module's class."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from text_models import model, run_pass

from hpass import Source, Tag
from hpass.inference import predict
from hpass.inference.class_agreement import class_agreement
from hpass.inference.module_index import ModuleIndexes
from hpass.inference.problem import build_problem
from hpass.inference.scoring_model import load_model
from hpass.passes.scope_parse import ScopeParse

CHAIN = (
    """["0"] a = Relu(x) ["1"] b = Tanh(a) ["2"] c = Relu(b) ["3"] d = Tanh(c) ["4"] e = Relu(d) ["5"] y = Tanh(e)"""
)
TAGS = {"0": "layer.0.act", "2": "layer.1.act", "4": "layer.2.act"}


@given(st.data())
def test_it_is_the_share_of_the_other_modules_that_have_the_operator(data: st.DataObject) -> None:
    context = run_pass(ScopeParse(), model(CHAIN), tags={node: Tag(scope, Source.NAME) for node, scope in TAGS.items()})
    (region,) = context.regions()
    tags = [context.tags.get(node) for node in region.graph.nodes]
    problem = build_problem(region, "", tags, ModuleIndexes(context.table, ()))
    features = predict.build_context(problem, predict.initial_assignment(problem), load_model(1.0).statistics)
    scope = features.assignment.scope.copy()
    for node in problem.unknown.tolist():
        scope[node] = data.draw(st.sampled_from(range(len(problem.tree))))

    found = class_agreement(features, scope).tolist()

    operators = problem.flow.ops
    for node, candidate, value in zip(features.node.tolist(), features.scope.tolist(), found, strict=True):
        group = problem.tree.class_group_id
        others = [other for other in range(len(group)) if group[other] == group[candidate] and other != candidate]
        having = [
            other
            for other in others
            if any(scope[at] == other and operators[at] == operators[node] for at in range(len(operators)))
        ]
        assert math.isclose(value, 2 * math.log(2 * (len(having) + 1) / (len(others) + 2)), abs_tol=1e-9)
