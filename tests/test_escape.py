from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from hpass.escape import for_json, for_markdown, for_markdown_code, for_terminal

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ANY = st.text() | st.text("`#*_[]()<>|~&;:/!\\ \t\n\r\x1b\u202e\u2028aw.", min_size=1)


@given(ANY)
def test_a_terminal_gets_one_line_that_it_simply_shows(text: str) -> None:
    assert for_terminal(text).isprintable()


@given(st.text().filter(str.isprintable))
def test_a_terminal_gets_what_is_printable_as_it_is(text: str) -> None:
    assert for_terminal(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b]0;t\x07", r"\x1b]0;t\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202ecba", r"abc\u202ecba"),
        ("a\udcff", r"a\udcff"),
        ("größe 层", "größe 层"),
    ],
)
def test_what_is_not_printable_is_written_out(text: str, shown: str) -> None:
    assert for_terminal(text) == shown


@given(ANY)
def test_markdown_shows_a_text_as_a_terminal_does(text: str) -> None:
    # Between words, because Markdown drops spaces at the ends of what it shows.
    for before, after in (("- a", "b"), ("# a", "b"), ("# ", ""), ("a", "b")):
        shown = _shown(f"{before}{for_markdown(text)}{after}")
        assert shown == f"{before.lstrip('-# ')}{for_terminal(text)}{after}".strip(" ") or not text.strip()


@given(ANY)
def test_a_cell_of_a_table_holds_a_text_as_it_is(text: str) -> None:
    cells = [token.content for token in _inline(f"|h|i|\n|---|---|\n| a{for_markdown(text)}b | c |\n")]

    assert len(cells) == 4
    assert cells[-1] == "c"


@given(ANY)
def test_markdown_code_holds_a_text_as_it_is(text: str) -> None:
    (inline,) = _inline(f"a {for_markdown_code(text)} b")

    assert [token.type for token in inline.children or ()] == ["text", "code_inline", "text"]
    assert (inline.children or ())[1].content.strip(" ") == for_terminal(text).strip(" ")


@pytest.mark.parametrize("text", ["https://a.b", "http://a.b", "www.a.b", "WWW.a.b", "ftp://a.b"])
def test_an_address_is_no_link(text: str) -> None:
    """GitHub makes links of addresses; a backslash in the middle of one prevents it."""
    assert "\\" in for_markdown(text)
    assert _shown(for_markdown(text)) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)
    )
)
def test_json_is_ascii_on_one_line(value: object) -> None:
    text = for_json(value)

    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == value


def test_json_has_no_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        for_json(float("nan"))


def _inline(text: str) -> list[Token]:
    return [token for token in MARKDOWN.parse(text) if token.type == "inline"]


def _shown(text: str) -> str:
    """Return the text that Markdown shows, if it is one line of nothing but text."""
    children = [child for inline in _inline(text) for child in inline.children or ()]
    assert {child.type for child in children} <= {"text", "text_special"}
    return "".join(child.content for child in children)
