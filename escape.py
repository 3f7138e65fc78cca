"""Escape text from files for the medium that shows it: a terminal, Markdown or JSON.

Names in a model and names of files are untrusted. They may contain line breaks, terminal control sequences, characters
that reverse the direction of writing, Markdown or HTML. This module imports little, because `hpass --help` imports it.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Characters with a meaning inside a line of CommonMark or GitHub's Markdown, which also turns a plain address into a
# link, and the `#` that closes a heading.
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&]|(?<=:)/|(?<=www)\.|(?<!#)#(?=#*$)", re.IGNORECASE)


def for_terminal(text: str) -> str:
    r"""Return text on one line with every non-printable character escaped (`\x1b`, `\u202e`)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def for_markdown(text: str) -> str:
    """Return Markdown that shows the text literally, on one line: in a paragraph, heading, list item or table cell."""
    return _MARKDOWN.sub(r"\\\g<0>", for_terminal(text))


def for_markdown_code(text: str) -> str:
    """Return Markdown that shows the text literally, as inline code. It must not be used in a table."""
    shown = for_terminal(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    # Markdown removes one space on each side. It separates backticks and spaces of the text from the fence.
    return f"{fence}{shown}{fence}" if shown.strip("` ") == shown != "" else f"{fence} {shown} {fence}"


def for_json(value: Any) -> str:
    """Return strict JSON on one line: ASCII only, and no NaN or infinity. Raises ValueError for those."""
    return json.dumps(value, allow_nan=False)
