"""Sizes: numbers, or formulas of the sizes that are free."""

# The types of sympy are incomplete, and a size is a number or an expression of sympy.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

Size = Any
"""An int, or a `sympy.Expr` of free sizes. Models of fixed sizes do not import sympy."""

# A longer text is taken for a name. Those of exporters have some tens of characters.
_MAX_FORMULA_CHARACTERS = 500
_MAX_EXPONENT = 8
# A formula that gives more terms stays a product of sums. Those of exporters give some tens.
_MAX_TERMS = 1000
# A product of this size is no size of a tensor.
LIMIT = 1 << 128
COMPARED_SIZE = 1000
"""What is free counts as this much if sizes are compared."""


class UnknownSizeError(Exception):
    """A size that a formula needs is not known."""


@lru_cache(maxsize=4096)
def parse_size(text: str) -> Size:
    """Return the size that a text such as `past + 1` means. Text that is no formula is the name of a free size."""
    if len(text) <= _MAX_FORMULA_CHARACTERS:
        try:
            return simplified(_evaluate(ast.parse(text.strip(), mode="eval").body))
        except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
            pass
    return _symbol(text)


def simplified(size: Size) -> Size:
    """Return a size as an int if it is one. Raises ValueError if it can be no size, or is too large."""
    if not isinstance(size, int) and size.is_Integer:
        size = int(size)
    if isinstance(size, int) and 0 <= size < LIMIT:
        return size
    if isinstance(size, int) or size.is_number or _terms(size) > _MAX_TERMS:
        raise ValueError("no size")
    return size


def free_names(size: Size) -> frozenset[str]:
    """Return the names of the free sizes in a size."""
    return frozenset() if isinstance(size, int) else frozenset(symbol.name for symbol in size.free_symbols)


def substituted(size: Size, sizes: Mapping[str, int]) -> Size:
    """Return a size with numbers for some free sizes, by name."""
    if isinstance(size, int):
        return size
    return simplified(size.subs({symbol: sizes[symbol.name] for symbol in size.free_symbols if symbol.name in sizes}))


def product(sizes: tuple[Size, ...]) -> Size:
    """Return the product of sizes; 1 if there are none."""
    return math.prod(sizes)


def magnitude(size: Size) -> float:
    """Return a number to compare sizes by: all that is free counts as `COMPARED_SIZE`."""
    if isinstance(size, int):
        return size
    try:
        return float(size.subs(dict.fromkeys(size.free_symbols, COMPARED_SIZE)))
    except (OverflowError, TypeError):
        return math.inf


@dataclass(slots=True)
class SizeSum:
    """A sum of sizes. Equal formulas are counted, so that they are added only once."""

    number: int = 0
    formulas: Counter[Size] = field(default_factory=Counter[Size])

    def add(self, size: Size) -> None:
        """Add a size."""
        if isinstance(size, int):
            self.number += size
        else:
            self.formulas[size] += 1

    def merge(self, other: SizeSum) -> None:
        """Add another sum."""
        self.number += other.number
        self.formulas.update(other.formulas)

    def total(self) -> Size:
        """Return the sum, with products multiplied out."""
        if not self.formulas:
            return self.number
        return _expanded_sum(self.number, frozenset(self.formulas.items()))


@lru_cache(maxsize=4096)
def _expanded_sum(number: int, formulas: frozenset[tuple[Size, int]]) -> Size:
    import sympy  # noqa: PLC0415 - models of fixed sizes do not need it

    return number + sympy.Add(*(count * _expanded(formula) for formula, count in formulas))


def _expanded(formula: Size) -> Size:
    import sympy  # noqa: PLC0415 - models of fixed sizes do not need it

    return sympy.expand(formula) if _terms(formula) <= _MAX_TERMS else formula


def _terms(formula: Size) -> int:
    """Return at most how many terms a formula has if products are multiplied out."""
    if formula.is_Add:
        return sum(map(_terms, formula.args))
    if formula.is_Mul:
        return math.prod(map(_terms, formula.args))
    if formula.is_Pow and formula.exp.is_Integer and formula.exp > 0:
        return _terms(formula.base) ** min(int(formula.exp), _MAX_TERMS)
    return 1


@cache
def _symbol(name: str) -> Size:
    import sympy  # noqa: PLC0415 - models of fixed sizes do not need it

    return sympy.Symbol(name, integer=True, positive=True)


def _evaluate(tree: ast.expr) -> Size:
    match tree:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            return _symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=operator, right=right):
            return _binary(operator, _evaluate(left), _evaluate(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_evaluate(argument) for argument in arguments])
        case _:
            raise ValueError("no formula of sizes")


def _binary(operator: ast.operator, left: Size, right: Size) -> Size:
    import sympy  # noqa: PLC0415 - models of fixed sizes do not need it

    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return sympy.Integer(left) / right if isinstance(left, int) else left / right
        case ast.FloorDiv():
            return _floor_quotient(left, right)
        case ast.Mod():
            return sympy.Mod(left, right)
        case ast.Pow() if isinstance(right, int) and 0 <= right <= _MAX_EXPONENT:
            return simplified(left) ** right
        case _:
            raise ValueError("no formula of sizes")


def _floor_quotient(left: Size, right: Size) -> Size:
    import sympy  # noqa: PLC0415 - models of fixed sizes do not need it

    return sympy.floor(_binary(ast.Div(), left, right))


def _call(name: str, arguments: list[Size]) -> Size:
    import sympy  # noqa: PLC0415 - models of fixed sizes do not need it

    functions = {
        "floor": sympy.floor,
        "ceil": sympy.ceiling,
        "ceiling": sympy.ceiling,
        "Max": sympy.Max,
        "max": sympy.Max,
        "Min": sympy.Min,
        "min": sympy.Min,
        "Mod": sympy.Mod,
        "FloorDiv": _floor_quotient,
    }
    if name not in functions:
        raise ValueError(f"no function {name}")
    try:
        return functions[name](*arguments)
    except TypeError as error:
        raise ValueError(f"{name} takes other arguments") from error
