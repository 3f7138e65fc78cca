"""`hpass strip`: remove all tags from a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..wording import counted
from .file_uses import FileUses
from .paths import output_path, parse_output
from .shared_options import ExternalData, InPlace, Input
from .streams import write_summary


def strip(
    source: Input,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", parser=parse_output, metavar="OUT", help="The output file; - is standard output."
        ),
    ] = None,
    *,
    in_place: InPlace = False,
    external_data: ExternalData = "copy",
) -> None:
    """Remove all tags, that is every hpass.* key.

    Names that the pass rename changed and metadata that the pass annotate wrote are restored first.
    """
    from ..api import load
    from ..graph.files.external_data import ExternalDataMode

    target = output_path(source, output, in_place=in_place)
    uses = FileUses()
    if not in_place:
        uses.read(source, f"the input {source}")
    uses.write(target, f"the output of {source}")
    model = load(source)
    uses.add_external_data(model, target)
    stripped = model.strip()
    model.save(target, ExternalDataMode(external_data))
    if str(target) != "-":
        parts = [f"{counted(stripped.keys, 'key')} removed"]
        if stripped.restored:
            parts.append(f"{stripped.restored:,} names and annotations restored")
        if stripped.left:
            parts.append(f"{stripped.left:,} left as another tool changed them")
        write_summary(f"{target}: {', '.join(parts)}")
