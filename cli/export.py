"""`hpass export`: export a PyTorch model to ONNX with scope names and a module table."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..wording import counted
from .file_uses import FileUses, model_files
from .paths import parse_output
from .progress import ProgressBar
from .streams import log, write_summary


def export(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="FILE.py:FACTORY, a folder, a config.json, or a Hugging Face id."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", parser=parse_output, help="The .onnx file to write.")],
    *,
    task: Annotated[
        str | None, typer.Option(help="The task that selects the auto class, such as text-classification.")
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="The name of the class, such as AutoModelForCausalLM.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=SHAPE:DTYPE",
            help="A sample input, such as pixel_values=1x3x224x224:float32; repeatable.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="auto (dynamo, then torchscript if it fails), dynamo or torchscript.")
    ] = "auto",
    generation: Annotated[
        bool,
        typer.Option(
            "--generation", help="Write one file per stage of generation (prefill, decode with a cache, ...)."
        ),
    ] = False,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="Make the axes of the inputs dynamic.")] = False,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Build the model from its config; read no weights.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with the model.")
    ] = False,
    modules_out: Annotated[
        Path | None,
        typer.Option("--modules-out", metavar="FILE", help="Also write the module table (JSON) to a file."),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show the exporter's own report.")] = False,
) -> None:
    """Export a PyTorch model to ONNX with scope names.

    The file also contains a module table; `hpass run` can tag it without further options.
    """
    _check_files(model, out, modules_out, generation=generation)

    from .. import exporter

    if engine not in exporter.ENGINES:
        raise UsageError(f"--engine {engine}: unknown engine; use one of {', '.join(exporter.ENGINES)}")
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
    with ProgressBar(None, hidden=verbose) as progress:

        def start_step(name: str) -> None:
            progress.start_step(name)
            if not progress.is_shown:
                log(name)

        exports = exporter.export(model, out, options=options, modules_out=modules_out, progress=start_step)
    for exported in exports:
        called = sum(1 for module in exported.table["modules"].values() if module.get("called"))
        write_summary(
            f"{exported.path}: {counted(exported.nodes, 'node')}, {counted(called, 'called module')}, {exported.engine}"
        )
        # Flags (bool or None) are not inputs of the file.
        traced = {name: value for name, value in exported.inputs.items() if not isinstance(value, bool | None)}
        write_summary("  inputs: " + " ".join(exporter.format_input(*item) for item in traced.items()))
        write_summary(*(f"{file}: its external data" for file in exported.data))
        if exported.modules_file is not None:
            write_summary(f"{exported.modules_file}: its module table")
        for name in exported.omitted_inputs:
            log(
                f"{exported.path}: exported without {name}, so the modules that read it are missing; "
                f"add --input {name}=SHAPE:DTYPE to include them"
            )


def _check_files(model: str, out: Path, modules_out: Path | None, *, generation: bool) -> None:
    """Raise UsageError if the export would overwrite a file that it reads or that it writes."""
    uses = FileUses()
    for path in model_files(model):
        uses.read(path, f"{path.name} of MODEL")
    for path, role in ((out, f"OUT {out}"), (modules_out, f"--modules-out {modules_out}")):
        if path is None:
            continue
        uses.write(path, role)
        if generation:
            # The names of the stages are not known yet.
            for stage in path.parent.glob(f"{glob.escape(path.stem)}.*{glob.escape(path.suffix)}"):
                uses.write(stage, f"{role} ({stage.name})")
