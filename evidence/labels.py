r"""From TorchScript's labels back to modules.

TorchScript writes the open modules as labels: `/stage/stage.0/stage.0.0/fc1`. A label is the end of the module's name
(parameters.label), so the label of a called container repeats in its children, and containers that are never called
leave no trace: `/a` may be `pool.a`. A second scope of the same label below the same parent gets `_1`, be it the same
module called again or another module whose label is the same.

The labels form a tree. It is resolved from the root down: the module of a label lies within its parent's module, and
is known from the names of parameters (which, unlike labels, are whole) or from a module table. Where several modules
fit, the parameters read below the label decide.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..graph.modules import depth, is_within, natural, parent
from .parameters import label

Labels = tuple[str, ...]
_CALL = re.compile(r"^(?P<label>.+)_(?P<call>\d+)$")


class Resolved(NamedTuple):
    """The module that a path of labels stands for; `certain` is False where more than one module fits it as well."""

    scope: str
    certain: bool


@dataclass(slots=True)
class _Label:
    """One label below its parent, with the owners of the parameters that its nodes, and those below, read."""

    labels: Labels
    children: dict[str, _Label] = field(default_factory=dict)
    owners: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class KnownModules:
    """The names of modules that exist, from parameters or a module table, by label. Containers count as modules."""

    names: frozenset[str]
    by_label: Mapping[str, Sequence[str]]
    complete: bool

    @classmethod
    def of(cls, names: Iterable[str], *, complete: bool = False) -> KnownModules:
        """Index names and all names above them; `complete` says that there are no others (a module table)."""
        known: set[str] = set()
        for name in names:
            scope = name
            while scope and scope not in known:
                known.add(scope)
                scope = parent(scope)
        by_label: dict[str, list[str]] = defaultdict(list)
        for name in sorted(known):
            by_label[label(name)].append(name)
        return cls(frozenset(known), by_label, complete)

    def joined(self, labels: Labels) -> Labels:
        """Return the labels with those put together again that a slash in a module's own name took apart."""
        slashed = [name for name in self.by_label if "/" in name]
        if not slashed:
            return labels
        found: list[str] = []
        index = 0
        while index < len(labels):
            length = max((_length(name, labels[index:]) for name in slashed), default=0) or 1
            found.append("/".join(labels[index : index + length]))
            index += length
        return tuple(found)

    def below(self, ancestor: str, wanted: str) -> list[str]:
        """Return the modules of a label strictly below another module, those of the shortest names first."""
        names = self.by_label.get(wanted, ())
        if ancestor:
            # In sorted order the names below a module are neighbours: all that begin with it and a dot.
            names = names[bisect_left(names, ancestor + ".") : bisect_left(names, ancestor + "/")]
        return sorted(names, key=lambda name: (depth(name), natural(name)))


def resolve(paths: Mapping[Labels, Counter[str]], known: KnownModules) -> dict[Labels, Resolved]:
    """Return the module of every path of labels.

    `paths` holds, in order of first appearance, each path with the owners of the parameters that its nodes read. Linear
    in the number of labels for a bounded number of modules of one label below one parent.
    """
    root = _Label(())
    for path, owners in paths.items():
        node = root
        node.owners.update(owners)
        for index, name in enumerate(path):
            node = node.children.setdefault(name, _Label(path[: index + 1]))
            node.owners.update(owners)
    resolved = {(): Resolved("", certain=True)}
    pending = [root]
    while pending:
        node = pending.pop()
        above = resolved[node.labels]
        taken: dict[str, None] = {}
        for name, child in node.children.items():
            resolved[child.labels] = _resolve_child(above, name, child, node.children, taken, known)
            taken[resolved[child.labels].scope] = None
            pending.append(child)
    return resolved


def _resolve_child(
    above: Resolved,
    name: str,
    child: _Label,
    siblings: Mapping[str, _Label],
    taken: Mapping[str, None],
    known: KnownModules,
) -> Resolved:
    """Return the module of one label, `taken` being the modules of the siblings before it."""
    exact = _candidates(above.scope, name, known)
    call = _CALL.match(name)
    base = call["label"] if call else None
    if base is not None and base in siblings:
        # A number may be part of the name (`norm_1`) or count the scopes of one label (`norm`, again).
        again = _candidates(above.scope, base, known)
        best = _best(exact, child.owners) if exact else None
        if best is None or (again and _support(best, child.owners) < _support(_best(again, child.owners), child.owners)):
            return _called_again(above, base, child, taken, again)
    if exact:
        best = _best(exact, child.owners)
        rivals = [scope for scope in exact if scope != best and depth(scope) == depth(best)]
        certain = not rivals or _support(best, child.owners) > 0
        return Resolved(best, certain and above.certain)
    outside = _elsewhere(name, child.owners, known)
    if outside is not None:
        return Resolved(outside, above.certain)
    return Resolved(_joined(above.scope, name), above.certain and not known.complete)


def _called_again(
    above: Resolved, base: str, child: _Label, taken: Mapping[str, None], candidates: Sequence[str]
) -> Resolved:
    """Return the module of a label that stands once more below its parent: another one that fits, or the same again."""
    free = [scope for scope in candidates if scope not in taken]
    best = _best(candidates, child.owners) if candidates else _joined(above.scope, base)
    if free and _support(best, child.owners) == 0:
        # Without a parameter to tell them apart, scopes of one label take the modules that fit in turn.
        return Resolved(free[0], certain=False)
    return Resolved(best, above.certain)


def _candidates(above: str, name: str, known: KnownModules) -> list[str]:
    """Return the known modules that a label below a module may stand for."""
    tail = label(above) if above else ""
    found: list[str] = []
    if tail and _is_numbered(name, tail):
        # A called container's own label comes again in front of its children's numbers.
        found.append(above + name[len(tail) :])
    found += [scope for scope in known.below(above, name) if scope not in found]
    if found and (found[0] in known.names or len(found) > 1):
        return [scope for scope in found if scope in known.names]
    base, _, numbers = name.partition(".")
    if not found and _is_numbered(name, base) and not known.complete:
        # A container that is known by its other children (`act.1` beside `act.0.weight`).
        found = [f"{container}.{numbers}" for container in known.below(above, base)]
    return found


def _elsewhere(name: str, owners: Counter[str], known: KnownModules) -> str | None:
    """Return the module that owns what is read below a label, though it is registered outside the parent's module."""
    fitting = [scope for scope in known.by_label.get(name, ()) if _support(scope, owners)]
    if not fitting:
        return None
    best = _best(fitting, owners)
    return best if _support(best, owners) == owners.total() else None


def _best(candidates: Sequence[str], owners: Counter[str]) -> str:
    """Return the candidate that holds most of the owners; the first, which has the shortest name, among equals."""
    return max(candidates, key=lambda scope: _support(scope, owners))


def _length(name: str, labels: Labels) -> int:
    """Return how many labels at the start are this name, or this name with numbers behind, taken apart at its slashes."""
    length = name.count("/") + 1
    start = "/".join(labels[:length])
    return length if start == name or _is_numbered(start, name) else 0


def _is_numbered(name: str, start: str) -> bool:
    """Whether a name is another one with numbers behind (`layer.0.1` and `layer`)."""
    return name.startswith(start + ".") and name[len(start) + 1 :].replace(".", "").isnumeric()


def _support(scope: str, owners: Counter[str]) -> int:
    return sum(count for owner, count in owners.items() if is_within(owner, scope))


def _joined(above: str, name: str) -> str:
    """Return the name that a label gives below a module when nothing else is known of it."""
    tail = label(above) if above else ""
    if tail and _is_numbered(name, tail):
        return above + name[len(tail) :]
    return f"{above}.{name}" if above else name


