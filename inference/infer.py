"""Placing the nodes of one region: measure the evidence, weigh it, guess, and measure again with the guess.

A node's evidence depends on where its neighbours lie, of which many are unknown as well. So the guess starts from the
order alone and is improved in rounds, each with weights of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .candidates import UNKNOWN, Calls, Candidates, Gaps, bottoms, common_of
from .evidence import EVIDENCE, Question
from .flow import Flow
from .tree import Flags, Ids, ScopeTree
from .weights import Weighting

# What weighs less than this is left out of explanations.
_LEAST_WEIGHT = 0.05
# How much the order's answer counts before any evidence has been weighed.
_FIRST_SURETY = 0.5


class Placement(NamedTuple):
    """Where unknown nodes lie: for each its position, its module, how likely that is, the runner-up (or UNKNOWN)."""

    node: Ids
    scope: Ids
    probability: npt.NDArray[np.float64]
    runner_up: Ids


class Guess(NamedTuple):
    """A module for every node of a region, and how likely it is (1 where it is known)."""

    scope: Ids
    sure: npt.NDArray[np.float64]


class Reason(NamedTuple):
    """One kind of evidence for a node: how much it speaks for its module rather than for the runner-up."""

    text: str
    weight: float


@dataclass(frozen=True)
class Region:
    """What is known of one region: `known` holds the module of each node, or UNKNOWN.

    `around` is the module that the region itself runs in; `owns` tells which modules have parameters of their own;
    `suggested` is the module that a node's twins suggest, `aligned` the one that the order of calls puts it into (or
    UNKNOWN), `calls` the order of calls itself. `share_named` is the share of nodes that are known by more
    than the parameters they read.
    """

    flow: Flow
    tree: ScopeTree
    known: Ids
    around: int
    owns: Flags
    suggested: Ids
    aligned: Ids
    calls: Calls
    share_named: float

    @property
    def anchors(self) -> Ids:
        """The modules that the gaps lie between: known ones, and those that the order of calls aligns."""
        return np.where(self.known >= 0, self.known, self.aligned)


def rounds(region: Region, weighting: Weighting) -> list[Question]:
    """Return the question of each round, the guess of the round before in it."""
    questions: list[Question] = []
    guess = first_guess(region)
    for weights in weighting.rounds:
        questions.append(ask(region, guess))
        guess = improved(questions[-1], weights)
    return questions


def place(region: Region, weighting: Weighting) -> Placement:
    """Return the module of every unknown node of a region."""
    guess = first_guess(region)
    for weights in weighting.rounds[:-1]:
        guess = improved(ask(region, guess), weights)
    question = ask(region, guess)
    return _decided(question, _scores(question, weighting.rounds[-1]))


def explain(region: Region, weighting: Weighting, node: int) -> tuple[Placement, list[Reason]]:
    """Return a node's placement with the reasons for it, the strongest first."""
    question = rounds(region, weighting)[-1]
    placement = _decided(question, _scores(question, weighting.rounds[-1]))
    at = int(np.searchsorted(placement.node, node))
    rows = np.flatnonzero(question.node == node)
    chosen = rows[question.scope[rows] == placement.scope[at]][0]
    other = rows[question.scope[rows] == placement.runner_up[at]]
    reasons: list[Reason] = []
    for index, (text, kind) in enumerate(EVIDENCE.items()):
        column = kind(question)
        weight = weighting.rounds[-1][question.flow.role[node], index]
        difference = column[chosen] - (column[other[0]] if len(other) else 0.0)
        if abs(weight * difference) > _LEAST_WEIGHT:
            reasons.append(Reason(text, float(weight * difference)))
    return placement, sorted(reasons, key=lambda reason: -abs(reason.weight))


def first_guess(region: Region) -> Guess:
    """Return what the order alone answers, for unknown nodes."""
    known = region.known >= 0
    gaps = Gaps.of(region.anchors, region.around)
    guess = np.where(region.anchors >= 0, region.anchors, bottoms(region.tree, gaps))
    return Guess(guess, np.where(known, 1.0, _FIRST_SURETY))


def ask(region: Region, before: Guess) -> Question:
    """Return the question for a guess: the candidates of every unknown node, and all that evidence is measured by."""
    flow, tree = region.flow, region.tree
    guess = before.scope
    known = region.known >= 0
    gaps = Gaps.of(region.anchors, region.around)
    unknown = np.flatnonzero(~known)
    ends = [
        common_of(owners, guess[others], len(flow), tree)[unknown]
        for owners, others in ((flow.sources, flow.targets), (flow.targets, flow.sources))
    ]
    both = np.where((ends[0] >= 0) & (ends[1] >= 0), tree.common(*(np.maximum(end, 0) for end in ends)), UNKNOWN)
    more = [(unknown, scope) for scope in (*ends, both, guess[unknown], region.suggested[unknown])]
    more.append(region.calls.between(unknown, gaps))
    candidates = Candidates.of(unknown, tree, gaps, more)
    return Question(
        flow,
        tree,
        known,
        guess,
        before.sure,
        region.suggested,
        region.aligned,
        region.calls,
        gaps,
        region.owns,
        candidates,
    )


def _scores(question: Question, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    role = question.flow.role[question.node]
    scores = np.zeros(len(role))
    for index, kind in enumerate(EVIDENCE.values()):
        scores += weights[role, index] * kind(question)
    return scores


def improved(question: Question, weights: npt.NDArray[np.float64]) -> Guess:
    """Return the guess that the evidence of one round leads to."""
    placement = _decided(question, _scores(question, weights))
    scope, sure = question.guess.copy(), question.sure.copy()
    scope[placement.node], sure[placement.node] = placement.scope, placement.probability
    return Guess(scope, sure)


def _decided(question: Question, scores: npt.NDArray[np.float64]) -> Placement:
    starts = question.candidates.starts
    if not len(starts):
        empty = np.empty(0, np.int64)
        return Placement(empty, empty, np.empty(0), empty)
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(scores))))
    # Sorted by node, then by score; the deeper module wins a tie, so that the answer never depends on row order.
    order = np.lexsort((question.scope, question.tree.depth[question.scope], scores, group))
    last = np.append(starts[1:], len(scores)) - 1
    best = order[last]
    second = order[np.maximum(last - 1, 0)]
    has_second = last > starts
    top = np.maximum.reduceat(scores, starts)
    mass = np.add.reduceat(np.exp(scores - top[group]), starts)
    return Placement(
        question.node[starts],
        question.scope[best],
        1.0 / mass,
        np.where(has_second, question.scope[second], UNKNOWN),
    )
