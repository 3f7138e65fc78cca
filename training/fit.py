"""Fits the scoring model of inference: `python -m training.fit --cache FOLDER --out inference/weights.json`.

Prints the calibration of cross-validated predictions, then fits on the whole training set and writes that. With
`--regimes` only the networks of some regimes are fitted, to the statistics that weights.json has, and the rest of it is
kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.accuracy import corpus
from hpass.inference.class_statistics import read_weights
from hpass.inference.dataflow import Role
from hpass.inference.features import FEATURES
from hpass.inference.node_features import NODE_FEATURES
from hpass.inference.scoring_model import TrainingStatistics, load_model

from .calibration import calibration_table, cross_validated, least_threshold
from .dataset import REGIMES, LabelledProblem, labelled_problems
from .network_fit import fit_networks
from .statistics_fit import estimate_statistics

FORMAT_VERSION = 3
# A region belongs to the regime `dense` if at least this share of its nodes is known by more than the parameters they
# read. Not tuned.
_MIN_SHARE_NAMED = 0.1
# The precision from which on predictions are `high`, and the share of them that must be. The documented precision is
# 0.99; the margin is for models that are not like the training set and was not tuned.
_HIGH_PRECISION, _MIN_HIGH_SHARE = 0.9925, 0.1
# The probability from which on predictions are `medium`, by regime. Round numbers; README.md documents them.
_MEDIUM = {"dense": 0.8, "sparse": 0.9, "table": 0.9}


def fitted_model(
    data: Mapping[str, Sequence[LabelledProblem]], folds: int, say: Callable[[str], object]
) -> dict[str, Any]:
    """Return the fitted part of weights.json: the statistics, and the networks and thresholds of each regime.

    `say` is given the calibration of each regime as text.
    """
    statistics = estimate_statistics([item for part in data.values() for item in part])
    return {
        "transition_coefficients": np.round(statistics.transition_coefficients, 3).tolist(),
        "classes": {"modules": statistics.class_statistics.modules, "nodes": statistics.class_statistics.nodes},
        "common_operators": sorted(statistics.common_operators),
        **fitted_regimes(data, statistics, folds, say),
    }


def fitted_regimes(
    data: Mapping[str, Sequence[LabelledProblem]],
    statistics: TrainingStatistics,
    folds: int,
    say: Callable[[str], object],
) -> dict[str, Any]:
    """Return the networks and thresholds of each regime, with some statistics."""
    predictions = cross_validated(data, folds)
    found: dict[str, Any] = {}
    for regime, part in data.items():
        say(f"{regime}: {len(part)} problems, cross-validated over {folds} folds of models\n")
        for case, cell in predictions[regime].items():
            say("\n".join(calibration_table(case, cell)) + "\n")
        high = least_threshold(predictions[regime].values(), _HIGH_PRECISION, _MIN_HIGH_SHARE)
        say(f"high {high}, medium {_MEDIUM[regime]}\n\n")
        found[regime] = {
            "high": high,
            "medium": _MEDIUM[regime],
            "rounds": [
                {field.name: getattr(network, field.name).tolist() for field in fields(network)}
                for network in fit_networks(part, statistics)
            ],
        }
    return found


def dumps(data: Any, indent: str = "") -> str:
    """Return JSON with one line per row of a matrix, so that line-based tools can compare two fits."""
    inner = indent + " "
    if isinstance(data, dict) and any(not isinstance(value, int) for value in data.values()):
        items = (f"{inner}{json.dumps(key)}: {dumps(value, inner)}" for key, value in data.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(data, list) and data and not isinstance(data[0], float):
        return "[\n" + ",\n".join(inner + dumps(item, inner) for item in data) + f"\n{indent}]"
    return json.dumps(data)


def main() -> None:
    """Fit, print the calibration, and write the result if `--out` is given."""
    parser = argparse.ArgumentParser(prog="python -m training.fit", description="Fit the scoring model of inference.")
    parser.add_argument("--cache", type=Path, required=True, help="folder of exported models (benchmarks.accuracy)")
    parser.add_argument("--folds", type=int, default=3, help="number of folds of the cross-validation, at least 2")
    parser.add_argument(
        "--regimes", nargs="+", choices=REGIMES, help="fit the networks of these alone, and keep the rest"
    )
    parser.add_argument("--out", type=Path, help="file to write the result to; without it nothing is written")
    arguments = parser.parse_args()
    if arguments.folds < 2:  # noqa: PLR2004
        parser.error("--folds: one fold leaves no model to fit on")
    from benchmarks.accuracy import zoo_wide
    from benchmarks.accuracy.export import CHOSEN

    names = (*CHOSEN, *zoo_wide.names(held_out=False))
    data: dict[str, list[LabelledProblem]] = {regime: [] for regime in arguments.regimes or REGIMES}
    # One by one: all models together are large.
    for entry in corpus.entries(arguments.cache, names, corpus.ENGINES):
        for regime, part in data.items():
            part.extend(labelled_problems(entry, REGIMES[regime]))
    if not all(data.values()):
        sys.exit(f"{arguments.cache}: holds no model to fit on; `python -m benchmarks.accuracy` exports them")
    torch.manual_seed(0)
    if arguments.regimes:
        statistics = load_model(1.0).statistics
        fitted = dict(read_weights()) | fitted_regimes(data, statistics, arguments.folds, sys.stdout.write)
    else:
        fitted = fitted_model(data, arguments.folds, sys.stdout.write)
    model = {
        "version": FORMAT_VERSION,
        "features": list(FEATURES),
        "node_features": list(NODE_FEATURES),
        "roles": [role.name.lower() for role in Role],
        "min_share_named": _MIN_SHARE_NAMED,
        **fitted,
    }
    if arguments.out is not None:
        arguments.out.write_text(dumps(model) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
