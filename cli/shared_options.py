"""Arguments and options that several commands share. Those about tagging are in tagging_options.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Input = Annotated[Path, typer.Argument(metavar="IN", help="The model, or - for standard input.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ExternalData = Annotated[
    Literal["copy", "link"],
    typer.Option("--external-data", help="How to place external data in another output folder."),
]
Level = Literal["all", "extended", "basic", "none"]
"""The optimisation levels of onnxruntime."""

InPlace = Annotated[bool, typer.Option("--in-place", help="Overwrite the input.")]
Dimensions = Annotated[
    list[str] | None,
    typer.Option("--dim", metavar="NAME=SIZE", help="The size of a free dimension of the inputs; repeatable."),
]
