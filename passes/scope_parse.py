"""The first pass: what the file, or its reference, says about the module of each node. It never guesses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import ClassVar, NamedTuple

import onnx_graphsurgeon as gs

from ..analysis.lost_parameters import lacks_parameters
from ..analysis.parameter_folding import Folding
from ..errors import quoted
from ..evidence.claims import Claim
from ..evidence.exporter_metadata import class_names, read_class_path, read_module_stack
from ..evidence.label_visits import later_visits
from ..evidence.merged_models import NamePrefixes
from ..evidence.node_names import LabelPath, ModulePath, read_name
from ..evidence.parameter_names import parameter_owner
from ..evidence.parameter_uses import PASS_THROUGH_OPS, ParameterUses
from ..evidence.torchscript_labels import (
    KnownModules,
    Labels,
    LabelUses,
    Resolved,
    WeightUse,
    cut_labels,
    join_scope,
    resolve,
    without_number,
)
from ..graph.model import NamedNode
from ..identity_map import IdentityMap
from ..inference.class_statistics import class_statistics
from ..restore.reference_model import AlignedTags, ReferenceModel
from ..tags.module_table import ModuleTable, lca
from ..tags.scope import MAX_DEPTH, is_scope
from ..tags.table_in_use import TableInUse
from ..tags.tag_format import SCOPE, WITHIN, Confidence, Source, Tag
from ..wording import counted
from .base import Pass
from .context import Context
from .findings import Severity, unknown_modules

# So many of the nodes of a model, or of its reference where that has fewer, should be in both.
_MIN_SHARED_NODES = 0.1

# A function of one module may well be called after it; one that holds two is a third module's.
_MIN_PASSED_MODULES = 2

_STORED = "the file has this tag already"


class _Named(NamedTuple):
    """A node whose name, or a value of whose, holds a path: where the path was read, and the name itself."""

    node: gs.Node
    origin: str
    text: str


class _Stack(NamedTuple):
    """The modules that were open, outermost first, and whether there is no doubt about the innermost.

    `is_cut` means that names lack the innermost modules, which own the parameters that are read there.
    """

    scopes: list[str]
    certain: bool
    is_cut: bool = False


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
        is_module = _is_module(context)
        names = list(context.model.named_nodes())
        described = [node for node, _, has_metadata in names if has_metadata]
        for node in described:
            _claim_stored_tag(node, context)
        aligned: AlignedTags | None = None
        if isinstance(context.reference, ReferenceModel):
            if context.reference.shares_names(context.model):
                _claim_reference(context.reference, context)
            else:
                aligned = _aligned_tags(context.reference, context)
        for node in described:
            _claim_module_stack(node, context, is_module)
        named = _named_nodes(names, context)
        other_names = _other_names(named, context)
        stacks = _open_modules(named, weights, context)
        _claim_paths(named, stacks, context)
        _claim_other_names(other_names, stacks, context)
        if described:
            _claim_classes(named, stacks, context)
        _claim_parameters(weights, context)
        folding = None if context.table.declared is None else Folding.of(context.table.declared, weights.owners())
        functions = {context.model.function_key(region.graph) for region in context.regions() if region.is_function}
        claimed = context.evidence.claims
        for (node, claims), decision in zip(claimed.items(), context.tags.decisions(claimed), strict=True):
            if decision is not None or (functions and context.is_outlined(node)):
                continue
            is_call = bool(functions) and context.model.call_key(node) in functions
            if not (is_call and _decide_call(node, claims, context)):
                _decide(node, claims, folding, context)
        if aligned is not None:
            _claim_aligned(aligned, context)
        _report_deep_names(described, context)


def _report_deep_names(described: Sequence[gs.Node], context: Context) -> None:
    """Report the names that would be those of modules if they did not lead through so many."""
    names = [node.name for node in context.nodes() if len(node.name) > MAX_DEPTH and _is_deep(node.name)]
    names += [
        value.name
        for node in context.nodes()
        for value in node.outputs
        if len(value.name) > MAX_DEPTH and _is_deep(value.name)
    ]
    names += [
        name for region in context.regions() for name, _ in context.model.initializers(region.graph) if _is_deep(name)
    ]
    scopes = [dict(context.model.stored_entries(node)).get(SCOPE, "") for node in described]
    deep = [name for name in dict.fromkeys(names) if not (read_name(name) or parameter_owner(name))]
    deep += [scope for scope in dict.fromkeys(scopes) if _is_deep(scope) and not is_scope(scope)]
    if deep:
        context.findings.add(
            Severity.WARNING,
            "deep-name",
            f"{len(deep)} names lead through more than {MAX_DEPTH} modules and are not used ({quoted(deep[0])})",
        )


def _is_deep(name: str) -> bool:
    return name.count(".") + name.count("/") >= MAX_DEPTH


def _claim_stored_tag(node: gs.Node, context: Context) -> None:
    tag = None if context.retag else context.model.stored_tag(node)
    # Another tool has inlined the function, whose nodes had the module that all calls lie in.
    is_too_shallow = context.model.has_note(node, WITHIN) and not context.is_outlined(node)
    if tag is not None and not is_too_shallow:
        context.set_tag(node, tag, _STORED)


def _has_stored_tag(node: gs.Node, context: Context) -> bool:
    """Whether the tag is an earlier run's. What the node tells of modules is in that run's table already."""
    return context.tags.reason(node) == _STORED


def _claim_reference(reference: ReferenceModel, context: Context) -> None:
    if context.table.declared is reference.declared:
        context.table.modules.merge(reference.modules)
    kept = 0
    for node, tag, reason, is_kept in reference.restored(context.model, context.evidence.weight_aliases):
        kept += is_kept
        certain = tag.confidence is Confidence.HIGH
        context.evidence.add(node, Claim(tag.scope, Source.REFERENCE, "reference", reference.model.name, certain))
        if context.tags.get(node) is None and not context.is_outlined(node):
            context.set_tag(node, tag, reason)
    total = sum(1 for _ in context.nodes())
    if kept < _MIN_SHARED_NODES * min(total, len(reference.tags)):
        found = f"only {kept:,} of {counted(total, 'node')} found in the reference {reference.model.name}"
        context.findings.add(Severity.WARNING, "reference-differs", f"{found}; is it this model's?")


def _aligned_tags(reference: ReferenceModel, context: Context) -> AlignedTags:
    """Return the tags by a reference that shares no names with the file. The table of another model is not used."""
    aligned = reference.aligned(context.model, context.evidence.weight_aliases)
    if reference.is_export:
        return aligned._replace(tags=aligned.tags if aligned.is_same_model else [])
    if not aligned.is_same_model:
        context.reference_differs = True
        found = f"only {aligned.matched_anchors} of {aligned.anchors} layers are found again"
        effect = "no tag by it is high" if aligned.tags else "it is not used"
        context.findings.add(
            Severity.WARNING,
            "reference-differs",
            f"{found} in the reference {reference.model.name}; is it this model's? {effect}",
        )
    if context.table.declared is reference.declared:
        if aligned.tags:
            context.table.modules.merge(reference.modules)
        else:
            context.table = TableInUse()
    return aligned


def _claim_aligned(aligned: AlignedTags, context: Context) -> None:
    """Tag the nodes that the file says nothing of, or no more than the parameters that they read."""
    reference = context.reference
    if not isinstance(reference, ReferenceModel):
        return
    if reference.is_export and context.table.declared != reference.declared:
        # The table was given other names to fit those in the file.
        return
    for node, tag, reason, _ in aligned.tags:
        certain = tag.confidence is Confidence.HIGH
        context.evidence.add(node, Claim(tag.scope, Source.REFERENCE, "reference", reference.model.name, certain))
        known = context.tags.get(node)
        if context.is_outlined(node):
            continue
        if known is None or (certain and known.source is Source.PARAMETER and known.confidence is not Confidence.HIGH):
            context.set_tag(node, tag, reason)


def _claim_module_stack(node: gs.Node, context: Context, is_module: Callable[[str], bool]) -> None:
    stack = read_module_stack(context.model.metadata(node), is_module)
    if stack is None:
        return
    root, _ = context.evidence.name_prefixes.split(node.name)
    scopes, classes = stack.scopes, stack.classes
    if root:
        scopes, classes = ("", *(_below(root, scope) for scope in scopes)), (None, *classes)
    context.evidence.add(node, Claim(scopes[-1], Source.METADATA, "metadata", stack.text))
    if not _has_stored_tag(node, context):
        context.add_stack(scopes, classes)


def _below(root: str, scope: str) -> str:
    return f"{root}.{scope}" if scope else root


def _is_module(context: Context) -> Callable[[str], bool]:
    """Return whether a module of a name is known from parameters or from the declared table."""

    @cache
    def names() -> frozenset[str]:
        declared = () if context.table.declared is None else context.table.declared
        return KnownModules.of([*context.evidence.parameter_uses.owners(), *declared]).names

    return lambda name: name in names()


def _named_nodes(names: Iterable[NamedNode], context: Context) -> _Paths:
    """Return the paths in the names of nodes; where a node's own holds none, in that of a value that it writes."""
    paths: _Paths = defaultdict(list)
    prefixes = context.evidence.name_prefixes
    # Whoever exports a model names its outputs, and may put a slash in.
    outputs = {id(tensor) for tensor in context.graph.outputs}
    # What the pass `rename` wrote says nothing that the tags do not say.
    for node, name, _ in names:
        path = _read_path(name, prefixes) if name else None
        if path is not None:
            paths[path].append(_Named(node, "node name", name))
            continue
        for value, value_name in zip(node.outputs, context.model.original_outputs(node), strict=True):
            path = _read_path(value_name, prefixes)
            if path is not None and not (isinstance(path, ModulePath) and id(value) in outputs):
                paths[path].append(_Named(node, "value name", value_name))
                break
    return paths


def _other_names(named: _Paths, context: Context) -> list[tuple[LabelPath, _Named]]:
    """Return the paths in the names of values whose writers are named otherwise: a tool merged several nodes there.

    They are added to `named`, without nodes.
    """
    prefixes = context.evidence.name_prefixes
    outputs = {id(tensor) for tensor in context.graph.outputs}
    found: list[tuple[LabelPath, _Named]] = []
    for path, group in named.items():
        if isinstance(path, ModulePath):
            continue
        for node, origin, text in group:
            own = f"{text}_output_"
            if all(value.name.startswith(own) for value in node.outputs):
                continue
            for value, value_name in zip(node.outputs, context.model.original_outputs(node), strict=True):
                other = None if id(value) in outputs or origin == "value name" else _read_path(value_name, prefixes)
                if isinstance(other, LabelPath) and other != path:
                    found.append((other, _Named(node, "value name", value_name)))
                    break
    for path, _ in found:
        named.setdefault(path, [])
    return found


def _read_path(name: str, prefixes: NamePrefixes) -> _Path | None:
    """Return the path in a name, below the root of the model that the name belongs to."""
    if not prefixes.roots:
        return read_name(name)
    root, rest = prefixes.split(name)
    path = read_name(rest)
    if path is None or not root:
        return path
    return LabelPath((root, *path.labels)) if isinstance(path, LabelPath) else ModulePath((root, *path.layers))


def _known_modules(weights: ParameterUses, context: Context) -> KnownModules:
    """Return the modules that exist: those of a declared table, else the owners of parameters."""
    context.use_declared_table()
    if context.table.declared is None:
        return KnownModules.of(weights.owners())
    declared, owners = context.table.declared, weights.owners()
    aliases = declared.aliases()
    if all(owner in declared or owner in aliases for owner in owners):
        return KnownModules.of(declared, complete=True)
    return KnownModules.of([*declared, *owners])


def _open_modules(named: _Paths, weights: ParameterUses, context: Context) -> dict[_Path, _Stack]:
    """Return the modules that were open for every path; a path that leads too deep is left out."""
    known = _known_modules(weights, context)
    labels = {path: known.rejoin(path.labels) for path in named if isinstance(path, LabelPath)}
    uses: dict[Labels, LabelUses] = defaultdict(LabelUses)
    for path, joined in labels.items():
        for found in named[path]:
            for use in weights.of(found.node):
                uses[joined].owners.add({use.owner: 1})
            uses[joined].weights += _weights_without_a_name(found.node, weights)
        _ = uses[joined]
    resolved = resolve(uses, known)
    unknown = {path: found.absent for path, found in resolved.items() if found.absent}
    if unknown:
        # The module of a tagged node is in the table of the run that tagged it.
        untagged = {joined for path, joined in labels.items() if _has_untagged(named[path], context)}
        around = {joined[:end] for joined in untagged for end in range(len(joined) + 1)}
        absent = [scope for path, scope in unknown.items() if path in around]
        if absent:
            context.findings.append(unknown_modules(absent))
    cut = cut_labels(uses, resolved)
    # Any name may hold a slash; that several nodes share what stands before it makes it a layer's.
    stacks = {
        path: _labelled(labels[path], resolved, is_cut=labels[path] in cut)
        if isinstance(path, LabelPath)
        else _Stack([".".join(path.layers[:end]) for end in range(len(path.layers) + 1)], len(group) > 1)
        for path, group in named.items()
    }
    return {path: stack for path, stack in stacks.items() if all(map(is_scope, stack.scopes))}


def _has_untagged(named: Iterable[_Named], context: Context) -> bool:
    return not all(_has_stored_tag(found.node, context) for found in named)


def _claim_paths(named: _Paths, stacks: Mapping[_Path, _Stack], context: Context) -> None:
    """Claim the modules that the paths in names lead to."""
    later = _later_visits(named, context)
    for path, stack in stacks.items():
        group = named[path]
        if isinstance(path, LabelPath) and any(found.node in later for found in group):
            modules = _two_modules(path.labels, stacks, context)
            if modules is not None:
                for is_later, module in zip((False, True), modules, strict=True):
                    _claim_names(
                        path, [found for found in group if bool(later.get(found.node)) is is_later], module, context
                    )
                continue
        _claim_names(path, group, stack, context)


def _later_visits(named: _Paths, context: Context) -> IdentityMap[gs.Node, bool]:
    labels = {path.labels for path in named if isinstance(path, LabelPath)}
    if labels.isdisjoint(map(without_number, labels)):
        return IdentityMap()
    labels_of: IdentityMap[gs.Node, Labels] = IdentityMap()
    for path, group in named.items():
        if isinstance(path, LabelPath):
            for found in group:
                labels_of[found.node] = path.labels
    return later_visits((labels_of[node], node) for node in context.nodes() if node in labels_of)


def _two_modules(labels: Labels, stacks: Mapping[_Path, _Stack], context: Context) -> tuple[_Stack, _Stack] | None:
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
    return _Stack([*base.scopes[:-1], named], certain=False), _Stack(base.scopes, certain=False)


def _claim_other_names(
    other_names: Sequence[tuple[LabelPath, _Named]], stacks: Mapping[_Path, _Stack], context: Context
) -> None:
    for path, (node, origin, text) in other_names:
        if path in stacks:
            context.evidence.add(node, Claim(stacks[path].scopes[-1], Source.NAME, origin, text, certain=False))


def _labelled(labels: Labels, resolved: Mapping[Labels, Resolved], *, is_cut: bool) -> _Stack:
    scopes = [resolved[labels[:end]].scope for end in range(len(labels) + 1)]
    return _Stack(scopes, resolved[labels].certain and not is_cut, is_cut)


def _weights_without_a_name(node: gs.Node, uses: ParameterUses) -> list[WeightUse]:
    """Return the weights of more than one element that a node reads and no parameter name tells of."""
    constants = [(index, tensor) for index, tensor in enumerate(node.inputs) if isinstance(tensor, gs.Constant)]
    if not constants:
        return []
    named = {use.parameter for use in uses.of(node)}
    return [
        WeightUse(node.op, index, tensor.name)
        for index, tensor in constants
        if tensor.name not in named and prod(tensor.shape) > 1
    ]


def _claim_names(path: _Path, named: list[_Named], stack: _Stack, context: Context) -> None:
    """Claim the innermost open module for the nodes whose names hold a path."""
    if _has_untagged(named, context):
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


def _claim_classes(named: _Paths, stacks: Mapping[_Path, _Stack], context: Context) -> None:
    """Take the classes of open modules from class paths, where these are as long as the names say."""
    for path, stack in stacks.items():
        for found in named[path]:
            class_path = read_class_path(context.model.metadata(found.node))
            if class_path is None or _has_stored_tag(found.node, context):
                continue
            if len(class_path) == len(stack.scopes):
                context.add_stack(stack.scopes, class_names(class_path))


def _claim_parameters(uses: ParameterUses, context: Context) -> None:
    table = context.table.declared
    lost = _Lost.of(table, uses, context)
    aliases = {} if table is None else table.aliases()
    aliased = {*aliases.values()}
    may_be_merged = table is not None and lacks_parameters(table, uses)
    called_again = False
    for node, found in uses.items():
        # If one module of a block is called again, the others are as well.
        before, called_again = called_again, not all(uses.is_first_reader(node, use) for use in found)
        for use in found:
            # A container of parameters, or a module whose weights another one uses, never runs itself.
            scope = aliases.get(use.owner, use.owner)
            owner = scope if table is None else table.nearest_called(scope)
            if called_again and not before and lost.may_read(node, scope):
                continue
            # A module with two names ran under either of them, and a tied weight may be read in another module. The
            # weights of a module that may not run at all may be another one's to use.
            certain = (
                owner not in aliased
                and (table is None or _is_known_to_run(owner, table))
                and not (may_be_merged and uses.is_read_again(use))
                and not (table is not None and _is_tied(node, owner, table))
            )
            context.evidence.add(node, Claim(owner, Source.PARAMETER, "parameter", use.parameter, certain))


def _is_known_to_run(scope: str, table: ModuleTable) -> bool:
    return scope in table and table[scope].called is True


def _is_tied(node: gs.Node, owner: str, table: ModuleTable) -> bool:
    """Whether a node reads a parameter in a way in which no module of its owner's class does, one of PyTorch's.

    Another module shares the parameter: an embedding looks up rows of the matrix that a linear layer multiplies by.
    """
    class_name = table[owner].class_name if owner in table else None
    return node.op not in PASS_THROUGH_OPS and class_statistics().never_becomes(class_name, node.op)


class _Lost(NamedTuple):
    """What a file lacks that stores equal parameters once, under the name of the first module.

    `modules` are the modules of the table by position, `last` the position of the last module of each class whose
    parameters have no name in the file. `operators` are those of the nodes that read weights without a name: these may
    be the parameters of such modules.
    """

    modules: Mapping[str, tuple[int, str | None]]
    last: Mapping[str | None, int]
    operators: frozenset[str]

    @classmethod
    def of(cls, table: ModuleTable | None, uses: ParameterUses, context: Context) -> _Lost:
        if table is None:
            return cls({}, {}, frozenset())
        named = set(uses.owners())
        modules = {scope: (index, table[scope].class_name) for index, scope in enumerate(table)}
        return cls(
            modules,
            {class_name: index for scope, (index, class_name) in modules.items() if scope not in named},
            frozenset(node.op for node in context.nodes() for _ in _weights_without_a_name(node, uses)),
        )

    def may_read(self, node: gs.Node, owner: str) -> bool:
        """Whether a node that reads parameters of a module again may be a later module of that class."""
        if owner not in self.modules or node.op in self.operators:
            return False
        position, class_name = self.modules[owner]
        return self.last.get(class_name, -1) > position


def _decide_call(node: gs.Node, claims: list[Claim], context: Context) -> bool:
    """Tag a call of a function to which parameters of several modules are passed; return whether it is one.

    An exporter that makes a function of a module names the call after the last module in it.
    """
    owners = [claim for claim in claims if claim.source is Source.PARAMETER]
    if claims[0].source is not Source.NAME or len({claim.scope for claim in owners}) < _MIN_PASSED_MODULES:
        return False
    scope = lca([claims[0].scope, *(claim.scope for claim in owners)])
    context.set_tag(
        node, Tag(scope, Source.PARAMETER, Confidence.MEDIUM), f"it passes parameters on: {_quoted(owners)}"
    )
    return True


def _quoted(claims: list[Claim]) -> str:
    return " and ".join(f"'{claim.text}'" for claim in claims[:3])


def _decide(node: gs.Node, claims: list[Claim], folding: Folding | None, context: Context) -> None:
    first = claims[0]
    if first.source is not Source.PARAMETER:
        names = [claim for claim in claims if claim.source is Source.NAME] if len(claims) > 1 else []
        if first.source is Source.NAME and any(claim.scope != first.scope for claim in names):
            scope = context.table.modules.nearest_called(lca(claim.scope for claim in names))
            context.set_tag(
                node, Tag(scope, Source.NAME, Confidence.MEDIUM), f"it replaces several nodes: {_quoted(names)}"
            )
            return
        confidence = Confidence.HIGH if first.certain else Confidence.MEDIUM
        context.set_tag(node, Tag(first.scope, first.source, confidence), f"its {first.origin} '{first.text}'")
        return
    owners = {claim.scope for claim in claims}
    if len(owners) == 1:
        # Without a table, a parameter of a module that another one uses directly looks like any other.
        certain = (
            folding is not None
            and all(claim.certain for claim in claims)
            and not folding.may_have_changed(node, first.scope, [claim.text for claim in claims])
        )
        confidence = Confidence.HIGH if certain else Confidence.MEDIUM
        context.set_tag(node, Tag(first.scope, Source.PARAMETER, confidence), f"it reads the parameter '{first.text}'")
        return
    scope = lca(owners)
    context.set_tag(
        node,
        Tag(scope, Source.PARAMETER, Confidence.MEDIUM),
        f"it reads parameters of several modules: {_quoted(claims)}",
    )
