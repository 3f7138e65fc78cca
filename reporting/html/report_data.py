"""The data of an HTML report, as JSON: the module tree, what is measured of each module, and every node with its tag.

A report has one or two models or profiles, its sides. They share one tree, which has the modules of all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ...identity_map import IdentityMap
from ...selection.node_instances import node_instances
from ...tags.module_table import ModuleTable
from ..explanation import explanations
from ..module_tree import Branch, module_tree

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs

    from ...api import Run
    from ..explanation import Explanation

Values = Mapping[str, tuple[float, float]]
"""What is measured of each module by its scope: in the module itself, and with all modules below it."""


class Measure(NamedTuple):
    """A quantity of which each module has a part: the key and the unit of its values, and its name for people."""

    key: str
    name: str
    unit: str


NODES = Measure("nodes", "nodes", "")


@dataclass(frozen=True)
class Side:
    """One of the models or profiles that a report shows.

    values: what is measured of its modules.
    notes: what the values of a measure leave out, or take for granted.
    providers: the execution provider that took the most of the own time of each module, by scope.
    agreement: how well each module computes what that of another model does, by scope, in words.
    """

    label: str
    run: Run
    values: Mapping[Measure, Values] = field(default_factory=dict[Measure, Values])
    notes: Mapping[Measure, str] = field(default_factory=dict[Measure, str])
    providers: Mapping[str, str] = field(default_factory=dict[str, str])
    agreement: Mapping[str, str] = field(default_factory=dict[str, str])


def report_data(sides: Sequence[Side]) -> dict[str, Any]:
    """Return the data of a report. Its nodes, classes and evidence are those of the first side."""
    run = sides[0].run
    root = _common_tree(sides)
    branches = list(_preorder(root))
    index_of = {branch.scope: index for index, (branch, _) in enumerate(branches)}
    texts = _Texts()
    measures = dict.fromkeys(measure for side in sides for measure in (NODES, *side.values))
    return {
        "title": run.model.name,
        "measures": [measure._asdict() for measure in measures],
        "sides": [
            {
                "label": side.label,
                "values": {
                    measure.key: _columns(values, branches)
                    for measure, values in {NODES: _node_counts(side.run, branches), **side.values}.items()
                },
                "notes": {measure.key: note for measure, note in side.notes.items()},
                "providers": [side.providers.get(branch.scope, "") for branch, _ in branches],
                "agreement": [side.agreement.get(branch.scope, "") for branch, _ in branches],
            }
            for side in sides
        ],
        "modules": {
            "parent": [parent for _, parent in branches],
            "name": [branch.name for branch, _ in branches],
            "scope": [branch.scope for branch, _ in branches],
            "class": [branch.class_name or "" for branch, _ in branches],
        },
        "nodes": _node_columns(run, index_of, texts),
        "texts": texts.all,
    }


class _Texts:
    """Texts by number, because most reasons and sources are those of many nodes."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}

    @property
    def all(self) -> list[str]:
        return list(self._number)

    def number(self, text: str) -> int:
        return self._number.setdefault(text, len(self._number))


def _common_tree(sides: Sequence[Side]) -> Branch:
    """Return the tree of the first side's modules, with those that only other sides have."""
    table = sides[0].run.modules.copy()
    for side in sides[1:]:
        table.merge(side.run.modules)
    for side in sides:
        for values in side.values.values():
            for scope, (own, _) in values.items():
                # Containers that never run themselves are not levels of the tree.
                if own and scope not in table:
                    table.add(scope)
    counts = Counter[str]()
    for side in sides:
        counts.update(side.run.scopes())
    return module_tree(counts, ModuleTable(table.modules))


def _preorder(root: Branch) -> Iterator[tuple[Branch, int]]:
    """Yield each module with the index of its parent, -1 for the root. A parent comes before its children."""
    pending = [(root, -1)]
    index = 0
    while pending:
        branch, parent = pending.pop()
        yield branch, parent
        pending += [(child, index) for child in reversed(branch.children)]
        index += 1


def _node_counts(run: Run, branches: Sequence[tuple[Branch, int]]) -> Values:
    own = run.scopes()
    total = [own[branch.scope] for branch, _ in branches]
    for index in range(len(branches) - 1, 0, -1):
        total[branches[index][1]] += total[index]
    return {branch.scope: (own[branch.scope], total[index]) for index, (branch, _) in enumerate(branches)}


def _columns(values: Values, branches: Sequence[tuple[Branch, int]]) -> dict[str, list[float]]:
    found = [values.get(branch.scope, (0, 0)) for branch, _ in branches]
    return {"own": [own for own, _ in found], "all": [total for _, total in found]}


def _node_columns(run: Run, index_of: Mapping[str, int], texts: _Texts) -> dict[str, list[Any]]:
    """Return the nodes as they run: those of a function body for each call, at the position of the body."""
    columns: dict[str, list[Any]] = {
        key: [] for key in ("position", "op", "name", "module", "serves", "source", "confidence", "reason", "evidence")
    }
    found: IdentityMap[gs.Node, Explanation] = IdentityMap()
    for explanation in explanations(run.context):
        found[explanation.node] = explanation
    for instance in node_instances(run.model, run.tag, with_calls=False):
        explanation, node, tag = found[instance.node], instance.node, instance.tag
        if explanation.decision is None or tag is None:
            continue
        row = {
            "position": explanation.position,
            "op": texts.number(node.op),
            "name": node.name or "",
            "module": index_of[tag.scope],
            "serves": texts.number(tag.serves or ""),
            "source": texts.number(tag.source.value),
            "confidence": texts.number(tag.confidence.value),
            "reason": texts.number(explanation.decision.reason),
            "evidence": [texts.number(f"{claim.origin} '{claim.text}'") for claim in explanation.evidence],
        }
        for key, value in row.items():
            columns[key].append(value)
    return columns
