"""Parse the types and shapes of inputs in the docstring of `forward`.

transformers documents every input as `name (`torch.LongTensor` of shape `(batch_size, 4)`)`. Names of sizes are those
of the config.
"""

# The libraries' own types are incomplete.
# pyright: reportUnknownMemberType=false

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
_PARENTHESES = re.compile(r"\([^()]*\)")
_INTEGER_TYPES = {"LongTensor", "IntTensor"}
_OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip

SizeOf = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class DocumentedInput:
    """The axes and the type of an input.

    An axis is the text of a number, a name, or an expression of these with `+`, `-`, `*` and `//`.
    """

    axes: tuple[str, ...]
    dtype: torch.dtype

    def shape(self, size_of: SizeOf) -> tuple[int, ...] | None:
        """Return the size of every axis, with `size_of` for names; None if an axis cannot be evaluated."""
        sizes = [_axis_size(axis, size_of) for axis in self.axes]
        return None if None in sizes else tuple(size for size in sizes if size is not None)


def documented_inputs(model: torch.nn.Module) -> dict[str, DocumentedInput]:
    """Return the tensor inputs of `forward` whose shapes its docstring states, by name."""
    found: dict[str, DocumentedInput] = {}
    for entry in _ENTRY.finditer(inspect.getdoc(model.forward) or ""):
        axes = _PARENTHESES.sub("", entry["shape"].partition("`")[0].rstrip(")]")).split(",")
        found[entry["name"]] = DocumentedInput(
            tuple(axis.strip() for axis in axes if axis.strip()), _dtype(entry["type"])
        )
    return found


def _dtype(type_name: str) -> torch.dtype:
    if type_name in _INTEGER_TYPES:
        return torch.int64
    return torch.bool if type_name == "BoolTensor" else torch.float32


def _axis_size(axis: str, size_of: SizeOf) -> int | None:
    try:
        return _evaluate(ast.parse(axis, mode="eval").body, size_of)
    except (SyntaxError, ZeroDivisionError):
        return None


def _evaluate(node: ast.expr, size_of: SizeOf) -> int | None:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return size_of(name)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATIONS:
            values = _evaluate(left, size_of), _evaluate(right, size_of)
            first, second = values
            return None if first is None or second is None else _OPERATIONS[type(operation)](first, second)
        case _:
            return None
