"""Export, tag and run one architecture."""

from __future__ import annotations

import copy
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import torch
import transformers
from torch.utils import _pytree as pytree

import hpass
from hpass.exporter import Options, export
from hpass.exporter.capture_output import captured_output
from hpass.exporter.load import load
from hpass.exporter.module_classes import qualified_class
from hpass.graph.operators import is_auxiliary

from .instability import instability
from .isolated import Record
from .page import TOLERANCE
from .program import Capture, captured_program, reason_for_absence


def measure(model_spec: str, folder: Path, options: Options) -> Record:
    """Export, tag, run and check one model. Return a record; its times are seconds of processor time.

    Exceptions of the exporter pass through. Problems of the result are in the record (`page.problems_of`).
    """
    path = folder / "model.onnx"
    step_starts: list[tuple[str, float]] = []
    with captured_program() as capture:
        [exported] = export(
            model_spec, path, options=options, progress=lambda stage: step_starts.append((stage, time.process_time()))
        )
    loaded = load(model_spec, options)
    record: Record = {
        "engine": exported.engine,
        "inputs": list(exported.inputs),
        "left out": list(exported.omitted_inputs),
        "parameters": sum(parameter.numel() for parameter in loaded.model.parameters()),
        "export": _export_seconds(step_starts),
        "torch": capture.seconds,
    }
    run, record["tagging"] = _tag_timed(path)
    record |= _tags(run)
    record |= _modules(run, loaded.model, capture, exported.table["modules"])
    record |= _agreement(path, loaded.model, exported.inputs)
    if not record["relative"] <= TOLERANCE:
        record["instability"] = instability(loaded.model, exported.inputs, record["difference"])
    return record


def prepare() -> None:
    """Make runs comparable: offline, on one thread, and after a warm-up export that loads all packages."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        transformers.BertConfig(num_hidden_layers=1).save_pretrained(folder)
        out = folder / "warm-up.onnx"
        export(str(folder / "config.json"), out, options=Options(random_weights=True))
        hpass.run(out).apply()


def _export_seconds(step_starts: list[tuple[str, float]]) -> float:
    """Return the seconds between the start of the last export attempt and the start of staging."""
    begin = max(at for stage, at in step_starts if stage.startswith("exporting"))
    return next(at for stage, at in step_starts if stage.startswith("staging") and at > begin) - begin


def _tag_timed(path: Path) -> tuple[hpass.Run, float]:
    model = hpass.load(path)
    before = time.process_time()
    run = hpass.run(model)
    run.apply()
    return run, time.process_time() - before


def _tags(run: hpass.Run) -> Record:
    tags = list(run.tags())
    nodes = sum(1 for _ in run.model.nodes())
    return {
        "nodes": nodes,
        "coverage": len(tags) / nodes,
        "auxiliary": sum(is_auxiliary(node) for node in run.model.nodes()),
        "sources": dict(Counter(str(tag.source) for _, tag in tags)),
        "errors": [finding.message for finding in run.findings if finding.severity == hpass.Severity.ERROR],
    }


def _modules(run: hpass.Run, model: torch.nn.Module, capture: Capture, table: Record) -> Record:
    """Compare the tags with the model: unknown modules, modules that never ran, missing modules and wrong classes."""
    modules = dict(model.named_modules(remove_duplicate=False))
    first = {id(module): name for name, module in reversed(modules.items())}

    def first_name(name: str) -> str:
        return first[id(modules[name])] if name in modules else name

    owners = {tag.scope for _, tag in run.tags()}
    present = {first_name(name) for name in owners}
    lost = {name: reason_for_absence(capture, name) for name in capture.operations if first_name(name) not in present}
    aliases = run.modules.aliases()
    wrong = [
        name
        for name in owners
        if name in modules and run.modules[aliases.get(name, name)].class_name != qualified_class(modules[name])
    ]
    return {
        "modules": len(present),
        "called": sum(module["called"] for module in table.values()),
        "invented": sorted(owners - set(modules)),
        "never called": sorted(name for name in present if name in table and not table[name]["called"]),
        "lost": lost,
        "wrong classes": wrong,
    }


def _agreement(path: Path, model: torch.nn.Module, inputs: dict[str, Any]) -> Record:
    """Return the largest difference between onnxruntime's and torch's outputs, absolute and relative.

    The relative difference is divided by the largest absolute output value, or by 1 if that is smaller.
    """
    with torch.no_grad(), captured_output(verbose=False):
        expected = model(**copy.deepcopy(inputs))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {value.name: inputs[value.name.removeprefix("input.")].numpy() for value in session.get_inputs()}
    names = [value.name.removeprefix("output.") for value in session.get_outputs()]
    found = list(zip(names, cast("list[np.ndarray]", session.run(None, feed)), strict=True))
    pairs = _paired(expected, found)
    scale = max(
        (float(torch.nan_to_num(value.float()).abs().max()) for value, _ in pairs if value.numel()), default=0.0
    )
    difference = max((_difference(value, other) for value, other in pairs), default=float("nan"))
    return {"difference": difference, "relative": difference / max(scale, 1.0), "outputs": len(pairs)}


def _paired(expected: Any, found: list[tuple[str, np.ndarray]]) -> list[tuple[torch.Tensor, np.ndarray]]:
    """Pair torch's outputs with onnxruntime's by the names that transformers gives them, or else by position."""
    from transformers.exporters.utils import get_leaf_tensors

    named = get_leaf_tensors(expected)
    if {name for name, _ in found} <= set(named):
        return [(named[name], value) for name, value in found]
    # TorchScript gives one name to a tensor that is returned twice, and turns every traced number into a tensor.
    tensors = [leaf for leaf in pytree.tree_leaves(expected) if isinstance(leaf, torch.Tensor)]
    arrays = [value for _, value in found]
    if len(tensors) != len(arrays):
        tensors, arrays = [tensor for tensor in tensors if tensor.dim()], [array for array in arrays if array.ndim]
    return list(zip(tensors, arrays, strict=False))


def _difference(expected: torch.Tensor, found: np.ndarray) -> float:
    if tuple(expected.shape) != found.shape:
        return float("inf")
    if not expected.numel():
        return 0.0
    return float(np.nanmax(np.abs(np.nan_to_num(expected.double().numpy()) - np.nan_to_num(found.astype(np.float64)))))
