"""The module table: the modules of a model and the class path (the tag) of each.

Its JSON form is `{"version": 1, "modules": {scope: {"class": ..., ...}}}`. docs/tag-format.md describes class paths and
the JSON form.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ..errors import HpassError
from .class_paths import class_paths, join_segment, percent_encode
from .module import Module, is_called, merge_modules, nearest_called
from .module_json import json_type, module_from_json, module_to_json
from .prefix_alignment import find_prefixes
from .scope import is_descendant, is_scope, natural_sort_key, relative

TABLE_VERSION = 1
# The metadata key under which an exporter embeds the table.
EXPORTER_TABLE = "module_table"


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
            self.modules[scope] = module if known is None else merge_modules(known, module)
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
        return is_called(self.modules, scope)

    def nearest_called(self, scope: str) -> str:
        """Return the nearest called module at or above a scope; the root if there is none."""
        return nearest_called(self.modules, scope)

    def aliases(self) -> dict[str, str]:
        """Return a mapping of each alias to the module's scope in the table."""
        return {alias: scope for scope, module in self.modules.items() for alias in module.aliases}

    def path(self, scope: str) -> str:
        """Return the class path of a module, the value of `hpass.tag`.

        If the scope is not in the table, its class path is that of its nearest called ancestor, followed by its name
        relative to that ancestor.
        """
        if self._paths is None:
            self._paths = class_paths(self.modules)
        path = self._paths.get(scope)
        if path is None:
            ancestor = self.nearest_called(scope)
            path = self._paths[scope] = join_segment(
                self._paths.get(ancestor, "/"), percent_encode(relative(scope, ancestor))
            )
        return path

    def to_json(self) -> dict[str, Any]:
        """Return the table as a JSON-serialisable dictionary with the modules in natural order."""
        return {
            "version": TABLE_VERSION,
            "modules": {
                scope: module_to_json(self.modules[scope]) for scope in sorted(self.modules, key=natural_sort_key)
            },
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
                f"{origin}: is {json_type(data)}; a module table is a JSON object that maps scopes to classes"
            )
        entries = cast("dict[str, object]", data)
        if isinstance(entries.get("modules"), dict):
            version = entries.get("version")
            if version != TABLE_VERSION:
                raise HpassError(f"{origin}: module table of version {version!r}; this hpass reads {TABLE_VERSION}")
            entries = cast("dict[str, object]", entries["modules"])
        return cls({scope: module_from_json(scope, entry, origin) for scope, entry in entries.items()})

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
