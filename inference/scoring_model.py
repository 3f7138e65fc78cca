"""How much each kind of evidence weighs: `weights.json`, fitted by `python -m training.fit`.

A candidate's score is the sum of its evidence, each kind weighed by the role of the node, and of what a few hidden
units find in the evidence under the node's circumstances: a network of one hidden layer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..tags.tag_format import Confidence
from .class_statistics import ClassStatistics
from .dataflow import Role
from .features import FEATURES, FeatureContext
from .node_features import NODE_FEATURES, node_feature_matrix
from .scope_tree import Ids

Matrix = npt.NDArray[np.float64]
Columns = npt.NDArray[np.float32]

# So many kinds of evidence are held at once.
_FEATURE_BLOCK = 16


class TrainingStatistics(NamedTuple):
    """What was counted before any weighing: of the boundaries between modules, and of what torch makes of its own."""

    transition_weights: Matrix
    class_statistics: ClassStatistics


@dataclass(frozen=True)
class Network:
    """The weights of one round.

    `direct` has a row per role, `mixing` and `setting` one per hidden unit; the columns of `direct` and `mixing` are
    the kinds of evidence, those of `setting` the circumstances. `offset` and `effect` have a number per hidden unit.
    """

    skip: Matrix
    w_feature: Matrix
    w_node: Matrix
    bias: Matrix
    w_out: Matrix

    def scores(self, question: FeatureContext) -> Matrix:
        """Return a score for each row of a question."""
        role = question.flow.role[question.node]
        total = np.zeros(len(role))
        # Rows lie side by side, so that each kind of evidence is written in one go.
        hidden = self._node_term(question).T[:, question.node]
        skip, w_feature = self.skip.astype(np.float32), self.w_feature.astype(np.float32)
        kinds = list(FEATURES.values())
        for start in range(0, len(kinds), _FEATURE_BLOCK):
            part = slice(start, start + _FEATURE_BLOCK)
            block = np.empty((len(kinds[part]), len(role)), np.float32)
            for index, kind in enumerate(kinds[part]):
                block[index] = kind(question)
            total += np.einsum("ij,ij->j", block, skip.T[part][:, role])
            hidden += w_feature[:, part] @ block
        return total + self.w_out @ np.tanh(hidden)

    def integrated_gradients(
        self, question: FeatureContext, nodes: Ids, chosen: Columns, other: Columns, steps: int = 32
    ) -> Matrix:
        """Return how much each feature adds to the scores from one candidate of each node to another one.

        `chosen` and `other` are the features of the candidates, and the result is of their shape: a row per node, a
        column per feature. The numbers are integrated gradients (Sundararajan, Taly, Yan 2017): together they are the
        difference of the scores.
        """
        node_term = self._node_term(question)[nodes]
        slope = np.zeros((len(nodes), len(self.w_out)))
        for step in range(steps):
            between = other + (step + 0.5) / steps * (chosen - other)
            slope += (1.0 - np.tanh(node_term + between @ self.w_feature.T) ** 2) * self.w_out / steps
        return (chosen - other) * (self.skip[question.flow.role[nodes]] + slope @ self.w_feature)

    def _node_term(self, question: FeatureContext) -> Columns:
        return (node_feature_matrix(question) @ self.w_node.T + self.bias).astype(np.float32)


@dataclass(frozen=True)
class ScoringModel:
    """A network for each round, what was learnt beside, and what makes an answer `high` or `medium`.

    `high` and `medium` are the least probabilities of these confidences; no answer is `high` where `high` is None.
    """

    rounds: Sequence[Network]
    statistics: TrainingStatistics
    high: float | None
    medium: float

    def confidence(self, probability: float, *, in_distribution: bool) -> Confidence:
        """Return the confidence of an answer of this probability; what is not `in_distribution` was never measured."""
        if self.high is not None and in_distribution and probability >= self.high:
            return Confidence.HIGH
        return Confidence.MEDIUM if probability >= self.medium else Confidence.LOW


def load_model(share_named: float) -> ScoringModel:
    """Return the weights that come with hpass for a region.

    `named` is the share of its nodes (0 to 1) that are known by more than the parameters they read. Where it is small,
    most of the evidence is itself a guess, and weighs otherwise. Raises ValueError where the file does not fit the
    evidence.
    """
    dense, sparse, least_named = _read()
    return dense if share_named >= least_named else sparse


@cache
def _read() -> tuple[ScoringModel, ScoringModel, float]:
    data = json.loads(files(__package__ or "").joinpath("weights.json").read_text(encoding="utf-8"))
    columns = [list(FEATURES), list(NODE_FEATURES), [role.name.lower() for role in Role]]
    if [data["features"], data["node_features"], data["roles"]] != columns:
        raise ValueError("weights.json was fitted for other features; run python -m training.fit")
    lessons = TrainingStatistics(
        np.array(data["transition_weights"], float),
        ClassStatistics(data["classes"]["modules"], data["classes"]["nodes"]),
    )
    dense, sparse = (_scoring_model(data[regime], lessons) for regime in ("dense", "sparse"))
    return dense, sparse, data["least_named"]


def _scoring_model(data: Mapping[str, Any], lessons: TrainingStatistics) -> ScoringModel:
    rounds = [Network(**{name: np.array(part, float) for name, part in layer.items()}) for layer in data["rounds"]]
    return ScoringModel(rounds, lessons, data["high"], data["medium"])
