"""Write the page of a benchmark to a file or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path


def write_page(text: str, output: Path | None) -> None:
    """Write a page in Markdown; to standard output if `output` is None."""
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
