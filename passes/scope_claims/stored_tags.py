"""Tags that an earlier run left in the file."""

from __future__ import annotations

from collections.abc import Iterable

import onnx_graphsurgeon as gs

from ...tags.tag_format import WITHIN
from ..context import Context
from .name_paths import NodeWithPath

_STORED = "the file has this tag already"


def claim_stored_tag(node: gs.Node, context: Context) -> None:
    """Give a node the tag that the file has for it, unless the model is tagged anew."""
    tag = None if context.retag else context.model.stored_tag(node)
    # Another tool has inlined the function, whose nodes had the module that all calls lie in.
    is_too_shallow = context.model.has_note(node, WITHIN) and not context.is_outlined(node)
    if tag is not None and not is_too_shallow:
        context.set_tag(node, tag, _STORED)


def has_stored_tag(node: gs.Node, context: Context) -> bool:
    """Whether the tag is an earlier run's. What the node tells of modules is in that run's table already."""
    return context.tags.reason(node) == _STORED


def has_untagged(named: Iterable[NodeWithPath], context: Context) -> bool:
    """Whether one of some nodes has no tag of an earlier run."""
    return not all(has_stored_tag(found.node, context) for found in named)
