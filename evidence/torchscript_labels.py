"""Resolve TorchScript's labels to modules.

TorchScript writes the open modules as labels: `/stage/stage.0/stage.0.0/fc1`. A label is the end of the module's name
(`parameter_names.label`). So the label of a called container is repeated in its children, and containers that are never
called are missing: `/a` may be `pool.a`. The second scope with the same label below the same parent gets the suffix
`_1`, whether it is a second call of the same module or another module with the same label.

The labels form a tree, which is resolved from the root down. The module of a label lies below its parent's module, and
its full name is known from parameter names or from a module table. If several modules fit, the one whose parameters are
read most below the label is chosen.
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
# No model has so many scopes of one label that their number takes more digits.
_NUMBERED = re.compile(r"(.+)_(\d{1,9})")


class _NumberedLabel(NamedTuple):
    """A label without its suffix, and the suffix, which counts the scopes with this label (`norm_1`: `norm`, 1)."""

    label: str
    number: int


class Resolved(NamedTuple):
    """The module of a path of labels. `certain` is False if another module fits equally well."""

    scope: str
    certain: bool


@dataclass(slots=True)
class _LabelNode:
    """A node of the label tree.

    `own` counts the owners of the parameters that nodes with exactly these labels read, `below` those that nodes with
    further labels read.
    """

    labels: Labels
    children: dict[str, _LabelNode] = field(default_factory=dict)
    own: Counter[str] = field(default_factory=Counter)
    below: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class KnownModules:
    """The names of the known modules, including containers, by label.

    `labels_with_slash` are the labels that contain a slash, which a path splits. `complete` means that there are no
    other modules (the names come from a module table).
    """

    names: frozenset[str]
    by_label: Mapping[str, Sequence[str]]
    labels_with_slash: Sequence[str]
    complete: bool

    @classmethod
    def of(cls, names: Iterable[str], *, complete: bool = False) -> KnownModules:
        """Index names and all their ancestors."""
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

    def rejoin(self, labels: Labels) -> Labels:
        """Return the labels with the parts of each label in `labels_with_slash` joined again."""
        if not self.labels_with_slash:
            return labels
        found: list[str] = []
        index = 0
        while index < len(labels):
            length = max((_matching_length(name, labels[index:]) for name in self.labels_with_slash), default=0) or 1
            found.append("/".join(labels[index : index + length]))
            index += length
        return tuple(found)

    def below(self, ancestor: str, wanted_label: str) -> list[str]:
        """Return the modules with a label strictly below another module, those with the fewest atoms first."""
        names = self.by_label.get(wanted_label, ())
        if ancestor:
            # In sorted order the names that start with `ancestor.` are contiguous ("/" is the character after ".").
            names = names[bisect_left(names, ancestor + ".") : bisect_left(names, ancestor + "/")]
        return sorted(names, key=lambda name: (depth(name), natural_sort_key(name)))


def resolve(paths: Mapping[Labels, Counter[str]], known: KnownModules) -> dict[Labels, Resolved]:
    """Return the module of every path of labels.

    `paths` maps each path, in order of first appearance, to the owners of the parameters that its nodes read. The time
    is linear in the number of labels if the number of modules with the same label below one parent is bounded.
    """
    root = _label_tree(paths)
    resolved: dict[Labels, Resolved] = {(): Resolved("", certain=True)}
    pending = [(root, resolved[()])]
    while pending:
        node, parent_module = pending.pop()
        siblings = _Siblings(node.children, {}, defaultdict(set))
        # Labels with parameters come first, because their modules are evidence for the other labels of the same parent.
        for name, child in sorted(node.children.items(), key=lambda item: not (item[1].below or item[1].own)):
            owners = child.below or child.own
            found = _resolve_child(parent_module, name, owners, siblings, known)
            resolved[child.labels] = found
            pending.append((child, found))
            siblings.add(name, found.scope, owners)
            if child.own and child.below and not _support(found.scope, child.own):
                # Two modules with the same label: one has nodes of its own, the other has the labels below.
                resolved[child.labels] = _resolve_child(parent_module, name, child.own, siblings, known)
    return resolved


def _label_tree(paths: Mapping[Labels, Counter[str]]) -> _LabelNode:
    root = _LabelNode(())
    for path, owners in paths.items():
        node = root
        for index, name in enumerate(path):
            node.below.update(owners)
            node = node.children.setdefault(name, _LabelNode(path[: index + 1]))
        node.own.update(owners)
    return root


class _Siblings(NamedTuple):
    """The labels below one parent, and the modules of those resolved so far.

    `parents_by_number` maps the number in a label's suffix (0: no suffix) to the parents of the modules that parameters
    determine.
    """

    labels: Mapping[str, _LabelNode]
    resolved_scopes: dict[str, None]
    parents_by_number: defaultdict[int, set[str]]

    def add(self, name: str, scope: str, owners: Counter[str]) -> None:
        """Record the module of a label."""
        self.resolved_scopes[scope] = None
        numbered = None if label(scope) == name else _split_number(name)
        if _support(scope, owners):
            self.parents_by_number[0 if numbered is None else numbered.number].add(parent(scope))


def _resolve_child(
    parent_module: Resolved, name: str, owners: Counter[str], siblings: _Siblings, known: KnownModules
) -> Resolved:
    """Return the module of one label below a module."""
    exact = _candidates(parent_module.scope, name, owners, known)
    numbered = _split_number(name)
    if numbered is not None:
        # The suffix may be part of the module's name (a module `norm_1`) or count scopes (a second scope `norm`).
        base_candidates = _candidates(parent_module.scope, numbered.label, owners, known)
        is_repeated = numbered.label in siblings.labels
        if (is_repeated and _max_support(exact, owners) < _max_support(base_candidates, owners)) or (
            not exact and (base_candidates or is_repeated)
        ):
            return _resolve_repeated(parent_module, numbered, owners, siblings, known)
    if exact:
        best = _best(exact, owners)
        rivals = [scope for scope in exact if scope != best and depth(scope) == depth(best)]
        return Resolved(best, parent_module.certain and (not rivals or _support(best, owners) > 0))
    outside = _module_outside_parent(name, owners, known)
    if outside is not None:
        return Resolved(outside, parent_module.certain)
    in_a_container = any(holder != parent_module.scope for holder in siblings.parents_by_number[0])
    return Resolved(
        _join_scope(parent_module.scope, name), parent_module.certain and not known.complete and not in_a_container
    )


def _resolve_repeated(
    parent_module: Resolved,
    numbered: _NumberedLabel,
    owners: Counter[str],
    siblings: _Siblings,
    known: KnownModules,
) -> Resolved:
    """Return the module of a label that is repeated below its parent: another module that fits, or the same module."""
    base = numbered.label
    candidates = _candidates(parent_module.scope, base, owners, known)
    best = _best(candidates, owners) if candidates else _join_scope(parent_module.scope, base)
    if _support(best, owners):
        return Resolved(best, parent_module.certain)
    outside = _module_outside_parent(base, owners, known)
    if outside is not None:
        return Resolved(outside, parent_module.certain)
    resolved_patterns = {_digit_pattern(scope) for scope in siblings.resolved_scopes}
    unused = [
        scope
        for scope in _modules_with_label(parent_module.scope, base, known)
        if scope not in siblings.resolved_scopes and _digit_pattern(scope) in resolved_patterns
    ]
    # The children of a second module with the parent's label appear below the first one; their suffixes are equal.
    parents = siblings.parents_by_number[numbered.number]
    if len(parents) == 1 and parent_module.scope not in parents:
        unused.append(_join_scope(next(iter(parents)), base))
    unused += [scope for scope in _modules_read_below(base, siblings, known) if scope not in siblings.resolved_scopes]
    if unused:
        # No parameter distinguishes the scopes of this label, so they are assigned to the fitting modules in order.
        return Resolved(unused[0], certain=False)
    return Resolved(best, parent_module.certain)


def _modules_read_below(name: str, siblings: _Siblings, known: KnownModules) -> list[str]:
    """Return the modules with a label whose parameters are read below it, in the order of the reads."""
    found: dict[str, None] = {}
    for owner in siblings.labels[name].below if name in siblings.labels else ():
        scope = owner
        while scope and label(scope) != name:
            scope = parent(scope)
        if scope in known.names:
            found[scope] = None
    return list(found)


def _candidates(ancestor: str, name: str, owners: Counter[str], known: KnownModules) -> list[str]:
    """Return the known modules that a label below a module may denote."""
    found = _modules_with_label(ancestor, name, known)
    if known.complete:
        return found
    # A deeper module none of whose parameters are read here is another module.
    child = _join_scope(ancestor, name)
    return [scope for scope in found if scope == child or _support(scope, owners)]


def _modules_with_label(ancestor: str, name: str, known: KnownModules) -> list[str]:
    """Return the known modules below another module that have, or would have, this label."""
    ancestor_label = label(ancestor) if ancestor else ""
    found: list[str] = []
    if ancestor_label and _is_numbered(name, ancestor_label):
        # The children of a called container repeat the container's label in front of their numbers.
        found.append(ancestor + name[len(ancestor_label) :])
    found += [scope for scope in known.below(ancestor, name) if scope not in found]
    if found and (found[0] in known.names or len(found) > 1):
        return [scope for scope in found if scope in known.names]
    base, _, numbers = name.partition(".")
    if not found and _is_numbered(name, base) and not known.complete:
        # The container is known from its other children (`act.1` from `act.0.weight`).
        found = [f"{container}.{numbers}" for container in known.below(ancestor, base)]
    return found


def _module_outside_parent(name: str, owners: Counter[str], known: KnownModules) -> str | None:
    """Return the module with this label that owns all parameters read below it, even if it lies outside the parent."""
    fitting = [scope for scope in known.by_label.get(name, ()) if _support(scope, owners)]
    if not fitting:
        return None
    best = _best(fitting, owners)
    return best if _support(best, owners) == owners.total() else None


def _best(candidates: Sequence[str], owners: Counter[str]) -> str:
    """Return the candidate that contains the most owners; the first one if several do."""
    return max(candidates, key=lambda scope: _support(scope, owners))


def _matching_length(name: str, labels: Labels) -> int:
    """Return how many labels at the start form this name, with or without numbers after it; 0 if they do not."""
    length = name.count("/") + 1
    start = "/".join(labels[:length])
    return length if start == name or _is_numbered(start, name) else 0


def _split_number(name: str) -> _NumberedLabel | None:
    found = _NUMBERED.fullmatch(name)
    return None if found is None else _NumberedLabel(found[1], int(found[2]))


def _is_numbered(name: str, base: str) -> bool:
    """Whether a name is `base` followed by numbers (`layer.0.1` and `layer`)."""
    return name.startswith(base + ".") and name[len(base) + 1 :].replace(".", "").isnumeric()


def _digit_pattern(scope: str) -> str:
    """Return a name with its numbers replaced by `*`, which is equal for repeated blocks."""
    return _NUMBER.sub("*", scope)


def _max_support(candidates: Sequence[str], owners: Counter[str]) -> int:
    return max((_support(scope, owners) for scope in candidates), default=0)


def _support(scope: str, owners: Counter[str]) -> int:
    return sum(count for owner, count in owners.items() if is_descendant(owner, scope))


def _join_scope(ancestor: str, name: str) -> str:
    """Return the module's name that follows from its parent and its label alone."""
    ancestor_label = label(ancestor) if ancestor else ""
    if ancestor_label and _is_numbered(name, ancestor_label):
        return ancestor + name[len(ancestor_label) :]
    return f"{ancestor}.{name}" if ancestor else name
