"""The third pass: nodes that nothing names take the module that dataflow, order and repetition point to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import onnx_graphsurgeon as gs

from ..graph.regions import Region
from ..graph.tags import Confidence, Source, Tag
from ..inference import infer
from ..inference.candidates import UNKNOWN
from ..inference.weights import standard_weighting
from .base import Pass, option
from .calls import called_from
from .context import Context
from .question import as_question, is_answerable
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
    if not is_answerable(region, tags, context):
        if region.is_function:
            _inherit_calls(region, around, context)
        return
    question = as_question(region, around, tags, context)
    weighting = standard_weighting(question.share_named)
    placement = infer.place(question, weighting)
    names = question.tree.names
    familiar = infer.familiar(question, weighting.lessons)[placement.node]
    for position, scope, probability, other, is_familiar in zip(
        question.sequence[placement.node].tolist(),
        placement.scope.tolist(),
        placement.probability.tolist(),
        placement.runner_up.tolist(),
        familiar.tolist(),
        strict=True,
    ):
        rival = "" if other == UNKNOWN else f" rather than {_called(names[other])}"
        context.set_tag(
            nodes[position],
            Tag(names[scope], Source.INHERITED, weighting.confidence(probability, familiar=is_familiar)),
            f"its surroundings point to {_called(names[scope])}{rival} ({probability:.0%})",
        )


def _inherit_calls(region: Region, around: str, context: Context) -> None:
    for node in region.graph.nodes:
        context.set_tag(
            node,
            Tag(around, Source.INHERITED, Confidence.HIGH),
            f"its function is called from {_called(around)}",
        )


def _called(scope: str) -> str:
    return f"'{scope}'" if scope else "the root"
