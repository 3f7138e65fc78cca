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
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..tags.scope import MAX_DEPTH, depth, is_descendant, natural_sort_key, parent, with_ancestors
from .known_modules import KnownModules
from .label_uses import LabelUses, Owners, WeightUse
from .labels import Labels, NumberedLabel, digit_pattern, is_numbered, is_repeat, join_scope, split_number
from .parameter_names import label

_UNDERSCORE = re.compile("_")


class Resolved(NamedTuple):
    """The module of a path of labels.

    `certain` is False if it may be another module. `absent` is the module that the label names and the module table
    does not have, or empty. `own` is the module of the nodes with exactly these labels, if it is another one than that
    of the labels below, or less certain.
    """

    scope: str
    certain: bool
    absent: str = ""
    own: Resolved | None = None

    @property
    def of_nodes(self) -> Resolved:
        """The module of the nodes with exactly these labels."""
        return self.own or self


@dataclass(slots=True)
class _LabelNode:
    """A node of the label tree.

    `has_nodes` tells whether nodes have exactly these labels. `own` counts the owners of the parameters that these
    read, `below` those that nodes with further labels read. `weights` are the weights that any of them read.
    """

    labels: Labels
    children: dict[str, _LabelNode] = field(default_factory=dict[str, "_LabelNode"])
    has_nodes: bool = False
    own: Owners = field(default_factory=Owners)
    below: Owners = field(default_factory=Owners)
    weights: list[WeightUse] = field(default_factory=list[WeightUse])

    @property
    def deepest_owners(self) -> Owners:
        """The owners that determine the module of the labels below; those of the own nodes if there are none."""
        return self.below or self.own


def resolve(paths: Mapping[Labels, LabelUses], known: KnownModules) -> dict[Labels, Resolved]:
    """Return the module of every path of labels, given in order of first appearance with what its nodes read.

    The time is linear in the number of labels if the number of modules with the same label below one parent is bounded.
    """
    root = _label_tree(paths)
    resolved: dict[Labels, Resolved] = {(): Resolved("", certain=True)}
    pending = [(root, resolved[()])]
    while pending:
        node, parent_module = pending.pop()
        if not node.children:
            continue
        siblings = _Siblings.of(node.children, parent_module)
        # Labels with parameters come first, because their modules are evidence for the other labels of the same parent.
        for name, child in sorted(node.children.items(), key=lambda item: not (item[1].below or item[1].own)):
            found = _resolve_child(parent_module, name, child, siblings, known)
            siblings.add(name, found.scope, child.deepest_owners)
            if child.has_nodes and child.children and not child.own.within(found.scope):
                # Of two modules with the same label, one may have these nodes and the other the labels below.
                nodes = _LabelNode(child.labels, own=child.own, weights=child.weights)
                own = _resolve_child(parent_module, name, nodes, siblings, known)
                if child.own or (known.complete and not own.certain):
                    found = found._replace(own=own)
                elif siblings.is_read_by_another(name, found.scope):
                    found = found._replace(own=found._replace(certain=False))
            resolved[child.labels] = found
            pending.append((child, found))
    _doubt_tied_modules(resolved)
    return resolved


def _doubt_tied_modules(resolved: dict[Labels, Resolved]) -> None:
    """Make labels uncertain that lead out of their parent, to a module that runs below its own parent as well.

    These may be two modules with the same weights, of which the file has one name.
    """
    below_parent = {found.scope for labels, found in resolved.items() if not _leads_out(labels, resolved)}
    # A path comes before those below it, which are no more certain.
    for labels, found in resolved.items():
        is_doubtful = _leads_out(labels, resolved) and found.scope in below_parent
        if found.certain and (is_doubtful or not resolved[labels[:-1]].certain):
            resolved[labels] = found._replace(certain=False)


def _leads_out(labels: Labels, resolved: Mapping[Labels, Resolved]) -> bool:
    """Whether the module of a path of labels lies outside that of the path without its last label."""
    return not is_descendant(resolved[labels].scope, resolved[labels[:-1]].scope)


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
        and resolved[path].of_nodes.scope not in callers
        and all(is_descendant(owner, resolved[path].of_nodes.scope) for owner in uses.owners)
        and resolved[path].of_nodes.scope not in uses.owners
    )


def _label_tree(paths: Mapping[Labels, LabelUses]) -> _LabelNode:
    root = _LabelNode(())
    for path, uses in paths.items():
        node = root
        for index, name in enumerate(path):
            node.below.add(uses.owners)
            node.weights += uses.weights
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = _LabelNode(path[: index + 1])
            node = child
        node.has_nodes = True
        node.own.add(uses.owners)
        node.weights += uses.weights
    return root


class _Siblings(NamedTuple):
    """The labels below one parent, and the modules of those resolved so far.

    `repeated` has the labels with a suffix by all that may be the label without it, `unnumbered` those that do not
    repeat the parent's. `parents_by_number` maps the number in a label's suffix (0: no suffix) to the parents of the
    modules that parameters determine.
    """

    labels: Mapping[str, _LabelNode]
    repeated: Mapping[str, Sequence[str]]
    unnumbered: Sequence[str]
    scope_by_label: dict[str, str]
    resolved_scopes: set[str]
    resolved_patterns: set[str]
    parents_by_number: defaultdict[int, set[str]]

    @classmethod
    def of(cls, labels: Mapping[str, _LabelNode], parent_module: Resolved) -> _Siblings:
        """Return the labels below a module, none of them resolved."""
        repeated: dict[str, list[str]] = defaultdict(list)
        for name in labels:
            if split_number(name) is not None:
                for found in _UNDERSCORE.finditer(name):
                    repeated[name[: found.start()]].append(name)
        parent_label = label(parent_module.scope) if parent_module.scope else ""
        unnumbered = [name for name in labels if not (parent_label and is_numbered(name, parent_label))]
        return cls(labels, repeated, unnumbered, {}, set(), set(), defaultdict(set))

    def add(self, name: str, scope: str, owners: Owners) -> None:
        """Record the module of a label; nothing asks for it if no label may repeat another one."""
        if not self.repeated:
            return
        self.resolved_scopes.add(scope)
        self.resolved_patterns.add(digit_pattern(scope))
        self.scope_by_label[name] = scope
        numbered = None if label(scope) == name else split_number(name)
        if owners.within(scope):
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
        return any(self.has_other_weights(name, other) for other in self.repeated.get(name, ()))

    def is_read_by_another(self, name: str, scope: str) -> bool:
        """Whether nodes with this label and a suffix read parameters of a module itself."""
        return any(scope in self.labels[other].own for other in self.repeated.get(name, ()))

    def are_numbered(self, *, but: str) -> bool:
        """Whether the parent numbers its children: all labels but some that start with a name repeat the parent's."""
        return all(is_repeat(name, but) for name in self.unnumbered) and not all(
            is_repeat(name, but) for name in self.labels
        )


def _resolve_child(
    parent_module: Resolved, name: str, child: _LabelNode, siblings: _Siblings, known: KnownModules
) -> Resolved:
    """Return the module of one label below a module."""
    owners = child.deepest_owners
    exact = _candidates(parent_module.scope, name, owners, known)
    numbered = split_number(name)
    may_be_repeated = False
    if numbered is not None:
        # The suffix may be part of the module's name (a module `norm_1`) or count scopes (a second scope `norm`).
        base_candidates = _candidates(parent_module.scope, numbered.label, owners, known)
        is_repeated = numbered.label in siblings.labels
        if (is_repeated and _max_support(exact, owners) < _max_support(base_candidates, owners)) or (
            not exact and (base_candidates or is_repeated)
        ):
            return _resolve_repeated(parent_module, numbered, owners, siblings, known)
        may_be_repeated = is_repeated and bool(base_candidates)
    if exact:
        best, has_rivals = _best_fit(exact, parent_module.scope, child, known)
        is_alone = not may_be_repeated and not has_rivals
        certain = owners.within(best) > 0 or (known.complete and is_alone and not siblings.is_ambiguous(name))
        return Resolved(best, parent_module.certain and certain)
    if known.complete and join_scope(parent_module.scope, name) in known.names:
        # In the names that hpass writes, the children of a called container do not repeat the container's label.
        return Resolved(join_scope(parent_module.scope, name), parent_module.certain)
    outside = _module_outside_parent(name, owners, known)
    if outside is not None:
        return Resolved(outside, parent_module.certain)
    if known.complete:
        return _elsewhere_in_table(parent_module, name, known)
    if not owners and siblings.are_numbered(but=name):
        # A Sequential numbers its own modules; one with a name was registered around it first.
        return Resolved(join_scope(parent(parent_module.scope), name), certain=False)
    return Resolved(join_scope(parent_module.scope, name), parent_module.certain and _is_caller(child))


def _is_caller(child: _LabelNode) -> bool:
    """Whether parameters are read below a label, which makes the labels between known by the modules they lead to."""
    return bool(child.below)


def _elsewhere_in_table(parent_module: Resolved, name: str, known: KnownModules) -> Resolved:
    """Return the module of a label that no module below the parent has: one from elsewhere, else the parent itself.

    A module does not call itself, nor one that it lies in.
    """
    found = [scope for scope in known.by_label.get(name, ()) if not is_descendant(parent_module.scope, scope)]
    if not found:
        return Resolved(parent_module.scope, certain=False, absent=join_scope(parent_module.scope, name))
    return Resolved(min(found, key=lambda scope: (depth(scope), natural_sort_key(scope))), certain=len(found) == 1)


def _best_fit(scopes: Sequence[str], ancestor: str, child: _LabelNode, known: KnownModules) -> tuple[str, bool]:
    """Return which of some modules below another one fits a label best, and whether others may be meant as well."""
    if len(scopes) == 1:
        return scopes[0], False
    owners = child.deepest_owners
    fits = {scope: _fit(scope, child, known) for scope in scopes}
    best = max(scopes, key=lambda scope: (child.below.within(scope), fits[scope], owners.within(scope)))

    def is_rival(scope: str) -> bool:
        is_direct = known.is_direct(scope, ancestor)
        is_near = depth(scope) == depth(best) if is_direct is None else is_direct
        return is_near and fits[scope] == fits[best]

    return best, any(scope != best and is_rival(scope) for scope in scopes)


def _fit(scope: str, child: _LabelNode, known: KnownModules) -> int:
    """Return how many of the labels below a label are known below a module."""
    return sum(bool(_modules_with_label(scope, name, known)) for name in child.children)


def _resolve_repeated(
    parent_module: Resolved,
    numbered: NumberedLabel,
    owners: Owners,
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
            else join_scope(parent_module.scope, numbered.text)
        )
        return Resolved(other, certain=False)
    same = siblings.scope_by_label.get(base, join_scope(parent_module.scope, base))
    best = _best(candidates, owners) if candidates else same
    if owners.within(best):
        return Resolved(best, parent_module.certain)
    outside = _module_outside_parent(base, owners, known)
    if outside is not None:
        return Resolved(outside, parent_module.certain)
    unused = next(_unused_modules(parent_module.scope, numbered, siblings, known), None)
    if unused is not None:
        # No parameter distinguishes the scopes of this label, so they are assigned to the fitting modules in order.
        return Resolved(unused, certain=False)
    if known.complete and best not in known.names:
        return _elsewhere_in_table(parent_module, base, known)
    is_alone = all(scope == best or known.is_direct(scope, parent_module.scope) is False for scope in candidates)
    return Resolved(best, parent_module.certain and known.complete and is_alone)


def _unused_modules(ancestor: str, numbered: NumberedLabel, siblings: _Siblings, known: KnownModules) -> Iterator[str]:
    """Yield the modules that a repeated label may denote and no sibling does, the likeliest first."""
    for scope in _modules_with_label(ancestor, numbered.label, known):
        if scope not in siblings.resolved_scopes and digit_pattern(scope) in siblings.resolved_patterns:
            yield scope
    # The children of a second module with the parent's label appear below the first one; their suffixes are equal.
    parents = siblings.parents_by_number[numbered.number]
    if len(parents) == 1 and ancestor not in parents:
        yield join_scope(next(iter(parents)), numbered.label)
    for scope in _modules_read_below(numbered.label, siblings, known):
        if scope not in siblings.resolved_scopes:
            yield scope


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


def _candidates(ancestor: str, name: str, owners: Owners, known: KnownModules) -> list[str]:
    """Return the known modules that a label below a module may denote."""
    found = _modules_with_label(ancestor, name, known)
    if known.complete:
        return found
    # A deeper module none of whose parameters are read here is another module.
    child = join_scope(ancestor, name)
    return [scope for scope in found if scope == child or owners.within(scope)]


def _modules_with_label(ancestor: str, name: str, known: KnownModules) -> list[str]:
    """Return the known modules below another module that have, or would have, this label."""
    ancestor_label = label(ancestor) if ancestor else ""
    found: list[str] = []
    if ancestor_label and is_numbered(name, ancestor_label):
        # The children of a called container repeat the container's label in front of their numbers.
        found.append(ancestor + name[len(ancestor_label) :])
    found += [scope for scope in known.below(ancestor, name) if scope not in found]
    if known.complete:
        return [
            scope
            for scope in found
            if scope in known.names
            and known.called.get(scope) is not False
            and known.is_direct(scope, ancestor) is not False
        ]
    if found and (found[0] in known.names or len(found) > 1):
        return [scope for scope in found if scope in known.names]
    base, _, numbers = name.partition(".")
    if not found and is_numbered(name, base):
        # The container is known from its other children (`act.1` from `act.0.weight`).
        found = [f"{container}.{numbers}" for container in known.below(ancestor, base)]
    return found


def _module_outside_parent(name: str, owners: Owners, known: KnownModules) -> str | None:
    """Return the module with this label that owns all parameters read below it, even if it lies outside the parent."""
    labelled = known.by_label.get(name, ())
    if len(labelled) > len(owners) * MAX_DEPTH:
        above = {scope for owner in owners for scope in with_ancestors(owner)}
        labelled = sorted(scope for scope in above if scope in known.names and label(scope) == name)
    fitting = [scope for scope in labelled if owners.within(scope)]
    if not fitting:
        return None
    best = _best(fitting, owners)
    return best if owners.within(best) == owners.within("") else None


def _best(candidates: Sequence[str], owners: Owners) -> str:
    """Return the candidate that contains the most owners; the first one if several do."""
    return max(candidates, key=owners.within)


def _max_support(candidates: Sequence[str], owners: Owners) -> int:
    return max(map(owners.within, candidates), default=0)
