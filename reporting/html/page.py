"""The page of an HTML report: the data, the style and the script in one file."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import Any

from ...escape import for_terminal


def page(data: dict[str, Any]) -> str:
    """Return the report as HTML. It loads nothing, and no text of the data can become markup or a script."""
    style, script, body = (files(__package__ or "").joinpath(name).read_text("utf-8") for name in _PARTS)
    title = html.escape(for_terminal(f"{data['title']} by module"))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<style>\n{style}</style>\n</head>\n{body}'
        f'<script type="application/json" id="data">{_for_script(data)}</script>\n'
        f"<script>\n{script}</script>\n</html>\n"
    )


_PARTS = ("report.css", "report.js", "report.html")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def _for_script(data: dict[str, Any]) -> str:
    """Return strict JSON that can stand in a script element: ASCII, and `<`, `>` and `&` escaped.

    A parser ends a script element at `</script`, and `<!--` changes how it reads the rest (HTML Standard, 4.12.1).
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&"})
