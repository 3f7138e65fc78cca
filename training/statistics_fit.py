"""The statistics that are estimated from the training set before any network is fitted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.accuracy.zoo_wide import is_wide
from hpass.inference.arrays import Floats
from hpass.inference.class_statistics import OTHER_CLASS, ClassStatistics, torch_class
from hpass.inference.scoring_model import TrainingStatistics

from .dataset import WITH_TABLE, LabelledProblem, node_weight

# Classes that fewer models have are left out. Not tuned.
_MIN_MODELS = 3
# Operators that a smaller share of the models have are rare. Not tuned.
_MIN_SHARE_OF_MODELS = 0.05
# L2 penalty of the logistic regression and the steps of L-BFGS (Liu and Nocedal 1989, Mathematical Programming 45,
# 503-528, doi:10.1007/BF01589116). Not tuned.
_PENALTY, _STEPS = 1e-4, 80


def estimate_statistics(data: Sequence[LabelledProblem]) -> TrainingStatistics:
    """Return the coefficients of transitions, the counts of operators by class, and the common operators."""
    return TrainingStatistics(_transition_coefficients(data), _class_statistics(data), common_operators(data))


def _transition_coefficients(data: Sequence[LabelledProblem]) -> Floats:
    """Fit two logistic regressions on the boundaries in gaps, and return their coefficients, shape (features, 2).

    The first predicts whether the module before a boundary is left for an ancestor, the second whether the module after
    it is entered from one.
    """
    features: list[Floats] = []
    labels: list[Floats] = []
    weights: list[Floats] = []
    for item in data:
        problem, tree = item.problem, item.problem.tree
        padded = np.concatenate(([problem.region_scope], item.truth, [problem.region_scope]))
        before, after = padded[:-1], padded[1:]
        used = np.zeros(len(before), np.bool_)
        for gap in problem.gaps:
            used[gap.start : gap.stop + 1] = True
        used &= (before >= 0) & (after >= 0)
        lca = tree.lca(np.maximum(before, 0), np.maximum(after, 0))
        features.append(problem.boundary_features[used])
        labels.append(np.stack([lca != before, lca != after], 1)[used].astype(float))
        weights.append(np.full((int(used.sum()), 1), node_weight(int(used.sum()))))
    x, y, weight = (torch.from_numpy(np.concatenate(parts)).float() for parts in (features, labels, weights))
    coefficients = torch.zeros(x.shape[1], 2, requires_grad=True)
    optimiser = torch.optim.LBFGS([coefficients], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(x @ coefficients, y, reduction="none")
        total = (weight * losses).sum() / weight.sum() + _PENALTY * (coefficients**2).sum()
        total.backward()
        return total

    optimiser.step(loss)
    return coefficients.detach().numpy().astype(float)


def _class_statistics(data: Sequence[LabelledProblem]) -> ClassStatistics:
    """Count modules and operators by class, in the case with a module table, which says the classes."""
    modules: Counter[str] = Counter()
    nodes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    models: defaultdict[str, set[str]] = defaultdict(set)
    for item in data:
        if item.case != WITH_TABLE.name:
            continue
        tree = item.problem.tree
        classes = [torch_class(name) for name in tree.classes]
        names = [classes[number] for number in tree.class_id]
        for name in names:
            if name is not None:
                modules[name] += 1
                models[name].add(item.model)
        for operator, module in zip(item.problem.flow.ops, item.truth.tolist(), strict=True):
            name = names[module] if module >= 0 else None
            if name is not None:
                nodes[name][operator] += 1
    public = [name for name in modules if name == OTHER_CLASS or hasattr(torch.nn, name)]
    common = sorted(name for name in public if len(models[name]) >= _MIN_MODELS)
    return ClassStatistics(
        {name: modules[name] for name in common}, {name: dict(sorted(nodes[name].items())) for name in common}
    )


def common_operators(data: Sequence[LabelledProblem]) -> frozenset[str]:
    """Return the operators that at least `_MIN_SHARE_OF_MODELS` of the chosen models have.

    The wide set has many models of a kind, such as mixtures of experts, whose operators would then look common.
    """
    models: defaultdict[str, set[str]] = defaultdict(set)
    chosen = [item for item in data if not is_wide(item.model)]
    for item in chosen:
        for operator in item.problem.flow.operator_names:
            models[operator].add(item.model)
    least = _MIN_SHARE_OF_MODELS * len({item.model for item in chosen})
    return frozenset(operator for operator, having in models.items() if len(having) >= least)
