"""The rules for tags, for the tags of a run and for the tags in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from ...tags.module_table import ModuleTable
from ...tags.scope import scope_problem
from ...tags.tag_format import CALL, CONFIDENCE, SCOPE, SERVES, SOURCE, TAG, Confidence, Source, Tag, parse_call


class Rule(StrEnum):
    """A rule that the tag of every node must follow. The values are the `rule` of findings."""

    HAS_TAG = "coverage"
    WELL_FORMED = "malformed-tag"
    IN_TABLE = "tag-not-in-table"
    CLASS_PATH = "tag-text"
    WITHIN = "within"
    CALL = "call"


class Problem(NamedTuple):
    """A rule that a tag breaks, and a message of one line."""

    rule: Rule
    message: str


def tag_problems(tag: Tag | None, modules: ModuleTable) -> Iterator[Problem]:
    """Yield every problem of the tag of a node in a run. `modules` is the table in use."""
    if tag is None:
        yield Problem(Rule.HAS_TAG, "no tag")
        return
    for scope in dict.fromkeys((tag.scope, tag.target)):
        problem = scope_problem(scope)
        if problem is not None:
            yield Problem(Rule.WELL_FORMED, f"{scope!r} is not the name of a module; {problem}")
        elif scope not in modules:
            yield Problem(Rule.IN_TABLE, f"{_called(scope)} is not in the module table")
    if tag.serves == tag.scope:
        yield Problem(Rule.WELL_FORMED, f"{SERVES} repeats the scope")
    if tag.call is not None and not tag.scope:
        yield Problem(Rule.CALL, f"{CALL} is {tag.call} at the root, which is called once")


def stored_tag_problems(entries: Sequence[tuple[str, str]], modules: ModuleTable) -> Iterator[Problem]:
    """Yield every problem of the tag of a node in a file.

    `entries` are the `hpass.*` keys and values of the node, and `modules` is the table in the file.
    """
    found = dict(entries)
    tag = None
    if SCOPE in found:
        tag = Tag(found[SCOPE], Source.FALLBACK, serves=found.get(SERVES), call=parse_call(found.get(CALL)))
    yield from tag_problems(tag, modules)
    if tag is None:
        return
    if CALL in found and tag.call is None:
        yield Problem(Rule.WELL_FORMED, f"{CALL} is {found[CALL]!r}, not a whole number from 0")
    if len(found) != len(entries):
        yield Problem(Rule.WELL_FORMED, "an hpass key occurs twice")
    for key in (TAG, SOURCE, CONFIDENCE):
        if key not in found:
            yield Problem(Rule.WELL_FORMED, f"no {key}")
    for key, words in ((SOURCE, Source), (CONFIDENCE, Confidence)):
        if key in found and found[key] not in list(words):
            yield Problem(Rule.WELL_FORMED, f"{key} is {found[key]!r}, not one of {', '.join(words)}")
    if TAG in found and found[TAG] != modules.path(tag.target):
        yield Problem(
            Rule.CLASS_PATH, f"{TAG} is '{found[TAG]}'; by the module table it is '{modules.path(tag.target)}'"
        )


def _called(scope: str) -> str:
    return f"module '{scope}'" if scope else "the root"
