"""The module table: the modules of a model and the class path (the tag) of each.

Its JSON form is `{"version": 1, "modules": {scope: {"class": ..., ...}}}`. docs/tag-format.md describes class paths and
the JSON form.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeGuard, cast

from ..errors import HpassError, quoted
from .prefix_alignment import find_prefixes
from .scope import is_encodable, is_scope, scope_problem

TABLE_VERSION = 1
# The metadata key under which an exporter embeds the table.
EXPORTER_TABLE = "module_table"
# Python rejects numbers with thousands of digits, so a number of more than 18 digits is read as several.
_NUMBER = re.compile(r"(\d{1,18})")
# Classes of PyTorch whose modules never run: the containers have no `forward`, and the last one only holds parameters.
_NEVER_CALLED = frozenset(
    {"ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "NonDynamicallyQuantizableLinear"}
)
_TORCH_PACKAGE = "torch.nn."
# The maximum nesting of an entry. Readers have different limits, so a deeper one may not be readable after writing.
_MAX_NESTING = 32


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the table.

    `class_name` is bare or qualified, or None if it is unknown. `called` is False for a container that never runs
    itself, and None if that is unknown. `aliases` are further names of the same module. `extra` has all other keys of
    the module's JSON object.
    """

    class_name: str | None = None
    called: bool | None = None
    aliases: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def bare_class(self) -> str | None:
        """The class name without its package."""
        return None if self.class_name is None else self.class_name.rpartition(".")[2]

    @property
    def parameters(self) -> Sequence[str]:
        """The names of its own parameters and buffers, if the table has them."""
        return self.extra.get("parameters", ())


@dataclass(slots=True)
class ModuleTable:
    """A mapping of fully-qualified names to modules. The root has the empty name.

    `revision` is another number after each change by `add` or `merge`.
    """

    modules: dict[str, Module] = field(default_factory=dict[str, Module])
    revision: int = field(default=0, compare=False, repr=False)
    _paths: dict[str, str] | None = field(default=None, compare=False, repr=False)

    def __contains__(self, scope: object) -> bool:
        return scope in self.modules

    def __iter__(self) -> Iterator[str]:
        return iter(self.modules)

    def __len__(self) -> int:
        return len(self.modules)

    def __getitem__(self, scope: str) -> Module:
        return self.modules[scope]

    def copy(self) -> ModuleTable:
        """Return a new table with the same modules."""
        return ModuleTable(dict(self.modules))

    def add(self, scope: str, class_name: str | None = None, *, called: bool | None = None) -> None:
        """Add a module. If the table has it, only its unknown class and its unknown `called` are set.

        An empty class name is an unknown one, as in the JSON form.
        """
        class_name = class_name or None
        known = self.modules.get(scope)
        if known is None:
            self.modules[scope] = Module(class_name, called)
        else:
            class_name = class_name if known.class_name is None else known.class_name
            called = called if known.called is None else known.called
            if (class_name, called) == (known.class_name, known.called):
                return
            self.modules[scope] = replace(known, class_name=class_name, called=called)
        self._paths = None
        self.revision += 1

    def merge(self, other: ModuleTable) -> None:
        """Add the other table's modules, and the fields that this table does not know. Known fields stay."""
        for scope, module in other.modules.items():
            known = self.modules.get(scope)
            self.modules[scope] = module if known is None else _merge_modules(known, module)
        self._paths = None
        self.revision += 1

    def aligned(self, names: Collection[str]) -> ModuleTable:
        """Return the table with its scopes renamed to match the names in a file (prefix_alignment.py).

        If the names do not determine the prefixes, or a prefix makes a name too long, the table itself is returned.
        """
        prefixes = find_prefixes({*self.modules, *self.aliases()}, names)
        stripped = _subtable(self, prefixes.strip) if prefixes.strip else self
        nested = _nested_table(stripped, prefixes.prepend) if prefixes.prepend else stripped
        return nested if all(map(is_scope, nested)) else self

    def in_order_of(self, other: ModuleTable) -> ModuleTable:
        """Return the same modules in another order: first those in `other`, after its alignment with this table."""
        first = [scope for scope in other.aligned(self.modules) if scope in self.modules]
        return ModuleTable({scope: self.modules[scope] for scope in (*dict.fromkeys(first), *self.modules)})

    def is_called(self, scope: str) -> bool:
        """Whether the module is a level in tags: it is in the table, and it is not a container that never runs."""
        module = self.modules.get(scope)
        return module is not None and module.called is not False

    def nearest_called(self, scope: str) -> str:
        """Return the nearest called module at or above a scope; the root if there is none."""
        while scope and not self.is_called(scope):
            scope = parent(scope)
        return scope

    def aliases(self) -> dict[str, str]:
        """Return a mapping of each alias to the module's scope in the table."""
        return {alias: scope for scope, module in self.modules.items() for alias in module.aliases}

    def path(self, scope: str) -> str:
        """Return the class path of a module, the value of `hpass.tag`.

        If the scope is not in the table, its class path is that of its nearest called ancestor, followed by its name
        relative to that ancestor.
        """
        if self._paths is None:
            self._paths = _class_paths(self)
        path = self._paths.get(scope)
        if path is None:
            ancestor = self.nearest_called(scope)
            path = self._paths[scope] = _join(
                self._paths.get(ancestor, "/"), _percent_encode(relative(scope, ancestor))
            )
        return path

    def to_json(self) -> dict[str, Any]:
        """Return the table as a JSON-serialisable dictionary with the modules in natural order."""
        return {
            "version": TABLE_VERSION,
            "modules": {scope: _to_json(self.modules[scope]) for scope in sorted(self.modules, key=natural_sort_key)},
        }

    def dumps(self) -> str:
        """Return the table as compact JSON text."""
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, data: object, origin: str) -> ModuleTable:
        """Read a table from parsed JSON: the full form, or an object that maps scopes to classes.

        Raises HpassError, naming `origin` and the entry, if the data has neither form.
        """
        if not isinstance(data, dict):
            raise HpassError(
                f"{origin}: is {_json_type(data)}; a module table is a JSON object that maps scopes to classes"
            )
        entries = cast("dict[str, object]", data)
        if isinstance(entries.get("modules"), dict):
            version = entries.get("version")
            if version != TABLE_VERSION:
                raise HpassError(f"{origin}: module table of version {version!r}; this hpass reads {TABLE_VERSION}")
            entries = cast("dict[str, object]", entries["modules"])
        return cls({scope: _from_json(scope, entry, origin) for scope, entry in entries.items()})

    @classmethod
    def loads(cls, text: str, origin: str) -> ModuleTable:
        """Read a table from JSON text. Raises HpassError, naming `origin`, if it is invalid JSON or not a table."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise HpassError(f"{origin}: not valid JSON ({error})") from error
        except RecursionError as error:
            raise HpassError(f"{origin}: not a module table (the JSON is nested too deeply)") from error
        return cls.from_json(data, origin)


def parent(scope: str) -> str:
    """Return the scope one level up; the root is its own parent."""
    return scope.rpartition(".")[0]


def is_descendant(scope: str, ancestor: str) -> bool:
    """Whether a scope is `ancestor` itself or below it."""
    return not ancestor or scope == ancestor or scope.startswith(ancestor + ".")


def lca(scopes: Iterable[str]) -> str:
    """Return the lowest common ancestor of scopes; the root if there are none."""
    common: list[str] | None = None
    for scope in scopes:
        atoms = scope.split(".") if scope else []
        if common is None:
            common = atoms
            continue
        length = 0
        for ours, theirs in zip(common, atoms, strict=False):
            if ours != theirs:
                break
            length += 1
        if length == 0:
            return ""
        common = common[:length]
    return ".".join(common or [])


def relative(scope: str, ancestor: str) -> str:
    """Return a scope relative to an ancestor: `b.c` for `a.b.c` and `a`."""
    return scope[len(ancestor) + 1 :] if ancestor else scope


def depth(scope: str) -> int:
    """Return the number of atoms of a scope; 0 for the root."""
    return scope.count(".") + 1 if scope else 0


def natural_sort_key(scope: str) -> list[tuple[str | int, ...]]:
    """Return a sort key that orders numbers by value: `layer.2` before `layer.10`, and `block2` before `block10`."""
    return [_atom_sort_key(atom) for atom in scope.split(".")] if scope else []


@lru_cache(maxsize=4096)
def _atom_sort_key(atom: str) -> tuple[str | int, ...]:
    """Return the texts and numbers of an atom alternately. The first item is a text, which may be empty."""
    return tuple(int(part) if index % 2 else part for index, part in enumerate(_NUMBER.split(atom)))


def _subtable(table: ModuleTable, root: str) -> ModuleTable:
    """Return the modules within one module, with scopes and aliases relative to it."""
    inner = {relative(scope, root): module for scope, module in table.modules.items() if is_descendant(scope, root)}
    return ModuleTable(
        {
            scope: replace(
                module, aliases=tuple(relative(name, root) for name in module.aliases if is_descendant(name, root))
            )
            for scope, module in inner.items()
        }
    )


def _nested_table(table: ModuleTable, name: str) -> ModuleTable:
    """Return the table of a model that contains this table's model as its module `name`."""
    moved = {
        f"{name}.{scope}" if scope else name: replace(
            module, aliases=tuple(f"{name}.{alias}" for alias in module.aliases)
        )
        for scope, module in table.modules.items()
    }
    return ModuleTable({"": Module(), **moved})


def _merge_modules(known: Module, other: Module) -> Module:
    return Module(
        other.class_name if known.class_name is None else known.class_name,
        other.called if known.called is None else known.called,
        known.aliases or other.aliases,
        {**other.extra, **known.extra},
    )


def _class_paths(table: ModuleTable) -> dict[str, str]:
    """Return the class path of every module in the table. No two modules have the same class path."""
    paths: dict[str, str] = {}
    children: dict[str, list[str]] = {}
    for scope in table.modules:
        if scope:
            children.setdefault(table.nearest_called(parent(scope)), []).append(scope)
    root = table.modules.get("")
    root_class = None if root is None else root.bare_class
    paths[""] = "/" if root_class is None else "/" + _percent_encode(root_class)
    pending = [""]
    while pending:
        ancestor = pending.pop()
        descendants = children.get(ancestor, [])
        for scope, segment in _segments(table, ancestor, descendants).items():
            paths[scope] = _join(paths[ancestor], segment)
        pending.extend(scope for scope in descendants if scope in children)
    return paths


def _segments(table: ModuleTable, ancestor: str, scopes: list[str]) -> dict[str, str]:
    """Return the class-path segment of each module whose nearest called ancestor is `ancestor`.

    A short segment that is unique among the called modules stays short. Containers that are not called have the long
    form, because they are never levels of tags.
    """
    short = {scope: _short_segment(table[scope], relative(scope, ancestor)) for scope in scopes}
    counts = Counter(short[scope] for scope in scopes if table.is_called(scope))
    segments: dict[str, str] = {}
    for scope in scopes:
        unique = table.is_called(scope) and counts[short[scope]] == 1
        segments[scope] = short[scope] if unique else _long_segment(table[scope], relative(scope, ancestor))
    # Segments can still be equal (a module `b.c` of class `A` and a module `A.b.c` of unknown class). They are replaced
    # by the encoded name, which is unique. The loop repeats because a replacement can equal another segment.
    while len(set(segments.values())) < len(segments):
        counts = Counter(segments.values())
        for scope, segment in segments.items():
            if counts[segment] > 1:
                segments[scope] = _percent_encode(relative(scope, ancestor)).replace(".", "%2E")
    return segments


def _short_segment(module: Module, name: str) -> str:
    if module.bare_class is None:
        return _percent_encode(name)
    own = name.rpartition(".")[2]
    return _percent_encode(f"{module.bare_class}.{own}" if own.isdecimal() else module.bare_class)


def _long_segment(module: Module, name: str) -> str:
    return _percent_encode(name if module.bare_class is None else f"{module.bare_class}.{name}")


def _join(path: str, segment: str) -> str:
    return path + segment if path == "/" else f"{path}/{segment}"


_RESERVED = re.compile("[%/]")


def _percent_encode(name: str) -> str:
    return _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", name)


def _to_json(module: Module) -> dict[str, Any]:
    entry: dict[str, Any] = {} if module.class_name is None else {"class": module.class_name}
    if module.called is not None:
        entry["called"] = module.called
    if module.aliases:
        entry["aliases"] = list(module.aliases)
    return entry | dict(module.extra)


def _from_json(scope: str, entry: object, origin: str) -> Module:
    name = quoted(scope)
    problem = scope_problem(scope)
    if problem is not None:
        raise HpassError(f"{origin}: {name} is not the name of a module; {problem}")
    if not _is_json_text(entry):
        raise HpassError(f"{origin}: the entry of {name} is not JSON text in UTF-8 (a surrogate, NaN, deep nesting)")
    if entry is None or isinstance(entry, str):
        return Module(entry or None, _called_if_unknown(entry))
    if not isinstance(entry, dict):
        raise HpassError(f"{origin}: the entry of {name} is {_json_type(entry)}, not a class name or an object")
    known = dict(cast("dict[str, Any]", entry))
    if type(known.get("order", 0)) is not int:
        raise HpassError(f"{origin}: 'order' of {name} is {_json_type(known['order'])}, not an integer")
    if not _is_list_of_strings(known.get("parameters", [])):
        raise HpassError(f"{origin}: 'parameters' of {name} is not a list of names")
    class_name, called, aliases = known.pop("class", None), known.pop("called", None), known.pop("aliases", [])
    if class_name is not None and not isinstance(class_name, str):
        raise HpassError(f"{origin}: the class of {name} is {_json_type(class_name)}, not a string")
    if called is not None and not isinstance(called, bool):
        raise HpassError(f"{origin}: 'called' of {name} is {_json_type(called)}, not true or false")
    if not _is_list_of_strings(aliases) or not all(map(is_scope, aliases)):
        raise HpassError(f"{origin}: 'aliases' of {name} is not a list of names")
    called = _called_if_unknown(class_name) if called is None else called
    return Module(class_name or None, called, tuple(aliases), known)


def _called_if_unknown(class_name: str | None) -> bool | None:
    """Return what a class tells of whether its modules run; None if that is nothing. The name may be bare."""
    package, _, bare = (class_name or "").rpartition(".")
    return False if bare in _NEVER_CALLED and f"{package}.".startswith((_TORCH_PACKAGE, ".")) else None


def _is_list_of_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value))


def _is_json_text(value: object) -> bool:
    """Whether a value can be written as JSON in UTF-8 with at most _MAX_NESTING levels."""
    if isinstance(value, str):
        return is_encodable(value)
    level, nesting = [value], 0
    while level and nesting <= _MAX_NESTING:
        nesting += 1
        level = [inner for item in level for inner in _items(item)]
    if level:
        return False
    try:
        return is_encodable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError):
        return False


def _items(value: object) -> Iterable[object]:
    """Return the items of a JSON array or the values of a JSON object."""
    if isinstance(value, dict):
        return cast("dict[object, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


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
