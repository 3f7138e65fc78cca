"""Compare `hpass.call` of every node of one export with the call that the node ran in."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import hpass

from ..accuracy.optimised_truth import optimised_truth

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from ..accuracy.corpus import Entry

Calls = list[tuple[str, int] | None]
"""The module of each node, and the number of the call that it ran in; None if nobody knows."""


class Mistake(NamedTuple):
    """A node with a wrong number, or without one: its true module and call, and what hpass says."""

    op: str
    scope: str
    call: int
    answer: tuple[str, int | None]


@dataclass
class Result:
    """What was measured of one file.

    `modules` counts the modules that left nodes of several calls, and `nodes` these nodes. `right` of them have the
    right number. `wrong` are nodes with a wrong one, of whatever module; `missing` have none. `unknown` counts nodes
    with a number of which nobody knows the call. `form` says who exported the file, and who optimised it.
    """

    model: str
    form: str
    modules: int
    nodes: int
    right: int = 0
    unknown: int = 0
    wrong: list[Mistake] = field(default_factory=list[Mistake])
    missing: list[Mistake] = field(default_factory=list[Mistake])


def measure(entry: Entry) -> Result:
    """Tag one export and compare."""
    return _compare(entry.model, entry.engine, entry.folder / "model.onnx", true_calls(entry))


def measure_optimised(entry: Entry, optimiser: str) -> Result | None:
    """Tag what an optimiser makes of one export and compare; None if the optimiser fails."""
    optimised = entry.optimised(optimiser)
    if isinstance(optimised, str):
        return None
    model, _ = optimised
    return _compare(entry.model, f"{entry.engine}, {optimiser}", model, kept_calls(entry, model))


def true_calls(entry: Entry) -> Calls:
    """Return the module and the call of each node of an export."""
    numbers: list[int | None] = json.loads((entry.folder / "calls.json").read_text(encoding="utf-8"))
    pairs = zip(entry.truth, numbers, strict=True)
    return [None if scope is None or number is None else (scope, number) for scope, number in pairs]


def kept_calls(entry: Entry, optimised: onnx.ModelProto) -> Calls:
    """Return the module and the call of each node that an optimiser kept, None for others.

    The calls of a module are numbered anew, in the order of their first nodes. If none of the nodes of a call was kept,
    the others have no number: a new node may have taken the place of these nodes.
    """
    calls = true_calls(entry)
    # In place of a module, the position of the original node.
    origins = optimised_truth(entry.proto, [str(index) for index in range(len(calls))], optimised)
    kept = [None if origin.new or origin.scope is None else calls[int(origin.scope)] for origin in origins]
    numbers: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for scope, number in filter(None, kept):
        numbers[scope].setdefault(number, len(numbers[scope]))
    whole = {scope for scope, found in _calls_by_module(calls).items() if len(found) == len(numbers[scope])}
    return [(call[0], numbers[call[0]][call[1]]) if call is not None and call[0] in whole else None for call in kept]


def _calls_by_module(calls: Calls) -> dict[str, set[int]]:
    found: defaultdict[str, set[int]] = defaultdict(set)
    for scope, number in filter(None, calls):
        found[scope].add(number)
    return found


def _compare(name: str, form: str, model: Path | onnx.ModelProto, calls: Calls) -> Result:
    repeated = {scope for scope, found in _calls_by_module(calls).items() if scope and len(found) > 1}
    result = Result(name, form, len(repeated), sum(call is not None and call[0] in repeated for call in calls))
    run = hpass.run(model)
    for node, call in zip(run.context.graph.nodes, calls, strict=True):
        tag = run.tag(node)
        answer = ("", None) if tag is None else (tag.scope, tag.call)
        if call is None:
            result.unknown += answer[1] is not None
        elif answer[1] is not None:
            if call[0] in repeated and answer == call:
                result.right += 1
            else:
                result.wrong.append(Mistake(node.op, *call, answer))
        elif call[0] in repeated:
            result.missing.append(Mistake(node.op, *call, answer))
    return result
