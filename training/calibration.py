"""The thresholds of confidence, chosen on cross-validated predictions.

Accuracy and calibration are measured on models that the scoring model was not fitted on: the models are split in folds,
and each fold is predicted by a scoring model that was fitted on the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hpass.inference import predict
from hpass.inference.arrays import Flags, Floats
from hpass.inference.scoring_model import ScoringModel

from .dataset import NO_TRUTH, LabelledProblem
from .network_fit import fit_networks
from .statistics_fit import estimate_statistics

# The candidates for a threshold. Closer together near 1, where `high` begins.
_THRESHOLDS = (
    *(0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96),
    *(0.97, 0.975, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.999),
)


class ScoredPredictions(NamedTuple):
    """The probability of each prediction, float64, and whether it is right, bool; both of shape (predictions,)."""

    probability: Floats
    right: Flags


def cross_validated(
    data: Mapping[str, Sequence[LabelledProblem]], folds: int
) -> dict[str, dict[str, ScoredPredictions]]:
    """Return the predictions for each regime and case, each by a scoring model that was fitted on other models."""
    found: dict[str, dict[str, list[ScoredPredictions]]] = {regime: defaultdict(list) for regime in data}
    models = sorted({item.model for part in data.values() for item in part})
    for fold in range(folds):
        held_out = set(models[fold::folds])
        training = {regime: [item for item in part if item.model not in held_out] for regime, part in data.items()}
        statistics = estimate_statistics([item for part in training.values() for item in part])
        for regime, part in data.items():
            model = ScoringModel(fit_networks(training[regime], statistics), statistics, high=None, medium=1.0)
            for item in (item for item in part if item.model in held_out):
                found[regime][item.case].append(_scored(item, model))
    return {
        regime: {
            case: ScoredPredictions(*map(np.concatenate, zip(*parts, strict=True))) for case, parts in cases.items()
        }
        for regime, cases in found.items()
    }


def _scored(item: LabelledProblem, model: ScoringModel) -> ScoredPredictions:
    prediction = predict.predict(item.problem, model)
    truth = item.truth[prediction.node]
    has_truth = truth != NO_TRUTH
    return ScoredPredictions(prediction.probability[has_truth], (prediction.scope == truth)[has_truth])


def least_threshold(predictions: Iterable[ScoredPredictions], precision: float, share: float) -> float | None:
    """Return the least threshold from which on the predictions of every case are right with this precision.

    None if there is none, or if fewer than `share` of the predictions of a case reach it.
    """
    parts = list(predictions)
    for threshold in _THRESHOLDS:
        kept = [(part.right[part.probability >= threshold], len(part.right)) for part in parts]
        if all(len(right) and right.mean() >= precision and len(right) >= share * total for right, total in kept):
            return threshold
    return None


def calibration_table(case: str, predictions: ScoredPredictions) -> Iterator[str]:
    """Yield the lines of a table: for each threshold the share of predictions that reach it, and of right ones."""
    yield f"{case}: {len(predictions.right):,} nodes, {predictions.right.mean():.2%} right"
    for threshold in _THRESHOLDS:
        kept = predictions.right[predictions.probability >= threshold]
        if len(kept):
            share = len(kept) / len(predictions.right)
            yield f"  p >= {threshold:<6} {share:7.1%} of the nodes, {kept.mean():.2%} right"
