"""Why a node is in its module: how much each feature adds to the module's score above that of the runner-up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import UNKNOWN, Ids
from .feature_context import FeatureContext
from .features import FEATURES, feature_matrix
from .scoring_model import Network

# Contributions of smaller size are left out, in the unit of scores: natural logarithms of odds. Not tuned.
_MIN_CONTRIBUTION = 0.05


class Contribution(NamedTuple):
    """What a feature adds to the score of a module above that of the runner-up, and what the feature says."""

    feature: str
    contribution: float
    gloss: str


class Attribution(NamedTuple):
    """The second likeliest module of a node (None if there is one candidate), and the contributions, largest first."""

    runner_up: str | None
    contributions: tuple[Contribution, ...]


def attributions(
    context: FeatureContext, network: Network, *, nodes: Ids, scope: Ids, runner_up: Ids
) -> list[Attribution]:
    """Return why the score of `scope` is higher than that of `runner_up`, for each node.

    The three arrays have the shape (nodes to explain,). A `runner_up` of UNKNOWN stands for a candidate whose features
    are all 0.
    """
    has_runner_up = runner_up != UNKNOWN
    rows = context.candidates.rows(
        np.append(nodes, nodes[has_runner_up]), np.append(scope, runner_up[has_runner_up]), context.problem.tree
    )
    features = feature_matrix(context, rows).astype(np.float32)
    chosen, baseline = features[: len(nodes)], np.zeros((len(nodes), len(FEATURES)), np.float32)
    baseline[has_runner_up] = features[len(nodes) :]
    gradients = network.integrated_gradients(context, nodes, chosen, baseline)
    names = context.problem.tree.names
    return [
        Attribution(None if number == UNKNOWN else names[number], _contributions(row))
        for number, row in zip(runner_up.tolist(), gradients.tolist(), strict=True)
    ]


def _contributions(gradients: list[float]) -> tuple[Contribution, ...]:
    found = [
        Contribution(name, gradient, feature.gloss)
        for (name, feature), gradient in zip(FEATURES.items(), gradients, strict=True)
        if abs(gradient) > _MIN_CONTRIBUTION
    ]
    return tuple(sorted(found, key=lambda item: -abs(item.contribution)))
