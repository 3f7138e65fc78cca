"""A model in, ONNX with scope names and a module table out."""

from __future__ import annotations

import copy
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import onnx_ir
import torch

from ..errors import HpassError, UsageError
from ..tags.module_table import EXPORTER_TABLE
from .call_recorder import record_calls
from .capture_output import captured_output, root_cause
from .dynamo import export_dynamo
from .export_check import check
from .export_options import Options
from .load import load
from .module_classes import build_module_table
from .sample_inputs.modalities import joins_modalities, omitted_inputs
from .sample_inputs.sample import Inputs, first_that_runs, sample_inputs
from .torchscript import export_torchscript
from .write import commit, stage_model, workspace


@dataclass(frozen=True, slots=True)
class Exported:
    """One ONNX file: where it is, which engine wrote it, its size in nodes, its module table and the traced inputs.

    `data` are the files of its weights where they lie outside it, `modules_file` is where the table was written too;
    `left_out` names inputs of other modalities that no made-up value fitted: what takes them is not in the file.
    """

    path: Path
    component: str
    engine: str
    nodes: int
    table: dict[str, Any] = field(repr=False)
    inputs: Inputs = field(repr=False)
    data: tuple[Path, ...] = ()
    modules_file: Path | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Component:
    """A module to be exported into a file of its own."""

    name: str
    model: torch.nn.Module
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class _Job:
    """Where one export goes and how it is done."""

    out: Path
    folder: Path
    options: Options
    progress: Callable[[str], None]


def _silent(_text: str) -> None:
    pass


def export(
    reference: str,
    out: Path,
    *,
    options: Options | None = None,
    modules_out: Path | None = None,
    progress: Callable[[str], None] = _silent,
) -> list[Exported]:
    """Export what MODEL names to OUT; with `generation`, to one file per stage, its name before the suffix.

    The files, their data and the tables of `modules_out` appear together when all is done, or not at all.
    `progress` is told what begins. Raises HpassError for everything a user can mend.
    """
    options = options or Options()
    target = _target(out)
    progress("building the model")
    with captured_output(verbose=options.verbose):
        loaded = load(reference, options)
        candidates = sample_inputs(loaded, options.inputs)
        inputs = next(candidates)
        if loaded.factory_inputs is None and joins_modalities(inputs):
            # While it is traced, a model does not check whether its images fit its text.
            inputs = first_that_runs(loaded.model, [inputs, *candidates])
    with workspace(target) as folder:
        job = _Job(target, folder, options, progress)
        exports: list[Exported] = []
        failure: HpassError | None = None
        try:
            exports = _exported(loaded.model, inputs, job)
        except HpassError as error:
            failure = error
        if failure is not None:
            # What was made up may be what failed; running the model tells, and costs nothing where it was right.
            rest = list(candidates)
            if not rest:
                raise failure
            progress("looking for inputs that fit")
            with captured_output(verbose=options.verbose):
                fitting = first_that_runs(loaded.model, [inputs, *rest])
            if fitting is inputs:
                raise failure
            exports = _exported(loaded.model, fitting, job)
        progress("writing")
        return _written(exports, folder, out, modules_out)


def _exported(model: torch.nn.Module, inputs: Inputs, job: _Job) -> list[Exported]:
    with captured_output(verbose=job.options.verbose):
        components = _components(model, copy.deepcopy(inputs), job.options)
    return [_staged(component, job) for component in components]


def _components(model: torch.nn.Module, inputs: Inputs, options: Options) -> list[_Component]:
    if not options.generation:
        return [_Component("", model, inputs)]
    if not hasattr(model, "generate"):
        raise HpassError(f"--generation: {type(model).__name__} does not generate; --task text-generation may")
    from transformers.exporters.utils import decompose_for_generation, decompose_multimodal, is_multimodal

    # generate() starts the decoder by itself.
    wanted = {name: value for name, value in inputs.items() if not name.startswith("decoder_")}
    generative = cast("Any", model)
    try:
        parts = decompose_for_generation(generative, copy.deepcopy(wanted))
        if is_multimodal(generative):
            # generate() may run the encoders before the forward that is captured; one plain forward shows them.
            parts = decompose_multimodal(generative, wanted) | parts
    except Exception as error:
        raise HpassError(f"--generation: {type(model).__name__}: {root_cause(error)}") from error
    return [_Component(name, part, part_inputs) for name, (part, part_inputs) in parts.items()]


def _staged(component: _Component, job: _Job) -> Exported:
    """Export one component into the workspace, by the engine asked for or the first that can."""
    path = _named(job.out, component.name)
    options = job.options
    label = f" {component.name}" if component.name else ""
    failures: list[str] = []
    for engine in ("dynamo", "torchscript") if options.engine == "auto" else (options.engine,):
        job.progress(f"exporting{label} with {engine}")
        try:
            with captured_output(verbose=options.verbose), record_calls(component.model) as calls:
                model, inputs = _run(engine, component, job)
                check(model)
        except Exception as error:  # noqa: BLE001 (exporters raise anything; all of it is reported in one line)
            failures.append(f"{engine}: {root_cause(error)}")
            if options.verbose:
                traceback.print_exception(error)
            continue
        table = build_module_table(component.model, calls, same_run=True)
        model.metadata_props[EXPORTER_TABLE] = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
        job.progress(f"staging{label}")
        stage_model(model, path, job.folder)
        nodes = sum(1 for _ in model.graph.all_nodes())
        missing = () if component.name else tuple(omitted_inputs(component.model, component.inputs))
        return Exported(path, component.name, engine, nodes, table, inputs, left_out=missing)
    report = "" if options.verbose else "-v shows the exporter's report, "
    raise HpassError(
        f"{type(component.model).__name__}{label}: no engine can export it ({'; '.join(failures)}); "
        f"{report}other inputs (--input) may take another path"
    )


def _run(engine: str, component: _Component, job: _Job) -> tuple[onnx_ir.Model, Inputs]:
    options = job.options
    if engine == "dynamo":
        return export_dynamo(component.model, component.inputs, dynamic=options.dynamic)
    traced = job.folder / "torchscript"
    traced.mkdir(exist_ok=True)
    model = export_torchscript(
        component.model, component.inputs, traced, dynamic=options.dynamic, verbose=options.verbose
    )
    return model, component.inputs


def _written(exports: list[Exported], folder: Path, out: Path, modules_out: Path | None) -> list[Exported]:
    places = {exported.path.name: exported.path for exported in exports}
    if modules_out is not None:
        for exported in exports:
            staged = folder / f"{exported.path.name}.modules.json"
            staged.write_text(json.dumps(exported.table, indent=1) + "\n", encoding="utf-8")
            places[staged.name] = _named(_target(modules_out), exported.component)
    files = commit(folder, places, models=[exported.path for exported in exports])
    beside = [file for file in files if file not in places.values()]
    # Paths are told as the caller wrote them; links and relative paths were resolved for the work alone.
    return [
        replace(
            exported,
            path=_named(out, exported.component),
            data=tuple(out.parent / file.name for file in beside if file.name.startswith(f"{exported.path.name}.")),
            modules_file=None if modules_out is None else _named(modules_out, exported.component),
        )
        for exported in exports
    ]


def _named(out: Path, component: str) -> Path:
    """Return the file of a component: its name goes before the suffix."""
    return out.with_name(f"{out.stem}.{component}{out.suffix}") if component else out


def _target(out: Path) -> Path:
    """Return the file to write: a link's target is written, not the link."""
    target = out.resolve()
    if target.is_dir():
        raise UsageError(f"{out}: a folder; OUT is the .onnx file to write")
    if not target.parent.is_dir():
        raise HpassError(f"{out}: its folder does not exist; make {target.parent} first")
    return target
