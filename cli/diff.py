"""hpass diff: how the modules of two models differ."""

from __future__ import annotations

import json as json_text
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..reporting.wording import several
from .exit_codes import DIFFERENT, DONE
from .shared_options import Json
from .streams import printable, use_colour, write_result

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from ..reporting.difference import Difference, ModuleChange, Move

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="A model, tagged or not.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Another version of it.")],
    *,
    json: Json = False,
) -> int:
    """Compare two models module by module.

    Modules added, gone, and changed in number of nodes or mix of operators; nodes whose module changed.

    A model without tags is tagged on the fly. Status 0: no difference; 3: there is one.
    """
    from ..api import ensure_tagged
    from ..reporting.difference import difference

    found = difference(ensure_tagged(before), ensure_tagged(after))
    write_result(json_text.dumps(found.to_json()) + "\n" if json else "".join(_lines(found)))
    return DIFFERENT if found else DONE


def _lines(found: Difference) -> Iterator[str]:
    before, after = found.before, found.after
    yield printable(f"{before.model} -> {after.model}") + "\n"
    yield f"nodes {before.nodes:,} -> {after.nodes:,}, modules {before.modules:,} -> {after.modules:,}\n"
    if not found:
        yield "no difference in modules\n"
    paint = use_colour(sys.stdout)
    for title, sign, colour, changes in (
        ("added", "+", "green", found.added),
        ("gone", "-", "red", found.gone),
        ("changed", "~", "yellow", found.changed),
    ):
        yield from (paint(line, fg=colour) + "\n" for line in _section(title, sign, changes))
    yield from (line + "\n" for line in _moves(found.moved))


def _section(title: str, sign: str, changes: Sequence[ModuleChange]) -> Iterator[str]:
    """Yield a line for each change; one for all modules that differ in numbers only and changed alike."""
    if not changes:
        return
    yield ""
    yield f"{title}: {several(len(changes), 'module')}"
    alike: dict[tuple[str, str], list[ModuleChange]] = {}
    for change in changes:
        alike.setdefault((_NUMBER.sub("*", change.scope), _told(change)), []).append(change)
    for (pattern, told), group in alike.items():
        name = pattern if len(group) > 1 else group[0].scope
        kind = f" ({group[0].class_name})" if group[0].class_name else ""
        times = f", {len(group)} times" if len(group) > 1 else ""
        yield f"  {sign} {printable((name or 'the root') + kind)}: {told}{times}"


def _told(change: ModuleChange) -> str:
    """Return what became of a module's nodes."""
    if not (change.before and change.after):
        return _counted(change.before or change.after)
    signed = [_counted(counts, sign) for sign, counts in (("-", change.fewer), ("+", change.more)) if counts]
    return f"{change.before.total()} -> {change.after.total()} nodes: {', '.join(signed)}"


def _counted(counts: Counter[str], sign: str = "") -> str:
    return ", ".join(f"{sign}{count} {op}" for op, count in sorted(counts.items()))


def _moves(moves: Sequence[Move]) -> Iterator[str]:
    if not moves:
        return
    yield ""
    yield f"moved: {several(len(moves), 'node')}"
    alike: dict[tuple[str, str, str], list[Move]] = {}
    for move in moves:
        key = (move.op, _NUMBER.sub("*", move.from_scope), _NUMBER.sub("*", move.to_scope))
        alike.setdefault(key, []).append(move)
    for (op, left, entered), group in alike.items():
        first = group[0]
        scopes = (left, entered) if len(group) > 1 else (first.from_scope, first.to_scope)
        where = " -> ".join(scope or "the root" for scope in scopes)
        times = f", {len(group)} times, first" if len(group) > 1 else ","
        yield printable(f"  > {op}: {where}{times} {first.after} {first.name}".rstrip())
