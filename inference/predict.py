"""Placing the nodes of one region: measure the evidence, weigh it, guess, and measure again with the guess.

A node's evidence depends on where its neighbours lie, of which many are unknown as well. So the guess starts from the
order alone and is improved in rounds, each with weights of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .candidates import UNKNOWN, Anchors, CallOrder, Candidates, anchor_lca, paths_between, segment_lca
from .dataflow import Dataflow
from .features import FEATURES, FeatureContext, feature_matrix
from .forward_backward import Gap, LogPosterior, boundary_features, find_gaps, forward_backward, transition_costs
from .reachability import Reachable, reachable_modules
from .scope_tree import Flags, Ids, ScopeTree
from .scoring_model import Network, ScoringModel, TrainingStatistics

# What weighs less than this is left out of explanations.
_MIN_CONTRIBUTION = 0.05
# How much the order's answer counts before any evidence has been weighed.
_INITIAL_PROBABILITY = 0.5
_NO_POSTERIOR = LogPosterior(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


class Prediction(NamedTuple):
    """Where unknown nodes lie: for each its position, its module, how likely that is, the runner-up (or UNKNOWN)."""

    node: Ids
    scope: Ids
    probability: npt.NDArray[np.float64]
    runner_up: Ids


class Assignment(NamedTuple):
    """A module for every node of a region, and how likely it is (1 where it is known).

    `thought` has how likely every candidate is.
    """

    scope: Ids
    probability: npt.NDArray[np.float64]
    posterior: LogPosterior


class Contribution(NamedTuple):
    """One kind of evidence for a node: how much it speaks for its module rather than for the runner-up."""

    feature: str
    contribution: float


class Attribution(NamedTuple):
    """What spoke for a node's module rather than for the runner-up (None if there is none), the strongest first."""

    runner_up: str | None
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, eq=False)
class InferenceProblem:
    """What is known of one region: `known` holds the module of each node, or UNKNOWN.

    Nodes are numbered in the sequence that they are looked at; `sequence` has the position of each in the file.
    `around` is the module that the region itself runs in; `owns` tells which modules have parameters of their own;
    `suggested` is the module that a node's twins suggest, `aligned` the one that the order of calls puts it into (or
    UNKNOWN), `calls` the order of calls itself. `share_named` is the share of nodes that are known by more
    than the parameters they read.
    """

    flow: Dataflow
    sequence: Ids
    tree: ScopeTree
    known: Ids
    around: int
    has_parameters: Flags
    block_analogue: Ids
    aligned: Ids
    calls: CallOrder
    share_named: float

    @cached_property
    def unknown(self) -> Ids:
        """The nodes whose module is asked for."""
        return np.flatnonzero(self.known < 0)

    @cached_property
    def anchors(self) -> Anchors:
        """The anchors around each node."""
        return Anchors.of(self.anchor_scope, self.around)

    @cached_property
    def open_modules(self) -> list[tuple[Ids, Ids]]:
        """The candidates of any guess: what the order of nodes and the table's order of calls leave open."""
        return [paths_between(self.unknown, self.tree, self.anchors), self.calls.between(self.unknown, self.anchors)]

    @cached_property
    def reachable(self) -> tuple[Reachable, Reachable]:
        """What each node is connected with among its consumers and among its producers."""
        consumers, producers = (
            reachable_modules(self.flow, self.known, self.tree, forwards=way) for way in (True, False)
        )
        return consumers, producers

    @property
    def anchor_scope(self) -> Ids:
        """The modules that the gaps lie between: known ones, and those that the order of calls aligns."""
        return np.where(self.known >= 0, self.known, self.aligned)

    @cached_property
    def gaps(self) -> list[Gap]:
        """The runs of unknown nodes, and the modules on the way through each."""
        return find_gaps(self.known, self.around, self.tree, self.calls, self.block_analogue)

    @cached_property
    def boundary_features(self) -> npt.NDArray[np.float64]:
        """What is seen of the boundary before each node."""
        return boundary_features(self.flow, self.gaps)


def final_features(region: InferenceProblem, weighting: ScoringModel) -> FeatureContext:
    """Return the question of the last round, with the guess of the rounds before."""
    guess = initial_assignment(region)
    for network in weighting.rounds[:-1]:
        question = build_features(region, guess, weighting.statistics)
        guess = update(question, network.scores(question))
    return build_features(region, guess, weighting.statistics)


def predict(region: InferenceProblem, weighting: ScoringModel) -> Prediction:
    """Return the module of every unknown node of a region."""
    return explain(region, weighting, [])[0]


def in_distribution(region: InferenceProblem, lessons: TrainingStatistics) -> Flags:
    """Whether each node lies among unknown ones whose operators all were seen when the weights were fitted.

    A quantiser puts in nodes that no exporter writes; how sure an answer about them is was never measured.
    """
    strange = np.array([name not in lessons.class_statistics.operators for name in region.flow.operator_names])
    unknown = region.known < 0
    run = np.cumsum(np.diff(unknown, prepend=False))
    spoilt = np.zeros(len(unknown) + 1, np.bool_)
    spoilt[run[unknown & strange[region.flow.operators]]] = True
    return ~(unknown & spoilt[run])


def explain(
    region: InferenceProblem, weighting: ScoringModel, nodes: Sequence[int]
) -> tuple[Prediction, list[Attribution]]:
    """Return the module of every unknown node of a region, and why each of some of these nodes lies in its own."""
    question, network = final_features(region, weighting), weighting.rounds[-1]
    prediction = argmax_per_node(question, network.scores(question))
    return prediction, _attributions(question, network, prediction, np.array(nodes)) if nodes else []


def _attributions(question: FeatureContext, network: Network, prediction: Prediction, nodes: Ids) -> list[Attribution]:
    at = np.searchsorted(prediction.node, nodes)
    runner_up = prediction.runner_up[at]
    has_rival = runner_up != UNKNOWN
    scopes = np.append(prediction.scope[at], runner_up[has_rival])
    rows = question.candidates.rows(np.append(nodes, nodes[has_rival]), scopes, question.tree)
    features = feature_matrix(question, rows).astype(np.float32)
    chosen, other = features[: len(nodes)], np.zeros((len(nodes), len(FEATURES)), np.float32)
    other[has_rival] = features[len(nodes) :]
    return [
        Attribution(None if rival == UNKNOWN else question.tree.names[rival], _contributions(weights))
        for rival, weights in zip(
            runner_up.tolist(), network.integrated_gradients(question, nodes, chosen, other).tolist(), strict=True
        )
    ]


def _contributions(weights: list[float]) -> tuple[Contribution, ...]:
    found = [Contribution(feature, weight) for feature, weight in zip(FEATURES, weights, strict=True)]
    return tuple(
        sorted(
            (item for item in found if abs(item.contribution) > _MIN_CONTRIBUTION),
            key=lambda item: -abs(item.contribution),
        )
    )


def initial_assignment(region: InferenceProblem) -> Assignment:
    """Return what the order alone answers, for unknown nodes."""
    known = region.known >= 0
    guess = np.where(region.anchor_scope >= 0, region.anchor_scope, anchor_lca(region.tree, region.anchors))
    return Assignment(guess, np.where(known, 1.0, _INITIAL_PROBABILITY), _NO_POSTERIOR)


def build_features(region: InferenceProblem, before: Assignment, lessons: TrainingStatistics) -> FeatureContext:
    """Return the question for a guess: the candidates of every unknown node, and all that evidence is measured by."""
    flow, tree = region.flow, region.tree
    guess = before.scope
    unknown = region.unknown
    ends = [
        segment_lca(owners, guess[others], len(flow), tree)[unknown]
        for owners, others in ((flow.sources, flow.targets), (flow.targets, flow.sources))
    ]
    both = np.where((ends[0] >= 0) & (ends[1] >= 0), tree.lca(*(np.maximum(end, 0) for end in ends)), UNKNOWN)
    course = forward_backward(
        region.gaps, transition_costs(region.boundary_features, lessons.transition_weights), tree, before.posterior
    )
    met = [(unknown, scope) for scope in (*ends, both, guess[unknown], region.block_analogue[unknown])]
    candidates = Candidates.of([*region.open_modules, *met, (course.node, course.scope)], tree)
    return FeatureContext(
        flow,
        tree,
        region.known >= 0,
        guess,
        before.probability,
        region.block_analogue,
        region.aligned,
        region.calls,
        region.anchors,
        region.has_parameters,
        course,
        *region.reachable,
        lessons.class_statistics,
        candidates,
    )


def update(question: FeatureContext, scores: npt.NDArray[np.float64]) -> Assignment:
    """Return the guess that scores of the candidates lead to."""
    placement = argmax_per_node(question, scores)
    scope, sure = question.assignment.copy(), question.probability.copy()
    scope[placement.node], sure[placement.node] = placement.scope, placement.probability
    logs = scores - _segment_logsumexp(question, scores)[question.candidates.node_index]
    return Assignment(scope, sure, LogPosterior(question.node, question.scope, logs))


def argmax_per_node(question: FeatureContext, scores: npt.NDArray[np.float64]) -> Prediction:
    """Return the candidates of the highest scores, and how likely those make them."""
    starts, group = question.candidates.starts, question.candidates.node_index
    # Sorted by node, then by score; the deeper module wins a tie, so that the answer never depends on row order.
    order = np.lexsort((question.scope, question.tree.depth[question.scope], scores, group))
    last = np.append(starts, len(scores))[1:] - 1
    best = order[last]
    second = order[np.maximum(last - 1, 0)]
    return Prediction(
        question.node[starts],
        question.scope[best],
        np.exp(scores[best] - _segment_logsumexp(question, scores)),
        np.where(last > starts, question.scope[second], UNKNOWN),
    )


def _segment_logsumexp(question: FeatureContext, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm of the sum of what the candidates' scores are the logarithms of, for each unknown node."""
    starts, group = question.candidates.starts, question.candidates.node_index
    if not len(starts):
        return np.empty(0)
    top = np.maximum.reduceat(scores, starts)
    return np.log(np.add.reduceat(np.exp(scores - top[group]), starts)) + top
