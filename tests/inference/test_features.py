"""The features by name: their values are in range, and their glosses are for people."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from text_models import model, run_pass

import hpass
from hpass import Source, Tag
from hpass.inference import predict
from hpass.inference.feature_context import FeatureContext
from hpass.inference.features import FEATURES, Feature, feature_matrix
from hpass.inference.module_index import ModuleIndexes
from hpass.inference.node_features import NODE_FEATURES, node_feature_matrix
from hpass.inference.problem import build_problem
from hpass.inference.scoring_model import load_model

ALL = {**FEATURES, **NODE_FEATURES}
NODES = '["/a/Relu"] u = Relu(x) ["n"] v = Abs(u) ["/a/b/Exp"] w = Exp(v) ["/d/Relu"] y = Relu(w)'


@pytest.fixture
def context() -> FeatureContext:
    """Return the context of the first round for a chain of four nodes, the second of which is unknown."""
    tags = {"/a/Relu": "a", "/a/b/Exp": "a.b", "/d/Relu": "d"}
    found = run_pass(
        hpass.Pipeline.parse("scope-parse").passes[0],
        model(NODES),
        tags={name: Tag(scope, Source.NAME) for name, scope in tags.items()},
    )
    region = found.regions()[0]
    problem = build_problem(
        region, "", [found.tags.get(node) for node in region.graph.nodes], ModuleIndexes(found.table, ())
    )
    return predict.build_context(problem, predict.initial_assignment(problem), load_model(1.0).statistics)


def of_candidate(context: FeatureContext, name: str) -> dict[str, float]:
    values = FEATURES[name].values(context).astype(float).tolist()
    return {context.problem.tree.names[scope]: value for scope, value in zip(context.scope, values, strict=True)}


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_has_one_value_from_minus_one_to_one_per_row(context: FeatureContext, name: str) -> None:
    values = FEATURES[name].values(context)

    assert values.shape == context.node.shape
    assert np.abs(values.astype(float)).max() <= 1


@pytest.mark.parametrize("name", NODE_FEATURES)
def test_a_node_feature_has_one_value_per_node(context: FeatureContext, name: str) -> None:
    assert NODE_FEATURES[name].values(context).shape == (len(context.problem.flow),)


def test_the_matrices_have_a_column_for_each_feature(context: FeatureContext) -> None:
    assert feature_matrix(context).shape == (len(context.node), len(FEATURES))
    assert node_feature_matrix(context).shape == (len(context.problem.flow), len(NODE_FEATURES))
    np.testing.assert_array_equal(feature_matrix(context, np.array([1])), feature_matrix(context)[[1]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prev_anchor_is_here", {"a": 1, "a.b": 0, "": 0}),
        ("next_anchor_is_here", {"a": 0, "a.b": 1, "": 0}),
        ("adjacent_next_anchor_is_here", {"a": 0, "a.b": 1, "": 0}),
        ("order_lca", {"a": 1, "a.b": 0, "": 0}),
        ("above_order_lca", {"a": 0, "a.b": 0, "": 1}),
        ("known_consumers_here", {"a": 0, "a.b": 1, "": 0}),
        ("known_consumers_below", {"a": 1, "a.b": 0, "": 1}),
        ("known_producers_elsewhere", {"a": 0, "a.b": 1, "": 0}),
        ("next_anchor_nonleaf", {"a": 1, "a.b": 0, "": 0}),
        ("is_leaf", {"a": 0, "a.b": 1, "": 0}),
        ("depth_below_order_lca", {"a": 0, "a.b": 0.25, "": -0.25}),
    ],
)
def test_a_feature_of_a_node_between_a_module_and_its_child(
    context: FeatureContext, name: str, expected: dict[str, float]
) -> None:
    found = of_candidate(context, name)

    assert {scope: found[scope] for scope in expected} == expected


@pytest.mark.parametrize(("name", "feature"), ALL.items(), ids=list(ALL))
def test_a_name_is_an_identifier_and_a_gloss_one_line_of_text(name: str, feature: Feature) -> None:
    assert re.fullmatch("[a-z_]+", name)
    assert re.fullmatch(r"[a-z][^\n]{4,110}[^.]", feature.gloss)


def test_no_two_features_have_the_same_gloss() -> None:
    assert max(Counter(feature.gloss for feature in ALL.values()).values()) == 1
