"""The first pass: what the file, or its reference, says about the module of each node. It never guesses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import onnx_graphsurgeon as gs

from ..analysis.parameter_folding import Folding
from ..evidence.claims import Claim
from ..evidence.exporter_metadata import class_names, read_class_path, read_module_stack
from ..evidence.node_names import LabelPath, ModulePath, read_name
from ..evidence.parameter_uses import ParameterUses
from ..evidence.torchscript_labels import KnownModules, Labels, Resolved, resolve
from ..restore.reference_model import ReferenceModel
from ..tags.module_table import lca
from ..tags.tag_format import Confidence, Source, Tag
from .base import Pass
from .context import Context
from .findings import Severity

# So many of the nodes of a model, or of its reference where that has fewer, should be in both.
_MIN_SHARED_NODES = 0.1


class _Named(NamedTuple):
    """A node whose name, or a value of whose, holds a path: where the path was read, and the name itself."""

    node: gs.Node
    origin: str
    text: str


class _Stack(NamedTuple):
    """The modules that were open, outermost first, and whether there is no doubt about the innermost."""

    scopes: list[str]
    certain: bool


_Path = LabelPath | ModulePath
_Paths = dict[_Path, list[_Named]]
"""The paths in names, in order of first appearance, each with the nodes that it was read from."""


@dataclass(frozen=True)
class ScopeParse(Pass):
    """Collect what the file itself says about the module of each node.

    It reads tags on nodes, what a reference says, metadata, names of nodes and values, and names of parameters; the
    first of these that names a module decides.
    """

    name: ClassVar[str] = "scope-parse"

    def apply(self, context: Context) -> None:
        """Claim modules for nodes, and tag each node that has a claim by the strongest."""
        weights = context.evidence.parameter_uses
        described = [node for node in context.nodes() if context.model.has_metadata(node)]
        for node in described:
            _claim_stored_tag(node, context)
        if isinstance(context.reference, ReferenceModel):
            _claim_reference(context.reference, context)
        for node in described:
            _claim_module_stack(node, context)
        named = _named_nodes(context)
        stacks = _open_modules(named, weights, context)
        for path, stack in stacks.items():
            _claim_names(path, named[path], stack, context)
        if described:
            _claim_classes(named, stacks, context)
        for node, readings in weights.items():
            for reading in readings:
                # A container of parameters, or a module whose weights another one uses, never runs itself.
                owner = (
                    reading.owner
                    if context.table.declared is None
                    else context.table.declared.nearest_called(reading.owner)
                )
                context.evidence.add(node, Claim(owner, Source.PARAMETER, "parameter", reading.parameter))
        folding = None if context.table.declared is None else Folding.of(context.table.declared, weights.owners())
        for node, claims in context.evidence.claims.items():
            if context.tags.get(node) is None:
                _decide(node, claims, folding, context)


def _claim_stored_tag(node: gs.Node, context: Context) -> None:
    tag = None if context.retag else context.model.stored_tag(node)
    if tag is not None:
        context.set_tag(node, tag, "the file has this tag already")


def _claim_reference(reference: ReferenceModel, context: Context) -> None:
    if context.table.declared is reference.declared:
        context.table.modules.merge(reference.modules)
    kept = 0
    for node, tag, reason, is_kept in reference.restored(context.model, context.evidence.weight_aliases):
        kept += is_kept
        certain = tag.confidence is Confidence.HIGH
        context.evidence.add(node, Claim(tag.scope, Source.REFERENCE, "reference", reference.model.name, certain))
        if context.tags.get(node) is None:
            context.set_tag(node, tag, reason)
    total = sum(1 for _ in context.nodes())
    if kept < _MIN_SHARED_NODES * min(total, len(reference.tags)):
        found = f"only {kept} of {total} nodes are found in the reference {reference.model.name}"
        context.findings.add(Severity.WARNING, "reference-differs", f"{found}; is it this model's?")


def _claim_module_stack(node: gs.Node, context: Context) -> None:
    stack = read_module_stack(context.model.metadata(node))
    if stack is None:
        return
    context.evidence.add(node, Claim(stack.scope, Source.METADATA, "metadata", stack.text))
    context.add_stack(stack.scopes, stack.classes)


def _named_nodes(context: Context) -> _Paths:
    """Return the paths in the names of nodes; where a node's own holds none, in that of a value that it writes."""
    paths: _Paths = defaultdict(list)
    for node in context.nodes():
        path = read_name(node.name) if node.name else None
        if path is not None:
            paths[path].append(_Named(node, "node name", node.name))
            continue
        for value in node.outputs:
            path = read_name(value.name)
            if path is not None:
                paths[path].append(_Named(node, "value name", value.name))
                break
    return paths


def _known_modules(weights: ParameterUses, context: Context) -> KnownModules:
    """Return the modules that exist: those of a declared table, else the owners of parameters."""
    context.use_declared_table()
    if context.table.declared is None:
        return KnownModules.of(weights.owners())
    return KnownModules.of(context.table.declared, complete=True)


def _open_modules(named: _Paths, weights: ParameterUses, context: Context) -> dict[_Path, _Stack]:
    """Return the modules that were open for every path."""
    known = _known_modules(weights, context)
    labels = {path: known.rejoin(path.labels) for path in named if isinstance(path, LabelPath)}
    owners: dict[Labels, Counter[str]] = defaultdict(Counter)
    for path, joined in labels.items():
        counts = owners[joined]
        for found in named[path]:
            for reading in weights.of(found.node):
                counts[reading.owner] += 1
    resolved = resolve(owners, known)
    # Any name may hold a slash; that several nodes share what stands before it makes it a layer's.
    return {
        path: _labelled(labels[path], resolved)
        if isinstance(path, LabelPath)
        else _Stack([".".join(path.layers[:end]) for end in range(len(path.layers) + 1)], len(group) > 1)
        for path, group in named.items()
    }


def _labelled(labels: Labels, resolved: Mapping[Labels, Resolved]) -> _Stack:
    return _Stack([resolved[labels[:end]].scope for end in range(len(labels) + 1)], resolved[labels].certain)


def _claim_names(path: _Path, named: list[_Named], stack: _Stack, context: Context) -> None:
    """Claim the innermost open module for the nodes whose names hold a path."""
    context.add_stack(stack.scopes)
    scope = stack.scopes[-1]
    is_label = isinstance(path, LabelPath)
    for node, origin, text in named:
        # Labels end in the operator; with another one, a tool gave the node the name of what it replaces or adjoins.
        certain = stack.certain and (not is_label or text.rpartition("/")[2].startswith(node.op))
        context.evidence.add(node, Claim(scope, Source.NAME, origin, text, certain))


def _claim_classes(named: _Paths, stacks: Mapping[_Path, _Stack], context: Context) -> None:
    """Take the classes of open modules from class paths, where these are as long as the names say."""
    for path, group in named.items():
        scopes = stacks[path].scopes
        for found in group:
            class_path = read_class_path(context.model.metadata(found.node))
            if class_path is not None and len(class_path) == len(scopes):
                context.add_stack(scopes, class_names(class_path))


def _decide(node: gs.Node, claims: list[Claim], folding: Folding | None, context: Context) -> None:
    first = claims[0]
    if first.source is not Source.PARAMETER:
        confidence = Confidence.HIGH if first.certain else Confidence.MEDIUM
        context.set_tag(node, Tag(first.scope, first.source, confidence), f"its {first.origin} '{first.text}'")
        return
    owners = {claim.scope for claim in claims}
    if len(owners) == 1:
        # Without a table, a parameter of a module that another one uses directly looks like any other.
        certain = folding is not None and not folding.may_have_changed(
            node, first.scope, [claim.text for claim in claims]
        )
        confidence = Confidence.HIGH if certain else Confidence.MEDIUM
        context.set_tag(node, Tag(first.scope, Source.PARAMETER, confidence), f"it reads the parameter '{first.text}'")
        return
    scope = lca(owners)
    texts = " and ".join(f"'{claim.text}'" for claim in claims[:3])
    context.set_tag(
        node, Tag(scope, Source.PARAMETER, Confidence.MEDIUM), f"it reads parameters of several modules: {texts}"
    )
