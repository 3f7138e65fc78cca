"""The first pass: what the file, or its reference, says about the module of each node. It never guesses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import onnx_graphsurgeon as gs

from ..evidence.class_path import classes, read_class_path
from ..evidence.labels import KnownModules, Labels, Resolved, resolve
from ..evidence.module_stack import read_module_stack
from ..evidence.names import LabelPath, ModulePath, read_name
from ..evidence.weights import Weights
from ..graph.identity import IdentityMap
from ..graph.modules import common_ancestor
from ..graph.tags import Confidence, Source, Tag
from ..reference.twin import Twin
from .base import Pass
from .context import Claim, Context
from .findings import Severity

# So many of the nodes of a model, or of its reference where that has fewer, should be in both.
_LIKE = 0.1


class _Named(NamedTuple):
    """A path that one of a node's names holds."""

    path: LabelPath | ModulePath
    origin: str
    text: str


@dataclass(frozen=True)
class ScopeParse(Pass):
    """Collect what the file itself says about the module of each node.

    It reads tags on nodes, what a reference says, metadata, names of nodes and values, and names of parameters; the
    first of these that names a module decides.
    """

    name: ClassVar[str] = "scope-parse"

    def apply(self, graph: gs.Graph, context: Context) -> None:  # noqa: ARG002 - it reads all regions
        """Claim modules for nodes, and tag each node that has a claim by the strongest."""
        weights = context.weights
        named: IdentityMap[gs.Node, _Named] = IdentityMap()
        described = [node for node in context.nodes() if context.is_described(node)]
        for node in described:
            _claim_stored_tag(node, context)
        if isinstance(context.reference, Twin):
            _claim_reference(context.reference, context)
        for node in described:
            _claim_module_stack(node, context)
        for node in context.nodes():
            path = _named_path(node)
            if path is not None:
                named[node] = path
        resolved = _resolve_labels(named, weights, context)
        stacks = _claim_names(named, resolved, context)
        _claim_classes(described, named, stacks, context)
        for node, readings in weights.items():
            for reading in readings:
                # A container of parameters, or a module whose weights another one uses, never runs itself.
                owner = reading.owner if context.declared is None else context.declared.called_ancestor(reading.owner)
                context.claim(node, Claim(owner, Source.PARAMETER, "parameter", reading.parameter))
        for node, claims in context.claims.items():
            if context.tag(node) is None:
                _decide(node, claims, context)


def _claim_stored_tag(node: gs.Node, context: Context) -> None:
    tag = None if context.retag else context.model.stored_tag(node)
    if tag is not None:
        context.set_tag(node, tag, "the file has this tag already")


def _claim_reference(reference: Twin, context: Context) -> None:
    if context.declared is reference.declared:
        context.modules.merge(reference.modules)
    kept = 0
    for node, tag, reason, is_kept in reference.restored(context.model, context.same_weights):
        kept += is_kept
        certain = tag.confidence is Confidence.HIGH
        context.claim(node, Claim(tag.scope, Source.REFERENCE, "reference", reference.model.name, certain))
        if context.tag(node) is None:
            context.set_tag(node, tag, reason)
    total = sum(1 for _ in context.nodes())
    if kept < _LIKE * min(total, len(reference.tags)):
        found = f"only {kept} of {total} nodes are found in the reference {reference.model.name}"
        context.find(Severity.WARNING, "reference-differs", f"{found}; is it this model's?")


def _claim_module_stack(node: gs.Node, context: Context) -> None:
    stack = read_module_stack(context.metadata(node))
    if stack is None:
        return
    context.claim(node, Claim(stack.scope, Source.METADATA, "metadata", stack.text))
    context.add_stack(stack.scopes, stack.classes)


def _named_path(node: gs.Node) -> _Named | None:
    """Return the path in the node's own name, else in the name of a value that it writes."""
    path = read_name(node.name) if node.name else None
    if path is not None:
        return _Named(path, "node name", node.name)
    for value in node.outputs:
        path = read_name(value.name)
        if path is not None:
            return _Named(path, "value name", value.name)
    return None


def _resolve_labels(named: IdentityMap[gs.Node, _Named], weights: Weights, context: Context) -> dict[Labels, Resolved]:
    known = _known_modules(weights, context)
    paths: dict[Labels, Counter[str]] = defaultdict(Counter)
    for node, found in named.items():
        if isinstance(found.path, LabelPath):
            labels = known.joined(found.path.labels)
            owners = paths[labels]
            for reading in weights.of(node):
                owners[reading.owner] += 1
            if labels != found.path.labels:
                named[node] = found._replace(path=LabelPath(labels))
    return resolve(paths, known)


def _known_modules(weights: Weights, context: Context) -> KnownModules:
    """Return the modules that exist: those of a declared table, else the owners of parameters."""
    if context.declared is None:
        return KnownModules.of(weights.owners())
    if not context.settled:
        context.declared = context.declared.aligned({*weights.owners(), *context.modules})
    context.modules.merge(context.declared)
    return KnownModules.of(context.declared, complete=True)


def _claim_names(
    named: IdentityMap[gs.Node, _Named], resolved: dict[Labels, Resolved], context: Context
) -> Mapping[LabelPath | ModulePath, list[str]]:
    """Claim the module that each name means; return the modules that were open for every path."""
    shared = Counter(found.path for _, found in named.items())
    stacks: dict[LabelPath | ModulePath, tuple[list[str], bool]] = {}
    for node, found in named.items():
        known = stacks.get(found.path)
        if known is None:
            known = stacks[found.path] = _stack(found.path, resolved, is_shared=shared[found.path] > 1)
            context.add_stack(known[0])
        stack, certain = known
        certain &= not _is_of_another_node(node, found)
        context.claim(node, Claim(stack[-1], Source.NAME, found.origin, found.text, certain))
    return {path: stack for path, (stack, _) in stacks.items()}


def _claim_classes(
    described: list[gs.Node],
    named: IdentityMap[gs.Node, _Named],
    stacks: Mapping[LabelPath | ModulePath, list[str]],
    context: Context,
) -> None:
    """Take the classes of open modules from class paths, where these are as long as the names say."""
    for node in described:
        found, path = named.get(node), read_class_path(context.metadata(node))
        if found is not None and path is not None and len(path) == len(stacks[found.path]):
            context.add_stack(stacks[found.path], classes(path))


def _is_of_another_node(node: gs.Node, named: _Named) -> bool:
    """Whether a tool gave the node the name of one that it replaces or stands beside: labels end in the operator."""
    return isinstance(named.path, LabelPath) and not named.text.rpartition("/")[2].startswith(node.op)


def _stack(
    path: LabelPath | ModulePath, resolved: dict[Labels, Resolved], *, is_shared: bool
) -> tuple[list[str], bool]:
    """Return the modules that were open, outermost first, and whether there is no doubt about the innermost."""
    if isinstance(path, LabelPath):
        labels = path.labels
        return [resolved[labels[:end]].scope for end in range(len(labels) + 1)], resolved[labels].certain
    # Any name may hold a slash; that several nodes share what stands before it makes it a layer's.
    return [".".join(path.layers[:end]) for end in range(len(path.layers) + 1)], is_shared


def _decide(node: gs.Node, claims: list[Claim], context: Context) -> None:
    first = claims[0]
    if first.source is not Source.PARAMETER:
        confidence = Confidence.HIGH if first.certain else Confidence.MEDIUM
        context.set_tag(node, Tag(first.scope, first.source, confidence), f"its {first.origin} '{first.text}'")
        return
    owners = {claim.scope for claim in claims}
    if len(owners) == 1:
        # Without a table, a parameter of a module that another one uses directly looks like any other.
        confidence = Confidence.MEDIUM if context.declared is None else Confidence.HIGH
        context.set_tag(node, Tag(first.scope, Source.PARAMETER, confidence), f"it reads the parameter '{first.text}'")
        return
    scope = common_ancestor(owners)
    texts = " and ".join(f"'{claim.text}'" for claim in claims[:3])
    context.set_tag(
        node, Tag(scope, Source.PARAMETER, Confidence.MEDIUM), f"it reads parameters of several modules: {texts}"
    )
