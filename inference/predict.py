"""Predict modules iteratively: compute features, score candidates, and recompute the features from the new posteriors.

A node's features depend on the modules of its neighbours, many of which are unknown as well. The first assignment is
by the order of nodes alone, and each round has a network of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .arrays import UNKNOWN, Flags, Floats, Ids
from .attribution import Attribution, attributions
from .class_agreement import class_agreement
from .class_refutation import class_refutation
from .feature_context import Assignment, FeatureContext
from .forward_backward import LogPosterior, forward_backward
from .problem import InferenceProblem
from .scoring_model import ScoringModel, TrainingStatistics
from .table_preference import with_choices_without_table
from .transitions import transition_costs

# The probability of the first assignment, which is by the order of nodes alone. Not tuned; 0.25 and 1 cost 0.7 and 0.8
# points without names or a module table, and 1 gains 0.8 points with a table.
_INITIAL_PROBABILITY = 0.5


class Prediction(NamedTuple):
    """The predicted modules of the unknown nodes in order; arrays of shape (unknown nodes,).

    node: the node, int64.
    scope: its likeliest module, int64.
    probability: the probability of that module, float64.
    runner_up: the second likeliest module, int64, or UNKNOWN if there is one candidate only.
    """

    node: Ids
    scope: Ids
    probability: Floats
    runner_up: Ids


def predict(problem: InferenceProblem, model: ScoringModel) -> Prediction:
    """Return the module of every unknown node."""
    return explain(problem, model, [])[0]


def explain(
    problem: InferenceProblem, model: ScoringModel, nodes: Sequence[int]
) -> tuple[Prediction, list[Attribution]]:
    """Return the module of every unknown node, and why some of these nodes are in theirs."""
    context, network = final_context(problem, model), model.rounds[-1]
    scores = network.scores(context)
    prediction = argmax_per_node(context, scores)
    preferences = scores + class_agreement(context, _assigned(context, prediction)) - class_refutation(context)
    prediction = argmax_per_node(context, scores, preferences)
    if (problem.without_table != UNKNOWN).any():
        best = context.candidates.rows(prediction.node, prediction.scope, problem.tree)
        preferences = with_choices_without_table(context, preferences, best)
        prediction = argmax_per_node(context, scores, preferences)
    if not nodes:
        return prediction, []
    at = np.searchsorted(prediction.node, nodes)
    explained = attributions(
        context, network, nodes=np.array(nodes), scope=prediction.scope[at], runner_up=prediction.runner_up[at]
    )
    return prediction, explained


def in_distribution(problem: InferenceProblem, statistics: TrainingStatistics) -> Flags:
    """Return whether the training set says enough about each node: bool, shape (nodes,).

    It does not about a run of unknown nodes with an operator that hardly any model of it has. A quantiser, for example,
    inserts operators that no exporter writes, and no threshold of confidence was measured beside those.
    """
    is_rare_operator = np.array([name not in statistics.common_operators for name in problem.flow.operator_names])
    is_unknown = ~problem.is_known
    run = np.cumsum(np.diff(is_unknown, prepend=False))
    has_rare_operator = np.zeros(len(is_unknown) + 1, np.bool_)
    has_rare_operator[run[is_unknown & is_rare_operator[problem.flow.operator]]] = True
    return ~(is_unknown & has_rare_operator[run])


def final_context(problem: InferenceProblem, model: ScoringModel) -> FeatureContext:
    """Return what the features of the last round are computed from."""
    assignment = initial_assignment(problem)
    for network in model.rounds[:-1]:
        context = build_context(problem, assignment, model.statistics)
        assignment = update(context, network.scores(context))
    return build_context(problem, assignment, model.statistics)


def initial_assignment(problem: InferenceProblem) -> Assignment:
    """Assign unknown nodes to their aligned module, or else to the LCA of the anchors before and after."""
    scope = np.where(problem.anchor_scope >= 0, problem.anchor_scope, problem.order_lca)
    probability = np.where(problem.is_known, 1.0, _INITIAL_PROBABILITY)
    return Assignment(scope, probability, LogPosterior.empty())


def build_context(problem: InferenceProblem, assignment: Assignment, statistics: TrainingStatistics) -> FeatureContext:
    """Return what the features of a round are computed from, given the assignment of the round before."""
    costs = transition_costs(problem.boundary_features, statistics.transition_coefficients)
    posterior = forward_backward(problem.gaps, costs, problem.tree, assignment.posterior)
    return FeatureContext(problem, assignment, posterior, statistics.class_statistics)


def update(context: FeatureContext, scores: Floats) -> Assignment:
    """Return the assignment of unknown nodes to the candidates of the highest scores, shape (rows,)."""
    prediction = argmax_per_node(context, scores)
    scope, probability = _assigned(context, prediction), context.assignment.probability.copy()
    probability[prediction.node] = prediction.probability
    log_probability = scores - _segment_logsumexp(context, scores)[context.candidates.node_index]
    return Assignment(scope, probability, LogPosterior(context.node, context.scope, log_probability))


def _assigned(context: FeatureContext, prediction: Prediction) -> Ids:
    """Return the module of each node, known or predicted, shape (nodes,)."""
    scope = context.assignment.scope.copy()
    scope[prediction.node] = prediction.scope
    return scope


def argmax_per_node(context: FeatureContext, scores: Floats, preferences: Floats | None = None) -> Prediction:
    """Return the candidate of the highest score for each unknown node, with its softmax probability.

    Where `preferences` are given, the candidate of the highest preference is chosen instead.
    """
    keys = scores if preferences is None else preferences
    starts, node_index = context.candidates.starts, context.candidates.node_index
    # Of equal scores the deeper module wins, then the one of the higher number, so that row order plays no part.
    order = np.lexsort((context.scope, context.problem.tree.depth[context.scope], keys, node_index))
    last = np.append(starts, len(scores))[1:] - 1
    best = order[last]
    second = order[np.maximum(last - 1, 0)]
    return Prediction(
        node=context.node[starts],
        scope=context.scope[best],
        probability=np.exp(scores[best] - _segment_logsumexp(context, scores)),
        runner_up=np.where(last > starts, context.scope[second], UNKNOWN),
    )


def _segment_logsumexp(context: FeatureContext, scores: Floats) -> Floats:
    """Return the logarithm of the sum of exp(score) over each unknown node's candidates, shape (unknown nodes,)."""
    starts, node_index = context.candidates.starts, context.candidates.node_index
    if not len(starts):
        return np.empty(0)
    maximum = np.maximum.reduceat(scores, starts)
    return np.log(np.add.reduceat(np.exp(scores - maximum[node_index]), starts)) + maximum
