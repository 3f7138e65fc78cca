"""The module table: which modules a model has, and the class path (the tag) of each.

Its JSON form is `{"version": 1, "modules": {scope: {"class": ..., ...}}}`; docs/tag-format.md describes both.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ..errors import HpassError
from .prefix_alignment import alignment

TABLE_VERSION = 1
# The metadata key under which an exporter embeds the table.
EXPORTER_TABLE = "module_table"


@dataclass(frozen=True, slots=True)
class Module:
    """What is known of one module. `called` is False for a container that never runs itself.

    `class_name` is bare or qualified, None where unknown. `extra` holds what else the table's author wrote.
    """

    class_name: str | None = None
    called: bool | None = None
    aliases: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bare_class(self) -> str | None:
        """The class name without the package it lies in."""
        return None if self.class_name is None else self.class_name.rpartition(".")[2]


@dataclass(slots=True)
class ModuleTable:
    """Modules by fully-qualified name; the root is the empty name. Names are kept in natural order."""

    modules: dict[str, Module] = field(default_factory=dict)
    _paths: dict[str, str] | None = None

    def __contains__(self, scope: object) -> bool:
        return scope in self.modules

    def __iter__(self) -> Iterator[str]:
        return iter(self.modules)

    def __len__(self) -> int:
        return len(self.modules)

    def __getitem__(self, scope: str) -> Module:
        return self.modules[scope]

    def copy(self) -> ModuleTable:
        """Return a table of its own with the same modules."""
        return ModuleTable(dict(self.modules))

    def add(self, scope: str, class_name: str | None = None, *, called: bool | None = None) -> None:
        """Make a module known; what the table already says of it stays, what it lacks is filled in."""
        known = self.modules.get(scope)
        if known is None:
            self.modules[scope] = Module(class_name, called)
        else:
            self.modules[scope] = replace(
                known,
                class_name=class_name if known.class_name is None else known.class_name,
                called=called if known.called is None else known.called,
            )
        self._paths = None

    def merge(self, other: ModuleTable) -> None:
        """Add what the other table knows and this one does not."""
        for scope, module in other.modules.items():
            known = self.modules.get(scope)
            self.modules[scope] = module if known is None else _merged(known, module)
        self._paths = None

    def aligned(self, names: Collection[str]) -> ModuleTable:
        """Return the table with its root where the names have theirs.

        Where the names do not tell which prefixes to take off and to put before, the table stays as it is.
        """
        prefixes = alignment({*self.modules, *self.aliases()}, names)
        below = _below(self, prefixes.strip) if prefixes.strip else self
        return _under(below, prefixes.prepend) if prefixes.prepend else below

    def is_called(self, scope: str) -> bool:
        """Whether the module is a level of its own in tags: it is in the table and not known as a bare container."""
        module = self.modules.get(scope)
        return module is not None and module.called is not False

    def nearest_called(self, scope: str) -> str:
        """Return the nearest called module at or above a scope; the root where there is none."""
        while scope and not self.is_called(scope):
            scope = parent(scope)
        return scope

    def aliases(self) -> dict[str, str]:
        """Return the further names that modules go by, each with the table's own name of the module."""
        return {alias: scope for scope, module in self.modules.items() for alias in module.aliases}

    def path(self, scope: str) -> str:
        """Return the class path of a module, the value of `hpass.tag`.

        A scope that is not in the table gets its own name below the nearest module that is.
        """
        if self._paths is None:
            self._paths = _class_paths(self)
        path = self._paths.get(scope)
        if path is None:
            above = self.nearest_called(scope)
            path = self._paths[scope] = _join(self._paths.get(above, "/"), _encoded(relative(scope, above)))
        return path

    def to_json(self) -> dict[str, Any]:
        """Return the table's JSON form, modules in natural order."""
        return {
            "version": TABLE_VERSION,
            "modules": {scope: _to_json(self.modules[scope]) for scope in sorted(self.modules, key=natural_sort_key)},
        }

    def dumps(self) -> str:
        """Return the JSON form as compact text."""
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, data: object, origin: str) -> ModuleTable:
        """Read a table: the full form, or a plain object of scope -> class.

        Raises HpassError, naming `origin` and the entry, where the data is of neither form.
        """
        if not isinstance(data, dict):
            raise HpassError(f"{origin}: a module table is a JSON object of scope -> class, not {_json_type(data)}")
        entries = cast("dict[str, object]", data)
        if isinstance(entries.get("modules"), dict):
            version = entries.get("version")
            if version != TABLE_VERSION:
                raise HpassError(f"{origin}: module table of version {version!r}; this hpass reads {TABLE_VERSION}")
            entries = cast("dict[str, object]", entries["modules"])
        return cls({scope: _from_json(scope, entry, origin) for scope, entry in entries.items()})

    @classmethod
    def loads(cls, text: str, origin: str) -> ModuleTable:
        """Read a table from JSON text. Raises HpassError naming `origin`, and the position where the JSON is broken."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise HpassError(f"{origin}: not JSON ({error})") from error
        except RecursionError as error:
            raise HpassError(f"{origin}: not a module table (JSON nested too deeply)") from error
        return cls.from_json(data, origin)


def parent(scope: str) -> str:
    """Return the name one level up; the root is its own parent."""
    return scope.rpartition(".")[0]


def is_descendant(scope: str, ancestor: str) -> bool:
    """Whether a scope is the ancestor itself or lies below it."""
    return not ancestor or scope == ancestor or scope.startswith(ancestor + ".")


def lca(scopes: Iterable[str]) -> str:
    """Return the deepest name that all scopes lie within."""
    shared: list[str] | None = None
    for scope in scopes:
        atoms = scope.split(".") if scope else []
        if shared is None:
            shared = atoms
            continue
        length = 0
        for ours, theirs in zip(shared, atoms, strict=False):
            if ours != theirs:
                break
            length += 1
        if length == 0:
            return ""
        shared = shared[:length]
    return ".".join(shared or [])


def relative(scope: str, ancestor: str) -> str:
    """Return a module's name as its ancestor would write it."""
    return scope[len(ancestor) + 1 :] if ancestor else scope


def depth(scope: str) -> int:
    """Return how many names a scope is long; the root is 0."""
    return scope.count(".") + 1 if scope else 0


def natural_sort_key(scope: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts `layer.2` before `layer.10`."""
    return [(0, int(atom), "") if atom.isdecimal() else (1, 0, atom) for atom in scope.split(".")] if scope else []


def _below(table: ModuleTable, root: str) -> ModuleTable:
    """Return the part of a table that lies within one module, named as that module names it."""
    inner = {relative(scope, root): module for scope, module in table.modules.items() if is_descendant(scope, root)}
    return ModuleTable(
        {
            scope: replace(
                module, aliases=tuple(relative(name, root) for name in module.aliases if is_descendant(name, root))
            )
            for scope, module in inner.items()
        }
    )


def _under(table: ModuleTable, name: str) -> ModuleTable:
    """Return the table of a model that holds this one's model as its module `name`."""
    moved = {
        f"{name}.{scope}" if scope else name: replace(
            module, aliases=tuple(f"{name}.{alias}" for alias in module.aliases)
        )
        for scope, module in table.modules.items()
    }
    return ModuleTable({"": Module(), **moved})


def _merged(known: Module, other: Module) -> Module:
    return Module(
        other.class_name if known.class_name is None else known.class_name,
        other.called if known.called is None else known.called,
        known.aliases or other.aliases,
        {**other.extra, **known.extra},
    )


def _class_paths(table: ModuleTable) -> dict[str, str]:
    """Return the class path of every module in the table; two modules never share one."""
    paths: dict[str, str] = {}
    children: dict[str, list[str]] = {}
    for scope in table.modules:
        if scope:
            children.setdefault(table.nearest_called(parent(scope)), []).append(scope)
    root = table.modules.get("")
    root_class = None if root is None else root.bare_class
    paths[""] = "/" if root_class is None else "/" + _encoded(root_class)
    pending = [""]
    while pending:
        above = pending.pop()
        below = children.get(above, [])
        for scope, segment in _segments(table, above, below).items():
            paths[scope] = _join(paths[above], segment)
        pending.extend(scope for scope in below if scope in children)
    return paths


def _segments(table: ModuleTable, above: str, below: list[str]) -> dict[str, str]:
    """Return the segment of each module directly below another.

    Called modules choose first, because a container that never runs does not show in any tag.
    """
    plain = {scope: _plain_segment(table[scope], relative(scope, above)) for scope in below}
    counts = Counter(plain[scope] for scope in below if table.is_called(scope))
    segments: dict[str, str] = {}
    for scope in below:
        unique = table.is_called(scope) and counts[plain[scope]] == 1
        segments[scope] = plain[scope] if unique else _long_segment(table[scope], relative(scope, above))
    # Odd names can still meet (a class `A` named `b.c` and a class `A.b`), and meet again what takes their place: each
    # becomes its own name with the dots spelled out, which no two modules share.
    while len(set(segments.values())) < len(segments):
        counts = Counter(segments.values())
        for scope, segment in segments.items():
            if counts[segment] > 1:
                segments[scope] = _encoded(relative(scope, above)).replace(".", "%2E")
    return segments


def _plain_segment(module: Module, name: str) -> str:
    if module.bare_class is None:
        return _encoded(name)
    own = name.rpartition(".")[2]
    return _encoded(f"{module.bare_class}.{own}" if own.isdecimal() else module.bare_class)


def _long_segment(module: Module, name: str) -> str:
    return _encoded(name if module.bare_class is None else f"{module.bare_class}.{name}")


def _join(path: str, segment: str) -> str:
    return path + segment if path == "/" else f"{path}/{segment}"


_RESERVED = re.compile("[%/]")


def _encoded(name: str) -> str:
    return _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", name)


def _to_json(module: Module) -> dict[str, Any]:
    entry: dict[str, Any] = {} if module.class_name is None else {"class": module.class_name}
    if module.called is not None:
        entry["called"] = module.called
    if module.aliases:
        entry["aliases"] = list(module.aliases)
    return entry | dict(module.extra)


def _from_json(scope: str, entry: object, origin: str) -> Module:
    if entry is None or isinstance(entry, str):
        return Module(entry or None)
    if not isinstance(entry, dict):
        raise HpassError(f"{origin}: the entry of {scope!r} is {_json_type(entry)}, not a class name or an object")
    known = dict(cast("dict[str, Any]", entry))
    class_name, called, aliases = known.pop("class", None), known.pop("called", None), known.pop("aliases", [])
    if class_name is not None and not isinstance(class_name, str):
        raise HpassError(f"{origin}: the class of {scope!r} is {_json_type(class_name)}, not a string")
    if called is not None and not isinstance(called, bool):
        raise HpassError(f"{origin}: 'called' of {scope!r} is {_json_type(called)}, not true or false")
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in cast("list[object]", aliases)):
        raise HpassError(f"{origin}: 'aliases' of {scope!r} is not a list of names")
    return Module(class_name or None, called, tuple(cast("list[str]", aliases)), known)


def _json_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
