"""The tag of a node, and how it lies in the node's metadata (docs/tag-format.md)."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import onnx

from ..graph.decode import as_text
from ..graph.walk import all_nodes

PREFIX = "hpass."
SCOPE = "hpass.scope"
SERVES = "hpass.serves"
TAG = "hpass.tag"
SOURCE = "hpass.source"
CONFIDENCE = "hpass.confidence"
VERSION = "hpass.version"
MODULES = "hpass.modules"

FORMAT_VERSION = "1"


class Source(StrEnum):
    """How the module of a node is known."""

    METADATA = "metadata"
    NAME = "name"
    PARAMETER = "parameter"
    REFERENCE = "reference"
    INHERITED = "inherited"
    FALLBACK = "fallback"


class Confidence(StrEnum):
    """How far a tag can be trusted: `high` is right at least 99 times in 100."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Tag(NamedTuple):
    """The module that a node ran in (`""` is the root), how it is known, and the one it serves where that differs."""

    scope: str
    source: Source
    confidence: Confidence = Confidence.HIGH
    serves: str | None = None

    @property
    def target(self) -> str:
        """The module whose class path the node's `hpass.tag` holds."""
        return self.scope if self.serves is None else self.serves


def is_ours(key: str | bytes) -> bool:
    """Whether a metadata key is one of hpass's."""
    return isinstance(key, str) and key.startswith(PREFIX)


def read_tag(node: Any) -> Tag | None:
    """Return the tag that a NodeProto carries, or None where it names no module.

    Where another tool kept the scope and lost its source, it counts as metadata; without a confidence, as medium.
    """
    found = {prop.key: as_text(prop.value) for prop in node.metadata_props if is_ours(prop.key)}
    if SCOPE not in found:
        return None
    try:
        source = Source(found[SOURCE])
    except (KeyError, ValueError):
        source = Source.METADATA
    try:
        confidence = Confidence(found[CONFIDENCE])
    except (KeyError, ValueError):
        confidence = Confidence.MEDIUM
    return Tag(found[SCOPE], source, confidence, found.get(SERVES))


def write_tag(node: Any, tag: Tag, path: str) -> None:
    """Lay the tag over a NodeProto; `path` is the class path of its target. All other metadata stays as it is."""
    if node.metadata_props:
        remove_tags(node)
    node.MergeFromString(_entries(tag, path))


@lru_cache(maxsize=65536)
def _entries(tag: Tag, path: str) -> bytes:
    """Return a NodeProto's bytes of nothing but a tag, its entries in the order in which they are written.

    Many nodes share them, and parsing them is several times faster than adding message by message.
    """
    serves = [(SERVES, tag.serves)] if tag.serves is not None and tag.serves != tag.scope else []
    pairs = [(SCOPE, tag.scope), *serves, (TAG, path), (SOURCE, tag.source.value), (CONFIDENCE, tag.confidence.value)]
    entries = [onnx.StringStringEntryProto(key=key, value=value) for key, value in pairs]
    return onnx.NodeProto(metadata_props=entries).SerializeToString()


def remove_tags(holder: Any) -> int:
    """Remove every `hpass.*` key from the metadata of any message that has some; return how many there were."""
    props = holder.metadata_props
    ours = [index for index, prop in enumerate(props) if is_ours(prop.key)]
    if len(ours) == len(props):
        del props[:]
    for index in reversed(ours[: len(props)]):
        del props[index]
    return len(ours)


def strip(model: onnx.ModelProto) -> int:
    """Remove every `hpass.*` key from a model and all its nodes; return how many there were."""
    return remove_tags(model) + sum(remove_tags(node) for node in all_nodes(model) if node.metadata_props)


def untagged(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a model without any `hpass.*` key."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    strip(copy)
    return copy
