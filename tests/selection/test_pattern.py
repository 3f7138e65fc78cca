from __future__ import annotations

import fnmatch
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass import ModuleTable, Pattern, UsageError
from hpass.selection.modules import all_modules, select_modules
from hpass.selection.pattern import split_patterns

NAMES = st.text(alphabet="ab0*[]{}:!=;,\\- \n/", min_size=1, max_size=4)
SCOPES = [".".join(names) for length in range(4) for names in product(("a", "b", "a0", "*"), repeat=length)]


@given(st.text(alphabet="ab0.*[]{},:!=\\-;", max_size=12))
def test_what_a_pattern_prints_parses_to_the_same_pattern(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except UsageError:
        return

    again = Pattern.parse(str(pattern))

    assert again == pattern
    assert str(again) == str(pattern)
    assert again.matching(SCOPES, ModuleTable()) == pattern.matching(SCOPES, ModuleTable())


@given(scope=st.lists(NAMES, max_size=4).map(".".join), alone=st.booleans())
def test_the_pattern_of_a_module_matches_that_module_alone(scope: str, *, alone: bool) -> None:
    pattern = Pattern.of_module(scope, alone=alone)
    others = [other for other in SCOPES if other != scope]

    assert Pattern.parse(str(pattern)) == pattern
    assert scope in pattern.matching([scope], ModuleTable())
    if scope or alone:
        assert not pattern.matching(others, ModuleTable())


@given(st.text(alphabet="ab*[]!-", min_size=1, max_size=6), st.text(alphabet="ab-!", min_size=1, max_size=4))
def test_a_glob_of_one_name_matches_as_in_a_shell(text: str, name: str) -> None:
    try:
        pattern = Pattern.parse(f"x.{text}")
    except UsageError:
        return

    assert bool(pattern.matching([f"x.{name}"], ModuleTable())) == fnmatch.fnmatchcase(name, text.replace("**", "*"))


@pytest.mark.slow
@given(st.lists(st.sampled_from(["a", "!a.b", "=a", "!=", "b", "**", "!*.a0"]), min_size=1, max_size=5))
def test_the_last_pattern_that_matches_a_module_decides(texts: list[str]) -> None:
    patterns = [Pattern.parse(text) for text in texts]
    selected = select_modules(patterns, all_modules(ModuleTable(), SCOPES), ModuleTable())

    for scope in SCOPES:
        deciding = [
            pattern
            for pattern in patterns
            if scope in select_modules([pattern.added], all_modules(ModuleTable(), SCOPES), ModuleTable())
        ]
        expected = not deciding[-1].takes_away if deciding else patterns[0].takes_away
        assert (scope in selected) == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a;b", ["a", "b"]),
        (" a ; !b ", ["a", "!b"]),
        (r"a\;b;c", [r"a\;b", "c"]),
        ("a;", ["a"]),
        ("", []),
        ("a;\\", ["a", "\\"]),
    ],
)
def test_semicolons_separate_patterns(text: str, parts: list[str]) -> None:
    assert split_patterns(text) == parts


def test_an_alias_matches_as_the_name_does() -> None:
    modules = ModuleTable.loads('{"encoder": {"class": "E", "aliases": ["enc"]}, "encoder.a": "A"}', "a test")
    everything = all_modules(modules, ())

    assert select_modules([Pattern.parse("enc")], everything, modules) == ["encoder", "encoder.a"]


def test_a_range_and_nesting_have_limits() -> None:
    with pytest.raises(UsageError, match="10,000 numbers"):
        Pattern.parse("{0..99999999}")
    with pytest.raises(UsageError, match="more than 10 braces"):
        Pattern.parse("{" * 1000)
