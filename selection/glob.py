"""Globs of dotted names, as in a shell: `*`, `**`, `[0-3]`, `{a,b}`, `{0..11}`, and a backslash before a character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

# Characters that mean something somewhere in a pattern, or separate patterns (selection/pattern.py).
_SPECIAL = frozenset("\\*[]{},:!=;")
# The regular expressions of Python have a limit of their own, which is about a hundred times as high.
_MAX_NESTED_BRACES = 10
_MAX_RANGE = 10_000

_TOKEN = re.compile(
    r"""
    \\(?P<escaped>.)
    | (?P<names>\*\*)
    | (?P<part>\*)
    | \[ (?P<negated>[!^]?) (?P<set>\]?(?:\\.|[^]\\])*) \]
    | \{ (?P<first>\d{1,9}) \.\. (?P<last>\d{1,9}) \}
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SET_ITEM = re.compile(r"(?P<low>\\.|[^\\])(?:-(?P<high>\\.|[^\\]))?", re.DOTALL)


class GlobError(ValueError):
    """A text that is not a glob. The message says why."""


class _Token(NamedTuple):
    """A part of a glob in its canonical form, and the regular expression that it stands for."""

    text: str
    regex: str


_DOT = _Token(".", r"\.")
_ANY_PART = _Token("*", "[^.]*")
_ANY_NAMES = _Token("**", "")
_UNCLOSED = {"\\": "it ends with a backslash", "[": "'[' is not closed; write '\\[' for the character"}
_BRACES = {"{": _Token("{", "(?:"), ",": _Token(",", "|"), "}": _Token("}", ")")}


@dataclass(frozen=True)
class Glob:
    """A glob of dotted names. Equal globs have the same canonical form, which is their text."""

    tokens: tuple[_Token, ...]

    @classmethod
    def parse(cls, text: str) -> Glob:
        """Parse a glob. Raises GlobError if a bracket or brace is not closed, or a name is missing."""
        tokens = tuple(_tokens(text))
        names = "".join("a" if token is not _DOT else "." for token in tokens)
        if tokens and "" in names.split("."):
            raise GlobError("a name is missing beside a dot")
        for index, token in enumerate(tokens):
            neighbours = (*tokens[max(0, index - 1) : index], *tokens[index + 1 : index + 2])
            if token is _ANY_NAMES and any(other is not _DOT for other in neighbours):
                raise GlobError("'**' stands alone between dots; inside a name, write '*'")
        return cls(tokens)

    @classmethod
    def literal(cls, text: str) -> Glob:
        """Return the glob that matches this text alone."""
        return cls(tuple(_DOT if character == "." else _character(character) for character in text))

    def matches(self, name: str) -> bool:
        """Whether the glob matches a dotted name completely. The empty glob matches the empty name."""
        return self._regex.fullmatch(name + "." if name else "") is not None

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        # Every name ends with a dot, so that `**.` can stand for no name at all.
        parts: list[str] = []
        tokens = iter((*self.tokens, _DOT) if self.tokens else ())
        for token in tokens:
            if token is _ANY_NAMES:
                next(tokens)
                parts.append(r"(?:[^.]+\.)*")
            else:
                parts.append(token.regex)
        return re.compile("".join(parts), re.DOTALL)

    def __str__(self) -> str:
        return "".join(token.text for token in self.tokens)


def _tokens(text: str) -> Iterator[_Token]:
    # The number of commas in each open brace.
    commas: list[int] = []
    for found in _TOKEN.finditer(text):
        other = found["other"]
        if other is None:
            yield _compound(found)
        elif other in _UNCLOSED:
            raise GlobError(_UNCLOSED[other])
        elif other == "{" or (commas and other in _BRACES):
            _count(other, commas)
            yield _BRACES[other]
        else:
            yield _DOT if other == "." else _character(other)
    if commas:
        raise GlobError("'{' is not closed; write '\\{' for the character")


def _compound(found: re.Match[str]) -> _Token:
    """Return the token of more than one character."""
    if found["escaped"] is not None:
        return _DOT if found["escaped"] == "." else _character(found["escaped"])
    if found["names"] is not None:
        return _ANY_NAMES
    if found["part"] is not None:
        return _ANY_PART
    if found["set"] is not None:
        return _set(found["set"], negated=bool(found["negated"]))
    return _range(int(found["first"]), int(found["last"]))


def _count(brace: str, commas: list[int]) -> None:
    """Keep count of the commas in open braces. Raises GlobError if a brace has none, or if too many are open."""
    if brace == ",":
        commas[-1] += 1
    elif brace == "{":
        commas.append(0)
        if len(commas) > _MAX_NESTED_BRACES:
            raise GlobError(f"more than {_MAX_NESTED_BRACES} braces inside each other")
    elif commas.pop() == 0:
        raise GlobError("braces without a comma; write '\\{' for the character")


def _character(character: str) -> _Token:
    return _Token(f"\\{character}" if character in _SPECIAL else character, re.escape(character))


def _range(first: int, last: int) -> _Token:
    step = 1 if last >= first else -1
    if abs(last - first) >= _MAX_RANGE:
        raise GlobError(f"a range of more than {_MAX_RANGE:,} numbers")
    numbers = "|".join(map(str, range(first, last + step, step)))
    return _Token(f"{{{first}..{last}}}", f"(?:{numbers})")


def _set(text: str, *, negated: bool) -> _Token:
    if not text:
        raise GlobError("'[]' has no character")
    ranges = [
        (low, low if item["high"] is None else item["high"][-1])
        for item in _SET_ITEM.finditer(text)
        for low in (item["low"][-1],)
    ]
    for low, high in ranges:
        if low > high:
            raise GlobError(f"'{low}-{high}' in brackets is backwards")
    printed = "".join(
        _escaped_in_set(low) + ("" if low == high else f"-{_escaped_in_set(high)}") for low, high in ranges
    )
    members = "".join(re.escape(low) + ("" if low == high else f"-{re.escape(high)}") for low, high in ranges)
    sign = "!" if negated else ""
    # A set stands for one character of a name, never for the dot between two.
    return _Token(f"[{sign}{printed}]", f"(?!\\.)[{'^' if negated else ''}{members}]")


def _escaped_in_set(character: str) -> str:
    return f"\\{character}" if character in "\\]!^-" or character in _SPECIAL else character
