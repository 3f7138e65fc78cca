"""Write tags and other `hpass.*` keys into messages, and remove them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import onnx

from ..graph.walk import all_nodes, nodes_within
from .tag_format import (
    CONFIDENCE,
    NAME,
    OUTPUTS,
    SCOPE,
    SERVES,
    SOURCE,
    TAG,
    WAS,
    WITHIN,
    WITHIN_SERVES,
    Confidence,
    Source,
    Tag,
    is_hpass_key,
)

_WITHIN_KEYS = frozenset({WITHIN, WITHIN_SERVES})


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


def _is_kept(key: str) -> bool:
    """Whether a key of hpass tells what a rewriting pass changed. Only `hpass strip` removes it."""
    return key in {NAME, OUTPUTS, *_WITHIN_KEYS} or key.startswith(WAS)
