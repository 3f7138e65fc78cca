"""The tag of a node and its form in the node's metadata (docs/tag-format.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import onnx

from ..graph.decode import as_text
from ..graph.walk import all_nodes, nodes_within
from .scope import is_scope

PREFIX = "hpass."
SCOPE = "hpass.scope"
SERVES = "hpass.serves"
TAG = "hpass.tag"
SOURCE = "hpass.source"
CONFIDENCE = "hpass.confidence"
CALL = "hpass.call"
WITHIN = "hpass.within"
WITHIN_SERVES = "hpass.within_serves"
NAME = "hpass.name"
OUTPUTS = "hpass.outputs"
WAS = "hpass.was."
VERSION = "hpass.version"
MODULES = "hpass.modules"

_WITHIN_KEYS = frozenset({WITHIN, WITHIN_SERVES})

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
    """The reliability of a tag. At least 99% of the tags with confidence `high` are right."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Tag(NamedTuple):
    """The tag of a node.

    `scope` is the module that the node ran in (`""`: the root), `source` and `confidence` say how it is known, and
    `serves` is the module that an auxiliary operation works for, or None if that is `scope`.
    """

    scope: str
    source: Source
    confidence: Confidence = Confidence.HIGH
    serves: str | None = None

    @property
    def target(self) -> str:
        """The module whose class path is the value of `hpass.tag`."""
        return self.scope if self.serves is None else self.serves


def is_hpass_key(key: str | bytes) -> bool:
    """Whether a metadata key belongs to hpass."""
    return isinstance(key, str) and key.startswith(PREFIX)


def _is_kept(key: str) -> bool:
    """Whether a key of hpass tells what a rewriting pass changed. Only `hpass strip` removes it."""
    return key in {NAME, OUTPUTS, *_WITHIN_KEYS} or key.startswith(WAS)


def tag_entries(node: onnx.NodeProto) -> list[tuple[str, str]]:
    """Return the `hpass.*` keys and values in a node's metadata."""
    return [(prop.key, as_text(prop.value)) for prop in node.metadata_props if is_hpass_key(prop.key)]


def read_tag(node: Any) -> Tag | None:
    """Return the tag in a NodeProto's metadata; None if it has no valid `hpass.scope`.

    If another tool dropped or changed the source, it is read as `metadata`; a missing confidence is read as `medium`.
    """
    found = dict(tag_entries(node))
    scope, serves = found.get(SCOPE), found.get(SERVES)
    if scope is None or not is_scope(scope):
        return None
    if serves is not None and (serves == scope or not is_scope(serves)):
        serves = None
    try:
        source = Source(found[SOURCE])
    except (KeyError, ValueError):
        source = Source.METADATA
    try:
        confidence = Confidence(found[CONFIDENCE])
    except (KeyError, ValueError):
        confidence = Confidence.MEDIUM
    return Tag(scope, source, confidence, serves)


def set_entry(node: onnx.NodeProto, key: str, value: str | None) -> None:
    """Set a key in a node's metadata, in place if it stands there; remove it if `value` is None."""
    present = [prop for prop in node.metadata_props if prop.key == key]
    if value is not None and not present:
        node.metadata_props.add(key=key, value=value)
    for prop in present:
        if value is None:
            node.metadata_props.remove(prop)
        elif prop.value != value:
            prop.value = value


def write_tag(node: Any, tag: Tag, class_path: str) -> None:
    """Write a tag into a NodeProto's metadata in place. `class_path` is that of the tag's target. Other keys stay."""
    if node.metadata_props:
        remove_tags(node)
    node.MergeFromString(_entries(tag, class_path))


@lru_cache(maxsize=65536)
def _entries(tag: Tag, class_path: str) -> bytes:
    """Return the serialised NodeProto that has only the metadata entries of a tag.

    Many nodes share a tag, and to merge cached bytes is several times faster than to add the entries one by one.
    """
    serves = {} if tag.serves is None or tag.serves == tag.scope else {SERVES: tag.serves}
    modules = {SCOPE: tag.scope, **serves, TAG: class_path}
    return _serialized(modules) + _reason_entries(tag.source, tag.confidence)


@lru_cache
def _reason_entries(source: Source, confidence: Confidence) -> bytes:
    return _serialized({SOURCE: source.value, CONFIDENCE: confidence.value})


def _serialized(metadata: Mapping[str, str]) -> bytes:
    entries = [onnx.StringStringEntryProto(key=key, value=value) for key, value in metadata.items()]
    return onnx.NodeProto(metadata_props=entries).SerializeToString()


def remove_keys(message: Any) -> int:
    """Remove every `hpass.*` key from the `metadata_props` of a message; return the number of removed keys."""
    return _remove(message.metadata_props, is_hpass_key)


def remove_tags(message: Any) -> int:
    """Remove the keys of a tag from the `metadata_props` of a message, but not what a rewriting pass noted there."""
    return _remove(message.metadata_props, lambda key: is_hpass_key(key) and not _is_kept(key))


def remove_all_tags(model: onnx.ModelProto) -> None:
    """Remove the tags of all nodes and those of the model, but not what rewriting passes noted.

    What says where a node is in a function goes if the node is in none, because another tool has inlined the function.
    """
    remove_tags(model)
    for node in all_nodes(model):
        if node.metadata_props:
            remove_tags(node)
    for node in nodes_within(model.graph):
        if node.metadata_props:
            _remove(node.metadata_props, _WITHIN_KEYS.__contains__)


def _remove(props: Any, is_removed: Callable[[str], bool]) -> int:
    indices = [index for index, prop in enumerate(props) if is_removed(prop.key)]
    if len(indices) == len(props):
        del props[:]
    for index in reversed(indices[: len(props)]):
        del props[index]
    return len(indices)
