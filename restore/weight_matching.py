"""Matching of weights by content: renamed, transposed, cast, quantised or scaled ones.

Two weights of the same shape, up to axes of length 1 and to the order of the axes, are compared at a few rows of
elements by the Pearson correlation of the rows. It is invariant under scale and offset, and nearly so under rounding.
Rows are along the first or the last axis, because these are the axes that scales per channel are given for. Trained or
random weights hardly correlate, so a match stands out.
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
_Index = npt.NDArray[np.int64]

# Weights of fewer elements than this may be alike by chance. Not tuned; 4 and 64 change no tag of 46,809 after
# optimisers.
_MIN_ELEMENTS = 16
# Rows per weight and elements per row that are compared, at most. Not tuned; 4 and 16 rows change no tag.
_ROWS, _COLUMNS = 8, 32
# A match correlates at least by the first value, and no weight of another name by the second. In 40 exports, 693
# weights of 256 elements or more correlate by at least 0.986 with themselves after int4 quantisation per channel, and
# 99% of them by less than 0.8 with any other weight.
_MIN_CORRELATION, _MAX_OTHER_CORRELATION = 0.98, 0.8
# Weights of more axes than this are not permuted, as nobody stores them so; the permutations are too many.
_MAX_PERMUTED_AXES = 4
# Pairs of weights of one shape that are compared for similarity, at most. If there are more, only equal weights are
# matched.
_MAX_PAIRS = 10_000_000
# Weights whose correlations with all candidates are computed at once.
_BLOCK = 256
# A row is constant if subtracting its mean leaves less than this, relative to its largest element: rounding errors.
_ROUNDING = 1e-6


def match_weights(reference: Iterable[StoredWeight], target: Iterable[StoredWeight]) -> dict[str, str]:
    """Return the reference's name of each weight of the target that has exactly one match there."""
    candidates: dict[Shape, list[StoredWeight]] = defaultdict(list)
    for weight in reference:
        candidates[tuple(sorted(_shape(weight)))].append(weight)
    wanted: dict[Shape, list[StoredWeight]] = defaultdict(list)
    for weight in target:
        if np.prod(weight.shape, dtype=np.int64) >= _MIN_ELEMENTS and tuple(sorted(_shape(weight))) in candidates:
            wanted[_shape(weight)].append(weight)
    found: dict[str, str] = {}
    for shape, weights in wanted.items():
        found.update(_matches(shape, weights, candidates[tuple(sorted(shape))]))
    return found


def _shape(weight: StoredWeight) -> Shape:
    """Return the shape without axes of length 1, which a convolution's weight has and a product's has not."""
    return tuple(length for length in weight.shape if length != 1)


def _matches(shape: Shape, target: list[StoredWeight], reference: list[StoredWeight]) -> Iterator[tuple[str, str]]:
    """Yield the names of weights of one shape, each with that of its match; equal weights first, then similar ones."""
    layouts = [(weight, axes) for weight in reference for axes in _axis_orders(_shape(weight), shape)]
    samples = list(_samples(shape))
    candidates = [
        np.stack([_elements(weight, _permuted(sample, axes)) for weight, axes in layouts]) for sample in samples
    ]
    equal: dict[bytes, set[str]] = defaultdict(set)
    for (weight, _), elements in zip(layouts, candidates[0], strict=True):
        equal[elements.tobytes()].add(weight.name)
    changed: list[StoredWeight] = []
    for weight in target:
        elements = _elements(weight, samples[0])
        names = equal.get(elements.tobytes(), set())
        if len(names) == 1 and _standardised(elements).any():
            yield weight.name, names.copy().pop()
        elif not names:
            changed.append(weight)
    if len(changed) * len(layouts) > _MAX_PAIRS:
        return
    names = np.array([weight.name for weight, _ in layouts], object)
    standardised = [_standardised(elements) for elements in candidates]
    for start in range(0, len(changed), _BLOCK):
        block = changed[start : start + _BLOCK]
        rows = [_standardised(np.stack([_elements(weight, sample) for weight in block])) for sample in samples]
        correlation = np.maximum.reduce([_mean_correlation(*pair) for pair in zip(rows, standardised, strict=True)])
        for weight, row in zip(block, correlation, strict=True):
            best = int(row.argmax())
            others = row[names != names[best]]
            if row[best] >= _MIN_CORRELATION and others.max(initial=0.0) < _MAX_OTHER_CORRELATION:
                yield weight.name, str(names[best])


def _mean_correlation(target: _Rows, reference: _Rows) -> npt.NDArray[np.float64]:
    """Return the mean absolute correlation of the rows of each pair of weights, shape (targets, references).

    The arguments are standardised, shape (weights, rows, columns). Constant rows of the target do not count.
    """
    varied_rows = np.maximum(1, target.any(axis=2).sum(axis=1))
    total = sum(np.abs(target[:, row] @ reference[:, row].T) for row in range(target.shape[1]))
    return total / varied_rows[:, None]


def _axis_orders(reference: Shape, target: Shape) -> Iterator[Shape]:
    """Yield the orders of the reference's axes that give the target's shape."""
    if reference == target:
        yield tuple(range(len(reference)))
    if len(reference) <= _MAX_PERMUTED_AXES:
        orders = permutations(range(len(reference)))
        yield from (
            axes for axes in orders if axes != tuple(sorted(axes)) and tuple(reference[a] for a in axes) == target
        )


def _samples(shape: Shape) -> Iterator[list[_Index]]:
    """Yield the indices of the elements to compare: in rows along the first axis, then in rows along the last.

    They are a list of an array per axis, shape (rows, columns), and always the same for a shape.
    """
    generator = np.random.default_rng(0)
    for along in dict.fromkeys((0, len(shape) - 1)) if len(shape) > 1 else (None,):
        rows = 1 if along is None else min(_ROWS, shape[along])
        columns = _COLUMNS * (_ROWS if along is None else 1)
        sample = [np.broadcast_to(generator.integers(length, size=columns), (rows, columns)) for length in shape]
        if along is not None:
            row = generator.choice(shape[along], rows, replace=False)
            sample[along] = np.broadcast_to(row[:, None], (rows, columns))
        yield sample


def _permuted(sample: list[_Index], axes: Shape) -> list[_Index]:
    """Return the indices of the same elements in a layout with another order of axes."""
    permuted = list(sample)
    for axis, index in zip(axes, sample, strict=True):
        permuted[axis] = index
    return permuted


def _elements(weight: StoredWeight, sample: list[_Index]) -> _Rows:
    """Return the elements of a weight at a sample, shape (rows, columns)."""
    flat = np.ravel_multi_index(tuple(sample), _shape(weight))
    return np.nan_to_num(weight.at(flat).astype(np.float64))


def _standardised(elements: _Rows) -> _Rows:
    """Return rows of mean 0 and Euclidean norm 1, so that their products are correlations; 0 for constant rows."""
    rows = elements - elements.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    norm[norm <= np.abs(elements).max(axis=-1, keepdims=True) * _ROUNDING] = np.inf
    return rows / norm
