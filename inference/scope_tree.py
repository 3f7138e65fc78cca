"""The modules of a model as a tree of numbers, so that questions about many nodes are answered at once."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..tags.module_table import ModuleTable, parent

Ids = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_NUMBER = re.compile(r"\d+")


class ScopeTree:
    """Called modules by number, the root being 0.

    `kind` is the same for modules alike up to digits in their names; `classes` are their classes (None: unknown), each
    once, and `class_number` is the place of each module's class among them.
    """

    def __init__(self, scopes: Iterable[str], modules: ModuleTable) -> None:
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
        kinds: dict[str, int] = {}
        self.digit_pattern_id: Ids = np.array(
            [kinds.setdefault(_NUMBER.sub("*", name), len(kinds)) for name in self.names], np.int64
        )
        self.has_children: Flags = np.zeros(len(self.names), np.bool_)
        self.has_children[self.parent[1:]] = True
        self._parent, self._depth = self.parent.tolist(), self.depth.tolist()
        above = self._parent
        atoms = [name.removeprefix(f"{self.names[above[index]]}.") for index, name in enumerate(self.names)]
        self.only_numbered: Flags = self.has_children.copy()
        self.only_numbered[[above[index] for index, atom in enumerate(atoms) if index and not atom.isdecimal()]] = False
        numbers: dict[str | None, int] = {}
        self.class_id: Ids = np.array(
            [
                numbers.setdefault(modules[name].class_name if name in modules else None, len(numbers))
                for name in self.names
            ],
            np.int64,
        )
        self.classes = list(numbers)
        self.class_group_id: Ids = self._class_groups(atoms)
        self.self_or_parent_of_leaf: Ids = np.where(self.has_children, np.arange(len(self.names)), self.parent)

    @staticmethod
    def called_parent(scope: str, modules: ModuleTable) -> str:
        """Return the nearest module above one that is called; any name counts where the table has none of them."""
        if not len(modules):
            return parent(scope)
        return modules.nearest_called(parent(scope))

    def __len__(self) -> int:
        return len(self.names)

    def id(self, scope: str) -> int | None:
        """Return the number of a module, or None where it is not in the tree."""
        return self._known.get(scope)

    def is_descendant(self, scopes: Ids, ancestors: Ids) -> Flags:
        """Whether each scope is its ancestor itself or lies below it."""
        return (self.preorder[ancestors] <= self.preorder[scopes]) & (
            self.preorder[scopes] < self.subtree_end[ancestors]
        )

    def lca(self, ours: Ids, theirs: Ids) -> Ids:
        """Return the deepest module that holds both, for each pair."""
        ours, theirs = ours.copy(), theirs.copy()
        while True:
            apart = ours != theirs
            if not apart.any():
                return ours
            lower = apart & (self.depth[ours] >= self.depth[theirs])
            upper = apart & (self.depth[theirs] >= self.depth[ours])
            ours[lower] = self.parent[ours[lower]]
            theirs[upper] = self.parent[theirs[upper]]

    def path(self, scope: int) -> list[int]:
        """Return the scope and the modules above it, up to the root."""
        found = [scope]
        while found[-1]:
            found.append(self._parent[found[-1]])
        return found

    def path_between(self, before: int, after: int) -> tuple[list[int], int]:
        """Return the modules from one up to the common ancestor and down to the other, and the ancestor."""
        up, down = [before], [after]
        while up[-1] != down[-1]:
            deeper = up if self._depth[up[-1]] >= self._depth[down[-1]] else down
            deeper.append(self._parent[deeper[-1]])
        return [*up, *reversed(down[:-1])], up[-1]

    def _class_groups(self, atoms: list[str]) -> Ids:
        """Return a number for each module that modules of its class share; an unknown class shows in its children."""
        atoms = [_NUMBER.sub("*", atom) for atom in atoms]
        children: list[set[str]] = [set() for _ in atoms]
        for atom, above in zip(atoms[1:], self.parent[1:].tolist(), strict=True):
            children[above].add(atom)
        numbers: dict[object, int] = {}
        found = np.empty(len(atoms), np.int64)
        for index, number in enumerate(self.class_id.tolist()):
            looks: object = self.classes[number] or (frozenset(children[index]) if children[index] else atoms[index])
            found[index] = numbers.setdefault(looks, len(numbers))
        return found

    def _preorder_walk(self) -> tuple[Ids, Ids, Ids]:
        """Return each module's depth, and the interval of visits that lie within it, of a walk over the tree."""
        children: list[list[int]] = [[] for _ in self.names]
        for index, above in enumerate(self.parent.tolist()):
            if index:
                children[above].append(index)
        depth, enter, leave = (np.zeros(len(self.names), np.int64) for _ in range(3))
        clock = 0
        pending = [(0, False)]
        while pending:
            scope, done = pending.pop()
            if done:
                leave[scope] = clock
                continue
            enter[scope] = clock
            clock += 1
            pending.append((scope, True))
            for child in children[scope]:
                depth[child] = depth[scope] + 1
                pending.append((child, False))
        return depth, enter, leave
