"""How much each kind of evidence weighs: `weights.json`, fitted by `python -m benchmarks.accuracy.fit`.

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

from ..graph.tags import Confidence
from .circumstances import CIRCUMSTANCES, circumstances
from .classes import ClassOperators
from .evidence import EVIDENCE, Question
from .flow import Role

Matrix = npt.NDArray[np.float64]
Columns = npt.NDArray[np.float32]

# So many kinds of evidence are held at once.
_BLOCK = 16


class Lessons(NamedTuple):
    """What was counted before any weighing: of the boundaries between modules, and of what torch makes of its own."""

    crossing: Matrix
    class_operators: ClassOperators


@dataclass(frozen=True)
class Network:
    """The weights of one round.

    `direct` has a row per role, `mixing` and `setting` one per hidden unit; the columns of `direct` and `mixing` are
    the kinds of evidence, those of `setting` the circumstances. `offset` and `effect` have a number per hidden unit.
    """

    direct: Matrix
    mixing: Matrix
    setting: Matrix
    offset: Matrix
    effect: Matrix

    def scores(self, question: Question) -> Matrix:
        """Return a score for each row of a question."""
        role = question.flow.role[question.node]
        total = np.zeros(len(role))
        # Rows lie side by side, so that each kind of evidence is written in one go.
        hidden = self._set(question).T[:, question.node]
        direct, mixing = self.direct.astype(np.float32), self.mixing.astype(np.float32)
        kinds = list(EVIDENCE.values())
        for start in range(0, len(kinds), _BLOCK):
            part = slice(start, start + _BLOCK)
            block = np.empty((len(kinds[part]), len(role)), np.float32)
            for index, kind in enumerate(kinds[part]):
                block[index] = kind(question)
            total += np.einsum("ij,ij->j", block, direct.T[part][:, role])
            hidden += mixing[:, part] @ block
        return total + self.effect @ np.tanh(hidden)

    def parts(self, question: Question, node: int, chosen: Columns, other: Columns, steps: int = 32) -> Matrix:
        """Return how much each kind of evidence adds to the score from one candidate's evidence to another's.

        They are integrated gradients (Sundararajan, Taly, Yan 2017): together they are the difference of the scores.
        """
        between = (np.arange(steps) + 0.5) / steps
        evidence = other + between[:, None] * (chosen - other)
        hidden = np.tanh(self._set(question)[node] + evidence @ self.mixing.T)
        slope = ((1.0 - hidden**2) * self.effect).mean(0) @ self.mixing
        return (chosen - other) * (self.direct[question.flow.role[node]] + slope)

    def _set(self, question: Question) -> Columns:
        return (circumstances(question) @ self.setting.T + self.offset).astype(np.float32)


@dataclass(frozen=True)
class Weighting:
    """A network for each round, what was learnt beside, and what makes an answer `high` or `medium`.

    `high` and `medium` are the least probabilities of these confidences; no answer is `high` where `high` is None.
    """

    rounds: Sequence[Network]
    lessons: Lessons
    high: float | None
    medium: float

    def confidence(self, probability: float, *, familiar: bool) -> Confidence:
        """Return the confidence of an answer of this probability; what is not `familiar` was never measured."""
        if self.high is not None and familiar and probability >= self.high:
            return Confidence.HIGH
        return Confidence.MEDIUM if probability >= self.medium else Confidence.LOW


def standard_weighting(named: float) -> Weighting:
    """Return the weights that come with hpass for a region.

    `named` is the share of its nodes (0 to 1) that are known by more than the parameters they read. Where it is small,
    most of the evidence is itself a guess, and weighs otherwise. Raises ValueError where the file does not fit the
    evidence.
    """
    dense, sparse, least_named = _read()
    return dense if named >= least_named else sparse


@cache
def _read() -> tuple[Weighting, Weighting, float]:
    data = json.loads(files(__package__ or "").joinpath("weights.json").read_text(encoding="utf-8"))
    columns = [list(EVIDENCE), list(CIRCUMSTANCES), [role.name.lower() for role in Role]]
    if [data["evidence"], data["circumstances"], data["roles"]] != columns:
        raise ValueError("weights.json was fitted for other evidence; run python -m benchmarks.accuracy.fit")
    lessons = Lessons(
        np.array(data["crossing"], float), ClassOperators(data["classes"]["modules"], data["classes"]["nodes"])
    )
    dense, sparse = (_weighting(data[regime], lessons) for regime in ("dense", "sparse"))
    return dense, sparse, data["least_named"]


def _weighting(data: Mapping[str, Any], lessons: Lessons) -> Weighting:
    rounds = [Network(**{name: np.array(part, float) for name, part in layer.items()}) for layer in data["rounds"]]
    return Weighting(rounds, lessons, data["high"], data["medium"])
