"""The tag of a node and its form in the node's metadata (docs/tag-format.md)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ..graph.decode import as_text
from .scope import is_scope

if TYPE_CHECKING:
    import onnx

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

FORMAT_VERSION = "2"
READABLE_VERSIONS = ("1", FORMAT_VERSION)
"""Version 1 is the same without the numbers of calls."""

# No file has so many nodes that the number of a call takes more digits.
_MAX_DIGITS = 10


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
    `serves` is the module that an auxiliary operation works for, or None if that is `scope`. `call` is the number of
    the module's call that the node ran in, from 0; None if the module is called once or its calls are not told apart.
    """

    scope: str
    source: Source
    confidence: Confidence = Confidence.HIGH
    serves: str | None = None
    call: int | None = None

    @property
    def target(self) -> str:
        """The module whose class path is the value of `hpass.tag`."""
        return self.scope if self.serves is None else self.serves


def is_hpass_key(key: str | bytes) -> bool:
    """Whether a metadata key belongs to hpass."""
    return isinstance(key, str) and key.startswith(PREFIX)


def tag_entries(node: onnx.NodeProto) -> list[tuple[str, str]]:
    """Return the `hpass.*` keys and values in a node's metadata."""
    return [(prop.key, as_text(prop.value)) for prop in node.metadata_props if is_hpass_key(prop.key)]


def read_tag(node: Any) -> Tag | None:
    """Return the tag in a NodeProto's metadata; None if it has no valid `hpass.scope`."""
    return parse_tag(tag_entries(node))


def parse_tag(entries: Iterable[tuple[str, str]]) -> Tag | None:
    """Return the tag in the `hpass.*` keys and values of a node; None if there is no valid `hpass.scope`.

    If another tool dropped or changed the source, it is read as `metadata`; a missing confidence is read as `medium`.
    """
    found = dict(entries)
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
    return Tag(scope, source, confidence, serves, parse_call(found.get(CALL)))


def parse_call(text: str | None) -> int | None:
    """Return the number of a call; None if the text is none, as for `07` and `-1`."""
    if text is None or len(text) > _MAX_DIGITS or not (text.isascii() and text.isdecimal()):
        return None
    return int(text) if text == str(int(text)) else None
