"""Inputs as the documentation of `forward` states them: `name (`torch.LongTensor` of shape `(batch_size, 4)`)`.

That is how transformers, and code that follows it, documents every input; the sizes bear the names of the config.
"""

from __future__ import annotations

import ast
import inspect
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

_ENTRY = re.compile(
    r"^\s*(?P<name>\w+)\s*\(`(torch\.)?(?P<type>\w*Tensor)` of shape `?[(\[](?P<shape>.*)[)\]]`?", re.MULTILINE
)
_ASIDE = re.compile(r"\([^()]*\)")
_INTEGERS = {"LongTensor", "IntTensor"}
_OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip

SizeOf = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class DocumentedInput:
    """One input: its axes as written, each a number, a name or a sum or product of these, and its type."""

    axes: tuple[str, ...]
    dtype: torch.dtype

    def shape(self, size_of: SizeOf) -> tuple[int, ...] | None:
        """Return the size of every axis, names looked up by `size_of`; None where one cannot be read."""
        sizes = [_size(axis, size_of) for axis in self.axes]
        return None if None in sizes else tuple(size for size in sizes if size is not None)


def documented_inputs(model: torch.nn.Module) -> dict[str, DocumentedInput]:
    """Return the tensors among the inputs of `forward` whose shape its documentation states, by name."""
    found: dict[str, DocumentedInput] = {}
    for entry in _ENTRY.finditer(inspect.getdoc(model.forward) or ""):
        axes = _ASIDE.sub("", entry["shape"].partition("`")[0].rstrip(")]")).split(",")
        found[entry["name"]] = DocumentedInput(
            tuple(axis.strip() for axis in axes if axis.strip()), _dtype(entry["type"])
        )
    return found


def _dtype(kind: str) -> torch.dtype:
    if kind in _INTEGERS:
        return torch.int64
    return torch.bool if kind == "BoolTensor" else torch.float32


def _size(axis: str, size_of: SizeOf) -> int | None:
    try:
        return _value(ast.parse(axis, mode="eval").body, size_of)
    except (SyntaxError, ZeroDivisionError):
        return None


def _value(node: ast.expr, size_of: SizeOf) -> int | None:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return size_of(name)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
            values = _value(left, size_of), _value(right, size_of)
            first, second = values
            return None if first is None or second is None else _OPERATIONS[type(operation)](first, second)
        case _:
            return None
