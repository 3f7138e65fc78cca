"""The rules for `hpass.within`, which says where a node of an outlined function is below the module of the call."""

from __future__ import annotations

from collections.abc import Iterator

from ..analysis.call_sites import regions_with_scope
from ..graph.model import Model
from ..graph.regions import Region
from ..graph.verify.tag_rules import Problem, Rule
from ..selection.node_instances import node_instances
from ..tags.module_table import ModuleTable
from ..tags.scope import is_scope
from ..tags.tag_format import SCOPE, WITHIN, WITHIN_SERVES
from ..tags.tag_store import TagStore


def within_problems(model: Model, tags: TagStore, modules: ModuleTable) -> Iterator[tuple[str, Problem]]:
    """Yield every problem of `hpass.within` in a model, with the position of the node."""
    regions = model.regions()
    noted = False
    for region in regions:
        yield from _malformed(model, region)
        noted |= region.function is not None and any(model.has_note(node, WITHIN) for node in region.graph.nodes)
    if not noted:
        return
    for region, around in regions_with_scope(regions, model, tags, modules):
        for index, node in enumerate(region.graph.nodes if region.function is not None else ()):
            tag = tags.get(node)
            if tag is not None and tag.scope != around and model.has_note(node, WITHIN):
                yield (
                    region.position_of(index),
                    Problem(Rule.WITHIN, f"{SCOPE} is '{tag.scope}'; the calls of the function lie in '{around}'"),
                )
    unknown = dict.fromkeys(
        instance.scope
        for instance in node_instances(model, tags.get)
        if instance.calls and instance.scope not in modules and model.has_note(instance.node, WITHIN)
    )
    for scope in unknown:
        yield "", Problem(Rule.IN_TABLE, f"module '{scope}', by {WITHIN} of a call, is not in the module table")


def _malformed(model: Model, region: Region) -> Iterator[tuple[str, Problem]]:
    for index, node in enumerate(region.graph.nodes):
        notes = dict(model.stored_entries(node))
        if WITHIN in notes and region.function is None:
            yield region.position_of(index), Problem(Rule.WITHIN, f"{WITHIN} stands outside of a function")
        if WITHIN_SERVES in notes and WITHIN not in notes:
            yield region.position_of(index), Problem(Rule.WITHIN, f"{WITHIN_SERVES} stands without {WITHIN}")
        for key in (WITHIN, WITHIN_SERVES):
            if not is_scope(notes.get(key, "")):
                yield (
                    region.position_of(index),
                    Problem(Rule.WELL_FORMED, f"{key} is {notes[key]!r}, not a name of a module"),
                )
