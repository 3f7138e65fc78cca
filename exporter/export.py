"""Export a PyTorch model to ONNX files with scope names and module tables."""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
import json
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import onnx_ir
import torch

from ..errors import HpassError, UsageError
from ..graph.files.transaction import Transaction
from ..tags.module_table import EXPORTER_TABLE
from .call_recorder import record_calls
from .capture_output import captured_output, root_cause
from .dynamo import export_dynamo
from .export_check import check
from .export_options import Options
from .load import load
from .module_classes import build_module_table
from .sample_inputs.input_sources import Inputs, first_that_runs, sample_inputs
from .sample_inputs.modalities import combines_modalities, omitted_inputs
from .torchscript import export_torchscript
from .write import add_staged, data_files, stage_model


@dataclass(frozen=True, slots=True)
class Exported:
    """One exported ONNX file.

    `component` is the stage of generation (empty for the whole model), `nodes` is the number of nodes, and `inputs` are
    the traced inputs. `data` are the files with its external data, and `modules_file` is the JSON file of its module
    table. `omitted_inputs` are inputs of further modalities for which no generated value worked, so the modules that
    read them are not in the file.
    """

    path: Path
    component: str
    engine: str
    nodes: int
    table: dict[str, Any] = field(repr=False)
    inputs: Inputs = field(repr=False)
    data: tuple[Path, ...] = ()
    modules_file: Path | None = None
    omitted_inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Component:
    """A module that is exported to its own file."""

    name: str
    model: torch.nn.Module
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class _ExportJob:
    """The output path, the workspace and the options of an export."""

    out: Path
    folder: Path
    options: Options
    progress: Callable[[str], None]


def _no_progress(_text: str) -> None:
    pass


def export(
    model_spec: str,
    out: Path,
    *,
    options: Options | None = None,
    modules_out: Path | None = None,
    progress: Callable[[str], None] = _no_progress,
) -> list[Exported]:
    """Export the model of a MODEL argument to `out`, and return one entry per file.

    With `options.generation` each stage of generation has its own file, with the stage's name before the suffix. The
    files, their external data and the module tables of `modules_out` appear together at the end, or not at all.
    `progress` is called with a text at the beginning of each step.

    Raises HpassError if the model cannot be built, exported or written, and UsageError if an option is wrong.
    """
    options = options or Options()
    target = _resolve_output(out)
    if modules_out is not None:
        # Checked before the work begins.
        _resolve_output(modules_out)
    progress("building the model")
    with captured_output(verbose=options.verbose):
        loaded = load(model_spec, options)
        candidates = sample_inputs(loaded, options.inputs)
        inputs = next(candidates)
        if loaded.factory_inputs is None and combines_modalities(inputs):
            # During tracing a model does not check whether its images fit its text, so it runs once before.
            inputs = first_that_runs(loaded.model, [inputs, *candidates])
    with Transaction(target) as transaction:
        job = _ExportJob(target, transaction.scratch(target), options, progress)
        exports: list[Exported] = []
        failure: HpassError | None = None
        try:
            exports = _export_components(loaded.model, inputs, job)
        except HpassError as error:
            failure = error
        if failure is not None:
            # The generated inputs may be the cause of the failure. If the model runs with them, they are not.
            other_candidates = list(candidates)
            if not other_candidates:
                raise failure
            progress("looking for inputs that fit")
            with captured_output(verbose=options.verbose):
                working_inputs = first_that_runs(loaded.model, [inputs, *other_candidates])
            if working_inputs is inputs:
                raise failure
            exports = _export_components(loaded.model, working_inputs, job)
        progress("writing")
        replaced = [data for exported in exports for data in data_files(exported.path)]
        written = _write_exports(exports, job.folder, transaction, out, modules_out)
    for data in replaced:
        # No model reads it any more, so it does no harm if it cannot be removed.
        with suppress(OSError):
            data.unlink()
    return written


def _export_components(model: torch.nn.Module, inputs: Inputs, job: _ExportJob) -> list[Exported]:
    with captured_output(verbose=job.options.verbose):
        components = _split_components(model, copy.deepcopy(inputs), job.options)
    return [_export_component(component, job) for component in components]


def _split_components(model: torch.nn.Module, inputs: Inputs, options: Options) -> list[_Component]:
    if not options.generation:
        return [_Component("", model, inputs)]
    if not hasattr(model, "generate"):
        raise HpassError(
            f"--generation: {type(model).__name__} has no generate(); select another class, "
            "for example with --task text-generation"
        )
    from transformers.exporters.utils import decompose_for_generation, decompose_multimodal, is_multimodal

    # generate() creates the inputs of the decoder.
    encoder_inputs = {name: value for name, value in inputs.items() if not name.startswith("decoder_")}
    generating_model = cast("Any", model)
    try:
        parts = decompose_for_generation(generating_model, copy.deepcopy(encoder_inputs))
        if is_multimodal(generating_model):
            # generate() may run the encoders before the captured forward; a call of forward captures them.
            parts = decompose_multimodal(generating_model, encoder_inputs) | parts
    except Exception as error:
        raise HpassError(f"--generation: {type(model).__name__}: {root_cause(error)}") from error
    return [_Component(name, part, part_inputs) for name, (part, part_inputs) in parts.items()]


def _export_component(component: _Component, job: _ExportJob) -> Exported:
    """Export one component into the workspace with the selected engine, or with the first engine that succeeds."""
    path = _component_path(job.out, component.name)
    options = job.options
    label = f" {component.name}" if component.name else ""
    failures: list[str] = []
    for engine in ("dynamo", "torchscript") if options.engine == "auto" else (options.engine,):
        job.progress(f"exporting{label} with {engine}")
        try:
            with captured_output(verbose=options.verbose), record_calls(component.model) as calls:
                model, inputs = _run_engine(engine, component, job)
                check(model)
        except Exception as error:  # noqa: BLE001 (exporters raise exceptions of any type)
            failures.append(f"{engine}: {root_cause(error)}")
            if options.verbose:
                traceback.print_exception(error)
            continue
        nodes = sum(1 for _ in model.graph.all_nodes())
        # Calls in the branches of torch.cond are not recorded.
        has_branches = nodes > len(model.graph)
        table = build_module_table(component.model, calls, same_run=not has_branches)
        model.metadata_props[EXPORTER_TABLE] = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
        job.progress(f"staging{label}")
        stage_model(model, path, job.folder)
        omitted = () if component.name else tuple(omitted_inputs(component.model, component.inputs))
        return Exported(path, component.name, engine, nodes, table, inputs, omitted_inputs=omitted)
    report = "" if options.verbose else "-v shows the exporter's report, and "
    raise HpassError(
        f"{type(component.model).__name__}{label}: no engine can export it ({'; '.join(failures)}); "
        f"{report}other inputs (--input) may work"
    )


def _run_engine(engine: str, component: _Component, job: _ExportJob) -> tuple[onnx_ir.Model, Inputs]:
    options = job.options
    if engine == "dynamo":
        return export_dynamo(component.model, component.inputs, dynamic=options.dynamic)
    torchscript_folder = job.folder / "torchscript"
    torchscript_folder.mkdir(exist_ok=True)
    model = export_torchscript(
        component.model, component.inputs, torchscript_folder, dynamic=options.dynamic, verbose=options.verbose
    )
    return model, component.inputs


def _write_exports(
    exports: list[Exported], folder: Path, transaction: Transaction, out: Path, modules_out: Path | None
) -> list[Exported]:
    """Add the files of an export, and the module tables if requested, to the transaction."""
    if modules_out is not None:
        for exported in exports:
            text = json.dumps(exported.table, indent=1) + "\n"
            path = _component_path(_resolve_output(modules_out), exported.component)
            transaction.write(path, partial(_write_text, text))
    external_data = add_staged(transaction, folder, [exported.path for exported in exports])
    # The returned paths are in the caller's form; only the work was done with resolved paths.
    return [
        replace(
            exported,
            path=_component_path(out, exported.component),
            data=tuple(
                out.parent / file.name for file in external_data if file.name.startswith(f"{exported.path.name}.")
            ),
            modules_file=None if modules_out is None else _component_path(modules_out, exported.component),
        )
        for exported in exports
    ]


def _write_text(text: str, file: BinaryIO) -> None:
    file.write(text.encode())


def _component_path(out: Path, component: str) -> Path:
    """Return the path of a component: the component's name is inserted before the suffix."""
    return out.with_name(f"{out.stem}.{component}{out.suffix}") if component else out


def _resolve_output(out: Path) -> Path:
    """Return the resolved output path, so that the target of a link is written.

    Raises UsageError if the path is a folder, and HpassError if its folder does not exist.
    """
    target = out.resolve()
    if target.is_dir():
        raise UsageError(f"{out}: is a folder; name the file to write")
    if not target.parent.is_dir():
        raise HpassError(f"{out}: the folder {target.parent} does not exist; create it first")
    return target
