"""The modules of a model as a tree of integers, with vectorised queries: descendants and lowest common ancestors."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from ..tags.module_table import ModuleTable
from ..tags.scope import parent
from .arrays import UNKNOWN, Flags, Ids, as_ints

_NUMBER = re.compile(r"\d+")


class ScopeTree:
    """Called modules, numbered from 0, which is the root. Every array has the shape (modules,).

    `names` are the scopes by number. `preorder` is the rank of a module in a preorder walk, `by_preorder` its inverse;
    the descendants of a module, itself included, have the ranks from its `preorder` to before its `subtree_end`.

    `digit_pattern_id` is the same for modules whose names differ in digits only. `classes` holds each class name of the
    tree once, with None for an unknown class, and `class_id` the index of each module's class in it. `class_group_id`
    is the same for modules of the same class; if the class is unknown, for modules with the same names of children.
    """

    def __init__(self, scopes: Iterable[str], modules: ModuleTable) -> None:
        """Build the tree of some scopes and all called modules above them; `modules` says which are called."""
        known: dict[str, int] = {"": 0}
        for scope in scopes:
            while scope not in known:
                known[scope] = len(known)
                scope = self.called_parent(scope, modules)  # noqa: PLW2901 - climbing to the root
        self._known = known
        self.names = list(known)
        self.parent: Ids = np.array([known[self.called_parent(name, modules)] for name in self.names], np.int64)
        self.depth, self.preorder, self.subtree_end = self._preorder_walk()
        self.by_preorder: Ids = np.argsort(self.preorder)
        patterns: dict[str, int] = {}
        self.digit_pattern_id: Ids = np.array(
            [patterns.setdefault(_NUMBER.sub("*", name), len(patterns)) for name in self.names], np.int64
        )
        self.has_children: Flags = np.zeros(len(self.names), np.bool_)
        self.has_children[self.parent[1:]] = True
        self._parent, self._depth = self.parent.tolist(), self.depth.tolist()
        above = self._parent
        atoms = [name.removeprefix(f"{self.names[above[index]]}.") for index, name in enumerate(self.names)]
        self.has_only_numbered_children: Flags = self.has_children.copy()
        self.has_only_numbered_children[
            [above[index] for index, atom in enumerate(atoms) if index and not atom.isdecimal()]
        ] = False
        class_numbers: dict[str | None, int] = {}
        self.class_id: Ids = np.array(
            [
                class_numbers.setdefault(modules[name].class_name if name in modules else None, len(class_numbers))
                for name in self.names
            ],
            np.int64,
        )
        self.classes = list(class_numbers)
        self.class_group_id: Ids = self._class_groups(atoms)
        self.self_or_parent_of_leaf: Ids = np.where(self.has_children, np.arange(len(self.names)), self.parent)

    @staticmethod
    def called_parent(scope: str, modules: ModuleTable) -> str:
        """Return the nearest called module above a scope. If the table is empty, every name is a called module."""
        if not len(modules):
            return parent(scope)
        return modules.nearest_called(parent(scope))

    def __len__(self) -> int:
        return len(self.names)

    def id(self, scope: str) -> int | None:
        """Return the number of a module, or None if it is not in the tree."""
        return self._known.get(scope)

    def is_descendant(self, scopes: Ids, ancestors: Ids) -> Flags:
        """Return whether each scope is equal to its ancestor or a descendant of it, elementwise."""
        return (self.preorder[ancestors] <= self.preorder[scopes]) & (
            self.preorder[scopes] < self.subtree_end[ancestors]
        )

    def lca(self, first: Ids, second: Ids) -> Ids:
        """Return the lowest common ancestor (LCA) of each pair."""
        first, second = first.copy(), second.copy()
        while True:
            apart = first != second
            if not apart.any():
                return first
            climb_first = apart & (self.depth[first] >= self.depth[second])
            climb_second = apart & (self.depth[second] >= self.depth[first])
            first[climb_first] = self.parent[first[climb_first]]
            second[climb_second] = self.parent[second[climb_second]]

    def lca_of_known(self, first: Ids, second: Ids) -> Ids:
        """Return the LCA of each pair, or UNKNOWN if either is UNKNOWN."""
        known = (first >= 0) & (second >= 0)
        return np.where(known, self.lca(np.maximum(first, 0), np.maximum(second, 0)), UNKNOWN)

    def holds_any(self, scopes: Ids) -> Flags:
        """Return whether any of some modules is each module or one below it, shape (modules,)."""
        up_to = np.append(0, np.cumsum(np.bincount(self.preorder[scopes], minlength=len(self))))
        return up_to[self.subtree_end] > up_to[self.preorder]

    def segment_lca(self, segment: Ids, scopes: Ids, count: int) -> Ids:
        """Return the LCA of the scopes of each segment, shape (`count`,); UNKNOWN for a segment without scopes.

        `segment` is the segment of each scope, from 0 to `count - 1`, in any order. The LCA of a set of modules is the
        LCA of the two that come first and last in preorder.
        """
        first = np.full(count, len(self), np.int64)
        last = np.full(count, UNKNOWN, np.int64)
        np.minimum.at(first, segment, self.preorder[scopes])
        np.maximum.at(last, segment, self.preorder[scopes])
        found = np.flatnonzero(last >= 0)
        result = np.full(count, UNKNOWN, np.int64)
        result[found] = self.lca(self.by_preorder[first[found]], self.by_preorder[last[found]])
        return result

    def path_to_root(self, scope: int) -> list[int]:
        """Return a module and its ancestors, the root last."""
        path = [scope]
        while path[-1]:
            path.append(self._parent[path[-1]])
        return path

    def path_between(self, start: int, end: int) -> tuple[list[int], int]:
        """Return the modules from `start` up to the LCA and down to `end`, all included, and the LCA."""
        up, down = [start], [end]
        while up[-1] != down[-1]:
            deeper = up if self._depth[up[-1]] >= self._depth[down[-1]] else down
            deeper.append(self._parent[deeper[-1]])
        return [*up, *reversed(down[:-1])], up[-1]

    def _class_groups(self, atoms: list[str]) -> Ids:
        """Return `class_group_id`; `atoms` are the last parts of the names."""
        atoms = [_NUMBER.sub("*", atom) for atom in atoms]
        children: list[set[str]] = [set() for _ in atoms]
        for atom, above in zip(atoms[1:], as_ints(self.parent[1:]), strict=True):
            children[above].add(atom)
        groups: dict[object, int] = {}
        group_id = np.empty(len(atoms), np.int64)
        for index, class_number in enumerate(as_ints(self.class_id)):
            group: object = self.classes[class_number] or (
                frozenset(children[index]) if children[index] else atoms[index]
            )
            group_id[index] = groups.setdefault(group, len(groups))
        return group_id

    def _preorder_walk(self) -> tuple[Ids, Ids, Ids]:
        """Return `depth`, `preorder` and `subtree_end`. Iterative, because modules may be nested very deep."""
        children: list[list[int]] = [[] for _ in self.names]
        for index, above in enumerate(as_ints(self.parent)):
            if index:
                children[above].append(index)
        depth, preorder, subtree_end = (np.zeros(len(self.names), np.int64) for _ in range(3))
        rank = 0
        pending = [(0, False)]
        while pending:
            scope, done = pending.pop()
            if done:
                subtree_end[scope] = rank
                continue
            preorder[scope] = rank
            rank += 1
            pending.append((scope, True))
            for child in children[scope]:
                depth[child] = depth[scope] + 1
                pending.append((child, False))
        return depth, preorder, subtree_end
