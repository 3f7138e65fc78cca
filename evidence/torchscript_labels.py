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

from ..tags.module_table import depth, is_descendant, natural_sort_key, parent
from .parameter_names import label

Labels = tuple[str, ...]
_NUMBER = re.compile(r"\d+")
_NUMBERED = re.compile(r"(.+)_(\d+)")


class _Call(NamedTuple):
    """A label with the number that counts the scopes of it (`norm_1`: `norm`, 1)."""

    label: str
    number: int


class Resolved(NamedTuple):
    """The module that a path of labels stands for; `certain` is False where more than one module fits it as well."""

    scope: str
    certain: bool


@dataclass(slots=True)
class _Label:
    """One label below its parent, with the owners of the parameters that its own nodes, and those below it, read."""

    labels: Labels
    children: dict[str, _Label] = field(default_factory=dict)
    own: Counter[str] = field(default_factory=Counter)
    below: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class KnownModules:
    """The names of modules that exist, from parameters or a module table, by label. Containers count as modules.

    `slashed` are the labels that a slash in a module's own name would take apart.
    """

    names: frozenset[str]
    by_label: Mapping[str, Sequence[str]]
    slashed: Sequence[str]
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
        return cls(frozenset(known), by_label, [name for name in by_label if "/" in name], complete)

    def joined(self, labels: Labels) -> Labels:
        """Return the labels with those put together again that a slash in a module's own name took apart."""
        if not self.slashed:
            return labels
        found: list[str] = []
        index = 0
        while index < len(labels):
            length = max((_length(name, labels[index:]) for name in self.slashed), default=0) or 1
            found.append("/".join(labels[index : index + length]))
            index += length
        return tuple(found)

    def below(self, ancestor: str, wanted: str) -> list[str]:
        """Return the modules of a label strictly below another module, those of the shortest names first."""
        names = self.by_label.get(wanted, ())
        if ancestor:
            # In sorted order the names below a module are neighbours: all that begin with it and a dot.
            names = names[bisect_left(names, ancestor + ".") : bisect_left(names, ancestor + "/")]
        return sorted(names, key=lambda name: (depth(name), natural_sort_key(name)))


def resolve(paths: Mapping[Labels, Counter[str]], known: KnownModules) -> dict[Labels, Resolved]:
    """Return the module of every path of labels.

    `paths` holds, in order of first appearance, each path with the owners of the parameters that its nodes read. Linear
    in the number of labels for a bounded number of modules of one label below one parent.
    """
    root = _tree(paths)
    resolved: dict[Labels, Resolved] = {(): Resolved("", certain=True)}
    pending = [(root, resolved[()])]
    while pending:
        node, above = pending.pop()
        siblings = _Siblings(node.children, {}, defaultdict(set))
        # What parameters tell of some labels is evidence for the others below the same parent.
        for name, child in sorted(node.children.items(), key=lambda item: not (item[1].below or item[1].own)):
            owners = child.below or child.own
            found = _resolve_child(above, name, owners, siblings, known)
            resolved[child.labels] = found
            pending.append((child, found))
            siblings.add(name, found.scope, owners)
            if child.own and child.below and not _support(found.scope, child.own):
                # Two modules of one label: one runs nodes of its own, the other holds the labels below.
                resolved[child.labels] = _resolve_child(above, name, child.own, siblings, known)
    return resolved


def _tree(paths: Mapping[Labels, Counter[str]]) -> _Label:
    root = _Label(())
    for path, owners in paths.items():
        node = root
        for index, name in enumerate(path):
            node.below.update(owners)
            node = node.children.setdefault(name, _Label(path[: index + 1]))
        node.own.update(owners)
    return root


class _Siblings(NamedTuple):
    """The labels below one parent, and the modules that those resolved so far stand for.

    `holders` are the modules right above those, as far as parameters tell, by the number that the label got (0: none).
    """

    labels: Mapping[str, _Label]
    taken: dict[str, None]
    holders: defaultdict[int, set[str]]

    def add(self, name: str, scope: str, owners: Counter[str]) -> None:
        """Add a label that was resolved."""
        self.taken[scope] = None
        call = None if label(scope) == name else _call(name)
        if _support(scope, owners):
            self.holders[0 if call is None else call.number].add(parent(scope))


def _resolve_child(
    above: Resolved, name: str, owners: Counter[str], siblings: _Siblings, known: KnownModules
) -> Resolved:
    """Return the module of one label below a module."""
    exact = _candidates(above.scope, name, owners, known)
    call = _call(name)
    if call is not None:
        # A number may be part of the name (`norm_1`) or count the scopes of one label (`norm`, again).
        again = _candidates(above.scope, call.label, owners, known)
        repeated = call.label in siblings.labels
        if (repeated and _most(exact, owners) < _most(again, owners)) or (not exact and (again or repeated)):
            return _resolve_again(above, call, owners, siblings, known)
    if exact:
        best = _best(exact, owners)
        rivals = [scope for scope in exact if scope != best and depth(scope) == depth(best)]
        return Resolved(best, above.certain and (not rivals or _support(best, owners) > 0))
    outside = _elsewhere(name, owners, known)
    if outside is not None:
        return Resolved(outside, above.certain)
    in_a_container = any(holder != above.scope for holder in siblings.holders[0])
    return Resolved(_join_scope(above.scope, name), above.certain and not known.complete and not in_a_container)


def _resolve_again(
    above: Resolved,
    call: _Call,
    owners: Counter[str],
    siblings: _Siblings,
    known: KnownModules,
) -> Resolved:
    """Return the module of a label that stands once more below its parent: another one that fits, or the same again."""
    base = call.label
    candidates = _candidates(above.scope, base, owners, known)
    best = _best(candidates, owners) if candidates else _join_scope(above.scope, base)
    if _support(best, owners):
        return Resolved(best, above.certain)
    outside = _elsewhere(base, owners, known)
    if outside is not None:
        return Resolved(outside, above.certain)
    alike = {_digit_pattern(scope) for scope in siblings.taken}
    free = [
        scope
        for scope in _named(above.scope, base, known)
        if scope not in siblings.taken and _digit_pattern(scope) in alike
    ]
    # Children of a second module of the parent's label stand below the first one's, and share a number.
    holders = siblings.holders[call.number]
    if len(holders) == 1 and above.scope not in holders:
        free.append(_join_scope(next(iter(holders)), base))
    free += [scope for scope in _read_below(base, siblings, known) if scope not in siblings.taken]
    if free:
        # Without a parameter to tell them apart, scopes of one label take the modules that fit in turn.
        return Resolved(free[0], certain=False)
    return Resolved(best, above.certain)


def _read_below(name: str, siblings: _Siblings, known: KnownModules) -> list[str]:
    """Return the modules of a label of which parameters are read below it, in that order."""
    found: dict[str, None] = {}
    for owner in siblings.labels[name].below if name in siblings.labels else ():
        scope = owner
        while scope and label(scope) != name:
            scope = parent(scope)
        if scope in known.names:
            found[scope] = None
    return list(found)


def _candidates(above: str, name: str, owners: Counter[str], known: KnownModules) -> list[str]:
    """Return the known modules that a label below a module may stand for."""
    found = _named(above, name, known)
    if known.complete:
        return found
    # A module further down that is known by a parameter, of which nothing is read here, is another one.
    direct = _join_scope(above, name)
    return [scope for scope in found if scope == direct or _support(scope, owners)]


def _named(above: str, name: str, known: KnownModules) -> list[str]:
    """Return the known modules below another one whose label this is, or would be."""
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
    """Return how many labels at the start are this name (maybe with numbers behind), taken apart at its slashes."""
    length = name.count("/") + 1
    start = "/".join(labels[:length])
    return length if start == name or _is_numbered(start, name) else 0


def _call(name: str) -> _Call | None:
    found = _NUMBERED.fullmatch(name)
    return None if found is None else _Call(found[1], int(found[2]))


def _is_numbered(name: str, start: str) -> bool:
    """Whether a name is another one with numbers behind (`layer.0.1` and `layer`)."""
    return name.startswith(start + ".") and name[len(start) + 1 :].replace(".", "").isnumeric()


def _digit_pattern(scope: str) -> str:
    """Return a name with its numbers blanked: what sibling blocks have in common."""
    return _NUMBER.sub("*", scope)


def _most(candidates: Sequence[str], owners: Counter[str]) -> int:
    return max((_support(scope, owners) for scope in candidates), default=0)


def _support(scope: str, owners: Counter[str]) -> int:
    return sum(count for owner, count in owners.items() if is_descendant(owner, scope))


def _join_scope(above: str, name: str) -> str:
    """Return the name that a label gives below a module when nothing else is known of it."""
    tail = label(above) if above else ""
    if tail and _is_numbered(name, tail):
        return above + name[len(tail) :]
    return f"{above}.{name}" if above else name
