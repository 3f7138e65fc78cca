"""A pattern of modules (docs/patterns.md): `encoder.layer.3`, `=encoder`, `:BertLayer`, `!decoder`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..tags.module import Module
from ..tags.module_table import ModuleTable
from .glob import Glob, GlobError

# The class of a pattern follows the first colon that is neither escaped nor in brackets.
_PATH = re.compile(r"(?:\\.|\[[!^]?\]?(?:\\.|[^]\\])*\]|[^:\\])*\\?", re.DOTALL)
_ANY_MODULE = Glob.parse("**")
_ITEM = re.compile(r"(?:\\.|[^;\\])+\\?|\\", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    """A pattern of modules. Its text is its canonical form, which parses to an equal pattern.

    `path` matches names of modules, and `class_glob` their classes; None if any class will do. `alone` excludes the
    modules below those that match. `takes_away` removes modules from a selection.
    """

    path: Glob
    class_glob: Glob | None = None
    alone: bool = False
    takes_away: bool = False

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Parse a pattern. Raises UsageError, with the reason, if the text is not one."""
        rest = text.removeprefix("!")
        takes_away = rest != text
        alone = rest.startswith("=")
        rest = rest[1:] if alone else rest
        found = _PATH.match(rest)
        path = "" if found is None else found[0]
        class_text = rest[len(path) + 1 :] if path != rest else None
        try:
            path_glob, class_glob = _path_glob(path, class_text, alone=alone), _class_glob(class_text)
        except GlobError as error:
            raise UsageError(f"'{text}': not a pattern of modules; {error}") from error
        return cls(path_glob, class_glob, alone=alone, takes_away=takes_away)

    @classmethod
    def of_module(cls, scope: str, *, alone: bool = False) -> Pattern:
        """Return the pattern of one module and, unless it is `alone`, of all modules below it."""
        return cls(Glob.literal(scope) if scope or alone else _ANY_MODULE, alone=alone)

    @property
    def added(self) -> Pattern:
        """The pattern without `!`."""
        return replace(self, takes_away=False)

    def matching(self, modules: Iterable[str], table: ModuleTable) -> set[str]:
        """Return the modules whose name, or an alias of it, and whose class match; not those below them."""
        return {scope for scope in modules if self._has_name(scope, table) and self._has_class(scope, table)}

    def _has_name(self, scope: str, table: ModuleTable) -> bool:
        aliases = table[scope].aliases if scope in table else ()
        return any(self.path.matches(name) for name in (scope, *aliases))

    def _has_class(self, scope: str, table: ModuleTable) -> bool:
        if self.class_glob is None:
            return True
        module = table[scope] if scope in table else Module()
        names = filter(None, (module.bare_class, module.class_name))
        return any(map(self.class_glob.matches, names))

    def __str__(self) -> str:
        signs = "!" * self.takes_away + "=" * self.alone
        if self.class_glob is None:
            return f"{signs}{self.path}"
        return f"{signs}{'' if self.path == _ANY_MODULE else self.path}:{self.class_glob}"


def _path_glob(path: str, class_text: str | None, *, alone: bool) -> Glob:
    if class_text is None:
        if not path and not alone:
            raise GlobError("it is empty; '**' stands for all modules, '=' for the root alone")
        return Glob.parse(path)
    if not path:
        return _ANY_MODULE
    return Glob.parse(f"{path}**.*" if path.endswith(".") else path)


def _class_glob(text: str | None) -> Glob | None:
    if text == "":
        raise GlobError("no class follows the colon")
    return None if text is None else Glob.parse(text)


def parse_patterns(texts: Iterable[str]) -> list[Pattern]:
    """Parse the patterns of a selection. Raises UsageError if there is none, or if a text is not a pattern."""
    parsed = [Pattern.parse(text) for text in texts]
    if not parsed:
        raise UsageError("no pattern is given; '**' selects all modules")
    return parsed


def split_patterns(text: str) -> list[str]:
    """Return the patterns of one text, which are separated by semicolons. A backslash makes a semicolon literal."""
    return [item for item in (found[0].strip() for found in _ITEM.finditer(text)) if item]
