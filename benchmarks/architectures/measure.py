"""One architecture through the exporter, the pipeline and onnxruntime."""

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

from .apart import Record
from .instability import instability
from .page import TOLERANCE
from .program import Capture, captured_program, reason_for_absence


def measure(reference: str, folder: Path, options: Options) -> Record:
    """Export, tag, run and check one model; times in seconds of the processor.

    Raises whatever the exporter raises; what is wrong with the result is in the record.
    """
    path = folder / "model.onnx"
    marks: list[tuple[str, float]] = []
    with captured_program() as capture:
        [exported] = export(
            reference, path, options=options, progress=lambda stage: marks.append((stage, time.process_time()))
        )
    loaded = load(reference, options)
    record: Record = {
        "engine": exported.engine,
        "inputs": list(exported.inputs),
        "left out": list(exported.omitted_inputs),
        "parameters": sum(parameter.numel() for parameter in loaded.model.parameters()),
        "export": _export_seconds(marks),
        "torch": capture.seconds,
    }
    run, record["tagging"] = _tagged(path)
    record |= _tags(run)
    record |= _modules(run, loaded.model, capture, exported.table["modules"])
    record |= _agreement(path, loaded.model, exported.inputs)
    if not record["relative"] <= TOLERANCE:
        record["instability"] = instability(loaded.model, exported.inputs, record["difference"])
    return record


def prepare() -> None:
    """Make runs comparable: offline, on one thread, with what is loaded once per process loaded by a first run."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        transformers.BertConfig(num_hidden_layers=1).save_pretrained(folder)
        out = folder / "warm-up.onnx"
        export(str(folder / "config.json"), out, options=Options(random_weights=True))
        hpass.run(out).apply()


def _export_seconds(marks: list[tuple[str, float]]) -> float:
    """Return how long the export call took: from its beginning (the last, if inputs were sought) to the writing."""
    begin = max(at for stage, at in marks if stage.startswith("exporting"))
    return next(at for stage, at in marks if stage.startswith("staging") and at > begin) - begin


def _tagged(path: Path) -> tuple[hpass.Run, float]:
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
    """Compare the tags with the model: no module invented or never run, none lost without a reason, classes right."""
    modules = dict(model.named_modules(remove_duplicate=False))
    first = {id(module): name for name, module in reversed(modules.items())}

    def own(name: str) -> str:
        return first[id(modules[name])] if name in modules else name

    owners = {tag.scope for _, tag in run.tags()}
    present = {own(name) for name in owners}
    lost = {name: reason_for_absence(capture, name) for name in capture.operations if own(name) not in present}
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
    """Compare onnxruntime's outputs with torch's: the largest difference, also relative to the largest value."""
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
    """Return torch's outputs with onnxruntime's, by the names transformers gives them, else by position."""
    from transformers.exporters.utils import get_leaf_tensors

    named = get_leaf_tensors(expected)
    if {name for name, _ in found} <= set(named):
        return [(named[name], value) for name, value in found]
    # TorchScript gives a tensor that is returned twice one name, and makes a tensor of every number it traces.
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
