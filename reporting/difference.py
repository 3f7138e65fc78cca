"""The difference of two tagged models: modules added, removed and changed, and nodes whose module changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..graph.regions import nodes_with_position
from ..identity_map import IdentityMap
from ..restore.match_regions import matched_regions, renamed_weights
from ..selection.node_instances import node_instances, scopes_by_node
from ..tags.scope import natural_sort_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx_graphsurgeon as gs

    from ..api import Run

DIFFERENCE_VERSION = 1

Operators = Counter[str]


class Size(NamedTuple):
    """A model's name, its number of nodes, and the number of modules that they ran in."""

    model: str
    nodes: int
    modules: int


class ModuleChange(NamedTuple):
    """A module whose own nodes differ.

    `before` and `after` count the nodes that ran in the module itself, by operator; empty if the model has no such
    module. `class_name` is None if neither model says.
    """

    scope: str
    class_name: str | None
    before: Operators
    after: Operators

    @property
    def more(self) -> Operators:
        """The number of additional nodes of each operator with more nodes in `after`."""
        return self.after - self.before

    @property
    def fewer(self) -> Operators:
        """The number of missing nodes of each operator with fewer nodes in `after`."""
        return self.before - self.after


class Move(NamedTuple):
    """A node of both models whose module changed: its two positions, its operator and name, and its two modules.

    A node of a function body has several modules. They have none in common, and the two are the first ones.
    """

    before: str
    after: str
    op: str
    name: str
    from_scope: str
    to_scope: str


@dataclass(frozen=True)
class Difference:
    """The difference of two models. It is falsy if there is none."""

    before: Size
    after: Size
    added: tuple[ModuleChange, ...]
    gone: tuple[ModuleChange, ...]
    changed: tuple[ModuleChange, ...]
    moved: tuple[Move, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.changed or self.moved)

    def to_json(self) -> dict[str, Any]:
        """Return the difference as a JSON-serialisable dictionary."""
        return {
            "version": DIFFERENCE_VERSION,
            "equal": not self,
            "before": self.before._asdict(),
            "after": self.after._asdict(),
            "added": [_change_entry(change) for change in self.added],
            "gone": [_change_entry(change) for change in self.gone],
            "changed": [_change_entry(change) for change in self.changed],
            "moved": [move._asdict() for move in self.moved],
        }


def difference(before: Run, after: Run) -> Difference:
    """Return how the modules of two tagged models differ.

    Nodes of one model are matched with nodes of the other by names, weights and neighbours (restore/match_regions.py).
    """
    after_operators, before_operators = _operators_by_module(after), _operators_by_module(before)
    changes = [
        ModuleChange(
            scope,
            _class_name(scope, before, after),
            before_operators.get(scope, Counter()),
            after_operators.get(scope, Counter()),
        )
        for scope in sorted({*after_operators, *before_operators}, key=natural_sort_key)
        if after_operators.get(scope) != before_operators.get(scope)
    ]
    return Difference(
        Size(before.model.name, sum(count.total() for count in before_operators.values()), len(before_operators)),
        Size(after.model.name, sum(count.total() for count in after_operators.values()), len(after_operators)),
        added=tuple(change for change in changes if not change.before),
        gone=tuple(change for change in changes if not change.after),
        changed=tuple(change for change in changes if change.before and change.after),
        moved=tuple(_moves(before, after)),
    )


def _operators_by_module(run: Run) -> Mapping[str, Operators]:
    """Return the number of nodes of each operator, by module, as if all functions were inlined."""
    found: defaultdict[str, Operators] = defaultdict(Counter)
    for instance in node_instances(run.model, run.tag, with_calls=False):
        if instance.tag is not None:
            found[instance.scope][instance.node.op] += 1
    return found


def _class_name(scope: str, before: Run, after: Run) -> str | None:
    known = (run.modules[scope].bare_class for run in (after, before) if scope in run.modules)
    return next((name for name in known if name is not None), None)


def _moves(before: Run, after: Run) -> Iterator[Move]:
    positions = _positions(before), _positions(after)
    scopes = [scopes_by_node(run.model, run.tag, with_calls=False) for run in (before, after)]
    weights = renamed_weights(before.model, after.model)
    for match in matched_regions(before.model, after.model, weights):
        for index, reference_index in sorted(match.nodes.items()):
            old, new = match.reference.nodes[reference_index], match.target.nodes[index]
            old_scopes, new_scopes = scopes[0].get(old) or [], scopes[1].get(new) or []
            if index in match.by_neighbours or not set(old_scopes).isdisjoint(new_scopes):
                continue
            if old_scopes and new_scopes:
                yield Move(positions[0][old], positions[1][new], new.op, new.name, old_scopes[0], new_scopes[0])


def _positions(run: Run) -> IdentityMap[gs.Node, str]:
    positions: IdentityMap[gs.Node, str] = IdentityMap()
    for position, node in nodes_with_position(run.model.regions()):
        positions[node] = position
    return positions


def _change_entry(change: ModuleChange) -> dict[str, Any]:
    return {
        "scope": change.scope,
        "class": change.class_name,
        "before": dict(sorted(change.before.items())),
        "after": dict(sorted(change.after.items())),
    }
