"""Lists of strings as exporters write them into metadata: as Python's repr."""

from __future__ import annotations

import ast
from typing import Any, cast


def strings(text: str) -> list[str]:
    """Read the repr of a list of strings; empty where it is none."""
    if text.startswith("['") and text.endswith("']") and '"' not in text and "\\" not in text:
        return text[2:-2].split("', '")
    try:
        value: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []
