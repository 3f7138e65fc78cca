"""The functions that `outline` makes: their domain, and the tags of their nodes below the call."""

from __future__ import annotations

import onnx

from ..tags.scope import is_descendant, relative
from ..tags.tag_edits import set_entry
from ..tags.tag_format import WITHIN, WITHIN_SERVES, Tag, tag_entries
from ..tags.within import tag_at_call

DOMAIN = "hpass.outline"
"""The domain of functions that `outline` makes."""


def move_in(node: onnx.NodeProto, tag: Tag, module: str) -> Tag:
    """Note on a node of the body of a module where it is below the module, and return its tag without that."""
    set_entry(node, WITHIN, relative(tag.scope, module))
    if tag.serves is None or not is_descendant(tag.serves, module):
        return tag
    set_entry(node, WITHIN_SERVES, relative(tag.serves, module))
    return tag._replace(serves=None)


def move_to_caller(node: onnx.NodeProto, tag: Tag, call: onnx.NodeProto, call_tag: Tag) -> Tag:
    """Note on a copy of a node of a function body, beside its call, where it is now, and return its tag."""
    within = dict(tag_entries(call)).get(WITHIN)
    moved = tag_in_body(node, tag, call_tag.scope)
    if within is None:
        # The call is in no outlined function, so neither is the node.
        notes = {WITHIN: None, WITHIN_SERVES: None}
    else:
        below = tag_in_body(node, tag._replace(scope="", serves=None), within)
        notes = {WITHIN: below.scope, WITHIN_SERVES: below.serves}
        moved = moved._replace(serves=tag.serves)
    for key, value in notes.items():
        set_entry(node, key, value)
    return moved


def tag_in_body(node: onnx.NodeProto, tag: Tag, module: str) -> Tag:
    """Return the tag that a node of a function body has if the function is called in a module."""
    return tag_at_call(tag, dict(tag_entries(node)) if node.metadata_props else {}, module)
