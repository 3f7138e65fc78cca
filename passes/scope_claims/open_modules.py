"""The modules that were open where a path of names was written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import prod
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ...evidence.known_modules import KnownModules
from ...evidence.label_uses import LabelUses, WeightUse
from ...evidence.labels import Labels
from ...evidence.node_names import LabelPath
from ...evidence.parameter_uses import ParameterUses
from ...evidence.torchscript_labels import Resolved, cut_labels, resolve
from ...tags.scope import scope_problem
from ..context import Context
from ..findings import unknown_modules
from .name_paths import NamePath, NamePaths
from .stored_tags import has_untagged


class OpenModules(NamedTuple):
    """The modules that were open, outermost first, and whether there is no doubt about the innermost.

    `is_cut` means that names lack the innermost modules, which own the parameters that are read there.
    """

    scopes: list[str]
    certain: bool
    is_cut: bool = False


def _known_modules(weights: ParameterUses, context: Context) -> KnownModules:
    """Return the modules that exist: those of a declared table, else the owners of parameters."""
    context.use_declared_table()
    if context.table.declared is None:
        return KnownModules.of(weights.owners())
    declared, owners = context.table.declared, weights.owners()
    aliases = declared.aliases()
    if all(owner in declared or owner in aliases for owner in owners):
        called = {scope: module.called for scope, module in declared.modules.items() if module.called is not None}
        return KnownModules.of(declared, complete=True, called=called)
    return KnownModules.of([*declared, *owners])


def open_modules(named: NamePaths, weights: ParameterUses, context: Context) -> dict[NamePath, OpenModules]:
    """Return the modules that were open for every path; a path that leads too deep is left out."""
    known = _known_modules(weights, context)
    labels = {path: known.rejoin(path.labels) for path in named if isinstance(path, LabelPath)}
    uses: dict[Labels, LabelUses] = defaultdict(LabelUses)
    for path, joined in labels.items():
        here = uses[joined]
        for found in named[path]:
            for use in weights.of(found.node):
                here.owners.add({use.owner: 1})
            here.weights += weights_without_a_name(found.node, weights)
    resolved = resolve(uses, known)
    unknown = {path: found.absent for path, found in resolved.items() if found.absent}
    if unknown:
        # The module of a tagged node is in the table of the run that tagged it.
        untagged = {joined for path, joined in labels.items() if has_untagged(named[path], context)}
        around = {joined[:end] for joined in untagged for end in range(len(joined) + 1)}
        absent = [scope for path, scope in unknown.items() if path in around]
        if absent:
            context.findings.append(unknown_modules(absent))
    cut = cut_labels(uses, resolved)
    # Any name may hold a slash; that several nodes share what stands before it makes it a layer's.
    stacks = {
        path: _labelled(labels[path], resolved, is_cut=labels[path] in cut)
        if isinstance(path, LabelPath)
        else OpenModules([".".join(path.layers[:end]) for end in range(len(path.layers) + 1)], len(group) > 1)
        for path, group in named.items()
    }
    return {path: stack for path, stack in stacks.items() if not any(map(scope_problem, stack.scopes))}


def _labelled(labels: Labels, resolved: Mapping[Labels, Resolved], *, is_cut: bool) -> OpenModules:
    found = resolved[labels].of_nodes
    scopes = [*(resolved[labels[:end]].scope for end in range(len(labels))), found.scope]
    return OpenModules(scopes, found.certain and not is_cut, is_cut)


def weights_without_a_name(node: gs.Node, uses: ParameterUses) -> list[WeightUse]:
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
