"""Predictions: what holds of all of them, and the time they take on large and deep graphs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from text_models import run_pass, stack

import hpass
from hpass import Confidence, Context, Model, Source, Tag
from hpass.inference import predict
from hpass.inference.arrays import UNKNOWN
from hpass.inference.dataflow import Role
from hpass.inference.features import FEATURES, feature_matrix
from hpass.inference.module_index import ModuleIndexes
from hpass.inference.node_features import NODE_FEATURES
from hpass.inference.problem import InferenceProblem, build_problem
from hpass.inference.scoring_model import load_model
from hpass.passes.aux_inheritance import AuxInheritance
from hpass.tags.scope import MAX_DEPTH

OPERATORS = ("MatMul", "Reshape", "Transpose", "Softmax", "Add", "Shape", "Gather", "Relu")


def chain(count: int, scope: Callable[[int], str | None]) -> onnx.ModelProto:
    """Return operators in a line, each with metadata of the module that `scope` gives it."""
    nodes: list[onnx.NodeProto] = []
    for index in range(count):
        node = helper.make_node(OPERATORS[index % 8], [f"v{index}"], [f"v{index + 1}"], name=str(index))
        name = scope(index)
        if name is not None:
            atoms = name.split(".")
            found = stack(*(".".join(atoms[:end]) for end in range(1, len(atoms) + 1)))
            for key, value in found.items():
                node.metadata_props.add(key=key, value=value)
        nodes.append(node)
    return helper.make_model(helper.make_graph(nodes, "g", [], []))


def every_third(index: int) -> str | None:
    return None if index % 3 else f"stage.{index // 1000}.layer.{index // 8}.{OPERATORS[index % 8].lower()}"


def problem_of(source: onnx.ModelProto) -> InferenceProblem:
    context = run_pass(hpass.Pipeline.parse("scope-parse").passes[0], source)
    tags = [context.tags.get(node) for node in context.graph.nodes]
    indexes = ModuleIndexes(context.table, context.evidence.parameter_owners())
    return build_problem(context.regions()[0], "", tags, indexes)


def test_every_unknown_node_has_a_prediction_and_no_other() -> None:
    problem = problem_of(chain(200, every_third))

    prediction = predict.predict(problem, load_model(1.0))

    assert prediction.node.tolist() == [index for index in range(200) if index % 3]
    assert (prediction.scope >= 0).all()
    assert ((prediction.probability > 0) & (prediction.probability <= 1)).all()
    assert (prediction.runner_up != prediction.scope).all()


def test_without_unknown_nodes_there_is_no_prediction() -> None:
    prediction = predict.predict(problem_of(chain(3, lambda _: "a")), load_model(1.0))

    assert prediction.node.tolist() == []


def test_what_a_table_leads_to_gives_way_to_a_choice_without_it_that_is_nearly_as_likely() -> None:
    sparse = chain(200, lambda index: None if index % 9 else f"layer.{index // 18}.{OPERATORS[index % 8].lower()}")
    problem, scoring = problem_of(sparse), load_model(0.0)
    first = predict.predict(problem, scoring)
    other = np.full(200, UNKNOWN)
    other[first.node] = first.runner_up

    second = predict.predict(replace(problem, without_table=other), scoring)

    changed = second.scope != first.scope
    assert 0 < changed.sum() < len(changed)
    assert (second.scope[changed] == first.runner_up[changed]).all()
    assert first.probability[changed].mean() < first.probability[~changed].mean()
    # Modules of repeated blocks give way together.
    pattern = problem.tree.digit_pattern_id
    moves = list(zip(pattern[first.scope].tolist(), pattern[first.runner_up].tolist(), strict=True))
    assert len(set(zip(moves, changed.tolist(), strict=True))) == len(set(moves)) < len(moves)


def test_the_feature_posterior_is_that_of_forward_backward_for_every_candidate() -> None:
    long_gap_first = problem_of(chain(90, lambda index: every_third(index) if index == 0 or index > 30 else None))
    context = predict.final_context(long_gap_first, load_model(1.0))
    posterior = context.posterior
    keys = zip(posterior.node.tolist(), posterior.scope.tolist(), strict=True)
    log_probability = dict(zip(keys, posterior.log_probability, strict=True))

    found = FEATURES["posterior"].values(context)

    rows = zip(context.node.tolist(), context.scope.tolist(), strict=True)
    expected = [np.exp(log_probability[row]) if log_probability.get(row, -99.0) > -8.0 else 0.0 for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_all_features_are_between_minus_one_and_one() -> None:
    context = predict.final_context(problem_of(chain(200, every_third)), load_model(1.0))

    features = feature_matrix(context)

    assert features.shape == (len(context.candidates.node), len(FEATURES))
    assert np.abs(features).max() <= 1
    assert not np.isnan(features).any()


@pytest.mark.parametrize(("known", "has_table"), [(0.0, False), (0.0, True), (1.0, False)])
def test_the_scoring_model_has_a_coefficient_for_each_feature(known: float, *, has_table: bool) -> None:
    scoring_model = load_model(known, has_table=has_table)

    assert {network.skip.shape for network in scoring_model.rounds} == {(len(Role), len(FEATURES))}
    assert {network.w_node.shape[1] for network in scoring_model.rounds} == {len(NODE_FEATURES)}
    assert scoring_model.confidence(0.0, may_be_high=True) is Confidence.LOW
    assert scoring_model.confidence(1.0, may_be_high=True) is (Confidence.HIGH if known else Confidence.MEDIUM)
    assert scoring_model.confidence(1.0, may_be_high=False) is Confidence.MEDIUM


def test_a_table_has_a_scoring_model_of_its_own_where_little_is_known() -> None:
    assert load_model(0.0, has_table=True) is not load_model(0.0)
    assert load_model(1.0, has_table=True) is load_model(1.0)


def test_contributions_add_up_to_the_difference_of_scores_and_the_largest_comes_first() -> None:
    problem = problem_of(chain(200, every_third))

    explained, [(_, contributions)] = predict.explain(problem, load_model(1.0), [31])

    prediction = predict.predict(problem, load_model(1.0))
    assert explained.scope.tolist() == prediction.scope.tolist()
    assert contributions
    assert all(item.gloss == FEATURES[item.feature].gloss for item in contributions)
    context, network = predict.final_context(problem, load_model(1.0)), load_model(1.0).rounds[-1]
    scores = sorted(network.scores(context)[context.node == 31], reverse=True)
    # Small contributions are left out.
    assert sum(item.contribution for item in contributions) == pytest.approx(scores[0] - scores[1], abs=0.3)
    sizes = [abs(item.contribution) for item in contributions]
    assert sizes == sorted(sizes, reverse=True)


SCOPE = st.lists(st.sampled_from(["a", "b", "l.0", "l.1"]), max_size=3).map(".".join)
EDGES = st.lists(st.tuples(st.sampled_from(OPERATORS), st.lists(st.integers(0, 30), max_size=3), st.none() | SCOPE))


@given(EDGES)
def test_any_graph_is_predicted_within_its_modules_and_twice_the_same(
    nodes: list[tuple[str, list[int], str | None]],
) -> None:
    protos = [
        helper.make_node(op, [f"v{source % (index + 1)}" for source in sources], [f"v{index + 1}"], name=str(index))
        for index, (op, sources, _) in enumerate(nodes)
    ]
    source = helper.make_model(helper.make_graph(protos, "g", [], []))
    tags = {str(index): Tag(scope, Source.NAME) for index, (_, _, scope) in enumerate(nodes) if scope is not None}

    one, two = (run_pass(AuxInheritance(), source, tags=tags) for _ in range(2))

    assert [tag for _, tag in one.tagged_nodes()] == [tag for _, tag in two.tagged_nodes()]
    assert {node.name for node, _ in one.tagged_nodes()} == (
        {str(index) for index in range(len(nodes))} if tags else set()
    )
    assert {tag.scope for _, tag in one.tagged_nodes()} <= set(one.table.modules) | {""}
    assert {tag.confidence for _, tag in one.tagged_nodes() if tag.source is Source.INHERITED} <= set(Confidence)


def test_names_of_nodes_and_values_play_no_part() -> None:
    source, other = chain(120, every_third), chain(120, every_third)
    shuffled = [index * 37 % 121 for index in range(121)]
    for node in other.graph.node:
        node.name = f"x{shuffled[int(node.name)]}"
        node.input[0], node.output[0] = (f"w{shuffled[int(value[1:])]}" for value in (node.input[0], node.output[0]))

    one, two = (run_all(model) for model in (source, other))

    assert [tag for _, tag in one.tagged_nodes()] == [tag for _, tag in two.tagged_nodes()]


def run_all(source: onnx.ModelProto) -> Context:
    return hpass.run(source, "scope-parse,module-mapping,aux-inheritance,fallback").context


def cost(source: onnx.ModelProto) -> float:
    """Return the seconds of processor time that the passes take, importing left out."""
    model = Model.open(source)
    context = Context(model)
    assert len(model.graph.nodes) == len(source.graph.node)
    start = time.process_time()
    for step in hpass.Pipeline.parse("all").passes:
        step.run(context)
    return time.process_time() - start


def flat(index: int) -> str | None:
    """Give every tenth node a module of its own, below one parent."""
    return None if index % 10 else f"m{index}"


def repeated(index: int) -> str | None:
    """Give two of three nodes one of two modules, again and again."""
    return None if index % 3 == 2 else "ab"[index % 2]


def at_the_ends(index: int) -> str | None:
    """Leave one long gap."""
    return "a" if index == 0 else None


@pytest.mark.slow
@pytest.mark.parametrize("scope", [every_third, flat, repeated, at_the_ends], ids=lambda scope: scope.__name__)
def test_four_times_the_nodes_cost_about_four_times_as_much(scope: Callable[[int], str | None]) -> None:
    cost(chain(1_000, scope))

    small, large = cost(chain(5_000, scope)), cost(chain(20_000, scope))

    # Quadratic work would be sixteen times as much.
    assert large < 9 * small


@pytest.mark.slow
def test_a_line_of_a_hundred_thousand_nodes() -> None:
    run = hpass.run(chain(100_000, repeated))

    assert sum(1 for _ in run.tags()) == 100_000


def test_modules_nested_as_deep_as_a_scope_may_be() -> None:
    deepest = ".".join(f"m{level}" for level in range(MAX_DEPTH))

    run = hpass.run(chain(50, lambda index: None if index % 3 else deepest))

    assert {tag.scope for _, tag in run.tags()} == {deepest}


def test_a_value_that_thousands_read_and_a_node_that_reads_thousands() -> None:
    count = 5_000
    readers = [helper.make_node("Relu", ["v"], [f"r{index}"], name=str(index)) for index in range(count)]
    nodes = [
        helper.make_node("Abs", ["x"], ["v"], name="/a/Abs"),
        *readers,
        helper.make_node("Concat", [f"r{index}" for index in range(count)], ["y"], name="/b/Concat"),
    ]

    run = hpass.run(helper.make_model(helper.make_graph(nodes, "g", [], [])))

    assert sum(tag.source is Source.INHERITED for _, tag in run.tags()) == count


def test_an_unknown_node_has_no_module() -> None:
    problem = problem_of(chain(6, lambda index: "a" if index == 2 else None))

    assert [number == UNKNOWN for number in problem.known_scope.tolist()] == [True, True, False, True, True, True]


@pytest.mark.parametrize("operator", ["MatMulInteger", "ScatterElements"])
def test_a_run_of_unknown_nodes_with_an_operator_of_hardly_any_model_is_not_in_distribution(operator: str) -> None:
    source = chain(16, lambda index: None if index % 4 else "a")
    source.graph.node[5].op_type = operator

    found = predict.in_distribution(problem_of(source), load_model(1.0).statistics)

    assert np.flatnonzero(~found).tolist() == [5, 6, 7]
