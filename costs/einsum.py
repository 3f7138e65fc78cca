"""The cost of Einsum: operands are contracted from left to right, as PyTorch does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .sizes import Size, UnknownSizeError, product
from .typed_node import TypedNode


class _Step(NamedTuple):
    """The contraction of two operands: the sizes of all axes, and whether one of them is summed over."""

    elements: Size
    contracts: bool


def einsum_macs(node: TypedNode) -> Size:
    """Return the multiply-accumulates of the steps that sum over an axis of two operands. Raises UnknownSizeError."""
    return sum(step.elements for step in _steps(node) if step.contracts)


def einsum_flops(node: TypedNode) -> Size:
    """Return the multiplications of the other steps, and the additions of sums over a single operand."""
    return sum(step.elements for step in _steps(node) if not step.contracts)


def _steps(node: TypedNode) -> Iterator[_Step]:
    operands, result, sizes = _parse(node)
    # An axis of one operand alone that is not in the result is summed first.
    for index, operand in enumerate(operands):
        others = set(result).union(*operands[:index], *operands[index + 1 :])
        kept = operand & others
        if kept != operand:
            yield _Step(product(tuple(sizes[label] for label in operand)), contracts=False)
            operands[index] = kept
    left = operands[0]
    for index, right in enumerate(operands[1:], start=2):
        needed = set(result).union(*operands[index:])
        axes = left | right
        yield _Step(product(tuple(sizes[label] for label in axes)), contracts=bool(axes - needed))
        left = axes & needed


def _parse(node: TypedNode) -> tuple[list[set[str]], set[str], dict[str, Size]]:
    """Return the labels of each operand and of the result, and their sizes. An ellipsis is as many labels as axes."""
    equation: str = node.attribute("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(node.inputs):
        raise UnknownSizeError
    sizes: dict[str, Size] = {}
    operands = [_labels(term, node.shape(index), sizes) for index, term in enumerate(terms)]
    broadcast = {label for label in sizes if label.startswith("...")}
    if arrow:
        result = set(right.replace("...", ""))
        if "..." in right:
            result |= broadcast
    else:
        letters = left.replace(",", "").replace("...", "")
        result = {letter for letter in letters if letters.count(letter) == 1} | broadcast
    return operands, result, sizes


def _labels(term: str, shape: tuple[Size, ...], sizes: dict[str, Size]) -> set[str]:
    before, ellipsis, after = term.partition("...")
    hidden = len(shape) - len(before) - len(after)
    if hidden < 0 or (hidden and not ellipsis):
        raise UnknownSizeError
    # Broadcasting aligns the last axes.
    labels = [*before, *(f"...{index}" for index in range(hidden, 0, -1)), *after]
    for label, size in zip(labels, shape, strict=True):
        if sizes.get(label, 1) == 1:
            sizes[label] = size
    return set(labels)
