"""How well two operators of different models fit, by their kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .operator_families import is_arithmetic, is_linear, may_be_part, same_work
from .operator_sequence import Kind
from .sequence_alignment import Floats

# The scores were chosen on 14 models; the other models of the benchmark are for checking.
_SAME_OPERATOR, _SAME_WORK = 1.0, 0.7
_RARE_OPERATOR = 1.0
_EQUAL_WEIGHTS, _SOME_EQUAL_WEIGHTS, _OTHER_WEIGHTS, _WEIGHTS_OF_ONE = 3.0, 2.0, -6.0, -3.0
_PART, _PART_WITH_WEIGHTS, _NO_PART = -0.35, 2.5, -3.0
_GAP_WITH_WEIGHTS, _GAP, _AUXILIARY_GAP = -1.0, -0.4, -0.1
# On 119 exports, 0 costs 6 points with a reference of fewer layers. To let operators without weights fade as well costs
# 0.2 points of the auxiliary ones with a reference of all layers.
_FADING_WITH_WEIGHTS = 0.2
# Low enough never to be chosen, high enough to be added up.
_NEVER = -1e6


class KindScores(NamedTuple):
    """The scores of kinds: as matches and as parts of each other, shape (kinds, kinds), and as gaps, shape (kinds,).

    `part[i, j]` is the score of kind i as a part of kind j. `fading` is the share of its score that a match of each
    kind loses from the first operator of a model to the last, shape (kinds,).
    """

    match: Floats
    part: Floats
    gap: Floats
    fading: Floats


def kind_scores(kinds: Sequence[Kind]) -> KindScores:
    """Return the scores of some kinds."""
    match = np.full((len(kinds), len(kinds)), _NEVER, np.float32)
    part = np.full((len(kinds), len(kinds)), _NEVER, np.float32)
    by_op: dict[str, list[int]] = {}
    for index, kind in enumerate(kinds):
        by_op.setdefault(kind.op, []).append(index)
    for one, ours in by_op.items():
        for other, theirs in by_op.items():
            is_same, is_known_part = same_work(one, other), may_be_part(one, other)
            if not (is_same or is_known_part):
                continue
            for i in ours:
                for j in theirs:
                    if kinds[i].auxiliary != kinds[j].auxiliary:
                        continue
                    if is_same:
                        match[i, j] = _match(kinds[i], kinds[j])
                    if is_known_part and not kinds[i].auxiliary:
                        part[i, j] = _part(kinds[i], kinds[j])
    return KindScores(
        match=np.maximum(match, np.maximum(part, part.T)),
        part=part,
        gap=np.array([*map(_gap, kinds)], np.float32),
        fading=np.array([_FADING_WITH_WEIGHTS if kind.shapes else 0.0 for kind in kinds], np.float32),
    )


def is_anchor(kind: Kind) -> bool:
    """Whether every exporter writes a kind as such, so that it tells models apart."""
    return bool(kind.shapes) or (not kind.auxiliary and (is_linear(kind.op) or kind.op == "Softmax"))


def is_part(one: Kind, whole: Kind) -> bool:
    """Whether a kind may be one of several that do the work of another one."""
    return not (one.auxiliary or whole.auxiliary) and may_be_part(one.op, whole.op) and _part(one, whole) > _NO_PART


def _match(one: Kind, other: Kind) -> float:
    score = _SAME_OPERATOR if one.op == other.op else _SAME_WORK
    if one.auxiliary:
        return score / 2
    if not is_arithmetic(one.op):
        score += _RARE_OPERATOR
    ours, theirs = set(one.shapes), set(other.shapes)
    if ours and theirs:
        if ours == theirs:
            return score + _EQUAL_WEIGHTS
        return score + (_SOME_EQUAL_WEIGHTS if ours <= theirs or theirs <= ours else _OTHER_WEIGHTS)
    return score + (_WEIGHTS_OF_ONE if ours or theirs else 0.0)


def _part(one: Kind, whole: Kind) -> float:
    if one.shapes:
        return _PART_WITH_WEIGHTS if set(one.shapes) <= set(whole.shapes) else _NO_PART
    # What a product or a convolution takes in of arithmetic is a bias or a scale.
    return _NO_PART if is_linear(whole.op) and is_arithmetic(one.op) else _PART


def _gap(kind: Kind) -> float:
    if kind.auxiliary:
        return _AUXILIARY_GAP
    return _GAP_WITH_WEIGHTS if kind.shapes else _GAP
