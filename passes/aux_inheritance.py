"""The third pass: nodes that nothing names take the module that dataflow, order and repetition point to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np
import onnx_graphsurgeon as gs

from ..graph.modules import parent
from ..graph.regions import Region
from ..graph.tags import Confidence, Source, Tag
from ..inference import infer
from ..inference.calls import Call, aligned_modules
from ..inference.candidates import UNKNOWN
from ..inference.flow import Flow
from ..inference.suggest import suggested_modules
from ..inference.tree import ScopeTree
from ..inference.weights import standard_weighting
from .base import Pass, option
from .calls import called_from
from .context import Context
from .serves import served_modules


class Root(StrEnum):
    """What to do with auxiliary operations that ran at the root."""

    SERVE = "serve"
    KEEP = "keep"


@dataclass(frozen=True)
class AuxInheritance(Pass):
    """Let nodes without evidence inherit a module from the nodes around them.

    What they read and who reads them, the order of calls and repeated blocks decide. Auxiliary operations at the root
    also get the module whose work they prepare.
    """

    name: ClassVar[str] = "aux-inheritance"
    root: Root = option(Root.SERVE, "serve: name the module that an operation at the root works for; keep: do not")

    def apply(self, graph: gs.Graph, context: Context) -> None:
        """Place what has no tag in every region that has a tag to inherit from."""
        for region, around in called_from(context):
            _place(region, around, context)
        if self.root is Root.SERVE:
            for node, scope in served_modules(graph, context):
                tag = context.tag(node)
                if tag is not None and tag.serves is None:
                    context.set_tag(node, tag._replace(serves=scope), f"{context.reason(node)}; it works for '{scope}'")


def _place(region: Region, around: str, context: Context) -> None:
    nodes = region.graph.nodes
    tags = [context.tag(node) for node in nodes]
    if None not in tags:
        return
    if not any(tags):
        if region.is_function:
            _inherit_calls(region, around, context)
        return
    question = as_question(region, around, context)
    weighting = standard_weighting(question.share_known)
    placement = infer.place(question, weighting)
    names = question.tree.names
    for position, scope, probability, other in zip(
        placement.node.tolist(),
        placement.scope.tolist(),
        placement.probability.tolist(),
        placement.runner_up.tolist(),
        strict=True,
    ):
        rival = "" if other == UNKNOWN else f" rather than '{names[other]}'"
        context.set_tag(
            nodes[position],
            Tag(names[scope], Source.INHERITED, weighting.confidence(probability)),
            f"its surroundings point to '{names[scope]}'{rival} ({probability:.0%})",
        )


def as_question(region: Region, around: str, context: Context) -> infer.Region:
    """Return what is known of a region, in the form that inference works on."""
    flow = Flow(region.graph.nodes)
    tags = [context.tag(node) for node in region.graph.nodes]
    scopes = [None if tag is None else tag.scope for tag in tags]
    suggested = suggested_modules(flow, scopes)
    if context.declared is not None:
        suggested = {node: scope for node, scope in suggested.items() if context.modules.is_called(scope)}
    calls = _calls(context)
    aligned = aligned_modules(flow, scopes, calls) if calls else {}
    called = [scope for scope in context.modules if context.modules.is_called(scope)]
    named = [scope for scope in scopes if scope is not None]
    tree = ScopeTree(dict.fromkeys([*called, around, *named, *suggested.values()]), context.modules)
    owns = np.zeros(len(tree), np.bool_)
    owns[[number for number in map(tree.id, context.weights.owners()) if number is not None]] = True
    return infer.Region(
        flow,
        tree,
        np.array([_number(scope, tree) for scope in scopes], np.int64),
        _number(around, tree),
        owns,
        np.array([_number(suggested.get(index), tree) for index in range(len(flow))], np.int64),
        np.array([_number(aligned.get(index), tree) for index in range(len(flow))], np.int64),
        infer.Calls.of(tree, calls),
    )


def _calls(context: Context) -> list[Call]:
    """Return the called modules of a declared table in the order of their calls; none where no table was declared."""
    table = context.declared
    if table is None:
        return []
    called = [scope for scope in table if table.is_called(scope)]
    places = {scope: index for index, scope in enumerate(called)}
    called.sort(key=lambda scope: (table[scope].extra.get("order", places[scope]), places[scope]))
    owners = set(context.weights.owners())
    holders = {table.called_ancestor(parent(scope)) for scope in called if scope}
    return [
        Call(
            scope,
            table[scope].bare_class,
            has_parameters=scope in owners or bool(table[scope].extra.get("parameters")),
            is_leaf=scope not in holders,
        )
        for scope in called
    ]


def _number(scope: str | None, tree: ScopeTree) -> int:
    number = None if scope is None else tree.id(scope)
    return UNKNOWN if number is None else number


def _inherit_calls(region: Region, around: str, context: Context) -> None:
    for node in region.graph.nodes:
        context.set_tag(
            node,
            Tag(around, Source.INHERITED, Confidence.HIGH),
            f"its function is called from '{around}'" if around else "its function is called from the root",
        )


