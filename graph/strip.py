"""Remove everything of hpass from a model: undo what rewriting passes can undo, then remove every `hpass.*` key."""

from __future__ import annotations

from typing import NamedTuple

import onnx

from ..tags.annotation import restore
from ..tags.tag_edits import remove_keys
from .restored_names import restore_names
from .walk import all_nodes


class Stripped(NamedTuple):
    """What was removed.

    `keys` counts the removed keys, `restored` the names and the metadata of other tools that are as they were before
    rewriting passes, and `left` those that are not, because another tool has changed them since.
    """

    keys: int
    restored: int
    left: int


def strip(model: onnx.ModelProto) -> Stripped:
    """Remove everything of hpass from a model, in place."""
    names, left = restore_names(model)
    keys = remove_keys(model)
    for node in all_nodes(model):
        if node.metadata_props:
            restored, changed = restore(node)
            names, left = names + restored, left + changed
            keys += remove_keys(node)
    return Stripped(keys, names, left)


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a model without anything of hpass."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    strip(copy)
    return copy
