"""Score predicted scopes against the truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .scopes import with_ancestors


@dataclass(frozen=True)
class Answer:
    """The prediction for one node: its scope (None if there is none), source, confidence and served module."""

    scope: str | None
    source: str = ""
    confidence: str = ""
    serves: str | None = None


@dataclass
class Score:
    """Counts of nodes with a known truth: all, those predicted exactly, and the sum of their F1 scores."""

    nodes: int = 0
    exact: int = 0
    f1: float = 0.0

    def add(self, truth: str, scope: str | None) -> None:
        """Count one node."""
        self.nodes += 1
        self.exact += truth == scope
        self.f1 += hierarchical_f1(truth, scope)

    def merge(self, other: Score) -> None:
        """Add the counts of another score."""
        self.nodes += other.nodes
        self.exact += other.exact
        self.f1 += other.f1

    @property
    def share(self) -> float:
        """The share of nodes whose scope is exactly right, from 0 to 1."""
        return self.exact / self.nodes if self.nodes else 0.0

    @property
    def mean_f1(self) -> float:
        """The mean hierarchical F1 score, from 0 to 1."""
        return self.f1 / self.nodes if self.nodes else 0.0


@dataclass
class Breakdown:
    """The score of all nodes, by source, by confidence, and by confidence of inherited and fallback tags."""

    total: Score = field(default_factory=Score)
    by_source: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    by_confidence: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    inherited_by_confidence: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    without_truth: int = 0

    def merge(self, other: Breakdown) -> None:
        """Add the counts of another breakdown."""
        self.total.merge(other.total)
        self.without_truth += other.without_truth
        for ours, theirs in (
            (self.by_source, other.by_source),
            (self.by_confidence, other.by_confidence),
            (self.inherited_by_confidence, other.inherited_by_confidence),
        ):
            for key, score in theirs.items():
                ours[key].merge(score)


def hierarchical_f1(truth: str, scope: str | None) -> float:
    """Return the F1 score of the two sets of a module and its ancestors, without the root; 1 for two roots.

    This is the hierarchical F1 score of Kiritchenko et al. (2005) for one example.
    """
    if scope is None:
        return 0.0
    ours, theirs = set(with_ancestors(truth)), set(with_ancestors(scope))
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours or theirs else 1.0


def kind_of_mistake(truth: str, scope: str | None) -> str:
    """Return how a wrong scope relates to the true one."""
    if scope is None:
        return "no scope"
    if not scope or truth.startswith(f"{scope}."):
        return "too shallow"
    if not truth or scope.startswith(f"{truth}."):
        return "too deep"
    return "sibling" if scope.rpartition(".")[0] == truth.rpartition(".")[0] else "elsewhere"


def breakdown(truth: Sequence[str | None], answers: Sequence[Answer], positions: Iterable[int]) -> Breakdown:
    """Score the answers at these positions. Nodes without a truth are counted, not scored."""
    result = Breakdown()
    for i in positions:
        expected, answer = truth[i], answers[i]
        if expected is None:
            result.without_truth += 1
            continue
        result.total.add(expected, answer.scope)
        result.by_source[answer.source].add(expected, answer.scope)
        result.by_confidence[answer.confidence].add(expected, answer.scope)
        if answer.source in ("inherited", "fallback"):
            result.inherited_by_confidence[answer.confidence].add(expected, answer.scope)
    return result
