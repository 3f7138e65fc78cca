"""How the modules of two tagged models differ: those added, gone and changed, and nodes that moved between them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..graph.regions import nodes_with_position
from ..identity_map import IdentityMap
from ..restore.match_regions import matched_regions, renamed_weights
from ..tags.module_table import natural_sort_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx_graphsurgeon as gs

    from ..api import Run

DIFFERENCE_VERSION = 1

Operators = Counter[str]


class Size(NamedTuple):
    """A model's name, how many nodes it has and how many modules they ran in."""

    model: str
    nodes: int
    modules: int


class ModuleChange(NamedTuple):
    """A module whose own nodes differ: its class, and how many nodes of each operator ran in it before and after."""

    scope: str
    class_name: str | None
    before: Operators
    after: Operators

    @property
    def more(self) -> Operators:
        """The operators that it has more nodes of now."""
        return self.after - self.before

    @property
    def fewer(self) -> Operators:
        """The operators that it has fewer nodes of now."""
        return self.before - self.after


class Move(NamedTuple):
    """A node that is in both models, and ran in another module: its positions, operator, name and modules."""

    before: str
    after: str
    op: str
    name: str
    from_scope: str
    to_scope: str


@dataclass(frozen=True)
class Difference:
    """How two models differ; false where they do not."""

    before: Size
    after: Size
    added: tuple[ModuleChange, ...]
    gone: tuple[ModuleChange, ...]
    changed: tuple[ModuleChange, ...]
    moved: tuple[Move, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.changed or self.moved)

    def to_json(self) -> dict[str, Any]:
        """Return the difference as JSON."""
        return {
            "version": DIFFERENCE_VERSION,
            "equal": not self,
            "before": self.before._asdict(),
            "after": self.after._asdict(),
            "added": [_entry(change) for change in self.added],
            "gone": [_entry(change) for change in self.gone],
            "changed": [_entry(change) for change in self.changed],
            "moved": [move._asdict() for move in self.moved],
        }


def difference(before: Run, after: Run) -> Difference:
    """Return how the modules of two tagged models differ. A node of both is found by names, weights and neighbours."""
    ours, theirs = _operators(after), _operators(before)
    changes = [
        ModuleChange(scope, _class_name(scope, before, after), theirs.get(scope, Counter()), ours.get(scope, Counter()))
        for scope in sorted({*ours, *theirs}, key=natural_sort_key)
        if ours.get(scope) != theirs.get(scope)
    ]
    return Difference(
        Size(before.model.name, sum(count.total() for count in theirs.values()), len(theirs)),
        Size(after.model.name, sum(count.total() for count in ours.values()), len(ours)),
        added=tuple(change for change in changes if not change.before),
        gone=tuple(change for change in changes if not change.after),
        changed=tuple(change for change in changes if change.before and change.after),
        moved=tuple(_moves(before, after)),
    )


def _operators(run: Run) -> Mapping[str, Operators]:
    """Return how many nodes of each operator ran in each module."""
    found: defaultdict[str, Operators] = defaultdict(Counter)
    for node, tag in run.tags():
        found[tag.scope][node.op] += 1
    return found


def _class_name(scope: str, before: Run, after: Run) -> str | None:
    known = (run.modules[scope].bare_class for run in (after, before) if scope in run.modules)
    return next((name for name in known if name is not None), None)


def _moves(before: Run, after: Run) -> Iterator[Move]:
    positions = _positions(before), _positions(after)
    weights = renamed_weights(before.model, after.model)
    for match in matched_regions(before.model, after.model, weights):
        for index, twin in sorted(match.nodes.items()):
            old, new = match.reference.nodes[twin], match.target.nodes[index]
            left, entered = before.tag(old), after.tag(new)
            if index in match.inferred or left is None or entered is None or left.scope == entered.scope:
                continue
            yield Move(positions[0][old], positions[1][new], new.op, new.name, left.scope, entered.scope)


def _positions(run: Run) -> IdentityMap[gs.Node, str]:
    positions: IdentityMap[gs.Node, str] = IdentityMap()
    for position, node in nodes_with_position(run.model.regions()):
        positions[node] = position
    return positions


def _entry(change: ModuleChange) -> dict[str, Any]:
    return {
        "scope": change.scope,
        "class": change.class_name,
        "before": dict(sorted(change.before.items())),
        "after": dict(sorted(change.after.items())),
    }
