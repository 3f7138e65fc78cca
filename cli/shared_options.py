"""Arguments and options that several commands take; those about tagging are in tagging.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Input = Annotated[Path, typer.Argument(metavar="IN", help="The model, or - for standard input.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ExternalData = Annotated[
    Literal["copy", "link"],
    typer.Option("--external-data", help="How external data goes along into another folder."),
]
InPlace = Annotated[bool, typer.Option("--in-place", help="Write over the input.")]
