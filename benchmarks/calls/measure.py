"""Compare `hpass.call` of every node of one export with the call that the node ran in."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import hpass

if TYPE_CHECKING:
    from ..accuracy.corpus import Entry


class Mistake(NamedTuple):
    """A node with a wrong number, or without one: its true module and call, and what hpass says."""

    op: str
    scope: str
    call: int
    answer: tuple[str, int | None]


@dataclass
class Result:
    """What was measured of one export.

    `modules` counts the modules that left nodes of several calls, and `nodes` these nodes. `right` of them have the
    right number. `wrong` are nodes with a wrong one, of whatever module; `missing` have none. `unknown` counts nodes
    with a number of which the exporter does not say the module.
    """

    model: str
    engine: str
    modules: int
    nodes: int
    right: int = 0
    unknown: int = 0
    wrong: list[Mistake] = field(default_factory=list[Mistake])
    missing: list[Mistake] = field(default_factory=list[Mistake])


def measure(entry: Entry) -> Result:
    """Tag one export and compare."""
    calls: list[int | None] = json.loads((entry.folder / "calls.json").read_text(encoding="utf-8"))
    seen: defaultdict[str, set[int]] = defaultdict(set)
    for scope, call in zip(entry.truth, calls, strict=True):
        if scope and call is not None:
            seen[scope].add(call)
    repeated = {scope for scope, found in seen.items() if len(found) > 1}
    result = Result(entry.model, entry.engine, len(repeated), sum(scope in repeated for scope in entry.truth))
    run = hpass.run(entry.folder / "model.onnx")
    for node, scope, call in zip(run.context.graph.nodes, entry.truth, calls, strict=True):
        tag = run.tag(node)
        number = None if tag is None else tag.call
        if scope is None or call is None:
            result.unknown += number is not None
        elif tag is not None and number is not None:
            if scope in repeated and (tag.scope, number) == (scope, call):
                result.right += 1
            else:
                result.wrong.append(Mistake(node.op, scope, call, (tag.scope, number)))
        elif scope in repeated:
            result.missing.append(Mistake(node.op, scope, call, ("" if tag is None else tag.scope, None)))
    return result
