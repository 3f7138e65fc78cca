"""Weights of the same content under other names, transposed, cast, quantised or scaled too.

A few rows of elements of each weight are compared, at the same places of weights of the same shape, by correlation: it
takes no notice of a scale and an offset, and little of rounding. Rows lie along the first or the last axis, the ones
that scales of their own are given to. Trained weights are as good as uncorrelated, so a match stands out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import permutations

import numpy as np
import numpy.typing as npt

from .weight_storage import StoredWeight

Shape = tuple[int, ...]
_Rows = npt.NDArray[np.float64]
_Places = npt.NDArray[np.int64]

# A weight of fewer elements may be like another one by chance.
_SMALLEST = 16
_ROWS, _COLUMNS = 8, 32
# int4 leaves a correlation of 0.99; unrelated weights stay below 0.5, of which the runner-up must be.
_SAME, _OTHER = 0.98, 0.8
# Axes of more than that are not permuted: nobody stores them so.
_AXES = 4
_AT_ONCE = 256
# What is left of a constant row when its mean is taken off.
_ROUNDING = 1e-6


def match_weights(old: Iterable[StoredWeight], new: Iterable[StoredWeight]) -> dict[str, str]:
    """Return the old name of each new weight that has a likeness among the old ones, and only one."""
    candidates: dict[Shape, list[StoredWeight]] = defaultdict(list)
    for weight in old:
        candidates[tuple(sorted(_shape(weight)))].append(weight)
    wanted: dict[Shape, list[StoredWeight]] = defaultdict(list)
    for weight in new:
        if np.prod(weight.shape, dtype=np.int64) >= _SMALLEST and tuple(sorted(_shape(weight))) in candidates:
            wanted[_shape(weight)].append(weight)
    found: dict[str, str] = {}
    for shape, weights in wanted.items():
        found.update(_could_be_equal(shape, weights, candidates[tuple(sorted(shape))]))
    return found


def _shape(weight: StoredWeight) -> Shape:
    """Return a weight's shape without axes of length one, which a convolution has and a product has not."""
    return tuple(length for length in weight.shape if length != 1)


def _could_be_equal(shape: Shape, new: list[StoredWeight], old: list[StoredWeight]) -> Iterator[tuple[str, str]]:
    """Yield the names of new weights of one shape, each with that of the one old weight that is like it."""
    views = [(weight, axes) for weight in old for axes in _layouts(_shape(weight), shape)]
    places = list(_places(shape))
    theirs = [np.stack([_elements(weight, _moved(some, axes)) for weight, axes in views]) for some in places]
    equal: dict[bytes, set[str]] = defaultdict(set)
    for (weight, _), elements in zip(views, theirs[0], strict=True):
        equal[elements.tobytes()].add(weight.name)
    changed: list[StoredWeight] = []
    for weight in new:
        elements = _elements(weight, places[0])
        names = equal.get(elements.tobytes(), set())
        if len(names) == 1 and _normal(elements).any():
            yield weight.name, names.copy().pop()
        elif not names:
            changed.append(weight)
    names = np.array([weight.name for weight, _ in views], object)
    normal = [_normal(elements) for elements in theirs]
    for start in range(0, len(changed), _AT_ONCE):
        some = changed[start : start + _AT_ONCE]
        ours = [_normal(np.stack([_elements(weight, at) for weight in some])) for at in places]
        likeness = np.maximum.reduce([_similarity(*pair) for pair in zip(ours, normal, strict=True)])
        for weight, row in zip(some, likeness, strict=True):
            best = int(row.argmax())
            if row[best] >= _SAME and row[names != names[best]].max(initial=0.0) < _OTHER:
                yield weight.name, str(names[best])


def _similarity(ours: _Rows, theirs: _Rows) -> npt.NDArray[np.float64]:
    """Return the mean correlation of the rows of each of our weights (by line) and each of theirs (by column)."""
    varied = np.maximum(1, ours.any(axis=2).sum(axis=1))
    total = sum(np.abs(ours[:, row] @ theirs[:, row].T) for row in range(ours.shape[1]))
    return total / varied[:, None]


def _layouts(old: Shape, new: Shape) -> Iterator[Shape]:
    """Yield the orders of the old axes that give the new shape."""
    if old == new:
        yield tuple(range(len(old)))
    if len(old) <= _AXES:
        orders = permutations(range(len(old)))
        yield from (axes for axes in orders if axes != tuple(sorted(axes)) and tuple(old[a] for a in axes) == new)


def _places(shape: Shape) -> Iterator[list[_Places]]:
    """Yield rows of places, always the same for a shape: an index along each axis, in rows along the first or last."""
    chance = np.random.default_rng(0)
    for along in dict.fromkeys((0, len(shape) - 1)) if len(shape) > 1 else (None,):
        rows = 1 if along is None else min(_ROWS, shape[along])
        columns = _COLUMNS * (_ROWS if along is None else 1)
        places = [np.broadcast_to(chance.integers(length, size=columns), (rows, columns)) for length in shape]
        if along is not None:
            row = chance.choice(shape[along], rows, replace=False)
            places[along] = np.broadcast_to(row[:, None], (rows, columns))
        yield places


def _moved(places: list[_Places], axes: Shape) -> list[_Places]:
    """Return the same places in terms of the old axes."""
    moved = list(places)
    for axis, index in zip(axes, places, strict=True):
        moved[axis] = index
    return moved


def _elements(weight: StoredWeight, places: list[_Places]) -> _Rows:
    """Return the elements at some places."""
    flat = np.ravel_multi_index(tuple(places), _shape(weight))
    return np.nan_to_num(weight.elements()[flat].astype(np.float64))


def _normal(elements: _Rows) -> _Rows:
    """Return elements with each row brought to a mean of 0 and a length of 1; constant rows to 0."""
    rows = elements - elements.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    length[length <= np.abs(elements).max(axis=-1, keepdims=True) * _ROUNDING] = np.inf
    return rows / length
