"""`hpass tree`: the module tree of a model with the number of nodes, and the cost, of each module."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cost_text import COLUMNS as COST_COLUMNS
from .cost_text import amount_cells
from .dataclass_options import with_dataclass_options
from .shared_options import Dimensions, Input, Json
from .streams import Line, Styled, uses_box_drawing, write_json, write_result
from .table import aligned, column_widths
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..costs.cost import Cost
    from ..reporting.module_tree import Branch


@with_dataclass_options
def tree(
    source: Input,
    *,
    depth: Annotated[
        int | None, typer.Option("--depth", "-d", min=0, help="Show at most N levels below the root.")
    ] = None,
    costs: Annotated[
        bool, typer.Option("--cost", help="Show what each module takes in one run, as `hpass cost` does.")
    ] = False,
    dims: Dimensions = None,
    tagging: TaggingOptions,
    json: Json = False,
) -> None:
    """Show the module tree with the number of nodes in each module.

    `own` counts the nodes that ran in the module itself, `all` also those in its submodules. Costs are those of `all`.

    A model without tags is tagged in memory. A tagged model is tagged again if a tagging option is given.
    """
    from ..api import load
    from ..errors import UsageError
    from ..reporting.module_tree import module_tree
    from ..running.settings import parse_dimensions
    from ..tags.module_table import ModuleTable

    sizes = parse_dimensions(dims or ())
    if sizes and not costs:
        raise UsageError("--dim belongs to the cost of modules; add --cost")
    model = load(source)
    cost: Cost | None = None
    if costs:
        from ..model_cost import cost as model_cost

        run = tagging.run(model)
        root = module_tree((tag for _, tag in run.tags()), run.modules)
        cost = model_cost(run, sizes=sizes)
    elif model.stored_version is not None and not tagging.any_given:
        stored = (model.stored_tag(node) for node in model.nodes())
        root = module_tree((tag for tag in stored if tag), model.stored_modules() or ModuleTable())
    else:
        run = tagging.run(model)
        root = module_tree((tag for _, tag in run.tags()), run.modules)
    if json:
        write_json(_tree_entry(root, depth, cost))
    else:
        write_result(*_lines(root, depth, cost))


def _lines(root: Branch, depth: int | None, cost: Cost | None) -> Iterator[Line]:
    from ..reporting.module_tree import draw, label

    drawn = draw(root, ascii_only=not uses_box_drawing(sys.stdout))
    lines = [line for line in drawn if depth is None or line.depth <= depth]
    width = max(len("nodes"), len(f"{root.total:,}"))
    heads = (f"{'own':>{width}}", f"{'all':>{width}}", *(() if cost is None else COST_COLUMNS))
    rows = [_cells(line.branch, cost) for line in lines]
    widths = column_widths(heads, rows)
    yield Styled(aligned(heads, widths), dim=True)
    for (prefix, branch, _), row in zip(lines, rows, strict=True):
        yield f"{aligned(row, widths)}  ", Styled(prefix, dim=True), Styled(label(branch), dim=not branch.total)


def _cells(branch: Branch, cost: Cost | None) -> tuple[str, ...]:
    counts = (f"{branch.own:,}", f"{branch.total:,}")
    if cost is None:
        return counts
    module = cost.modules.get(branch.scope)
    # A module without nodes takes nothing.
    return (*counts, *(("0",) * len(COST_COLUMNS) if module is None else amount_cells(module.all)))


def _tree_entry(root: Branch, depth: int | None, cost: Cost | None) -> dict[str, Any]:
    entries: list[tuple[Branch, dict[str, Any], int]] = [(root, _branch_entry(root, cost), 0)]
    for branch, entry, level in entries:
        if depth is None or level < depth:
            below = [(child, _branch_entry(child, cost), level + 1) for child in branch.children]
            entry["children"] = [child for _, child, _ in below]
            entries += below
    return entries[0][1]


def _branch_entry(branch: Branch, cost: Cost | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "scope": branch.scope,
        "class": branch.class_name,
        "tag": branch.tag,
        "own": branch.own,
        "all": branch.total,
        "children": [],
    }
    if cost is not None:
        from ..costs.json_format import amounts_json

        module = cost.modules.get(branch.scope)
        entry["cost"] = None if module is None else amounts_json(module.all)
    return entry
