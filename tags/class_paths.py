"""The class path of each module, which is its tag. docs/tag-format.md describes it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from .module import Module, is_called, nearest_called
from .scope import parent, relative

if TYPE_CHECKING:
    from collections.abc import Mapping


def class_paths(modules: Mapping[str, Module]) -> dict[str, str]:
    """Return the class path of every module of a table. No two modules have the same class path."""
    paths: dict[str, str] = {}
    children: dict[str, list[str]] = {}
    for scope in modules:
        if scope:
            children.setdefault(nearest_called(modules, parent(scope)), []).append(scope)
    root = modules.get("")
    root_class = None if root is None else root.bare_class
    paths[""] = "/" if root_class is None else "/" + percent_encode(root_class)
    pending = [""]
    while pending:
        ancestor = pending.pop()
        descendants = children.get(ancestor, [])
        for scope, segment in _segments(modules, ancestor, descendants).items():
            paths[scope] = join_segment(paths[ancestor], segment)
        pending.extend(scope for scope in descendants if scope in children)
    return paths


def _segments(modules: Mapping[str, Module], ancestor: str, scopes: list[str]) -> dict[str, str]:
    """Return the class-path segment of each module whose nearest called ancestor is `ancestor`.

    A short segment that is unique among the called modules stays short. Containers that are not called have the long
    form, because they are never levels of tags.
    """
    short = {scope: _short_segment(modules[scope], relative(scope, ancestor)) for scope in scopes}
    called = {scope for scope in scopes if is_called(modules, scope)}
    counts = Counter([short[scope] for scope in called])
    segments: dict[str, str] = {}
    for scope in scopes:
        unique = scope in called and counts[short[scope]] == 1
        segments[scope] = short[scope] if unique else _long_segment(modules[scope], relative(scope, ancestor))
    # Segments can still be equal (a module `b.c` of class `A` and a module `A.b.c` of unknown class). They are replaced
    # by the encoded name, which is unique. The loop repeats because a replacement can equal another segment.
    while len(set(segments.values())) < len(segments):
        counts = Counter(segments.values())
        for scope, segment in segments.items():
            if counts[segment] > 1:
                segments[scope] = percent_encode(relative(scope, ancestor)).replace(".", "%2E")
    return segments


def _short_segment(module: Module, name: str) -> str:
    if module.bare_class is None:
        return percent_encode(name)
    own = name.rpartition(".")[2]
    return percent_encode(f"{module.bare_class}.{own}" if own.isdecimal() else module.bare_class)


def _long_segment(module: Module, name: str) -> str:
    return percent_encode(name if module.bare_class is None else f"{module.bare_class}.{name}")


def join_segment(path: str, segment: str) -> str:
    """Return a class path with one more segment."""
    return path + segment if path == "/" else f"{path}/{segment}"


_RESERVED = re.compile("[%/]")


def percent_encode(name: str) -> str:
    """Return a name in which the characters that separate segments are encoded."""
    return _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", name)
