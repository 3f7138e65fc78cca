"""The module tree of a tagged model, with the number of nodes that ran in each module and below it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..tags.module_table import ModuleTable, natural_sort_key, parent, relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..tags.tag_format import Tag


@dataclass(slots=True)
class Branch:
    """A module: its scope, its name as the module above it writes it, its class, nodes and submodules.

    `own` counts the nodes that ran in the module itself, `total` those in the modules below it too.
    """

    scope: str
    name: str
    class_name: str | None
    tag: str
    own: int
    total: int
    children: list[Branch] = field(default_factory=list["Branch"])


class Line(NamedTuple):
    """A line of a drawn tree: what stands before the module's name, and the module."""

    prefix: str
    branch: Branch
    depth: int


def module_tree(tags: Iterable[Tag], table: ModuleTable) -> Branch:
    """Return the root of the tree, modules in the order in which their first nodes stand in the model.

    Containers that never run themselves are no level of it, as in tags.
    """
    counts = Counter(tag.scope for tag in tags)
    # A Counter keeps the order in which its keys were first seen.
    first = {scope: index for index, scope in enumerate(counts)}
    scopes = {scope for scope in table if table.is_called(scope)} | counts.keys() | {""}
    branches: dict[str, Branch] = {}
    # Natural order puts a module before those below it.
    for scope in sorted(scopes, key=natural_sort_key):
        above = _above(scope, branches)
        branch = Branch(
            scope=scope,
            name=relative(scope, above or ""),
            class_name=table[scope].bare_class if scope in table else None,
            tag=table.path(scope),
            own=counts[scope],
            total=counts[scope],
        )
        branches[scope] = branch
        if above is not None:
            branches[above].children.append(branch)
    for branch in reversed(branches.values()):
        branch.total = branch.own + sum(child.total for child in branch.children)
        starts = {child.scope: first.get(child.scope, len(first)) for child in branch.children}
        branch.children.sort(key=lambda child: starts[child.scope])
        first[branch.scope] = min(first.get(branch.scope, len(first)), *starts.values(), len(first))
    return branches[""]


def draw(root: Branch, *, ascii_only: bool = False) -> Iterator[Line]:
    """Yield the lines of the tree from the root down, drawn with box characters or in ASCII."""
    tee, corner, bar, gap = ("|- ", "`- ", "|  ", "   ") if ascii_only else ("├─ ", "└─ ", "│  ", "   ")
    pending: list[tuple[Branch, str, str, int]] = [(root, "", "", 0)]
    while pending:
        branch, prefix, indent, depth = pending.pop()
        yield Line(prefix, branch, depth)
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
    """Return the module's name and class as people read them (`encoder.layer.0: BertLayer`)."""
    if not branch.scope:
        return branch.class_name or "(root)"
    return branch.name if branch.class_name is None else f"{branch.name}: {branch.class_name}"


def _above(scope: str, branches: dict[str, Branch]) -> str | None:
    """Return the nearest module above that is in the tree; None for the root."""
    if not scope:
        return None
    scope = parent(scope)
    while scope not in branches:
        scope = parent(scope)
    return scope
