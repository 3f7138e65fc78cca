"""The module tree of a tagged model, with the number of nodes in each module and its submodules."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..notebook import fold
from ..tags.module_table import ModuleTable
from ..tags.scope import natural_sort_key, parent, relative

if TYPE_CHECKING:
    from collections.abc import Iterator


# Modules that a notebook shows.
_MAX_SHOWN = 500
_NUMBER = re.compile(r"\d+")


@dataclass(slots=True)
class Branch:
    """A module of the tree.

    `name` is its name relative to the parent in the tree. `own` counts the nodes that ran in the module itself,
    `total` also those in its submodules.
    """

    scope: str
    name: str
    class_name: str | None
    tag: str
    own: int
    total: int
    children: list[Branch] = field(default_factory=list["Branch"])

    def _repr_html_(self) -> str:
        """Return the tree as HTML that folds, for a notebook; of a large tree, the modules nearest to the root."""
        levels: list[list[Branch]] = [[self]]
        while levels[-1] and sum(map(len, levels)) < _MAX_SHOWN:
            levels.append([child for branch in levels[-1] for child in branch.children])
        shown = [branch for level in levels for branch in level][:_MAX_SHOWN]
        parts: dict[int, str] = {}
        for branch in reversed(shown):
            below = [parts.pop(id(child)) for child in branch.children if id(child) in parts]
            hidden = len(branch.children) - len(below)
            below += [fold(f"{hidden:,} more", (), is_open=False)] if hidden else []
            summary = f"{label(branch)} ({branch.own:,} own, {branch.total:,} in all)"
            parts[id(branch)] = fold(summary, below, is_open=branch is self)
        return parts[id(self)]


class TreeLine(NamedTuple):
    """A line of a drawn tree: the lines and spaces before the module's name, the module, and its depth (root: 0)."""

    prefix: str
    branch: Branch
    depth: int


def module_tree(counts: Counter[str], table: ModuleTable) -> Branch:
    """Return the root of the tree. `counts` has the number of nodes in each module, in the order of their first nodes.

    Children are ordered by the position of their first node in the model; those without nodes come last. Children whose
    names differ only in numbers are then sorted by these numbers among themselves.

    As in tags, containers that never run themselves are not levels of the tree.
    """
    first_node = {scope: index for index, scope in enumerate(counts)}
    levels = {scope for scope in table if table.is_called(scope)} | counts.keys() | {""}
    branches: dict[str, Branch] = {}
    # In natural order a module comes before its submodules.
    for scope in sorted(levels, key=natural_sort_key):
        parent_scope = _nearest_branch(scope, branches)
        branch = Branch(
            scope=scope,
            name=relative(scope, parent_scope or ""),
            class_name=table[scope].bare_class if scope in table else None,
            tag=table.path(scope),
            own=counts[scope],
            total=counts[scope],
        )
        branches[scope] = branch
        if parent_scope is not None:
            branches[parent_scope].children.append(branch)
    for branch in reversed(branches.values()):
        branch.total = branch.own + sum(child.total for child in branch.children)
        starts = [first_node.get(child.scope, len(counts)) for child in branch.children]
        first_node[branch.scope] = min(first_node.get(branch.scope, len(counts)), *starts, len(counts))
        branch.children = _in_order(branch.children, starts)
    return branches[""]


def draw(root: Branch, *, ascii_only: bool = False) -> Iterator[TreeLine]:
    """Yield the lines of the tree from the root down, drawn with box-drawing characters or in ASCII."""
    tee, corner, bar, gap = ("|- ", "`- ", "|  ", "   ") if ascii_only else ("├─ ", "└─ ", "│  ", "   ")
    pending: list[tuple[Branch, str, str, int]] = [(root, "", "", 0)]
    while pending:
        branch, prefix, indent, depth = pending.pop()
        yield TreeLine(prefix, branch, depth)
        last = len(branch.children) - 1
        pending += [
            (
                child,
                indent + (corner if index == last else tee),
                indent + (gap if index == last else bar),
                depth + 1,
            )
            for index, child in reversed(list(enumerate(branch.children)))
        ]


def label(branch: Branch) -> str:
    """Return the module's name and class, such as `encoder.layer.0: BertLayer`."""
    if not branch.scope:
        return branch.class_name or "(root)"
    return branch.name if branch.class_name is None else f"{branch.name}: {branch.class_name}"


def _in_order(children: list[Branch], starts: list[int]) -> list[Branch]:
    """Return children in the order of their first nodes; those whose names differ only in numbers in natural order.

    `children` are given in natural order.
    """
    patterns = [_NUMBER.sub("#", child.scope) for child in children]
    alike: defaultdict[str, deque[Branch]] = defaultdict(deque)
    for pattern, child in zip(patterns, children, strict=True):
        alike[pattern].append(child)
    order = sorted(range(len(children)), key=lambda index: starts[index])
    return [alike[patterns[index]].popleft() for index in order]


def _nearest_branch(scope: str, branches: dict[str, Branch]) -> str | None:
    """Return the nearest ancestor of a module that is in the tree; None for the root."""
    if not scope:
        return None
    scope = parent(scope)
    while scope not in branches:
        scope = parent(scope)
    return scope
