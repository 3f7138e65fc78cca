"""`hpass tree`: the module tree of a model with the nodes, the cost and the time of each module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from .cost_text import COLUMNS as COST_COLUMNS
from .cost_text import amount_cells
from .dataclass_options import with_dataclass_options
from .shared_options import Dimensions, Input, Json
from .streams import Line, Styled, uses_box_drawing, write_json, write_result
from .table import aligned, column_widths
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..costs.cost import Cost
    from ..reporting.module_tree import Branch
    from ..reporting.saved_profile import SavedProfile


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
    profile: Annotated[
        Path | None,
        typer.Option("--profile", metavar="FILE.json", help="Show the time of each module in a profile of the model."),
    ] = None,
    tagging: TaggingOptions,
    json: Json = False,
) -> None:
    """Show the module tree with the number of nodes in each module.

    `own` counts the nodes that ran in the module itself, `all` also those in its submodules. A call of a
    function counts as the nodes of the function. Costs are those of `all`,
    as are the times and their share of the profile.

    A model without tags is tagged in memory. A tagged model is tagged again if a tagging option is given.
    """
    from ..errors import UsageError
    from ..graph.tagged_file import TaggedFile
    from ..reporting.module_tree import module_tree
    from ..reporting.saved_profile import read_profile
    from ..running.settings import parse_dimensions
    from ..selection.node_instances import scope_counts
    from ..tags.module_table import ModuleTable

    sizes = parse_dimensions(dims or ())
    if sizes and not costs:
        raise UsageError("--dim belongs to the cost of modules; add --cost")
    times = None if profile is None else read_profile(profile)
    tagged = None if costs or tagging.any_given else TaggedFile.open(source)
    if tagged is not None:
        counts = scope_counts(tagged, tagged.stored_tag)
        root, cost = module_tree(counts, tagged.stored_modules() or ModuleTable()), None
    else:
        root, cost = _tree(source, tagging, sizes if costs else None)
    shown = _Shown(cost, times)
    if json:
        write_json(_tree_entry(root, depth, shown))
    else:
        write_result(*_lines(root, depth, shown))


def _tree(source: Path, tagging: TaggingOptions, sizes: Mapping[str, int] | None) -> tuple[Branch, Cost | None]:
    """Return the tree of a model that is tagged first if need be, and its cost unless `sizes` is None."""
    from ..api import load
    from ..model_tree import tree as module_tree

    model = load(source)
    if sizes is None:
        is_tagged = model.stored_version is not None and not tagging.any_given
        return module_tree(model if is_tagged else tagging.run(model)), None
    from ..model_cost import cost

    run = tagging.run(model)
    return module_tree(run), cost(run, sizes=sizes)


class _Shown(NamedTuple):
    """What is shown of each module beside its nodes."""

    cost: Cost | None
    times: SavedProfile | None

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads of the cells."""
        return (*(() if self.cost is None else COST_COLUMNS), *(() if self.times is None else ("time", "share")))

    def cells(self, scope: str) -> tuple[str, ...]:
        """Return the numbers of a module as text."""
        found: list[str] = []
        if self.cost is not None:
            module = self.cost.modules.get(scope)
            # A module without nodes takes nothing.
            found += ("0",) * len(COST_COLUMNS) if module is None else amount_cells(module.all)
        if self.times is not None:
            total = self.times.total_us
            us = self.times.times.get(scope, (0.0, 0.0))[1]
            found += (f"{us * self.times.scale:,.2f} us", f"{us / total if total else 0.0:.2%}")
        return tuple(found)

    def entries(self, scope: str) -> dict[str, Any]:
        """Return the numbers of a module as JSON."""
        found: dict[str, Any] = {}
        if self.cost is not None:
            from ..costs.json_format import amounts_json

            module = self.cost.modules.get(scope)
            found["cost"] = None if module is None else amounts_json(module.all)
        if self.times is not None:
            own, total = self.times.times.get(scope, (0.0, 0.0))
            found["time"] = {"own_us": own, "all_us": total}
        return found


def _lines(root: Branch, depth: int | None, shown: _Shown) -> Iterator[Line]:
    from ..reporting.module_tree import draw, label

    drawn = draw(root, ascii_only=not uses_box_drawing(sys.stdout))
    lines = [line for line in drawn if depth is None or line.depth <= depth]
    width = max(len("nodes"), len(f"{root.total:,}"))
    heads = (f"{'own':>{width}}", f"{'all':>{width}}", *shown.heads)
    rows = [(f"{branch.own:,}", f"{branch.total:,}", *shown.cells(branch.scope)) for _, branch, _ in lines]
    widths = column_widths(heads, rows)
    yield Styled(aligned(heads, widths), dim=True)
    for (prefix, branch, _), row in zip(lines, rows, strict=True):
        yield f"{aligned(row, widths)}  ", Styled(prefix, dim=True), Styled(label(branch), dim=not branch.total)
    if shown.times is not None and shown.times.unmapped_us:
        yield Styled(f"{shown.times.unmapped_us * shown.times.scale:,.2f} us in nodes without a module", dim=True)


def _tree_entry(root: Branch, depth: int | None, shown: _Shown) -> dict[str, Any]:
    entries: list[tuple[Branch, dict[str, Any], int]] = [(root, _branch_entry(root, shown), 0)]
    for branch, entry, level in entries:
        if depth is None or level < depth:
            below = [(child, _branch_entry(child, shown), level + 1) for child in branch.children]
            entry["children"] = [child for _, child, _ in below]
            entries += below
    return entries[0][1]


def _branch_entry(branch: Branch, shown: _Shown) -> dict[str, Any]:
    return {
        "scope": branch.scope,
        "class": branch.class_name,
        "tag": branch.tag,
        "own": branch.own,
        "all": branch.total,
        "children": [],
        **shown.entries(branch.scope),
    }
