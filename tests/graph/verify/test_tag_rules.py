"""What is wrong with a tag, in a run and in a file."""

from __future__ import annotations

import onnx
import pytest

from hpass import Confidence, ModuleTable, Source, Tag
from hpass.graph.verify.tag_rules import Problem, Rule, stored_tag_problems, tag_problems
from hpass.tags.tag_edits import write_tag
from hpass.tags.tag_format import tag_entries

TABLE = ModuleTable.from_json({"": "M", "a": "A", "b": "B"}, "the test")
GOOD = {
    "hpass.scope": "a",
    "hpass.serves": "b",
    "hpass.tag": "/M/B",
    "hpass.source": "name",
    "hpass.confidence": "high",
}


@pytest.mark.parametrize(
    ("tag", "problems"),
    [
        (Tag("a", Source.NAME), []),
        (Tag("", Source.FALLBACK, serves="b"), []),
        (None, [(Rule.HAS_TAG, "no tag")]),
        (Tag("c", Source.NAME), [(Rule.IN_TABLE, "module 'c' is not in the module table")]),
        (Tag("a", Source.NAME, serves="c"), [(Rule.IN_TABLE, "module 'c' is not in the module table")]),
        (Tag("a", Source.NAME, serves="a"), [(Rule.WELL_FORMED, "hpass.serves repeats the scope")]),
        (
            Tag("a..b", Source.NAME),
            [(Rule.WELL_FORMED, "'a..b' is not the name of a module; it has an empty part")],
        ),
    ],
)
def test_a_tag_in_a_run(tag: Tag | None, problems: list[Problem]) -> None:
    assert list(tag_problems(tag, TABLE)) == problems


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hpass.scope": None}, (Rule.HAS_TAG, "no tag")),
        ({"hpass.tag": None}, (Rule.WELL_FORMED, "no hpass.tag")),
        ({"hpass.source": None}, (Rule.WELL_FORMED, "no hpass.source")),
        ({"hpass.confidence": "sure"}, (Rule.WELL_FORMED, "hpass.confidence is 'sure', not one of high, medium, low")),
        ({"hpass.serves": "a", "hpass.tag": "/M/A"}, (Rule.WELL_FORMED, "hpass.serves repeats the scope")),
        ({"hpass.tag": "/M/A"}, (Rule.CLASS_PATH, "hpass.tag is '/M/A'; by the module table it is '/M/B'")),
        ({"hpass.call": "01"}, (Rule.WELL_FORMED, "hpass.call is '01', not a whole number from 0")),
        (
            {"hpass.scope": "", "hpass.call": "1"},
            (Rule.CALL, "hpass.call is 1 at the root, which is called once"),
        ),
        ({"hpass.scope": "c"}, (Rule.IN_TABLE, "module 'c' is not in the module table")),
    ],
)
def test_a_tag_in_a_file(changes: dict[str, str | None], problem: Problem) -> None:
    entries = [(key, value) for key, value in (GOOD | changes).items() if value is not None]

    assert list(stored_tag_problems(entries, TABLE)) == [problem]


def test_a_key_that_occurs_twice() -> None:
    entries = [*GOOD.items(), ("hpass.source", "name")]

    assert list(stored_tag_problems(entries, TABLE)) == [(Rule.WELL_FORMED, "an hpass key occurs twice")]


def test_what_is_written_keeps_the_rules() -> None:
    node = onnx.NodeProto()
    write_tag(node, Tag("a", Source.NAME, Confidence.LOW, serves="b"), TABLE.path("b"))

    assert list(stored_tag_problems(tag_entries(node), TABLE)) == []
