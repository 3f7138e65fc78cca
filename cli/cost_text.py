"""The text of `hpass cost`: the totals, the operators, and the tree of modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..wording import counted
from .streams import Styled
from .table import aligned, column_widths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..costs.cost import Amounts, Cost
    from .streams import Line

_MAX_OPERATORS = 10
# A module with fewer operations is not in the tree.
_MIN_SHARE = 0.01
# A longer formula is cut in tables; the JSON has all of it.
_MAX_CELL = 40

COLUMNS = ("MACs", "FLOPs", "parameters", "activations", "intensity")
"""The heads of the cells of `amount_cells`."""


def cost_lines(cost: Cost, *, ascii_only: bool) -> Iterator[Line]:
    """Yield the lines of a cost."""
    yield from _head(cost)
    yield from _operators(cost)
    yield from _tree(cost, ascii_only=ascii_only)


def amount_cells(amounts: Amounts) -> tuple[str, ...]:
    """Return the numbers of some nodes as text; `?` stands for what nodes of unknown cost add."""
    unknown = amounts.unknown
    intensity = "-" if amounts.intensity is None else f"{amounts.intensity:.1f}"
    return (
        _cut(size_text(amounts.macs, unknown)),
        _cut(size_text(amounts.flops, unknown)),
        f"{amounts.parameters:,}",
        _cut(size_text(amounts.activation_bytes, unknown)),
        "?" if unknown else intensity,
    )


def size_text(size: Any, unknown: int) -> str:
    """Return a number or a formula as text; `?` stands for what nodes of unknown cost add."""
    text = f"{size:,}" if isinstance(size, int) else str(size)
    if not unknown:
        return text
    return "?" if text == "0" else f"{text} + ?"


def _head(cost: Cost) -> Iterator[Line]:
    total = cost.total
    yield cost.model
    yield f"{'MACs':<12}  {size_text(total.macs, total.unknown)}"
    yield f"{'other FLOPs':<12}  {size_text(total.flops, total.unknown)}"
    yield f"{'parameters':<12}  {total.parameters:,} in {total.parameter_bytes:,} bytes"
    yield f"{'activations':<12}  {size_text(total.activation_bytes, total.unknown)} bytes read and written"
    if total.intensity is not None and not total.unknown:
        yield f"{'intensity':<12}  {total.intensity:.1f} operations per byte"
    if cost.free:
        yield f"{'free':<12}  {', '.join(cost.free)}; --dim {cost.free[0]}=SIZE gives a number"
    if total.unknown:
        names = ", ".join(f"{name} {found.unknown}" for name, found in cost.operators.items() if found.unknown)
        yield f"{'unknown':<12}  {counted(total.unknown, 'node')} ({names})"


def _operators(cost: Cost) -> Iterator[Line]:
    rows = [
        (_cut(size_text(found.macs, found.unknown)), _cut(size_text(found.flops, found.unknown)), f"{found.nodes:,}")
        for found in cost.operators.values()
    ][:_MAX_OPERATORS]
    yield ""
    yield from _table(("MACs", "FLOPs", "nodes"), rows, "operator", list(cost.operators))
    if len(cost.operators) > _MAX_OPERATORS:
        yield Styled(f"{counted(len(cost.operators) - _MAX_OPERATORS, 'operator')} not shown", dim=True)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], title: str, names: Sequence[str]) -> Iterator[Line]:
    widths = column_widths(heads, rows)
    yield Styled(f"{aligned(heads, widths)}  {title}", dim=True)
    for row, name in zip(rows, names, strict=False):
        yield f"{aligned(row, widths)}  {name}"


def _tree(cost: Cost, *, ascii_only: bool) -> Iterator[Line]:
    from ..reporting.cost_tree import cost_tree
    from ..reporting.module_tree import draw, label

    lines = list(draw(cost_tree(cost, _MIN_SHARE), ascii_only=ascii_only))
    rows = [amount_cells(cost.modules[line.branch.scope].all) for line in lines]
    widths = column_widths(COLUMNS, rows)
    yield ""
    yield Styled(f"{aligned(COLUMNS, widths)}  module, with all below it", dim=True)
    for (prefix, branch, _), row in zip(lines, rows, strict=True):
        yield f"{aligned(row, widths)}  ", Styled(prefix, dim=True), Styled(label(branch))
    called = sum(bool(module.own.nodes) or scope in cost.class_names for scope, module in cost.modules.items())
    if called > len(lines):
        hidden = counted(called - len(lines), "module")
        yield Styled(f"{hidden} with less than {_MIN_SHARE:.0%} of the operations not shown", dim=True)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 3]}..."
