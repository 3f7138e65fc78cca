"""The model that scores candidates: two rounds of a network with one hidden layer, fitted by `training/`.

The score of a candidate is linear in its features, with coefficients for each role of a node, plus the output of hidden
units that see its features and those of the node. The softmax of the scores of a node's candidates is the probability
of each: a conditional logit model (McFadden 1974).

McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In P. Zarembka (ed.), Frontiers in
Econometrics, 105-142. Academic Press.

Sundararajan, M., Taly, A., Yan, Q. (2017). Axiomatic attribution for deep networks. Proceedings of ICML, PMLR 70,
3319-3328. https://proceedings.mlr.press/v70/sundararajan17a.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..tags.tag_format import Confidence
from .arrays import Floats, Floats32, Ids
from .class_statistics import ClassStatistics, class_statistics, read_weights
from .dataflow import Role
from .feature_context import FeatureContext
from .features import FEATURES
from .node_features import NODE_FEATURES, node_feature_matrix

# Features are computed and multiplied in blocks of this many, so that memory does not grow with their number.
_FEATURE_BLOCK = 16
# Points of the midpoint rule by which gradients are integrated. With 32, contributions add up to the difference of the
# scores within 0.002; with 16, within 0.009 (30 cases of the benchmark).
_INTEGRATION_STEPS = 32


class TrainingStatistics(NamedTuple):
    """What is estimated from the training set before the networks are fitted.

    transition_coefficients: those of `transitions.py`, float64, shape (boundary features, 2).
    class_statistics: counts of operators by class.
    common_operators: the operators that enough of the chosen models have.
    """

    transition_coefficients: Floats
    class_statistics: ClassStatistics
    common_operators: frozenset[str]


@dataclass(frozen=True)
class Network:
    """The coefficients of one round, float64.

    skip: from the features to the score, shape (roles, features).
    w_feature: from the features to the hidden units, shape (hidden units, features).
    w_node: from the node's features to the hidden units, shape (hidden units, node features).
    bias: of the hidden units, shape (hidden units,). Their activation is tanh.
    w_out: from the hidden units to the score, shape (hidden units,).
    """

    skip: Floats
    w_feature: Floats
    w_node: Floats
    bias: Floats
    w_out: Floats

    def scores(self, context: FeatureContext) -> Floats:
        """Return the score of each row: float64, shape (rows,)."""
        role = context.problem.flow.role[context.node]
        total = np.zeros(len(role))
        # Rows are the last axis, so that each feature is written to contiguous memory.
        hidden = self._node_term(context).T[:, context.node]
        skip, w_feature = self.skip.astype(np.float32), self.w_feature.astype(np.float32)
        features = list(FEATURES.values())
        for start in range(0, len(features), _FEATURE_BLOCK):
            part = slice(start, start + _FEATURE_BLOCK)
            block = np.empty((len(features[part]), len(role)), np.float32)
            for index, feature in enumerate(features[part]):
                block[index] = feature.values(context)
            total += np.einsum("ij,ij->j", block, skip.T[part][:, role])
            hidden += w_feature[:, part] @ block
        return total + self.w_out @ np.tanh(hidden)

    def integrated_gradients(
        self, context: FeatureContext, nodes: Ids, features: Floats32, baseline: Floats32
    ) -> Floats:
        """Return the contribution of each feature to the difference of two candidates' scores, for each node.

        `features` and `baseline` are the features of the two candidates, and the result has their shape, which is
        (nodes to explain, features). The contributions are integrated gradients (Sundararajan et al. 2017) along the
        line between the two; for each node they add up to the difference of the scores.
        """
        node_term = self._node_term(context)[nodes]
        gradient = np.zeros((len(nodes), len(self.w_out)))
        for step in range(_INTEGRATION_STEPS):
            point = baseline + (step + 0.5) / _INTEGRATION_STEPS * (features - baseline)
            gradient += (1.0 - np.tanh(node_term + point @ self.w_feature.T) ** 2) * self.w_out / _INTEGRATION_STEPS
        return (features - baseline) * (self.skip[context.problem.flow.role[nodes]] + gradient @ self.w_feature)

    def _node_term(self, context: FeatureContext) -> Floats32:
        """Return what the node's features add to the hidden units, shape (nodes, hidden units)."""
        return (node_feature_matrix(context) @ self.w_node.T + self.bias).astype(np.float32)


@dataclass(frozen=True)
class ScoringModel:
    """A network for each round, the statistics of the training set, and the thresholds of confidence.

    A prediction of at least the probability `high` (or `medium`) has that confidence; if `high` is None, none is high.
    """

    rounds: Sequence[Network]
    statistics: TrainingStatistics
    high: float | None
    medium: float

    def confidence(self, probability: float, *, may_be_high: bool) -> Confidence:
        """Return the confidence of a prediction. It is not high unless it `may_be_high` (`rivals.py`)."""
        if self.high is not None and may_be_high and probability >= self.high:
            return Confidence.HIGH
        return Confidence.MEDIUM if probability >= self.medium else Confidence.LOW


def load_model(share_named: float, *, has_table: bool = False) -> ScoringModel:
    """Return the fitted model for a region.

    `share_named` is the share of its nodes (0 to 1) that are known by more than the parameters they read. If it is
    small, other models are used, because most features then depend on nodes that are inferred themselves: one if the
    model has a module table, and one if it does not. Raises ValueError if weights.json was fitted for other features.
    """
    models, min_share_named = _read()
    if share_named >= min_share_named:
        return models["dense"]
    return models["table" if has_table else "sparse"]


@cache
def _read() -> tuple[Mapping[str, ScoringModel], float]:
    """Return the models by regime, and the least share of named nodes in the dense one."""
    data = read_weights()
    columns = [list(FEATURES), list(NODE_FEATURES), [role.name.lower() for role in Role]]
    if [data["features"], data["node_features"], data["roles"]] != columns:
        raise ValueError("weights.json was fitted for other features; run python -m training.fit")
    statistics = TrainingStatistics(
        np.array(data["transition_coefficients"], float), class_statistics(), frozenset(data["common_operators"])
    )
    models = {regime: _scoring_model(data[regime], statistics) for regime in ("dense", "sparse", "table")}
    return models, data["min_share_named"]


def _scoring_model(data: Mapping[str, Any], statistics: TrainingStatistics) -> ScoringModel:
    rounds = [Network(**{name: np.array(values, float) for name, values in layer.items()}) for layer in data["rounds"]]
    return ScoringModel(rounds, statistics, data["high"], data["medium"])
