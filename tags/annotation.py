"""Metadata of other tools that hpass wrote, and what stood there before.

`hpass.was.KEY` has a JSON object: `was` has the values that the key had (none, one, or several in an invalid file), and
`written` what hpass wrote.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast

import onnx

from ..graph.decode import as_pairs
from .scope import is_encodable
from .tag_edits import set_entry
from .tag_format import WAS


class _Annotation(NamedTuple):
    was: list[str]
    written: str

    def dumps(self) -> str:
        return json.dumps(self._asdict(), ensure_ascii=False)

    @classmethod
    def loads(cls, text: str) -> _Annotation | None:
        """Return an annotation; None if the text is not one, because another tool changed it."""
        try:
            data = cast("dict[str, Any]", json.loads(text))
            was, written = data["was"], data["written"]
        except (KeyError, TypeError, ValueError, RecursionError):
            return None
        if not isinstance(was, list):
            return None
        values = [*cast("list[object]", was), written]
        is_valid = all(isinstance(value, str) and is_encodable(value) for value in values)
        return cls(cast("list[str]", was), written) if is_valid else None


def annotate(node: onnx.NodeProto, key: str, value: str) -> bool:
    """Write a key of another tool into a node's metadata; return whether that changed anything.

    A key that stands there several times keeps all its entries. The values before the first annotation are kept.
    """
    entries = [prop for prop in node.metadata_props if prop.key == key]
    present = [entry.value for entry in entries]
    known = _annotations(node).get(key)
    was = known.was if known is not None and _is_untouched(known, present) else present
    note = _Annotation(was, value).dumps()
    if known is not None and known.dumps() == note and set(present) == {value}:
        return False
    for entry in entries:
        entry.value = value
    if not entries:
        node.metadata_props.add(key=key, value=value)
    set_entry(node, WAS + key, note)
    return True


def restore(node: onnx.NodeProto) -> tuple[int, int]:
    """Give the keys of other tools the values that they had before hpass wrote.

    Return the number of restored keys, and of keys that stay because another tool has changed them since.
    """
    annotations = _annotations(node)
    restored = 0
    for key, known in annotations.items():
        entries = [prop for prop in node.metadata_props if prop.key == key]
        if not _is_untouched(known, [entry.value for entry in entries]):
            continue
        restored += 1
        for index, entry in enumerate(entries):
            if index < len(known.was):
                entry.value = known.was[index]
            else:
                node.metadata_props.remove(entry)
    return restored, len(annotations) - restored


def original_metadata(node: onnx.NodeProto) -> list[tuple[str, str]]:
    """Return the metadata of a node as it was before hpass wrote keys of other tools."""
    pairs = as_pairs(node.metadata_props)
    if not any(key.startswith(WAS) for key, _ in pairs):
        return pairs
    original = onnx.NodeProto()
    original.CopyFrom(node)
    restore(original)
    return as_pairs(original.metadata_props)


def _annotations(node: onnx.NodeProto) -> dict[str, _Annotation]:
    found: dict[str, _Annotation] = {}
    for key, value in as_pairs(node.metadata_props):
        if key.startswith(WAS):
            known = _Annotation.loads(value)
            if known is not None:
                found[key.removeprefix(WAS)] = known
    return found


def _is_untouched(known: _Annotation, present: list[str]) -> bool:
    """Whether a key has what hpass wrote, in as many entries."""
    return present == [known.written] * max(1, len(known.was))
