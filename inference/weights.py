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

    `high` and `medium` are the least probabilities of these confidences. Where less than `least_known` of a region's
    nodes are known, too much of the evidence is itself a guess for any answer to be `high`.
    """

    rounds: tuple[npt.NDArray[np.float64], ...]
    high: float
    medium: float
    least_known: float

    def confidence(self, probability: float, known: float) -> Confidence:
        """Return the confidence of an answer of this probability in a region of which this share of nodes is known."""
        if probability >= self.high and known >= self.least_known:
            return Confidence.HIGH
        return Confidence.MEDIUM if probability >= self.medium else Confidence.LOW


@cache
def standard_weighting() -> Weighting:
    """Return the weights that come with hpass. Raises ValueError where the file does not fit the evidence."""
    data = json.loads(files(__package__ or "").joinpath("weights.json").read_text(encoding="utf-8"))
    if data["evidence"] != list(EVIDENCE) or data["roles"] != [role.name.lower() for role in Role]:
        raise ValueError("weights.json was fitted for other evidence; run python -m benchmarks.accuracy.fit")
    return Weighting(
        tuple(np.array(matrix, float) for matrix in data["rounds"]), data["high"], data["medium"], data["least_known"]
    )
