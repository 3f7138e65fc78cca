"""How much each kind of evidence weighs: `weights.json`, fitted by `python -m benchmarks.accuracy.fit`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from ..graph.tags import Confidence
from .evidence import EVIDENCE
from .flow import Role


@dataclass(frozen=True)
class Weighting:
    """A matrix of weights (roles by kinds of evidence) for each round, and what makes an answer `high` or `medium`.

    `high` and `medium` are the least probabilities of these confidences; no answer is `high` where `high` is None.
    """

    rounds: tuple[npt.NDArray[np.float64], ...]
    high: float | None
    medium: float

    def confidence(self, probability: float) -> Confidence:
        """Return the confidence of an answer of this probability."""
        if self.high is not None and probability >= self.high:
            return Confidence.HIGH
        return Confidence.MEDIUM if probability >= self.medium else Confidence.LOW


def standard_weighting(named: float) -> Weighting:
    """Return the weights that come with hpass for a region.

    `named` is the share of its nodes (0 to 1) that are known by more than the parameters they read. Where it is small,
    most of the evidence is itself a guess: it weighs otherwise, and no answer is `high`. Raises ValueError where the
    file does not fit the evidence.
    """
    dense, sparse, least_named = _read()
    return dense if named >= least_named else sparse


@cache
def _read() -> tuple[Weighting, Weighting, float]:
    data = json.loads(files(__package__ or "").joinpath("weights.json").read_text(encoding="utf-8"))
    if data["evidence"] != list(EVIDENCE) or data["roles"] != [role.name.lower() for role in Role]:
        raise ValueError("weights.json was fitted for other evidence; run python -m benchmarks.accuracy.fit")
    dense, sparse = (
        Weighting(
            tuple(np.array(matrix, float) for matrix in data[regime]["rounds"]),
            data[regime]["high"],
            data[regime]["medium"],
        )
        for regime in ("dense", "sparse")
    )
    return dense, sparse, data["least_named"]
