"""The nodes of outlined functions: their tags and the modules that they run in."""

from __future__ import annotations

from ..analysis.call_sites import regions_with_scope
from ..selection.node_instances import node_instances
from ..tags.module_table import ModuleTable
from ..tags.scope import is_scope
from .context import Context


def place_function_bodies(context: Context) -> None:
    """Give each node with `hpass.within` the nearest called common ancestor of the calls of its function."""
    model, tags = context.model, context.tags
    regions = context.regions()
    if all(region.function is None for region in regions):
        return
    for region, around in regions_with_scope(regions, model, tags, context.table.modules):
        if region.function is None:
            continue
        for node in region.graph.nodes:
            tag = tags.get(node)
            if tag is not None and context.is_outlined(node) and (tag.scope, tag.serves) != (around, None):
                serves = None if tag.serves == around else tag.serves
                context.set_tag(node, tag._replace(scope=around, serves=serves), "its function is called there")


def add_modules_of_bodies(context: Context) -> None:
    """Add the modules to the table that the nodes of outlined functions run in at each call.

    `outline` drops the metadata that differs in modules that share a function, so that the table in the file alone has
    their classes.
    """
    bodies = (region.graph.nodes for region in context.regions() if region.function is not None)
    if any(context.is_outlined(node) for nodes in bodies for node in nodes):
        stored = context.model.stored_modules() or ModuleTable()
        for instance in node_instances(context.model, context.tags.get):
            scope = instance.scope
            if instance.calls and context.is_outlined(instance.node) and is_scope(scope):
                context.table.modules.add(scope, stored[scope].class_name if scope in stored else None)
