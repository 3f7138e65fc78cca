"""`hpass tree`: the module tree of a model with the number of nodes in each module."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .dataclass_options import with_dataclass_options
from .shared_options import Input, Json
from .streams import Line, Styled, uses_box_drawing, write_json, write_result
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reporting.module_tree import Branch


@with_dataclass_options
def tree(
    source: Input,
    *,
    depth: Annotated[
        int | None, typer.Option("--depth", "-d", min=0, help="Show at most N levels below the root.")
    ] = None,
    tagging: TaggingOptions,
    json: Json = False,
) -> None:
    """Show the module tree with the number of nodes in each module.

    `own` counts the nodes that ran in the module itself, `all` also those in its submodules.

    A model without tags is tagged in memory. A tagged model is tagged again if a tagging option is given.
    """
    from ..api import load
    from ..reporting.module_tree import module_tree
    from ..tags.module_table import ModuleTable

    model = load(source)
    if model.stored_version is not None and not tagging.any_given:
        stored = (model.stored_tag(node) for node in model.nodes())
        root = module_tree((tag for tag in stored if tag), model.stored_modules() or ModuleTable())
    else:
        run = tagging.run(model)
        root = module_tree((tag for _, tag in run.tags()), run.modules)
    if json:
        write_json(_tree_entry(root, depth))
    else:
        write_result(*_lines(root, depth))


def _lines(root: Branch, depth: int | None) -> Iterator[Line]:
    from ..reporting.module_tree import draw, label

    width = max(len("nodes"), len(f"{root.total:,}"))
    yield Styled(f"{'own':>{width}}  {'all':>{width}}", dim=True)
    for prefix, branch, level in draw(root, ascii_only=not uses_box_drawing(sys.stdout)):
        if depth is None or level <= depth:
            counts = f"{branch.own:>{width},}  {branch.total:>{width},}"
            yield f"{counts}  ", Styled(prefix, dim=True), Styled(label(branch), dim=not branch.total)


def _tree_entry(root: Branch, depth: int | None) -> dict[str, Any]:
    entries: list[tuple[Branch, dict[str, Any], int]] = [(root, _branch_entry(root), 0)]
    for branch, entry, level in entries:
        if depth is None or level < depth:
            below = [(child, _branch_entry(child), level + 1) for child in branch.children]
            entry["children"] = [child for _, child, _ in below]
            entries += below
    return entries[0][1]


def _branch_entry(branch: Branch) -> dict[str, Any]:
    return {
        "scope": branch.scope,
        "class": branch.class_name,
        "tag": branch.tag,
        "own": branch.own,
        "all": branch.total,
        "children": [],
    }
