"""The fit of the networks: a conditional logit model (McFadden 1974) with a hidden layer, by maximum likelihood.

Each unknown node whose true module is a candidate is one observation. The rounds are fitted one after the other,
because the features of a round depend on the assignment of the round before. The optimiser is Adam with an L2 penalty
and a cosine learning rate.

McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In P. Zarembka (ed.), Frontiers in
Econometrics, 105-142. Academic Press.

Kingma, D. P., Ba, J. (2015). Adam: a method for stochastic optimization. ICLR. arXiv:1412.6980

Loshchilov, I., Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. ICLR. arXiv:1608.03983
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hpass.inference import predict
from hpass.inference.arrays import Floats32, Ids
from hpass.inference.dataflow import Role
from hpass.inference.feature_context import FeatureContext
from hpass.inference.features import FEATURES, feature_matrix
from hpass.inference.node_features import NODE_FEATURES, node_feature_matrix
from hpass.inference.scoring_model import Network, TrainingStatistics

from .dataset import LabelledProblem, node_weight

# Rounds of inference. Not tuned.
ROUNDS = 2
# Hidden units. Not tuned; with them, models that were not fitted on gain 5 points over a linear model with a module
# table.
_HIDDEN_UNITS = 16
# L2 penalty. 1e-3 is worse in every case but stripped, where it is better by a third of a point (cross-validated).
_PENALTY = 2e-4
# Learning rate, epochs, and batches per epoch. Not tuned.
_LEARNING_RATE, _EPOCHS, _BATCHES = 0.02, 25, 12
# Decimals that are kept of a coefficient.
_DECIMALS = 3


@dataclass(frozen=True)
class Observations:
    """The candidates of the unknown nodes of one problem.

    features: of each row (node, candidate), float32, shape (rows, features).
    node_features: of the row's node, float32, shape (rows, node features).
    role: of the row's node, int64, shape (rows,).
    node_index: the index of the row's node among the unknown nodes, int64, shape (rows,).
    true_row: the row of each unknown node's true module, or -1, int64, shape (unknown nodes,).
    weight: the weight of each node.
    """

    features: Floats32
    node_features: Floats32
    role: Ids
    node_index: Ids
    true_row: Ids
    weight: float


class Batch(NamedTuple):
    """The observations of several problems, without the nodes whose true module is no candidate.

    The fields are those of `Observations`; `weight` has the shape (nodes,).
    """

    features: torch.Tensor
    node_features: torch.Tensor
    role: torch.Tensor
    node_index: torch.Tensor
    true_row: torch.Tensor
    weight: torch.Tensor


def fit_networks(data: Sequence[LabelledProblem], statistics: TrainingStatistics) -> list[Network]:
    """Return the network of each round. The result depends on torch's random state."""
    assignments = [predict.initial_assignment(item.problem) for item in data]
    networks: list[Network] = []
    for number in range(ROUNDS):
        contexts = [
            predict.build_context(item.problem, assignment, statistics)
            for item, assignment in zip(data, assignments, strict=True)
        ]
        observations = [_observations(context, item.truth) for context, item in zip(contexts, data, strict=True)]
        networks.append(_fit_network([part for part in observations if (part.true_row >= 0).any()]))
        if number + 1 < ROUNDS:
            assignments = [predict.update(context, networks[-1].scores(context)) for context in contexts]
    return networks


def _observations(context: FeatureContext, truth: Ids) -> Observations:
    node, node_index = context.node, context.candidates.node_index
    true_row = np.full(len(context.candidates.starts), -1, np.int64)
    rows = np.flatnonzero(context.scope == truth[node])
    true_row[node_index[rows]] = rows
    return Observations(
        features=feature_matrix(context).astype(np.float32),
        node_features=node_feature_matrix(context)[node],
        role=context.problem.flow.role[node],
        node_index=node_index,
        true_row=true_row,
        weight=node_weight(int((true_row >= 0).sum())),
    )


def _fit_network(data: Sequence[Observations]) -> Network:
    batches = [_batch(data[start::_BATCHES]) for start in range(min(_BATCHES, len(data)))]
    mean_weight = sum(float(batch.weight.sum()) for batch in batches) / len(batches)
    features, node_features = len(FEATURES), len(NODE_FEATURES)
    initial = torch.randn(_HIDDEN_UNITS, features + node_features) / np.sqrt(features)
    network = {
        "skip": torch.zeros(len(Role), features),
        "w_feature": initial[:, :features].clone(),
        "w_node": initial[:, features:].clone(),
        "bias": torch.zeros(_HIDDEN_UNITS),
        "w_out": 0.05 * torch.randn(_HIDDEN_UNITS),
    }
    for coefficients in network.values():
        coefficients.requires_grad_()
    optimiser = torch.optim.Adam(network.values(), lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _EPOCHS * len(batches))
    for _ in range(_EPOCHS):
        for batch in batches:
            optimiser.zero_grad()
            penalty = sum(((coefficients**2).sum() for coefficients in network.values()), torch.zeros(()))
            likelihood = (batch.weight * _log_likelihood(network, batch)).sum() / mean_weight
            (_PENALTY * penalty - likelihood).backward()
            optimiser.step()
            schedule.step()
    return Network(
        **{
            name: np.round(coefficients.detach().numpy().astype(float), _DECIMALS)
            for name, coefficients in network.items()
        }
    )


def _log_likelihood(network: Mapping[str, torch.Tensor], batch: Batch) -> torch.Tensor:
    """Return the log probability of the true module of each node, shape (nodes,)."""
    hidden = batch.features @ network["w_feature"].T + batch.node_features @ network["w_node"].T + network["bias"]
    scores = (network["skip"][batch.role] * batch.features).sum(1) + torch.tanh(hidden) @ network["w_out"]
    nodes = len(batch.true_row)
    maximum = torch.full((nodes,), -torch.inf).scatter_reduce(0, batch.node_index, scores.detach(), "amax")
    total = torch.zeros(nodes).index_add(0, batch.node_index, torch.exp(scores - maximum[batch.node_index]))
    return scores[batch.true_row] - maximum - torch.log(total)


def _batch(parts: Sequence[Observations]) -> Batch:
    """Join the observations of several problems."""
    used_nodes = [part.true_row >= 0 for part in parts]
    used_rows = [nodes[part.node_index] for part, nodes in zip(parts, used_nodes, strict=True)]
    node_index = [
        (np.cumsum(nodes) - 1)[part.node_index[rows]]
        for part, nodes, rows in zip(parts, used_nodes, used_rows, strict=True)
    ]
    true_row = [
        (np.cumsum(rows) - 1)[part.true_row[nodes]]
        for part, nodes, rows in zip(parts, used_nodes, used_rows, strict=True)
    ]
    node_counts = [int(nodes.sum()) for nodes in used_nodes]
    return Batch(
        features=_joined([part.features[rows] for part, rows in zip(parts, used_rows, strict=True)]),
        node_features=_joined([part.node_features[rows] for part, rows in zip(parts, used_rows, strict=True)]),
        role=_joined([part.role[rows] for part, rows in zip(parts, used_rows, strict=True)]),
        node_index=_joined_with_offsets(node_index, node_counts),
        true_row=_joined_with_offsets(true_row, [int(rows.sum()) for rows in used_rows]),
        weight=torch.from_numpy(np.repeat([part.weight for part in parts], node_counts)).float(),
    )


def _joined(parts: Sequence[npt.NDArray[np.generic]]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(parts))


def _joined_with_offsets(parts: Sequence[Ids], counts: Sequence[int]) -> torch.Tensor:
    """Join indices into several arrays of these lengths, so that they are indices into the joined array."""
    offsets = np.cumsum([0, *counts[:-1]])
    return _joined([part + offset for part, offset in zip(parts, offsets, strict=True)])
