"""What the exporter's metadata says about a node."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import onnx_graphsurgeon as gs

from ...evidence.claims import Claim
from ...evidence.exporter_metadata import read_module_stack
from ...evidence.known_modules import KnownModules
from ...tags.tag_format import Source
from ..context import Context
from .stored_tags import has_stored_tag


def claim_module_stack(node: gs.Node, context: Context, is_module: Callable[[str], bool]) -> None:
    """Claim the module that the exporter's metadata names, and note the modules that were open."""
    stack = read_module_stack(context.model.metadata(node), is_module)
    if stack is None:
        return
    root, _ = context.evidence.name_prefixes.split(node.name)
    scopes, classes = stack.scopes, stack.classes
    if root:
        scopes, classes = ("", *(_below(root, scope) for scope in scopes)), (None, *classes)
    context.evidence.add(node, Claim(scopes[-1], Source.METADATA, "metadata", stack.text))
    if not has_stored_tag(node, context):
        context.add_stack(scopes, classes)


def _below(root: str, scope: str) -> str:
    return f"{root}.{scope}" if scope else root


def module_test(context: Context) -> Callable[[str], bool]:
    """Return whether a module of a name is known from parameters or from the declared table."""

    @cache
    def names() -> frozenset[str]:
        declared = () if context.table.declared is None else context.table.declared
        return KnownModules.of([*context.evidence.parameter_uses.owners(), *declared]).names

    return lambda name: name in names()
