"""Placing the nodes of one region: measure the evidence, weigh it, guess, and measure again with the guess.

A node's evidence depends on where its neighbours lie, of which many are unknown as well. So the guess starts from the
order alone and is improved in rounds, each with weights of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .candidates import UNKNOWN, Calls, Candidates, Gaps, bottoms, common_of, ways
from .course import Gap, Thought, boundaries, courses, gaps_of, tolls
from .evidence import EVIDENCE, Question, measure
from .flow import Flow
from .reach import Reach, reach
from .tree import Flags, Ids, ScopeTree
from .weights import Lessons, Weighting

# What weighs less than this is left out of explanations.
_LEAST_WEIGHT = 0.05
# How much the order's answer counts before any evidence has been weighed.
_FIRST_SURETY = 0.5
_NOTHING = Thought(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


class Placement(NamedTuple):
    """Where unknown nodes lie: for each its position, its module, how likely that is, the runner-up (or UNKNOWN)."""

    node: Ids
    scope: Ids
    probability: npt.NDArray[np.float64]
    runner_up: Ids


class Guess(NamedTuple):
    """A module for every node of a region, and how likely it is (1 where it is known).

    `thought` has how likely every candidate is.
    """

    scope: Ids
    sure: npt.NDArray[np.float64]
    thought: Thought


class Reason(NamedTuple):
    """One kind of evidence for a node: how much it speaks for its module rather than for the runner-up."""

    text: str
    weight: float


@dataclass(frozen=True, eq=False)
class Region:
    """What is known of one region: `known` holds the module of each node, or UNKNOWN.

    Nodes are numbered in the sequence that they are looked at; `sequence` has the position of each in the file.
    `around` is the module that the region itself runs in; `owns` tells which modules have parameters of their own;
    `suggested` is the module that a node's twins suggest, `aligned` the one that the order of calls puts it into (or
    UNKNOWN), `calls` the order of calls itself. `share_named` is the share of nodes that are known by more
    than the parameters they read.
    """

    flow: Flow
    sequence: Ids
    tree: ScopeTree
    known: Ids
    around: int
    owns: Flags
    suggested: Ids
    aligned: Ids
    calls: Calls
    share_named: float

    @cached_property
    def unknown(self) -> Ids:
        """The nodes whose module is asked for."""
        return np.flatnonzero(self.known < 0)

    @cached_property
    def gaps(self) -> Gaps:
        """The anchors around each node."""
        return Gaps.of(self.anchors, self.around)

    @cached_property
    def open_modules(self) -> list[tuple[Ids, Ids]]:
        """The candidates of any guess: what the order of nodes and the table's order of calls leave open."""
        return [ways(self.unknown, self.tree, self.gaps), self.calls.between(self.unknown, self.gaps)]

    @cached_property
    def reaches(self) -> tuple[Reach, Reach]:
        """What each node is connected with among its consumers and among its producers."""
        consumers, producers = (reach(self.flow, self.known, self.tree, forwards=way) for way in (True, False))
        return consumers, producers

    @property
    def anchors(self) -> Ids:
        """The modules that the gaps lie between: known ones, and those that the order of calls aligns."""
        return np.where(self.known >= 0, self.known, self.aligned)

    @cached_property
    def stations(self) -> list[Gap]:
        """The runs of unknown nodes, and the modules on the way through each."""
        return gaps_of(self.known, self.around, self.tree, self.calls, self.suggested)

    @cached_property
    def boundaries(self) -> npt.NDArray[np.float64]:
        """What is seen of the boundary before each node."""
        return boundaries(self.flow, self.stations)


def last_question(region: Region, weighting: Weighting) -> Question:
    """Return the question of the last round, with the guess of the rounds before."""
    guess = first_guess(region)
    for network in weighting.rounds[:-1]:
        question = ask(region, guess, weighting.lessons)
        guess = guessed(question, network.scores(question))
    return ask(region, guess, weighting.lessons)


def place(region: Region, weighting: Weighting) -> Placement:
    """Return the module of every unknown node of a region."""
    question = last_question(region, weighting)
    return decided(question, weighting.rounds[-1].scores(question))


def familiar(region: Region, lessons: Lessons) -> Flags:
    """Whether each node lies among unknown ones whose operators all were seen when the weights were fitted.

    A quantiser puts in nodes that no exporter writes; how sure an answer about them is was never measured.
    """
    strange = np.array([name not in lessons.class_operators.operators for name in region.flow.operator_names])
    unknown = region.known < 0
    run = np.cumsum(np.diff(unknown, prepend=False))
    spoilt = np.zeros(len(unknown) + 1, np.bool_)
    spoilt[run[unknown & strange[region.flow.operators]]] = True
    return ~(unknown & spoilt[run])


def explain(region: Region, weighting: Weighting, node: int) -> tuple[Placement, list[Reason]]:
    """Return a node's placement with the reasons for it, the strongest first."""
    question, network = last_question(region, weighting), weighting.rounds[-1]
    placement = decided(question, network.scores(question))
    at = int(np.searchsorted(placement.node, node))
    rows = np.flatnonzero(question.node == node)
    evidence = measure(question)[rows].astype(np.float32)
    chosen = evidence[question.scope[rows] == placement.scope[at]][0]
    others = evidence[question.scope[rows] == placement.runner_up[at]]
    parts = network.parts(question, node, chosen, others[0] if len(others) else np.zeros_like(chosen))
    reasons = [
        Reason(text, weight)
        for text, weight in zip(EVIDENCE, parts.tolist(), strict=True)
        if abs(weight) > _LEAST_WEIGHT
    ]
    return placement, sorted(reasons, key=lambda reason: -abs(reason.weight))


def first_guess(region: Region) -> Guess:
    """Return what the order alone answers, for unknown nodes."""
    known = region.known >= 0
    guess = np.where(region.anchors >= 0, region.anchors, bottoms(region.tree, region.gaps))
    return Guess(guess, np.where(known, 1.0, _FIRST_SURETY), _NOTHING)


def ask(region: Region, before: Guess, lessons: Lessons) -> Question:
    """Return the question for a guess: the candidates of every unknown node, and all that evidence is measured by."""
    flow, tree = region.flow, region.tree
    guess = before.scope
    unknown = region.unknown
    ends = [
        common_of(owners, guess[others], len(flow), tree)[unknown]
        for owners, others in ((flow.sources, flow.targets), (flow.targets, flow.sources))
    ]
    both = np.where((ends[0] >= 0) & (ends[1] >= 0), tree.common(*(np.maximum(end, 0) for end in ends)), UNKNOWN)
    course = courses(region.stations, tolls(region.boundaries, lessons.crossing), tree, before.thought)
    met = [(unknown, scope) for scope in (*ends, both, guess[unknown], region.suggested[unknown])]
    candidates = Candidates.of([*region.open_modules, *met, (course.node, course.scope)], tree)
    return Question(
        flow,
        tree,
        region.known >= 0,
        guess,
        before.sure,
        region.suggested,
        region.aligned,
        region.calls,
        region.gaps,
        region.owns,
        course,
        *region.reaches,
        lessons.class_operators,
        candidates,
    )


def guessed(question: Question, scores: npt.NDArray[np.float64]) -> Guess:
    """Return the guess that scores of the candidates lead to."""
    placement = decided(question, scores)
    scope, sure = question.guess.copy(), question.sure.copy()
    scope[placement.node], sure[placement.node] = placement.scope, placement.probability
    logs = scores - _log_mass(question, scores)[question.candidates.group]
    return Guess(scope, sure, Thought(question.node, question.scope, logs))


def decided(question: Question, scores: npt.NDArray[np.float64]) -> Placement:
    """Return the candidates of the highest scores, and how likely those make them."""
    starts, group = question.candidates.starts, question.candidates.group
    # Sorted by node, then by score; the deeper module wins a tie, so that the answer never depends on row order.
    order = np.lexsort((question.scope, question.tree.depth[question.scope], scores, group))
    last = np.append(starts, len(scores))[1:] - 1
    best = order[last]
    second = order[np.maximum(last - 1, 0)]
    return Placement(
        question.node[starts],
        question.scope[best],
        np.exp(scores[best] - _log_mass(question, scores)),
        np.where(last > starts, question.scope[second], UNKNOWN),
    )


def _log_mass(question: Question, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm of the sum of what the candidates' scores are the logarithms of, for each unknown node."""
    starts, group = question.candidates.starts, question.candidates.group
    if not len(starts):
        return np.empty(0)
    top = np.maximum.reduceat(scores, starts)
    return np.log(np.add.reduceat(np.exp(scores - top[group]), starts)) + top
