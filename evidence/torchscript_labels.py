"""Resolve TorchScript's labels to modules.

TorchScript writes the open modules as labels: `/stage/stage.0/stage.0.0/fc1`. A label is the end of the module's name
(`parameter_names.label`). So the label of a called container is repeated in its children, and containers that are never
called are missing: `/a` may be `pool.a`. The second scope with the same label below the same parent gets the suffix
`_1`, whether it is a second call of the same module or another module with the same label.

The labels form a tree, which is resolved from the root down. The module of a label usually lies below its parent's
module, and its full name is known from parameter names or from a module table. If several modules fit, the one whose
parameters are read most below the label is chosen.

Only parameters and a complete table make a label certain. Without them, a container that is never called may stand
between two labels, and a suffix may belong to the name of a module or count the calls of another one.
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
    text: str


class Resolved(NamedTuple):
    """The module of a path of labels.

    `certain` is False if it may be another module. `absent` is the module that the label names and the module table
    does not have, or empty.
    """

    scope: str
    certain: bool
    absent: str = ""


class WeightUse(NamedTuple):
    """A weight without a parameter name that a node reads: the operator, the index of the input, and the weight."""

    op: str
    input_index: int
    name: str


@dataclass(slots=True)
class LabelUses:
    """What the nodes of one path of labels read: how often parameters of each owner, and weights without a name."""

    owners: Counter[str] = field(default_factory=Counter[str])
    weights: list[WeightUse] = field(default_factory=list[WeightUse])


@dataclass(slots=True)
class _LabelNode:
    """A node of the label tree.

    `own` counts the owners of the parameters that nodes with exactly these labels read, `below` those that nodes with
    further labels read. `weights` are the weights that any of them read.
    """

    labels: Labels
    children: dict[str, _LabelNode] = field(default_factory=dict)
    own: Counter[str] = field(default_factory=Counter)
    below: Counter[str] = field(default_factory=Counter)
    weights: list[WeightUse] = field(default_factory=list[WeightUse])

    @property
    def deepest_owners(self) -> Counter[str]:
        """The owners that determine the module of the labels below; those of the own nodes if there are none."""
        return self.below or self.own


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


def resolve(paths: Mapping[Labels, LabelUses], known: KnownModules) -> dict[Labels, Resolved]:
    """Return the module of every path of labels, given in order of first appearance with what its nodes read.

    The time is linear in the number of labels if the number of modules with the same label below one parent is bounded.
    """
    root = _label_tree(paths)
    resolved: dict[Labels, Resolved] = {(): Resolved("", certain=True)}
    pending = [(root, resolved[()])]
    while pending:
        node, parent_module = pending.pop()
        siblings = _Siblings(node.children, {}, {}, defaultdict(set))
        # Labels with parameters come first, because their modules are evidence for the other labels of the same parent.
        for name, child in sorted(node.children.items(), key=lambda item: not (item[1].below or item[1].own)):
            found = _resolve_child(parent_module, name, child, siblings, known)
            resolved[child.labels] = found
            pending.append((child, found))
            siblings.add(name, found.scope, child.deepest_owners)
            if child.own and child.children and not _support(found.scope, child.own):
                # Two modules with the same label: one has nodes of its own, the other has the labels below.
                own = _LabelNode(child.labels, own=child.own, weights=child.weights)
                resolved[child.labels] = _resolve_child(parent_module, name, own, siblings, known)
    return resolved


def cut_labels(paths: Mapping[Labels, LabelUses], resolved: Mapping[Labels, Resolved]) -> frozenset[Labels]:
    """Return the paths that lack their innermost labels, as those of a scripted model do.

    Every weight read there is a parameter of a module further down, and no label tells of such a module. A module that
    uses the parameters of one it never calls reads weights of its own as well, or has labels below.
    """
    callers = {resolved[path[:end]].scope for path in paths for end in range(len(path))}
    return frozenset(
        path
        for path, uses in paths.items()
        if uses.owners
        and not uses.weights
        and resolved[path].scope not in callers
        and all(is_descendant(owner, resolved[path].scope) for owner in uses.owners)
        and resolved[path].scope not in uses.owners
    )


def _label_tree(paths: Mapping[Labels, LabelUses]) -> _LabelNode:
    root = _LabelNode(())
    for path, uses in paths.items():
        node = root
        for index, name in enumerate(path):
            node.below.update(uses.owners)
            node.weights += uses.weights
            node = node.children.setdefault(name, _LabelNode(path[: index + 1]))
        node.own.update(uses.owners)
        node.weights += uses.weights
    return root


class _Siblings(NamedTuple):
    """The labels below one parent, and the modules of those resolved so far.

    `parents_by_number` maps the number in a label's suffix (0: no suffix) to the parents of the modules that parameters
    determine.
    """

    labels: Mapping[str, _LabelNode]
    scope_by_label: dict[str, str]
    resolved_scopes: dict[str, None]
    parents_by_number: defaultdict[int, set[str]]

    def add(self, name: str, scope: str, owners: Counter[str]) -> None:
        """Record the module of a label."""
        self.resolved_scopes[scope] = None
        self.scope_by_label[name] = scope
        numbered = None if label(scope) == name else _split_number(name)
        if _support(scope, owners):
            self.parents_by_number[0 if numbered is None else numbered.number].add(parent(scope))

    def has_other_weights(self, base: str, name: str) -> bool:
        """Whether two labels read different weights at the same place: then they are not the same module."""
        if base not in self.labels or name not in self.labels:
            return False
        for one, other in zip(self.labels[base].weights, self.labels[name].weights, strict=False):
            if one[:2] != other[:2]:
                return False
            if one.name != other.name:
                return True
        return False

    def is_ambiguous(self, name: str) -> bool:
        """Whether another module has this label as well: one that reads other weights counts it further."""
        repeated = (other for other in self.labels if other.startswith(f"{name}_") and _split_number(other) is not None)
        return any(self.has_other_weights(name, other) for other in repeated)

    def are_numbered(self, parent_label: str, *, but: str) -> bool:
        """Whether the parent numbers its children: all labels but some that start with a name repeat the parent's."""
        others = [label for label in self.labels if label != but and not label.startswith(f"{but}_")]
        return bool(parent_label and others) and all(_is_numbered(label, parent_label) for label in others)


def _resolve_child(
    parent_module: Resolved, name: str, child: _LabelNode, siblings: _Siblings, known: KnownModules
) -> Resolved:
    """Return the module of one label below a module."""
    owners = child.deepest_owners
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
        fits = {scope: _fit(scope, child, known) for scope in exact}
        best = max(exact, key=lambda scope: (_support(scope, child.below), fits[scope], _support(scope, owners)))
        is_named = _support(best, owners) > 0
        rivals = [
            scope for scope in exact if scope != best and depth(scope) == depth(best) and fits[scope] == fits[best]
        ]
        certain = is_named or (known.complete and not rivals and not siblings.is_ambiguous(name))
        return Resolved(best, parent_module.certain and certain)
    outside = _module_outside_parent(name, owners, known)
    if outside is not None:
        return Resolved(outside, parent_module.certain)
    if known.complete:
        return _elsewhere_in_table(parent_module, name, known)
    parent_label = label(parent_module.scope) if parent_module.scope else ""
    if not owners and siblings.are_numbered(parent_label, but=name):
        # A Sequential numbers its own modules; one with a name was registered around it first.
        return Resolved(_join_scope(parent(parent_module.scope), name), certain=False)
    return Resolved(_join_scope(parent_module.scope, name), parent_module.certain and _is_caller(child))


def _is_caller(child: _LabelNode) -> bool:
    """Whether parameters are read below a label, which makes the labels between known by the modules they lead to."""
    return bool(child.below)


def _elsewhere_in_table(parent_module: Resolved, name: str, known: KnownModules) -> Resolved:
    """Return the module of a label that no module below the parent has: one from elsewhere, else the parent itself."""
    found = [scope for scope in known.by_label.get(name, ()) if scope in known.names]
    if not found:
        return Resolved(parent_module.scope, certain=False, absent=_join_scope(parent_module.scope, name))
    return Resolved(min(found, key=lambda scope: (depth(scope), natural_sort_key(scope))), certain=len(found) == 1)


def _fit(scope: str, child: _LabelNode, known: KnownModules) -> int:
    """Return how many of the labels below a label are known below a module."""
    return sum(bool(_modules_with_label(scope, name, known)) for name in child.children)


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
    if siblings.has_other_weights(base, numbered.text):
        free = [scope for scope in candidates if scope not in siblings.resolved_scopes]
        other = (
            free[0]
            if free
            else parent_module.scope
            if known.complete
            else _join_scope(parent_module.scope, numbered.text)
        )
        return Resolved(other, certain=False)
    same = siblings.scope_by_label.get(base, _join_scope(parent_module.scope, base))
    best = _best(candidates, owners) if candidates else same
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
    if known.complete and best not in known.names:
        return _elsewhere_in_table(parent_module, base, known)
    return Resolved(best, parent_module.certain and known.complete)


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
    return [scope for scope in found if scope in known.names] if known.complete else found


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
    return None if found is None else _NumberedLabel(found[1], int(found[2]), name)


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
