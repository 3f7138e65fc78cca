"""The tag that a node of a function body has at one call of the function."""

from __future__ import annotations

from collections.abc import Mapping

from .scope import is_descendant
from .tag_format import WITHIN, WITHIN_SERVES, Tag


def tag_at_call(tag: Tag, notes: Mapping[str, str], module: str) -> Tag:
    """Return the tag of a node of a function body at a call in a module. `notes` are the node's `hpass.*` entries.

    A node of an outlined module says where it is below the module of the call. Any other one takes the module of the
    call, unless its own is not around it.
    """
    if WITHIN in notes:
        tag = tag._replace(scope=joined(module, notes[WITHIN]))
    elif is_descendant(module, tag.scope):
        tag = tag._replace(scope=module)
    if WITHIN_SERVES in notes:
        tag = tag._replace(serves=joined(module, notes[WITHIN_SERVES]))
    return tag._replace(serves=None) if tag.serves == tag.scope else tag


def joined(module: str, below: str) -> str:
    """Return the module with a name below another one, which may be that itself (the empty name)."""
    return f"{module}.{below}" if module and below else module or below
