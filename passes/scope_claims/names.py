"""What the names of nodes and values say about the module of a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from ...evidence.claims import Claim
from ...evidence.exporter_metadata import class_names, read_class_path
from ...evidence.label_visits import later_visits
from ...evidence.labels import Labels, join_scope, without_number
from ...evidence.node_names import LabelPath
from ...identity_map import IdentityMap
from ...tags.tag_format import Source
from ..context import Context
from .name_paths import NamePath, NamePaths, NodeWithPath
from .open_modules import OpenModules
from .stored_tags import has_stored_tag, has_untagged


def claim_paths(named: NamePaths, stacks: Mapping[NamePath, OpenModules], context: Context) -> None:
    """Claim the modules that the paths in names lead to."""
    later = _later_visits(named, context)
    for path, stack in stacks.items():
        group = named[path]
        if later and isinstance(path, LabelPath) and any(found.node in later for found in group):
            modules = _two_modules(path.labels, stacks, context)
            if modules is not None:
                for is_later, module in zip((False, True), modules, strict=True):
                    _claim_names(
                        path, [found for found in group if bool(later.get(found.node)) is is_later], module, context
                    )
                continue
        _claim_names(path, group, stack, context)


def _later_visits(named: NamePaths, context: Context) -> IdentityMap[gs.Node, bool]:
    labels = {path.labels for path in named if isinstance(path, LabelPath)}
    if labels.isdisjoint(map(without_number, labels)):
        return IdentityMap()
    labels_of: IdentityMap[gs.Node, Labels] = IdentityMap()
    for path, group in named.items():
        if isinstance(path, LabelPath):
            for found in group:
                labels_of[found.node] = path.labels
    return later_visits((labels_of[node], node) for node in context.nodes() if node in labels_of)


def _two_modules(
    labels: Labels, stacks: Mapping[NamePath, OpenModules], context: Context
) -> tuple[OpenModules, OpenModules] | None:
    """Return the modules of the first visit of labels and of the later ones; None if they are one module's.

    The first is taken for the module of that name and the others for further calls of the module without the suffix.
    It may be the other way round, so neither is certain.
    """
    base = stacks.get(LabelPath(without_number(labels) or ()))
    if base is None or not labels:
        return None
    named = join_scope(base.scopes[-2], labels[-1])
    if context.table.declared is not None and named not in context.table.declared:
        return None
    return OpenModules([*base.scopes[:-1], named], certain=False), OpenModules(base.scopes, certain=False)


def claim_other_names(
    other_names: Sequence[tuple[LabelPath, NodeWithPath]], stacks: Mapping[NamePath, OpenModules], context: Context
) -> None:
    """Claim the modules in other names of merged nodes, without certainty."""
    for path, (node, origin, text) in other_names:
        if path in stacks:
            context.evidence.add(node, Claim(stacks[path].scopes[-1], Source.NAME, origin, text, certain=False))


def _claim_names(path: NamePath, named: list[NodeWithPath], stack: OpenModules, context: Context) -> None:
    """Claim the innermost open module for the nodes whose names hold a path."""
    if has_untagged(named, context):
        context.add_stack(stack.scopes)
    scope = stack.scopes[-1]
    is_label = isinstance(path, LabelPath)
    evidence = context.evidence
    for node, origin, text in named:
        if stack.is_cut and evidence.parameter_uses.of(node):
            continue
        # Labels end in the operator; with another one, a tool gave the node the name of what it replaces or adjoins.
        certain = stack.certain and (not is_label or text.startswith(node.op, text.rfind("/") + 1))
        evidence.add(node, Claim(scope, Source.NAME, origin, text, certain))


def claim_classes(named: NamePaths, stacks: Mapping[NamePath, OpenModules], context: Context) -> None:
    """Take the classes of open modules from class paths, where these are as long as the names say."""
    for path, stack in stacks.items():
        for found in named[path]:
            class_path = read_class_path(context.model.metadata(found.node))
            if class_path is None or has_stored_tag(found.node, context):
                continue
            if len(class_path) == len(stack.scopes):
                context.add_stack(stack.scopes, class_names(class_path))
