"""`hpass extract`: one module as a model of its own, or the whole model as a chain of stages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from ..wording import counted
from .dataclass_options import with_dataclass_options
from .file_uses import STREAM, FileUses
from .paths import names_folder
from .shared_options import Input, Json
from .streams import Line, prints_to_stderr, write_json, write_summary
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx

    from ..extraction.extract import ExtractedModule, Extractor
    from ..extraction.files import CheckFiles

SCHEMA = 1


@with_dataclass_options
def extract(
    source: Input,
    scopes: Annotated[list[str] | None, typer.Argument(metavar="[SCOPE]...", help="The modules.")] = None,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="The output file; a folder for several modules or stages.",
        ),
    ] = None,
    call: Annotated[
        int | None, typer.Option("--call", metavar="N", min=0, help="The call of a module that is called repeatedly.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", min=1, help="Split the model into its modules of this depth.")
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FILE.npz",
            help="Inputs of the whole model; it runs once, and what the modules read and write is recorded.",
        ),
    ] = None,
    tagging: TaggingOptions,
    json: Json = False,
) -> None:
    """Write a module with its weights as a model of its own.

    Constants, and arithmetic on sizes that only prepares the module, are copied into it. Of a module that
    is called more than once, one call is written, the first unless --call says otherwise.

    With --depth, the whole model is split into a chain of stages that computes the same; manifest.json in
    the output folder says what feeds what.
    """
    target = _checked_output(source, scopes, output, call, depth, inputs)
    uses = FileUses()
    uses.read(source, f"the input {source}")
    tagging.add_files(uses)
    if inputs is not None:
        uses.read(inputs, f"--inputs {inputs}")

    def check(paths: Sequence[Path]) -> None:
        for path in paths:
            uses.write(path, f"the output {path}")

    from ..api import load
    from ..extraction.extract import Extractor

    model = load(source)
    uses.add_external_data(model)
    with prints_to_stderr():
        extractor = Extractor(tagging.run(model))
    if depth is None:
        _extract_modules(extractor, scopes or [], target, call, inputs, check, json=json)
    else:
        _split(extractor, depth, Path(target), check, json=json)


def _checked_output(
    source: Path,
    scopes: list[str] | None,
    output: str | None,
    call: int | None,
    depth: int | None,
    inputs: Path | None,
) -> str:
    """Return the output. Raises UsageError if options are missing or contradict each other."""
    if output is None:
        raise UsageError("no output given; name a file or a folder with -o OUT")
    if source == STREAM or output == str(STREAM):
        raise UsageError("extract reads and writes files; name a file instead of -")
    if depth is None and not scopes:
        raise UsageError("nothing to extract; name a module, or split the whole model with --depth 1")
    if depth is not None and (scopes or call is not None or inputs is not None):
        raise UsageError("--depth splits the whole model; remove it, or SCOPE, --call and --inputs")
    return output


def _split(extractor: Extractor, depth: int, folder: Path, check: CheckFiles, *, json: bool) -> None:
    from ..extraction.files import write_stages

    description = write_stages(extractor, depth, folder, check)
    if json:
        write_json(description)
    else:
        write_summary(*_stage_lines(folder, description))


def _extract_modules(
    extractor: Extractor,
    scopes: Sequence[str],
    output: str,
    call: int | None,
    inputs: Path | None,
    check: CheckFiles,
    *,
    json: bool,
) -> None:
    from ..extraction.files import make_folder, write_modules, written_files
    from ..extraction.recording import record

    modules = [extractor.extract(scope, call) for scope in dict.fromkeys(scopes)]
    folder = Path(output) if len(modules) > 1 or names_folder(output) else None
    targets = [Path(output)] if folder is None else _in_folder(folder, modules, call)
    recordings = [] if inputs is None else record(extractor, modules, inputs)
    for module, target in zip(modules, targets, strict=True):
        check(written_files(module, target, recorded=bool(recordings)))
    if folder is not None:
        make_folder(folder)
    write_modules(modules, targets, recordings, extractor.run.model.name)
    if json:
        entries = [_entry(module, target) for module, target in zip(modules, targets, strict=True)]
        write_json({"schema": SCHEMA, "model": extractor.run.model.name, "modules": entries})
    else:
        for module, target in zip(modules, targets, strict=True):
            write_summary(*_module_lines(module, target))


def _in_folder(folder: Path, modules: Sequence[ExtractedModule], call: int | None) -> list[Path]:
    """Return the path of each module's file, named by its scope."""
    from ..extraction.manifest import file_name

    suffix = "" if call is None else f".call{call}"
    return [folder / f"{file_name(module.scope)}{suffix}.onnx" for module in modules]


def _entry(module: ExtractedModule, target: Path) -> dict[str, Any]:
    graph = module.model.graph
    return {
        "file": str(target),
        "scope": module.scope,
        "call": module.call,
        "calls": module.calls,
        "nodes": len(module.piece.nodes),
        "others": module.others,
        "copied": len(module.piece.copies),
        "inputs": [_value(value) for value in graph.input],
        "outputs": [_value(value) for value in graph.output],
    }


def _value(value: onnx.ValueInfoProto) -> dict[str, Any]:
    from ..extraction.value_types import type_text
    from ..graph.decode import as_text

    return {"name": as_text(value.name), "type": type_text(value.type)}


def _module_lines(module: ExtractedModule, target: Path) -> Iterator[Line]:
    entry = _entry(module, target)
    call = f", call {module.call} of {module.calls}" if module.calls > 1 else ""
    others = f", {module.others:,} of them of other modules that it calls" if module.others else ""
    copied = f" and {entry['copied']:,} copied" if module.piece.copies else ""
    yield f"{target}: {module.scope}{call}, {counted(entry['nodes'], 'node')}{copied}{others}"
    for verb, values in (("reads", entry["inputs"]), ("writes", entry["outputs"])):
        for value in values:
            yield f"  {verb:<7} {value['name']}: {value['type']}"


def _stage_lines(folder: Path, description: dict[str, Any]) -> Iterator[Line]:
    entries = description["stages"]
    yield f"{folder}: {counted(len(entries), 'stage')}"
    width = max((len(entry["file"]) for entry in entries), default=0)
    for entry in entries:
        copied = f" and {entry['copied']:,} copied" if entry["copied"] else ""
        sources = sorted({source["stage"] for source in entry["inputs"] if source["stage"] is not None})
        fed = f", fed by {', '.join(map(str, sources))}" if sources else ""
        yield f"  {entry['file']:<{width}}  {counted(entry['nodes'], 'node')}{copied}{fed}"
