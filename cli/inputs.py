"""`hpass inputs`: inputs with which a model runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .file_uses import FileUses
from .paths import parse_output
from .shared_options import Dimensions, Input, Json
from .streams import write_json, write_result


def inputs(
    source: Input,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", parser=parse_output, metavar="OUT.npz", help="The file to write.")
    ],
    dims: Dimensions = None,
    json: Json = False,
) -> None:
    """Write inputs with which a model runs to an .npz file.

    Indices are below the size of what they index, masks are ones, and dimensions of the same name have the same size.
    """
    uses = FileUses()
    uses.read(source, f"the input {source}")
    uses.write(output, f"-o {output}")

    from ..api import load
    from ..running.inputs import make_inputs
    from ..running.settings import parse_dimensions

    made = make_inputs(load(source), output, parse_dimensions(dims or ()))
    if json:
        write_json(
            {"schema": 1, "inputs": {tensor.name: {"type": tensor.element, "shape": tensor.shape} for tensor in made}}
        )
    else:
        write_result(*(f"{tensor.name}  {tensor.element}{list(tensor.shape)}" for tensor in made))
