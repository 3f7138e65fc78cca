"""The JSON of the forms that other tools read."""

from __future__ import annotations

import json
from typing import Any


def json_text(value: Any) -> str:
    """Return a value as JSON text with an indentation of two spaces."""
    return json.dumps(value, indent=2, allow_nan=False)
