"""`hpass export`: a model in, ONNX with scope names and a module table out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError


def export(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="FILE.py:FACTORY, a folder, a config.json, or a Hugging Face id."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The .onnx file to write.")],
    *,
    task: Annotated[str | None, typer.Option(help="Choose the auto class by task, as in text-classification.")] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Choose the class by name, as in AutoModelForCausalLM.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=SHAPE:DTYPE",
            help="A sample input, as in pixel_values=1x3x224x224:float32.",
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto (dynamo first), dynamo or torchscript.")] = "auto",
    generation: Annotated[
        bool,
        typer.Option("--generation", help="One file per stage of generation (prefill, decode with a cache, ...)."),
    ] = False,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="Leave the axes of the inputs open.")] = False,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Build from the config alone: no weights are read.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the Python code that the model brings along.")
    ] = False,
    modules_out: Annotated[
        Path | None,
        typer.Option("--modules-out", metavar="FILE", help="Write the module table (JSON) there too."),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show the exporter's own report.")] = False,
) -> None:
    """Export a PyTorch model to ONNX, with scope names.

    The file has a module table too, and is ready for `hpass run`.
    """
    from rich.console import Console

    from .. import exporter

    if engine not in exporter.ENGINES:
        raise UsageError(f"--engine {engine}: unknown; one of {', '.join(exporter.ENGINES)}")
    options = exporter.Options(
        task=task,
        class_name=class_name,
        random_weights=random_weights,
        trust_remote_code=trust_remote_code,
        inputs=[exporter.parse_input(text) for text in inputs or ()],
        engine=engine,
        generation=generation,
        dynamic=dynamic,
        verbose=verbose,
    )
    # The stream is named: sys.stderr is another one while the exporter's own output is kept off the screen.
    console = Console(file=sys.stderr)
    with console.status("starting") as status:

        def progress(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                console.print(text, highlight=False)

        exports = exporter.export(model, out, options=options, modules_out=modules_out, progress=progress)
    for exported in exports:
        called = sum(1 for module in exported.table["modules"].values() if module.get("called"))
        typer.echo(f"{exported.path}: {exported.nodes} nodes, {called} called modules, {exported.engine}")
        # Switches are no inputs of the file.
        traced = {name: value for name, value in exported.inputs.items() if not isinstance(value, bool | None)}
        typer.echo("  inputs: " + " ".join(exporter.spelled(*item) for item in traced.items()))
        for file in exported.data:
            typer.echo(f"{file}: its data")
        if exported.modules_file is not None:
            typer.echo(f"{exported.modules_file}: its module table")
        for name in exported.left_out:
            console.print(
                f"{exported.path}: without {name}: the modules that take it are not in the file; "
                f"to have them, give --input {name}=SHAPE:DTYPE",
                highlight=False, soft_wrap=True,
            )  # fmt: skip
