"""hpass strip: the model without tags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..reporting.text import several
from .options import ExternalData, InPlace, Input
from .outputs import written_to
from .streams import emit


def strip(
    source: Input,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="Where to write; - is standard output."),
    ] = None,
    *,
    in_place: InPlace = False,
    external_data: ExternalData = "copy",
) -> None:
    """Remove all tags: every hpass.* key goes."""
    from ..api import load
    from ..graph.external import Carry

    target = written_to(source, output, in_place=in_place)
    model = load(source)
    count = model.strip()
    model.save(target, Carry(external_data))
    if str(target) != "-":
        emit(f"{target}: {several(count, 'key')} removed\n")
