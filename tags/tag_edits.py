"""Write tags and other `hpass.*` keys into messages, and remove them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import onnx

from ..graph.files.wire import length_delimited
from ..graph.walk import nodes_within
from .tag_format import (
    CALL,
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
_METADATA_PROPS = onnx.NodeProto.METADATA_PROPS_FIELD_NUMBER
_KEY = onnx.StringStringEntryProto.KEY_FIELD_NUMBER
_VALUE = onnx.StringStringEntryProto.VALUE_FIELD_NUMBER


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
    node.MergeFromString(tag_bytes(tag, class_path))


def tag_bytes(tag: Tag, class_path: str) -> bytes:
    """Return the serialised NodeProto that has only the metadata entries of a tag.

    To merge these bytes into a node is several times faster than to add the entries one by one.
    """
    serves = b"" if tag.serves is None or tag.serves == tag.scope else _entry_bytes(SERVES, tag.serves)
    call = b"" if tag.call is None else _entry_bytes(CALL, str(tag.call))
    modules = _entry_bytes(SCOPE, tag.scope) + serves + call + _entry_bytes(TAG, class_path)
    return modules + _reason_bytes(tag.source, tag.confidence)


@lru_cache
def _reason_bytes(source: Source, confidence: Confidence) -> bytes:
    return _entry_bytes(SOURCE, source.value) + _entry_bytes(CONFIDENCE, confidence.value)


def _entry_bytes(key: str, value: str) -> bytes:
    return length_delimited(_METADATA_PROPS, _key_bytes(key) + length_delimited(_VALUE, value.encode()))


@lru_cache
def _key_bytes(key: str) -> bytes:
    return length_delimited(_KEY, key.encode())


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
    for node in nodes_within(model.graph):
        if node.metadata_props:
            remove_tags(node)
            _remove(node.metadata_props, _WITHIN_KEYS.__contains__)
    for node in nodes_within(*model.functions):
        if node.metadata_props:
            remove_tags(node)


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
