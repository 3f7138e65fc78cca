"""`hpass diff`: compare the modules of two models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..wording import counted
from .exit_codes import DIFFERENT, DONE
from .shared_options import Json
from .streams import Line, Styled, write_json, write_result

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from ..reporting.difference import Difference, ModuleChange, Move

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="A model, tagged or not.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Another version of the model.")],
    *,
    json: Json = False,
) -> int:
    """Compare two models module by module.

    The output lists added modules, removed modules, modules whose operators or number of nodes changed,
    and nodes whose module changed.

    A model without tags is tagged in memory. Exit status: 0 if the models are equal, 3 if they differ.
    """
    from ..api import ensure_tagged
    from ..reporting.difference import difference

    found = difference(ensure_tagged(before), ensure_tagged(after))
    if json:
        write_json(found.to_json())
    else:
        write_result(*difference_lines(found))
    return DIFFERENT if found else DONE


def difference_lines(found: Difference) -> Iterator[Line]:
    """Yield the lines that tell people how two models differ."""
    before, after = found.before, found.after
    yield f"{before.model} -> {after.model}"
    yield f"nodes {before.nodes:,} -> {after.nodes:,}, modules {before.modules:,} -> {after.modules:,}"
    if not found:
        yield "no difference in modules"
    for title, sign, colour, changes in (
        ("added", "+", "green", found.added),
        ("gone", "-", "red", found.gone),
        ("changed", "~", "yellow", found.changed),
    ):
        yield from (Styled(line, colour) for line in _change_lines(title, sign, changes))
    yield from _move_lines(found.moved)


def _change_lines(title: str, sign: str, changes: Sequence[ModuleChange]) -> Iterator[str]:
    """Yield one line per change. Modules with equal changes whose names differ only in numbers share a line."""
    if not changes:
        return
    yield ""
    yield f"{title}: {counted(len(changes), 'module')}"
    groups: dict[tuple[str, str], list[ModuleChange]] = {}
    for change in changes:
        groups.setdefault((_NUMBER.sub("*", change.scope), _change_text(change)), []).append(change)
    for (pattern, text), group in groups.items():
        name = pattern if len(group) > 1 else group[0].scope
        kind = f" ({group[0].class_name})" if group[0].class_name else ""
        repeats = f", {len(group)} times" if len(group) > 1 else ""
        yield f"  {sign} {name or 'the root'}{kind}: {text}{repeats}"


def _change_text(change: ModuleChange) -> str:
    """Return a module's node counts, or the difference of the counts if the module is in both models."""
    if not (change.before and change.after):
        return _operator_counts(change.before or change.after)
    operators = [_operator_counts(counts, sign) for sign, counts in (("-", change.fewer), ("+", change.more)) if counts]
    return f"{change.before.total()} -> {change.after.total()} nodes: {', '.join(operators)}"


def _operator_counts(counts: Counter[str], sign: str = "") -> str:
    return ", ".join(f"{sign}{count} {op}" for op, count in sorted(counts.items()))


def _move_lines(moves: Sequence[Move]) -> Iterator[str]:
    if not moves:
        return
    yield ""
    yield f"moved: {counted(len(moves), 'node')}"
    groups: dict[tuple[str, str, str], list[Move]] = {}
    for move in moves:
        key = (move.op, _NUMBER.sub("*", move.from_scope), _NUMBER.sub("*", move.to_scope))
        groups.setdefault(key, []).append(move)
    for (op, source, target), group in groups.items():
        first = group[0]
        scopes = (source, target) if len(group) > 1 else (first.from_scope, first.to_scope)
        scopes_text = " -> ".join(scope or "the root" for scope in scopes)
        repeats = f", {len(group)} times, first" if len(group) > 1 else ","
        yield f"  > {op}: {scopes_text}{repeats} {first.after} {first.name}".rstrip()
