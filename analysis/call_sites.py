"""Where each region runs: a subgraph in the module of its holder, a function body where its calls are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import onnx_graphsurgeon as gs

from ..graph.model import FunctionKey, Model
from ..graph.regions import Region
from ..tags.module_table import ModuleTable
from ..tags.scope import lca
from ..tags.tag_store import TagStore


def regions_with_scope(
    regions: Sequence[Region], model: Model, tags: TagStore, modules: ModuleTable
) -> Iterator[tuple[Region, str]]:
    """Yield every region with the module that it runs in, holders and callers first.

    A function body runs in the nearest called common ancestor of its call sites; one that is never called, at the root.
    The tags are looked at when a region's turn comes, so whoever asks may tag region by region.
    """
    key_of = model.function_key
    sites: dict[FunctionKey, list[gs.Node]] = defaultdict(list)
    outermost = {id(region): _outermost(region) for region in regions}
    callers: dict[FunctionKey, set[FunctionKey]] = defaultdict(set)
    functions = {key_of(region.graph): region for region in regions if region.is_function}
    for region in regions if functions else ():
        caller = outermost[id(region)]
        for node in region.graph.nodes:
            key = model.call_key(node)
            if key in functions:
                sites[key].append(node)
                if caller.is_function:
                    callers[key].add(key_of(caller.graph))
    order = {key: rank for rank, key in enumerate(_callers_first(list(functions), callers))}
    ranks = {
        id(region): order[key_of(outermost[id(region)].graph)] + 1 if outermost[id(region)].is_function else 0
        for region in regions
    }
    for region in sorted(regions, key=lambda region: ranks[id(region)]):
        if region.holder is not None:
            tag = tags.get(region.holder)
            yield region, "" if tag is None else tag.scope
        elif region.is_function:
            found = [tags.get(site) for site in sites[key_of(region.graph)]]
            scope = lca(tag.scope for tag in found if tag is not None)
            yield region, modules.nearest_called(scope)
        else:
            yield region, ""


def _outermost(region: Region) -> Region:
    while region.parent is not None:
        region = region.parent
    return region


def _callers_first(keys: list[FunctionKey], callers: dict[FunctionKey, set[FunctionKey]]) -> list[FunctionKey]:
    """Return the functions so that each stands behind those that call it; calls in a circle are broken."""
    order: list[FunctionKey] = []
    done: set[FunctionKey] = set()
    for key in keys:
        pending = [(key, False)]
        while pending:
            current, ready = pending.pop()
            if ready:
                order.append(current)
            elif current not in done:
                done.add(current)
                pending.append((current, True))
                pending.extend((caller, False) for caller in sorted(callers[current]))
    return order
